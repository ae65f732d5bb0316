//! HTTP/1 conformance and request smuggling (N3, N4): every row of the tables is thrown at a real server.
//!
//! A row is judged by four things: the status that comes back; whether the connection ends; that the tail, a request
//! no honest client sends, is neither counted by its handler nor answered; and that an honest client on a new
//! connection is served afterwards. Each row runs twice, whole and byte by byte, because a parser that depends on how
//! the bytes arrive is the other half of smuggling.
//!
//! Not here: the rows (`framing_cases`, `framing_chunk_cases`, `framing_head_cases`), sheer size (`floods`), slowness.
//! Sources: RFC 9112, and where a row says so RFC 9110 and RFC 3986.

#[path = "framing_chunk_cases.rs"]
mod framing_chunk_cases;

use super::framing_cases::{self, Case, Expect, TAIL, bytes};
use super::framing_head_cases;
use super::probe::Target;
use super::raw::{Connection, HONEST, Pace, Reply, ask_honestly};

/// Asked for by N4; the tables hold more.
const LEAST_CASES: usize = 90;

fn cases() -> Vec<Case> {
    let mut cases = framing_cases::cases();
    cases.extend(framing_chunk_cases::cases());
    cases.extend(framing_head_cases::cases());
    cases
}

#[test]
fn the_tables_are_long_enough_and_name_each_row_once() {
    let mut names: Vec<&str> = cases().iter().map(|case| case.name).collect();
    println!("N3/N4: {} cases", names.len());
    assert!(names.len() >= LEAST_CASES);
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "a name is used twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tail_reaches_a_handler_when_messages_arrive_whole() {
    judge_all(Pace::Whole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tail_reaches_a_handler_when_messages_arrive_byte_by_byte() {
    judge_all(Pace::ByteByByte).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_one_write_are_answered_in_order() {
    let target = Target::start().await;
    let post = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
    let mut sent = String::new();
    for number in 0..50 {
        let body = (10_000 + number).to_string();
        sent += &match number % 3 {
            0 => "GET /hello HTTP/1.1\r\nHost: probe\r\n\r\n".to_owned(),
            1 => format!("{post}Content-Length: {}\r\n\r\n{body}", body.len()),
            _ => format!("{post}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        };
    }
    let mut connection = Connection::open(target.addr()).await;
    connection.send(sent.as_bytes(), Pace::Whole).await;
    connection.send(HONEST, Pace::Whole).await;
    let replies = connection.replies_to_the_end().await;
    assert_eq!(replies.len(), 51);
    for (number, reply) in replies.iter().take(50).enumerate() {
        let expected = match number % 3 {
            0 => b"hello".to_vec(),
            _ => (10_000 + number).to_string().into_bytes(),
        };
        assert_eq!((reply.status, &reply.body), (200, &expected), "reply {number}");
    }
}

/// The position of a message on its connection must not change how it is read.
#[tokio::test(flavor = "multi_thread")]
async fn an_ambiguous_message_is_refused_behind_honest_ones_too() {
    let target = Target::start().await;
    for (name, before, statuses) in honest_beginnings() {
        for ambiguous in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        ] {
            for pace in [Pace::Whole, Pace::ByteByByte] {
                let post = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
                let sent = format!("{before}{post}{ambiguous}\r\n5\r\n\"abc\"\r\n0\r\n\r\n{TAIL}");
                let mut connection = Connection::open(target.addr()).await;
                connection.send(sent.as_bytes(), pace).await;
                let replies = connection.replies_to_the_end().await;
                let seen: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
                let expected: Vec<u16> = statuses.iter().copied().chain([400]).collect();
                assert_eq!(seen, expected, "{name}, {pace:?}, {ambiguous:?}");
                assert_eq!(target.hits(), 0, "{name}: the tail reached its handler");
            }
        }
    }
    ask_honestly(target.addr()).await.expect("the server still serves");
}

/// What an honest client may have sent before on the same connection, and the statuses it gets.
fn honest_beginnings() -> Vec<(&'static str, String, Vec<u16>)> {
    let post = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
    let decoy = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    let get = "GET /hello HTTP/1.1\r\nHost: probe\r\n\r\n";
    vec![
        ("GET", get.to_owned(), vec![200]),
        ("GET, GET, empty line", format!("{get}{get}\r\n"), vec![200, 200]),
        ("POST with a length", format!("{post}Content-Length: 5\r\n\r\n\"abc\""), vec![200]),
        (
            "POST with a length of 0",
            format!("{get}POST /no HTTP/1.1\r\nHost: probe\r\nContent-Length: 0\r\n\r\n"),
            vec![200, 404],
        ),
        (
            "POST in chunks",
            format!("{post}Transfer-Encoding: chunked\r\n\r\n5;a=b\r\n\"abc\"\r\n0\r\n\r\n"),
            vec![200],
        ),
        (
            "POST in chunks, trailers",
            format!(
                "{post}Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n"
            ),
            vec![200],
        ),
        (
            "POST whose value looks ambiguous",
            format!("{post}A: Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n\"abc\""),
            vec![200],
        ),
        (
            "POST whose JSON looks ambiguous",
            format!("{post}Content-Length: {}\r\n\r\n[{decoy}", decoy.len() + 1),
            vec![400],
        ),
    ]
}

/// Runs the tables at this pace, and names every row that went wrong.
async fn judge_all(pace: Pace) {
    let target = Target::start().await;
    let mut failures = Vec::new();
    for case in cases() {
        if let Err(reason) = judge(&target, &case, pace).await {
            failures.push(format!(
                "{}: {reason}\n    sent {:?}",
                case.name,
                String::from_utf8_lossy(&case.send)
            ));
        }
    }
    assert!(failures.is_empty(), "{} rows failed ({pace:?}):\n{}", failures.len(), failures.join("\n"));
    assert_eq!(target.hits(), 0, "a tail reached its handler");
}

async fn judge(target: &Target, case: &Case, pace: Pace) -> Result<(), String> {
    let before = target.hits();
    let mut connection = Connection::open(target.addr()).await;
    connection.send(&case.send, pace).await;
    if let Expect::Drop(_) = case.expect {
        connection.finish_sending().await;
    }
    let first = connection.reply(case.send.starts_with(b"HEAD ")).await;
    // Asked on the same connection: its answer tells an open connection from an ended one, without a clock.
    connection.send(HONEST, Pace::Whole).await;
    let rest = connection.replies_to_the_end().await;

    if target.hits() != before || first.iter().chain(&rest).any(|reply| reply.body == b"smuggled") {
        return Err("the tail reached its handler".to_owned());
    }
    check_replies(case.expect, first.as_ref(), &rest)?;
    ask_honestly(target.addr()).await
}

fn check_replies(expect: Expect, first: Option<&Reply>, rest: &[Reply]) -> Result<(), String> {
    let (statuses, kept): (&[u16], &[bool]) = match expect {
        Expect::Serve => (&[200], &[true]),
        Expect::Answer(statuses) => (statuses, &[true, false]),
        Expect::Final(statuses) | Expect::Problem(statuses) | Expect::Drop(statuses) => (statuses, &[false]),
    };
    let Some(first) = first else {
        return if matches!(expect, Expect::Drop(_)) {
            Ok(())
        } else {
            Err("ended without a reply".to_owned())
        };
    };
    if !statuses.contains(&first.status) {
        return Err(format!("status {} is not in {statuses:?}", first.status));
    }
    // hyper answers what it cannot parse itself, with no body; every other error is written by our code.
    let ours = matches!(expect, Expect::Problem(_)) || !first.body.is_empty();
    if first.status >= 400 && ours && !first.is_problem() {
        return Err(format!("an error without a problem document: {first:?}"));
    }
    match rest {
        [] if kept.contains(&false) => Ok(()),
        [only] if kept.contains(&true) && only.is_hello() => Ok(()),
        [] => Err("the connection ended, and should have served the next request".to_owned()),
        more if kept == [false] => Err(format!("the connection went on: {more:?}")),
        more => Err(format!("more replies than requests: {more:?}")),
    }
}

#[test]
fn a_character_beyond_ascii_is_one_byte_in_the_tables() {
    assert_eq!(bytes("a\u{ff}\0"), [0x61, 0xff, 0]);
}
