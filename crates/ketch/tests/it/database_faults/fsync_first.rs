//! No reply leaves before its fsync: the order of the system calls of a server under `strace`.

use std::collections::HashMap;
use std::path::Path;

use ketch::test::Scratch;

use super::server::{Setup, add, is_stored, name};
use crate::raw::Connection;

const CLIENTS: usize = 16;
const STEPS: usize = 20;

/// A call: the lines of the record at which it began and had ended, and its text.
struct Call {
    begun: usize,
    ended: usize,
    text: String,
}

/// The record of a server that stored a row for each of many requests at a time, and how many rows those are.
async fn record(normal: bool) -> (Vec<Call>, Vec<String>) {
    let scratch = Scratch::new();
    let file = scratch.path().join("record");
    let mut setup = Setup::new(&scratch.path().join("data"));
    setup.normal = normal;
    // `-D`: the server is the test's own child, and `strace` stands beside.
    let words = ["strace", "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "1000000", "-o"];
    let mut words = words.map(str::to_owned).to_vec();
    let calls = "trace=pwrite64,pwritev,pwritev2,write,writev,sendto,sendmsg,fsync,fdatasync";
    words.extend([file.display().to_string(), "-e".to_owned(), calls.to_owned()]);
    let served = setup.start_under(&words);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let mut connection = Connection::open(served.addr).await;
        clients.spawn(async move {
            for step in 0..STEPS {
                let name = name(0, client, step);
                let reply = add(&mut connection, &name, step).await.unwrap();
                assert!(is_stored(&reply, &name), "a healthy disk takes every row: {reply:?}");
            }
        });
    }
    clients.join_all().await;
    served.signal("KILL");
    // `strace` holds on to the server's standard error too: its record is whole when that ends.
    let (_killed, _said) = served.wait();
    let names = (0..CLIENTS).flat_map(|client| (0..STEPS).map(move |step| name(0, client, step)));
    (read(&file), names.collect())
}

fn read(record: &Path) -> Vec<Call> {
    let bytes = std::fs::read(record).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let mut open: HashMap<&str, Call> = HashMap::new();
    let mut calls = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            open.insert(thread, Call { begun: at, ended: usize::MAX, text: begun.to_owned() });
        } else if let Some(end) = rest.strip_prefix("<... ") {
            let mut call = open.remove(thread).expect("what ends has begun");
            call.ended = at;
            call.text.push_str(end);
            calls.push(call);
        } else {
            calls.push(Call { begun: at, ended: at, text: rest.to_owned() });
        }
    }
    calls
}

/// The names of rows whose reply began to leave before the log, with the row in it, was synced.
fn too_early(calls: &[Call], names: &[String]) -> Vec<String> {
    let on_log = |call: &&Call| call.text.contains("-wal>");
    let is = |call: &Call, kinds: &[&str]| kinds.iter().any(|kind| call.text.starts_with(kind));
    let written: Vec<&Call> =
        calls.iter().filter(on_log).filter(|call| is(call, &["pwrite", "write"])).collect();
    let synced: Vec<&Call> =
        calls.iter().filter(on_log).filter(|call| is(call, &["fsync(", "fdatasync("])).collect();
    assert!(synced.iter().all(|sync| sync.text.trim_end().ends_with("= 0")), "no sync fails");
    let replies: Vec<&Call> = calls.iter().filter(|call| call.text.contains("HTTP/1.1 201")).collect();
    let mut early = Vec::new();
    for name in names {
        let row = written.iter().find(|call| call.text.contains(name));
        let row = row.unwrap_or_else(|| panic!("{name} was answered and never written to the log"));
        let mut answers = replies.iter().filter(|call| call.text.contains(name));
        let reply = answers.next().unwrap_or_else(|| panic!("no call sends the reply for {name}"));
        assert!(answers.next().is_none(), "{name} is answered once");
        if !synced.iter().any(|sync| sync.begun > row.ended && sync.ended < reply.begun) {
            early.push(name.clone());
        }
    }
    early
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reply_leaves_before_its_fsync() {
    let (calls, names) = record(false).await;
    let early = too_early(&calls, &names);
    assert!(early.is_empty(), "{} of {} replies left too early: {early:?}", early.len(), names.len());
    println!("fsync before reply: {} replies in {} calls, 0 too early", names.len(), calls.len());
}

/// The test of the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_normal_the_same_check_finds_replies_that_left_before_their_fsync() {
    let (calls, names) = record(true).await;
    let early = too_early(&calls, &names);
    assert!(early.len() > names.len() / 2, "only {} of {} left too early", early.len(), names.len());
    println!("fsync before reply at NORMAL: {} of {} replies too early", early.len(), names.len());
}
