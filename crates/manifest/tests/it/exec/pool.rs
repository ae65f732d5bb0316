//! Pools: who waits, who is replaced, and programs that die at once.

use futures_util::future::join_all;
use ketch_manifest::shipped;

use super::project::{client, gone, numbers, project, shell, until};

#[tokio::test]
async fn there_are_no_more_processes_than_it_says_and_the_others_wait() {
    let options = r#"{ "mode": "worker", "workers": 3, "queue": 200, "wait": "30s" }"#;
    let place = project(&shell("*) sleep 0.01;;"), options, "30s");
    let client = client(&place, &shipped());
    let answers = join_all((0..150).map(|_| client.get("/run/it"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(numbers(&place, "pids").len(), 3);
}

#[tokio::test]
async fn beyond_the_line_one_is_told_to_come_again() {
    let options = r#"{ "mode": "worker", "workers": 1, "queue": 2, "wait": "30s" }"#;
    let place = project(&shell("*) while [ ! -e go ]; do sleep 0.02; done;;"), options, "30s");
    let client = client(&place, &shipped());
    let first = join_all((0..3).map(|_| client.get("/run/it")));
    let (first, answer) = tokio::join!(first, async {
        until("one runs", || !numbers(&place, "pids").is_empty()).await;
        let answer = client.get("/run/it").await;
        place.write("go", "");
        answer
    });
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("1")));
    assert!(first.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn who_waits_too_long_is_told_to_come_again() {
    let options = r#"{ "mode": "worker", "workers": 1, "wait": "100ms" }"#;
    let place = project(&shell("*) sleep 1000;;"), options, "1s");
    let client = client(&place, &shipped());
    let (first, second) = tokio::join!(client.get("/run/it"), async {
        until("one runs", || !numbers(&place, "pids").is_empty()).await;
        client.get("/run/it").await
    });
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (504, 503));
}

#[tokio::test]
async fn a_worn_worker_is_replaced_and_ends_by_itself() {
    let options = r#"{ "mode": "worker", "workers": 1, "recycle": 3 }"#;
    let place = project(&shell(""), options, "30s");
    let client = client(&place, &shipped());
    for _ in 0..7 {
        assert_eq!(client.get("/run/it").await.status, 200);
    }
    let pids = numbers(&place, "pids");
    assert_eq!(pids.len(), 3, "three calls each");
    gone(&pids[..2]).await;
    assert_eq!(numbers(&place, "ended").len(), 2, "they saw the end of their input");
}

#[tokio::test]
async fn an_idle_worker_ends() {
    let options = r#"{ "mode": "worker", "workers": 1, "idle": "100ms" }"#;
    let place = project(&shell(""), options, "30s");
    let client = client(&place, &shipped());
    assert_eq!(client.get("/run/it").await.status, 200);
    gone(&numbers(&place, "pids")).await;
    assert_eq!(numbers(&place, "ended"), numbers(&place, "pids"));
    assert_eq!(client.get("/run/it").await.status, 200, "and another is started when it is needed");
}

#[tokio::test]
async fn an_idle_worker_that_dies_is_no_zombie_and_is_not_asked() {
    let place = project(
        &shell("*'\"do\":\"later\"'*) (while [ ! -e go ]; do sleep 0.02; done; kill -9 $$) & ;;"),
        r#"{ "mode": "worker", "workers": 1 }"#,
        "30s",
    );
    let client = client(&place, &shipped());
    assert_eq!(client.get("/run/later").await.status, 200);
    place.write("go", "");
    gone(&numbers(&place, "pids")).await;
    assert_eq!(client.get("/run/it").await.status, 200);
}

#[tokio::test]
async fn one_that_does_not_end_by_itself_is_killed() {
    let options = r#"{ "mode": "worker", "workers": 1, "recycle": 1, "grace": "100ms" }"#;
    let program = shell("").replace("echo $$ >> ended", "trap '' TERM; sleep 1000");
    let place = project(&program, options, "30s");
    let client = client(&place, &shipped());
    assert_eq!(client.get("/run/it").await.status, 200);
    gone(&numbers(&place, "pids")).await;
}

#[tokio::test]
async fn one_that_dies_at_once_is_not_started_again_and_again() {
    let place =
        project("#!/bin/sh\necho $$ >> pids\nexit 1\n", r#"{ "mode": "worker", "workers": 1 }"#, "30s");
    let client = client(&place, &shipped());
    let mut statuses = Vec::new();
    for _ in 0..200 {
        let answer = client.get("/run/it").await;
        assert!(answer.status != 503 || answer.header("retry-after").is_some());
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses[..3], [502, 502, 502]);
    assert!(statuses.contains(&503), "{statuses:?}");
    let started = numbers(&place, "pids").len();
    assert!(started < 20, "{started} were started for 200 requests");
    place.write("program", &shell(""));
    let anew = super::project::client(&place, &shipped());
    assert_eq!(anew.get("/run/it").await.status, 200);
}

#[tokio::test]
async fn requests_that_end_their_workers_do_not_shut_the_others_out() {
    let script = shell("*'\"do\":\"break\"'*) exit 1;;");
    let place = project(&script, r#"{ "mode": "worker", "workers": 2, "wait": "5s" }"#, "30s");
    let client = client(&place, &shipped());
    for _ in 0..5 {
        for _ in 0..3 {
            assert_eq!(client.get("/run/break").await.status, 502);
        }
        let answer = client.get("/run/it").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn who_waits_for_a_start_has_the_worker_of_another() {
    // After so many the next start has to wait for 0.8 s; the one that is at work answers sooner, and for both.
    let slow = "*'\"do\":\"slow\"'*) echo 1 >> slow; while [ ! -e go ]; do sleep 0.02; done;;";
    let script = shell(&format!("*'\"do\":\"break\"'*) exit 1;;\n{slow}"));
    let place = project(&script, r#"{ "mode": "worker", "workers": 2, "wait": "20s" }"#, "30s");
    let client = client(&place, &shipped());
    let work = async {
        until("it is at work", || !numbers(&place, "slow").is_empty()).await;
        for _ in 0..6 {
            assert_eq!(client.get("/run/break").await.status, 502);
        }
        place.write("go", "");
        client.get("/run/it").await
    };
    let (first, second) = tokio::join!(client.get("/run/slow"), work);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 200));
    assert_eq!(numbers(&place, "pids").len(), 7, "no other was started for the second");
}

#[tokio::test]
async fn at_the_stop_workers_end_by_themselves() {
    let place = project(&shell(""), r#"{ "mode": "worker", "workers": 2 }"#, "30s");
    let drivers = shipped();
    let client = client(&place, &drivers);
    assert_eq!(client.get("/run/it").await.status, 200);
    for driver in &drivers {
        driver.stop().await;
    }
    assert_eq!(numbers(&place, "ended"), numbers(&place, "pids"));
}
