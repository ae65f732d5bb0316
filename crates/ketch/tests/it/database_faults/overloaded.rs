//! R9, the database's half: five times the writes that can be served are refused at the queue, and cost little of what
//! can be served.
//!
//! The writer is busy by the clock and not by the processor, so that what else the machine does hardly matters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ketch::test::{Scratch, soak_factor};

use super::server::{Setup, ask, code, expect_all, is_stored, name};
use crate::raw::Connection;

/// As many as are served without a refusal.
const CLIENTS: usize = 16;
/// How long an answer to whether the server lives may take.
const HEALTH: Duration = Duration::from_millis(100);
const SLICE: Duration = Duration::from_millis(1_000);

/// What came of the writes of so many clients.
struct Load {
    stored: Vec<String>,
    shed: usize,
}

async fn load(addr: SocketAddr, round: u64, clients: usize, patience: Duration) -> Load {
    let shed = Arc::new(AtomicUsize::new(0));
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(Connection::open(addr).await);
    }
    let end = Instant::now() + SLICE;
    let mut tasks = tokio::task::JoinSet::new();
    for (client, mut connection) in connections.into_iter().enumerate() {
        let shed = Arc::clone(&shed);
        tasks.spawn(async move {
            let mut stored = Vec::new();
            for step in 0.. {
                if Instant::now() >= end {
                    break;
                }
                let name = name(round, client, step);
                let reply = ask(&mut connection, "POST /rows/slow", &format!("{name:?}")).await.unwrap();
                if is_stored(&reply, &name) {
                    stored.push(name);
                    continue;
                }
                assert_eq!(
                    (reply.status, code(&reply).as_str()),
                    (503, "busy"),
                    "it is refused at the queue"
                );
                assert!(reply.field("retry-after").is_some(), "{reply:?}");
                shed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(patience).await;
            }
            stored
        });
    }
    Load { stored: tasks.join_all().await.concat(), shed: shed.load(Ordering::Relaxed) }
}

async fn slowest_health(addr: SocketAddr, stop: Arc<AtomicBool>) -> Duration {
    let (mut connection, mut slowest) = (Connection::open(addr).await, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let reply = ask(&mut connection, "GET /health/live", "").await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_five_times_the_writes_are_shed_at_the_queue() {
    let scratch = Scratch::new();
    let mut setup = Setup::new(&scratch.path().join("data"));
    setup.queue = CLIENTS;
    let served = setup.start();
    let warm = load(served.addr, 0, CLIENTS, Duration::ZERO).await;
    assert_eq!(warm.shed, 0, "what fits is not refused");
    // Who is refused comes back after the time that a served one takes: so the load is five times what is served.
    let patience = SLICE * u32::try_from(CLIENTS).unwrap() / u32::try_from(warm.stored.len()).unwrap();
    let mut stored = warm.stored;
    let stop = Arc::new(AtomicBool::new(false));
    let health = tokio::spawn(slowest_health(served.addr, Arc::clone(&stop)));
    // In turns, so that what else the machine does meets both.
    let (mut peak, mut goodput, mut shed) = (0, 0, 0);
    for turn in 0..2 * soak_factor() {
        let fits = load(served.addr, turn * 2 + 1, CLIENTS, patience).await;
        assert_eq!(fits.shed, 0, "what fits is not refused");
        let beyond = load(served.addr, turn * 2 + 2, CLIENTS * 5, patience).await;
        peak += fits.stored.len();
        goodput += beyond.stored.len();
        shed += beyond.shed;
        stored.extend([fits.stored, beyond.stored].concat());
    }
    stop.store(true, Ordering::Relaxed);
    let slowest = health.await.unwrap();
    expect_all(served.addr, &stored).await;
    println!(
        "R9 over HTTP: peak {peak}, goodput {goodput} under five times the load, {shed} shed at the queue, slowest \
         health {slowest:?}, {} acknowledged, 0 lost",
        stored.len()
    );
    assert!(goodput as f64 >= 0.8 * peak as f64, "goodput {goodput} of {peak}");
    assert!(shed > 0, "five times the load cannot all be served");
    // In the long form too: tests that keep both cores busy run beside this one.
    assert!(slowest < HEALTH * 10, "health took {slowest:?}");
}
