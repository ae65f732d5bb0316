//! Guests that do not end, and what stands beside them. P1.

use std::time::{Duration, Instant};

use ketch_testkit::{Client, soak_factor};

use crate::guests::{answering, controller, controller_of};
use crate::place::{Place, status};

/// What the reliability targets allow beyond a deadline.
const LATE: Duration = Duration::from_millis(100);

fn endless() -> Vec<u8> {
    controller("(loop $on (br $on)) unreachable")
}

/// Waits for ever, in the host.
fn sleeper() -> Vec<u8> {
    let more = r#"
        (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;
    let body = "(call $block (call $subscribe (i64.const 0x7fffffffffffffff))) unreachable";
    controller_of("test:guests/controller", more, body)
}

/// How late an end may be. Ten times that is not the machine's fault; a soak has a machine of its own.
fn allowed() -> Duration {
    if soak_factor() == 1 { LATE * 10 } else { LATE }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_end_is_ended_at_its_deadline() {
    let guests = [("loop", endless()), ("sleep", sleeper())];
    for limit in [50, 500].map(Duration::from_millis) {
        let place = Place::new(&format!(r#""timeout": "{}ms""#, limit.as_millis()), &guests);
        let client = place.client();
        for path in ["/loop", "/sleep"] {
            let mut late = Vec::new();
            for _ in 0..5 * soak_factor() {
                let begun = Instant::now();
                assert_eq!(status(&client, path).await, 504, "{path}");
                let took = begun.elapsed();
                assert!(took >= limit, "{path} was ended after {took:?} of {limit:?}");
                late.push(took - limit);
            }
            late.sort();
            let at = |share: usize| late[(late.len() - 1) * share / 100];
            let (p50, p99, max) = (at(50), at(99), at(100));
            eprintln!(
                "{path} of {limit:?}, {} times, is late by: p50 {p50:?}, p99 {p99:?}, max {max:?}",
                late.len()
            );
            assert!(max < allowed(), "{path} of {limit:?} was late by {max:?}");
        }
    }
}

/// Deadlines hold beside others that spin, too: the machine's processors are shared, not waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_do_not_end_are_ended_at_their_deadlines() {
    let limit = Duration::from_millis(500);
    let client = Place::new(r#""timeout": "500ms", "instances": 16"#, &[("loop", endless())]).client();
    let mut late = Vec::new();
    for _ in 0..soak_factor() {
        let spinning: Vec<_> = (0..16)
            .map(|_| {
                let (client, begun) = (client.clone(), Instant::now());
                tokio::spawn(async move { (status(&client, "/loop").await, begun.elapsed()) })
            })
            .collect();
        for task in spinning {
            let (status, took) = task.await.expect("it ends");
            assert_eq!(status, 504);
            late.push(took.saturating_sub(limit));
        }
    }
    late.sort();
    let at = |share: usize| late[(late.len() - 1) * share / 100];
    let (p50, p99, max) = (at(50), at(99), at(100));
    eprintln!("16 at a time, {} times, are late by: p50 {p50:?}, p99 {p99:?}, max {max:?}", late.len());
    assert!(max < allowed(), "late by {max:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_endpoint_answers_beside_guests_that_do_not_end() {
    let plain = answering("ketch:api/controller@0.1.0", "", "", "{}");
    let place = Place::new(r#""timeout": "10s""#, &[("loop", endless()), ("plain", plain)]);
    let client = place.client();
    let spinning: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { status(&client, "/loop").await })
        })
        .collect();
    let mut times = Vec::new();
    for _ in 0..300 {
        let begun = Instant::now();
        let client = client.clone();
        let asked = tokio::spawn(async move { status(&client, "/plain").await });
        assert_eq!(asked.await.expect("it ends"), 200);
        times.push(begun.elapsed());
    }
    assert!(spinning.iter().all(|task| !task.is_finished()), "they spun all the while");
    times.sort();
    let (median, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    eprintln!("beside 4 guests that spin: median {median:?}, p99 {late:?}");
    assert!(late < Duration::from_millis(500), "p99 is {late:?}");
    drop(spinning);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_whose_callers_have_gone_end_and_free_their_places() {
    let place = Place::new(r#""timeout": "60s", "instances": 4, "wait": "5s""#, &[("loop", endless())]);
    let client = place.client();
    // 500 of the 10,000 that are listed: were places not freed, the fifth would find none.
    for round in 0..500 * soak_factor() {
        let gone = tokio::time::timeout(Duration::from_micros(round % 500 * 10), client.get("/loop")).await;
        assert!(gone.is_err(), "it loops, and found a place");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_starts_leave_nothing_behind() {
    let traps = controller("unreachable");
    let deep = controller_of(
        "ketch:api/controller@0.1.0",
        "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (i32.add (i32.const 1) (local.get 0)))))",
        "(call $deep (i32.const 0))",
    );
    let fine = answering("ketch:api/controller@0.1.0", "", "", "{}");
    let client = Place::new("", &[("trap", traps), ("deep", deep), ("fine", fine)]).client();
    for _ in 0..500 * soak_factor() {
        assert_eq!(status(&client, "/trap").await, 500);
        assert_eq!(status(&client, "/deep").await, 500);
        assert_eq!(status(&client, "/fine").await, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_places_wait_and_are_then_refused() {
    let place = Place::new(r#""timeout": "2s", "instances": 2, "wait": "100ms""#, &[("loop", endless())]);
    let client = place.client();
    let ask = |client: &Client| {
        let client = client.clone();
        tokio::spawn(async move { client.get("/loop").await })
    };
    let asked: Vec<_> = (0..6).map(|_| ask(&client)).collect();
    let mut statuses = Vec::new();
    for answer in asked {
        let answer = answer.await.expect("it ends");
        let retry = answer.header("retry-after").is_some();
        assert_eq!(retry, answer.status == 503);
        statuses.push(answer.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [503, 503, 503, 503, 504, 504]);
}
