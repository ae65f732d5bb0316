//! D5: the disk is full. Rows are refused with 507, reads go on, and when there is room again rows are stored, without a
//! restart.

use std::path::Path;
use std::time::{Duration, Instant};

use ketch::test::{Scratch, soak_factor};

use super::promised;
use super::server::{Setup, add_several, ask, code, connections, expect_all, is_stored};
use crate::raw::{Connection, Reply};

/// How many ask for rows at the same time.
const CLIENTS: usize = 8;

/// From room on the disk to the next stored row.
const RESUME: Duration = Duration::from_secs(1);

/// A disk of 4 MiB at this path, for one process only. It needs root, or a system that lets users have name spaces.
fn small_disk(at: &Path) -> Vec<String> {
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let alone: &[&str] = if root { &["--mount"] } else { &["--map-root-user", "--mount"] };
    let mount = r#"mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@""#;
    let words = [&["unshare"], alone, &["sh", "-c", mount]].concat();
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words.push(at.display().to_string());
    words
}

/// A row that is refused may be refused for nothing else; counts one.
fn told_full(reply: &Reply) -> u64 {
    assert_eq!((reply.status, code(reply).as_str()), (507, "disk_full"));
    1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d5_a_full_disk_is_507_and_heals_by_itself() {
    let scratch = Scratch::new();
    let served = Setup::new(scratch.path()).start_under(&small_disk(scratch.path()));
    let mut connection = Connection::open(served.addr).await;
    let mut clients = connections(served.addr, CLIENTS).await;
    let (mut stored, mut refused, mut reads, mut step) = (Vec::new(), 0, 0, 0);
    let loaded = ask(&mut connection, "POST /rows/ballast", "").await.unwrap();
    assert_eq!(loaded.status, 200);
    while refused < 100 * soak_factor() {
        let before = refused;
        for (name, reply) in add_several(&mut clients, 0, step).await {
            if is_stored(&reply, &name) {
                stored.push(name);
                continue;
            }
            refused += told_full(&reply);
            let gone = ask(&mut connection, &format!("GET /rows/{name}"), "").await.unwrap();
            assert_eq!(gone.status, 404, "what was refused is not there: {gone:?}");
        }
        if refused > before {
            let read = ask(&mut connection, &format!("GET /rows/{}", stored[0]), "").await.unwrap();
            assert_eq!(read.status, 200, "reads go on: {read:?}");
            reads += 1;
        }
        step += 1;
        assert!(step < 10_000, "a disk of 4 MiB is never full");
    }
    let dropped = ask(&mut connection, "DELETE /rows/ballast", "").await.unwrap();
    assert_eq!(dropped.status, 200);
    let freed = Instant::now();
    let took = loop {
        let before = refused;
        for (name, reply) in add_several(&mut clients, 0, step).await {
            if is_stored(&reply, &name) {
                stored.push(name);
            } else {
                refused += told_full(&reply);
            }
        }
        let took = freed.elapsed();
        assert!(took < promised(RESUME), "rows are not all stored again after {took:?}");
        if refused == before {
            break took;
        }
        step += 1;
    };
    expect_all(served.addr, &stored).await;
    println!(
        "D5 over HTTP: {refused} refused with 507, {reads} reads meanwhile, stored again after {took:?}, {} rows \
         acknowledged, 0 lost",
        stored.len()
    );
}
