//! D4: an fsync fails. The row that waited for it is not acknowledged, no later one is until the server is started again,
//! and reads go on.

use std::time::{Duration, Instant};

use ketch::test::Scratch;

use super::server::{Setup, add, add_several, ask, code, connections, expect_all, is_stored, name};
use crate::raw::Connection;

/// How many ask for rows at the same time.
const CLIENTS: usize = 4;

/// The fsyncs of the log that fail, counted for each thread.
const WHEN: [u32; 3] = [4, 7, 20];

/// What came of one failed fsync.
struct Outcome {
    stored: usize,
    refused: usize,
}

async fn status(connection: &mut Connection, path: &str) -> u16 {
    ask(connection, &format!("GET {path}"), "").await.unwrap().status
}

async fn fail(when: u32) -> Outcome {
    let scratch = Scratch::new();
    let (data, record) = (scratch.path().join("data"), scratch.path().join("record"));
    let log = data.join("app.db-wal").display().to_string();
    let inject = format!("inject=fsync,fdatasync:error=EIO:when={when}");
    let words = ["strace", "-D", "-f", "-qq", "-P", &log, "-e", "trace=fsync,fdatasync", "-e", &inject, "-o"];
    let mut words = words.map(str::to_owned).to_vec();
    words.push(record.display().to_string());
    let setup = Setup::new(&data);
    let served = setup.start_under(&words);
    let mut connection = Connection::open(served.addr).await;
    let mut clients = connections(served.addr, CLIENTS).await;
    let (mut stored, mut refused, mut broken) = (Vec::new(), 0, 0);
    for step in 0..200 {
        let after = refused > 0;
        for (name, reply) in add_several(&mut clients, 0, step).await {
            if is_stored(&reply, &name) {
                assert!(!after, "fsync {when}: {name} was stored after a failed fsync");
                stored.push(name);
                continue;
            }
            assert_eq!((reply.status, code(&reply).as_str()), (503, "unavailable"));
            assert!(reply.field("retry-after").is_some(), "{reply:?}");
            refused += 1;
        }
        broken += usize::from(after);
        if broken == 5 {
            break;
        }
    }
    assert!(broken == 5 && !stored.is_empty(), "fsync {when}: {} stored, {refused} refused", stored.len());
    expect_all(served.addr, &stored).await;
    let until = Instant::now() + Duration::from_secs(20);
    while status(&mut connection, "/health/ready").await != 503 {
        assert!(Instant::now() < until, "a server that cannot write says that it is ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(&mut connection, "/health/live").await, 200);
    drop(connection);
    served.signal("TERM");
    let (ended, said) = served.wait();
    assert!(ended.success(), "{said}");
    let record = std::fs::read_to_string(record).unwrap();
    let injected = record.lines().filter(|line| line.contains("(INJECTED)")).count();
    assert_eq!(injected, 1, "fsync {when}: {record}");

    let served = setup.start();
    expect_all(served.addr, &stored).await;
    let mut connection = Connection::open(served.addr).await;
    let name = name(1, 0, 0);
    let reply = add(&mut connection, &name, 0).await.unwrap();
    assert!(is_stored(&reply, &name), "the disk works again: {reply:?}");
    Outcome { stored: stored.len(), refused }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_after_a_failed_fsync_rows_are_503_until_a_restart() {
    let (mut stored, mut refused) = (0, 0);
    for when in WHEN {
        let outcome = fail(when).await;
        stored += outcome.stored;
        refused += outcome.refused;
    }
    println!(
        "D4 over HTTP: fsyncs {WHEN:?} failed: {refused} refused with 503, {stored} acknowledged, 0 lost"
    );
}
