//! Programs that answer nonsense, too much, or not at all: the client learns that, and no more.

use ketch_manifest::shipped;
use ketch_testkit::overheard;

use super::project::{alone, client, memory, once, project};

/// 502, and the cause in the log only.
async fn refused(script: &str, cause: &str) {
    let program = format!("#!/bin/sh\n{script}");
    let (answer, log) = overheard(once(&program, "{}", "30s")).await;
    assert_eq!(answer.status, 502, "{script}: {}", answer.text());
    assert!(log.contains(cause), "{script}: {log}");
    assert!(log.contains("request_id="), "{log}");
    for told in ["xyzzy", "program", "exit", "signal", "JSON"] {
        assert!(!answer.text().contains(told), "{script}: {}", answer.text());
    }
}

#[tokio::test]
async fn nonsense_is_a_502_whose_cause_is_in_the_log() {
    let cases = [
        ("echo xyzzy", "wrote no JSON document (expected value at line 1 column 1): xyzzy"),
        ("", "wrote no JSON document"),
        ("echo '[]'", "answered what is no object"),
        ("echo 'null'", "answered what is no object"),
        ("printf '{\"xyzzy\":'", "wrote no JSON document"),
        ("echo '{} {}'", "wrote no JSON document"),
        ("echo '{}'; exit 3", "ended with exit status: 3"),
        ("echo '{}'; kill -9 $$", "ended with signal: 9"),
        ("printf '{\"a\":\"\\377\"}'", "wrote no JSON document"),
        ("printf 'a\\033[31mb\\n'", "a\\u{1b}[31mb"),
    ];
    for (script, cause) in cases {
        refused(script, cause).await;
    }
}

#[test]
fn a_flood_is_cut_and_memory_stays_flat() {
    alone("exec::output::a_flood_is_cut_and_memory_stays_flat_in_a_process_of_its_own");
}

#[tokio::test]
#[ignore = "run by the test above, in a process whose memory is only its own"]
async fn a_flood_is_cut_and_memory_stays_flat_in_a_process_of_its_own() {
    let before = memory();
    for _ in 0..5 {
        refused("exec yes xyzzy", "wrote more than 1048576 bytes").await;
    }
    assert!(memory() < before + (32 << 20), "{before} before, {} after", memory());
}

#[tokio::test]
async fn a_flood_on_standard_error_is_read_but_not_all_logged() {
    let script = "#!/bin/sh\nyes xyzzy | head -c 60000000 >&2\necho '{}'\n";
    let (answer, log) = overheard(once(script, "{}", "60s")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lines = log.matches("xyzzy").count();
    assert!((50..=6000).contains(&lines), "{lines} lines are logged");
    assert!(log.contains("more on standard error than is logged"), "and what is left out is counted");
}

#[tokio::test]
async fn a_line_on_standard_error_is_logged_with_the_request_and_without_control_characters() {
    let script =
        "#!/bin/sh\nprintf 'one\\033]0;two\\n' >&2\nhead -c 5000 /dev/zero | tr '\\0' x >&2\necho '{}'\n";
    let (answer, log) = overheard(async {
        let answer = once(script, "{}", "30s").await;
        tokio::task::yield_now().await;
        answer
    })
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let line = log.lines().find(|line| line.contains("one")).expect("it is logged");
    assert!(line.contains("one\\u{1b}]0;two") && line.contains("request_id="), "{line}");
    let id = answer.header("x-request-id").map(str::to_owned);
    assert!(id.is_none_or(|id| line.contains(&id)), "{line}");
    let long = log.lines().find(|line| line.contains("xxxx")).expect("it is logged");
    assert!(long.contains('…') && long.len() < 1400, "{}", long.len());
}

#[tokio::test]
async fn a_program_need_not_read_its_input() {
    let place = project("#!/bin/sh\nexec <&-\necho '{}'\n", "{}", "30s");
    let long = "x".repeat(4000);
    let answer = client(&place, &shipped()).get(&format!("/run/{long}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn the_output_may_be_as_large_as_it_says() {
    let script = "#!/bin/sh\nprintf '{\"a\":\"'; head -c 3000000 /dev/zero | tr '\\0' x; printf '\"}'\n";
    assert_eq!(once(script, "{}", "30s").await.status, 502);
    let answer = once(script, r#"{ "output": "4mb" }"#, "30s").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 3_000_008));
}
