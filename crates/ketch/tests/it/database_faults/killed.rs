//! D1: the server is killed in bursts of writes. The next one soon answers, and every row that was acknowledged is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ketch::test::{Scratch, soak_factor};

use super::promised;
use super::server::{Setup, add, ask, expect_all, is_stored, name};
use crate::raw::Connection;

const CLIENTS: usize = 16;

/// From the start of the process to its first good answer.
const RESTART: Duration = Duration::from_secs(2);

/// Asks for rows until the connection ends; those that were acknowledged.
async fn burst(
    mut connection: Connection,
    round: u64,
    client: usize,
    count: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut stored = Vec::new();
    for step in 0.. {
        let name = name(round, client, step);
        let Some(reply) = add(&mut connection, &name, step).await else { break };
        assert!(is_stored(&reply, &name), "a healthy disk takes every row: {reply:?}");
        stored.push(name);
        count.fetch_add(1, Ordering::Relaxed);
    }
    stored
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_killed_server_loses_no_row_that_it_acknowledged() {
    let rounds = 5 * soak_factor();
    let scratch = Scratch::new();
    let setup = Setup::new(&scratch.path().join("data"));
    let (mut slowest, mut total) = (Duration::ZERO, 0);
    let mut last = Vec::new();
    for round in 0..=rounds {
        let started = Instant::now();
        let served = setup.start();
        let mut connection = Connection::open(served.addr).await;
        let ready = ask(&mut connection, "GET /health/ready", "").await.unwrap();
        assert_eq!(ready.status, 200);
        slowest = slowest.max(started.elapsed());
        expect_all(served.addr, &last).await;
        if round == rounds {
            break;
        }
        let count = Arc::new(AtomicUsize::new(0));
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..CLIENTS {
            let connection = Connection::open(served.addr).await;
            clients.spawn(burst(connection, round, client, Arc::clone(&count)));
        }
        // A number without a pattern, so that each round ends elsewhere in a batch.
        let enough = 100 + usize::try_from(round * 7_919 % 331).unwrap();
        let until = Instant::now() + Duration::from_secs(100);
        while count.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < until, "{count:?} of {enough} rows were stored");
            tokio::task::yield_now().await;
        }
        served.kill();
        last = clients.join_all().await.concat();
        total += last.len();
    }
    println!(
        "D1 over HTTP: killed {rounds} times, {total} rows acknowledged, 0 lost, slowest start {slowest:?}"
    );
    assert!(slowest < promised(RESTART), "the slowest start took {slowest:?}");
}
