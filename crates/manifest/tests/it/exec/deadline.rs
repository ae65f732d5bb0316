//! Programs that do not end: whatever they do, they are gone soon after the deadline, with all that they started.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ketch_manifest::shipped;
use ketch_testkit::soak_factor;

use super::project::{PATIENCE, client, deserted, gone, hung_up, numbers, project, until};

/// A program that hangs in this way, and writes down its processes.
async fn hangs(script: &str) {
    let place = project(&format!("#!/bin/sh\necho $$ >> pids\n{script}"), "{}", "300ms");
    let client = client(&place, &shipped());
    let began = Instant::now();
    let answer = client.get("/run/it").await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_millis(300) + PATIENCE, "{:?}", began.elapsed());
    gone(&numbers(&place, "pids")).await;
    deserted(&place).await;
}

#[tokio::test]
async fn one_that_hangs_is_killed() {
    hangs("sleep 1000").await;
}

#[tokio::test]
async fn one_that_ignores_every_signal_that_can_be_is_killed() {
    hangs("trap '' TERM HUP INT QUIT\nwhile true; do sleep 1000; done").await;
}

#[tokio::test]
async fn one_that_burns_time_is_killed() {
    hangs("while true; do :; done").await;
}

#[tokio::test]
async fn its_children_and_theirs_are_killed_too() {
    hangs("for i in 1 2 3 4 5 6 7 8; do (sh -c 'echo $$ >> pids; sleep 1000 & echo $! >> pids; wait') & done; wait").await;
}

#[tokio::test]
async fn those_that_go_on_starting_others_are_killed() {
    hangs("cat > chain <<'END'\n#!/bin/sh\nsleep 0.01\n./chain &\nexit\nEND\nchmod +x chain\n./chain & ./chain & ./chain & wait; sleep 1000").await;
}

#[tokio::test]
async fn those_that_leave_the_group_are_killed_at_the_deadline_too() {
    hangs("setsid sh -c 'echo $$ >> pids; setsid sleep 1000 & sleep 1000' & setsid sleep 1000").await;
}

#[tokio::test]
async fn one_that_closes_its_output_and_stays_is_killed() {
    hangs("exec >&- 2>&-\nsleep 1000").await;
}

#[tokio::test]
async fn one_that_writes_a_byte_now_and_then_is_killed() {
    hangs("while true; do printf ' '; sleep 0.05; done").await;
}

#[tokio::test]
async fn what_it_leaves_behind_holds_nothing_up_and_is_killed() {
    let place = project("#!/bin/sh\nsleep 1000 &\necho $! >> pids\necho '{}'\n", "{}", "30s");
    let answer = client(&place, &shipped()).get("/run/it").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    gone(&numbers(&place, "pids")).await;
}

#[tokio::test]
async fn when_the_client_goes_it_is_killed() {
    let place = project("#!/bin/sh\necho $$ >> pids\nsleep 1000\n", "{}", "30s");
    let client = client(&place, &shipped());
    hung_up(&client, &place).await;
}

#[tokio::test]
async fn many_runs_leave_no_zombie() {
    let place = project("#!/bin/sh\necho $$ >> pids\ncat\n", r#"{ "queue": 200, "wait": "10m" }"#, "10m");
    let client = client(&place, &shipped());
    for _ in 0..soak_factor() {
        let answers = join_all((0..120).map(|_| client.get("/run/it"))).await;
        for answer in answers {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    let pids = numbers(&place, "pids");
    assert_eq!(pids.len() as u64, 120 * soak_factor(), "one process for each call");
    gone(&pids).await;
}

#[tokio::test]
async fn beyond_what_may_run_and_wait_one_is_told_to_come_again_at_once() {
    let options = r#"{ "processes": 2, "queue": 1, "wait": "30s" }"#;
    let place = project(
        "#!/bin/sh\necho $$ >> pids\nwhile [ ! -e go ]; do sleep 0.02; done\necho '{}'\n",
        options,
        "30s",
    );
    let client = client(&place, &shipped());
    let first = join_all((0..3).map(|_| client.get("/run/it")));
    let then = async {
        until("two run", || numbers(&place, "pids").len() == 2).await;
        let began = Instant::now();
        let answer = client.get("/run/it").await;
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
        place.write("go", "");
        answer
    };
    let (first, answer) = tokio::join!(first, then);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(first.iter().all(|answer| answer.status == 200), "those before it are answered");
    assert_eq!(numbers(&place, "pids").len(), 3);
}

#[tokio::test]
async fn one_that_waits_too_long_is_told_to_come_again() {
    let options = r#"{ "processes": 1, "wait": "50ms" }"#;
    let place = project("#!/bin/sh\necho $$ >> pids\nsleep 1000\n", options, "2s");
    let client = client(&place, &shipped());
    let (first, second) = tokio::join!(client.get("/run/it"), async {
        until("one runs", || !numbers(&place, "pids").is_empty()).await;
        client.get("/run/it").await
    });
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (504, 503));
}
