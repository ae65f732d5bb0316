//! Workers: one process answers many requests, and one that breaks the rules answers no more.

use std::time::{Duration, Instant};

use ketch_manifest::shipped;
use ketch_testkit::{Client, overheard, soak_factor};
use serde_json::Value;

use super::project::{
    PATIENCE, alone, client, deserted, gone, hung_up, memory, numbers, project, shell, until,
};
use crate::place::Place;

const ONE: &str = r#"{ "mode": "worker", "workers": 1 }"#;

fn worker(on: &str, options: &str, timeout: &str) -> (Place, Client) {
    let place = project(&shell(on), options, timeout);
    let client = client(&place, &shipped());
    (place, client)
}

#[tokio::test]
async fn one_process_answers_many_requests() {
    let (place, client) = worker("", ONE, "30s");
    assert!(numbers(&place, "pids").is_empty(), "it is started when it is needed");
    for _ in 0..20 {
        let answer = client.get("/run/it").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json::<Value>()["pid"], numbers(&place, "pids")[0]);
    }
    assert_eq!(numbers(&place, "pids").len(), 1);
}

#[tokio::test]
async fn it_is_told_the_endpoint_the_arguments_and_the_request() {
    let (_place, client) = worker("*) result=\"{\\\"line\\\":$line}\";;", ONE, "30s");
    let answer: Value = client.get("/run/it").await.json();
    let message = &answer["line"];
    assert_eq!(
        (&message["jsonrpc"], &message["id"], &message["method"]),
        (&"2.0".into(), &1.into(), &"call".into())
    );
    let params = &message["params"];
    assert_eq!((&params["route"], &params["method"]), (&"/run/{do}".into(), &"GET".into()));
    assert_eq!((&params["path"], &params["args"]["do"]), (&"/run/it".into(), &"it".into()));
    assert_eq!(params["args"]["_HTTP_METHOD_"], "GET");
    assert!(params["request_id"].as_str().is_some_and(|id| id.len() == 16), "{params}");
    assert!(params["time_left_ms"].as_u64().is_some_and(|time| (1..=30_000).contains(&time)), "{params}");
}

/// 502, the cause in the log, the process gone; and the next request is answered by another.
async fn broken(on: &str, cause: &str) {
    let (place, client) = worker(&format!("*do\\\":\\\"break*|*'\"do\":\"break\"'*) {on};;"), ONE, "30s");
    assert_eq!(client.get("/run/it").await.status, 200);
    let (answer, log) = overheard(client.get("/run/break")).await;
    assert_eq!(answer.status, 502, "{on}: {}", answer.text());
    assert!(log.contains(cause), "{on}: {log}");
    assert!(!answer.text().contains("xyzzy"), "{}", answer.text());
    gone(&numbers(&place, "pids")).await;
    assert_eq!(client.get("/run/it").await.status, 200);
    assert_eq!(numbers(&place, "pids").len(), 2, "nothing was sent twice: {on}");
}

#[tokio::test]
async fn one_that_breaks_the_rules_is_ended_and_the_line_is_logged() {
    let cases = [
        ("echo xyzzy", "no JSON-RPC reply: xyzzy"),
        ("printf 'a\\033[2Jb\\n'", "a\\u{1b}[2Jb"),
        ("id=99", "has another id"),
        ("exit 1", "ended before it had replied"),
        ("kill -9 $$", "ended before it had replied"),
        ("printf xyzzy; exit 0", "ended in the middle of a line: xyzzy"),
        ("exec >&-; sleep 1000", "ended before it had replied"),
        ("head -c 2000000 /dev/zero | tr '\\0' x", "is longer than may be: xxx"),
        ("exec yes xyzzy", "no JSON-RPC reply: xyzzy"),
        ("printf '\\377\\376\\n'", "no JSON-RPC reply"),
        ("result=", "no JSON-RPC reply"),
    ];
    for (on, cause) in cases {
        broken(on, cause).await;
    }
}

/// Children that hold its output do not hold up the reply, and are gone with it: in its group, and in one of their own.
#[tokio::test]
async fn what_a_worker_leaves_behind_when_it_ends_is_killed() {
    for child in ["sleep 1000 &", "setsid sleep 1000 &", "setsid sleep 1000 >&- 2>&- <&- &"] {
        let on = format!("*'\"do\":\"leave\"'*) {child} echo $! >> left; exit 1;;");
        let (place, client) = worker(&on, ONE, "30s");
        let began = Instant::now();
        assert_eq!(client.get("/run/leave").await.status, 502, "{child}");
        assert!(began.elapsed() < PATIENCE, "{child}: {:?}", began.elapsed());
        let left = numbers(&place, "left");
        assert_eq!(left.len(), 1, "{child}");
        gone(&left).await;
        deserted(&place).await;
    }
}

#[tokio::test]
async fn what_a_worn_worker_leaves_behind_is_killed() {
    let options = r#"{ "mode": "worker", "workers": 1, "recycle": 1 }"#;
    let (place, client) = worker("*) setsid sleep 1000 >&- 2>&- <&- & echo $! >> left;;", options, "30s");
    assert_eq!(client.get("/run/it").await.status, 200);
    gone(&numbers(&place, "left")).await;
    deserted(&place).await;
}

#[tokio::test]
async fn one_that_speaks_unasked_is_replaced_before_the_next_request() {
    let chat = "(while [ ! -e go ]; do sleep 0.02; done; echo xyzzy; echo 1 > spoke) &";
    let (place, client) = worker(&format!("*'\"do\":\"chat\"'*) {chat} ;;"), ONE, "30s");
    assert_eq!(client.get("/run/chat").await.status, 200);
    let chatty = numbers(&place, "pids");
    place.write("go", "");
    until("it spoke", || !numbers(&place, "spoke").is_empty()).await;
    let (answer, log) = overheard(client.get("/run/it")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(log.contains("no JSON-RPC reply: xyzzy"), "{log}");
    gone(&chatty).await;
}

#[tokio::test]
async fn a_time_out_ends_that_process_only() {
    let options = r#"{ "mode": "worker", "workers": 2 }"#;
    let hang = "*'\"do\":\"hang\"'*) sleep 1000 & echo $$ >> hung; echo $! >> hung; trap '' TERM; wait;;";
    let slow = "*'\"do\":\"slow\"'*) sleep 0.05;;";
    let (place, client) = worker(&format!("{hang}\n{slow}"), options, "1s");
    let (one, two) = tokio::join!(client.get("/run/slow"), client.get("/run/slow"));
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    assert_eq!(numbers(&place, "pids").len(), 2);
    let began = Instant::now();
    let answer = client.get("/run/hang").await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(1) + PATIENCE, "{:?}", began.elapsed());
    let hung = numbers(&place, "hung");
    gone(&hung).await;
    let answer: Value = client.get("/run/it").await.json();
    let other = numbers(&place, "pids").into_iter().find(|pid| *pid != hung[0]);
    assert_eq!(answer["pid"].as_u64(), other.map(u64::from), "the other one goes on");
}

#[tokio::test]
async fn when_the_client_goes_the_process_ends() {
    let (place, client) = worker("*) sleep 1000;;", ONE, "30s");
    hung_up(&client, &place).await;
}

/// The reply to an error of the worker's, and the log.
async fn error(error: &str) -> (u16, String, String) {
    let on =
        format!("*) printf '{{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{error}}}\\n' \"$id\"; continue;;");
    let (place, client) = worker(&on, ONE, "30s");
    let (answer, log) = overheard(client.get("/run/it")).await;
    client.get("/run/it").await;
    assert_eq!(numbers(&place, "pids").len(), 1, "it goes on");
    (answer.status.as_u16(), answer.text(), log)
}

#[tokio::test]
async fn an_error_with_a_status_is_the_clients_and_one_without_is_not() {
    let (status, text, _) =
        error(r#"{"code":1,"message":"no boat 7","data":{"status":404,"code":"no_boat"}}"#).await;
    assert!(status == 404 && text.contains("no boat 7") && text.contains("no_boat"), "{status} {text}");
    for hidden in
        [r#"{"code":-32603,"message":"xyzzy"}"#, r#"{"code":1,"message":"xyzzy","data":{"status":200}}"#]
    {
        let (status, text, log) = error(hidden).await;
        assert!(status == 502 && !text.contains("xyzzy"), "{status} {text}");
        assert!(log.contains("xyzzy"), "{log}");
    }
}

#[tokio::test]
async fn a_request_larger_than_a_pipe_is_passed_on() {
    let place = Place::new(&[
        (
            "api.json",
            r#"{ "POST": { "info": "Runs it.", "run": "program", "in": { "it": { "type": "string" } },
            "exec": { "mode": "worker", "workers": 1 } } }"#,
        ),
        ("program", &shell("*) result=\"{\\\"length\\\":${#line}}\";;")),
    ]);
    let client = client(&place, &shipped());
    for _ in 0..2 {
        let answer = client.post("/", &serde_json::json!({ "it": "x".repeat(500_000) })).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.json::<Value>()["length"].as_u64() > Some(500_000));
    }
}

#[test]
fn many_that_crash_leave_nothing_behind() {
    alone("exec::worker::many_that_crash_leave_nothing_behind_in_a_process_of_their_own");
}

#[tokio::test]
#[ignore = "run by the test above, in a process whose memory is only its own"]
async fn many_that_crash_leave_nothing_behind_in_a_process_of_their_own() {
    let options = r#"{ "mode": "worker", "workers": 1 }"#;
    let (place, client) = worker("*'\"do\":\"crash\"'*) exit 1;;", options, "30s");
    // R3: 10,000 in all where there is time.
    let rounds = 500 * soak_factor();
    let mut before = 0;
    for round in 0..rounds {
        assert_eq!(client.get("/run/it").await.status, 200);
        assert_eq!(client.get("/run/crash").await.status, 502);
        if round == rounds / 10 {
            before = memory();
        }
    }
    assert!(memory() < before + (16 << 20), "{before} before, {} after", memory());
    let pids = numbers(&place, "pids");
    assert_eq!(pids.len() as u64, rounds);
    gone(&pids).await;
}
