//! HTTP/2 clients that stop (N2, N6): windows that stay shut, answers that are not read, prefaces that never end.
//!
//! The server here has short deadlines (`HASTE`). Each stalled connection must be ended by one of them; that is
//! asserted at ten times its value, because the machine may be busy, and never more exactly.
//!
//! Not here: what breaks a rule (`http2`), slow HTTP/1. Sources: RFC 9113 sections 5.2, 6.9 and 10.5.

use std::sync::Arc;
use std::time::Duration;

use ketch::test::soak_factor;
use tokio::time::timeout;

use super::http2_frames::{
    Client, Frame, PREFACE, code, flag, frame, headers, kind, open_headers, ping, request,
};
use super::http2_frames::{request_with, setting, settings, window_update};
use super::probe::{HASTE, Target};
use super::watch::under_watch;

/// How long a stalled connection may last.
const LATE: Duration = HASTE.saturating_mul(10);

/// Stalled connections of one kind; times the soak factor.
const CONNECTIONS: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_opens_late_gets_the_body_piece_by_piece() {
    let target = Target::start().await;
    let mut client = Client::connect(target.addr(), &[(setting::INITIAL_WINDOW_SIZE, 0)]).await;
    client.send(&headers(1, &request("GET", "/hello"))).await;
    let frames = client.until(|frame| frame.status().is_some()).await;
    assert!(!frames.iter().any(|frame| frame.kind == kind::DATA), "DATA beyond a window of 0");
    for (opened, expected) in [(3, &b"hel"[..]), (1, b"l"), (1, b"o")] {
        client.send(&window_update(1, opened)).await;
        let frames = client.until(|frame| frame.kind == kind::DATA && !frame.payload.is_empty()).await;
        assert_eq!(frames.last().map(|frame| &frame.payload[..]), Some(expected));
    }
}

/// A window may become negative, and opens only above zero (RFC 9113 6.9.2).
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_settings_change_is_kept_exactly() {
    let target = Target::start().await;
    let mut client = Client::connect(target.addr(), &[(setting::INITIAL_WINDOW_SIZE, 3)]).await;
    client.send(&headers(1, &request("GET", "/hello"))).await;
    let frames = client.until(|frame| frame.kind == kind::DATA).await;
    assert_eq!(frames.last().map(|frame| &frame.payload[..]), Some(&b"hel"[..]));
    let narrower =
        [settings(&[(setting::INITIAL_WINDOW_SIZE, 2)]), window_update(1, 1), ping(b"narrower")].concat();
    client.send(&narrower).await;
    let frames = client.until(|frame| frame.kind == kind::PING).await;
    assert!(!frames.iter().any(|frame| frame.kind == kind::DATA), "DATA beyond a window of 0");
    client.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 4)])).await;
    let frames = client.until(|frame| frame.kind == kind::DATA).await;
    assert_eq!(frames.last().map(|frame| &frame.payload[..]), Some(&b"lo"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_stays_shut_pins_nothing_for_ever() {
    let target = Target::hasty().await;
    on_many_connections("windows that stay shut", &target, keep_windows_shut).await;
}

/// Asks on many streams and never opens a window. It answers every PING, so that only the stall itself can end it.
async fn keep_windows_shut(mut client: Client) {
    let streams = client.announced(setting::MAX_CONCURRENT_STREAMS).expect("a limit is announced").min(100);
    let asked = (0..streams).flat_map(|number| headers(number * 2 + 1, &request("GET", "/hello")));
    client
        .send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]).into_iter().chain(asked).collect::<Vec<_>>())
        .await;
    let mut ended = 0;
    while ended < streams {
        let Some(frame) = client.next().await else { return };
        answer_ping(&mut client, &frame).await;
        assert!(frame.kind != kind::DATA || frame.payload.is_empty(), "DATA beyond a window of 0");
        match frame.kind {
            kind::RST_STREAM => ended += 1,
            kind::GOAWAY => return,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_only_answers_pings_is_idle() {
    let target = Target::hasty().await;
    on_many_connections("PINGs answered and nothing asked", &target, only_answer_pings).await;
}

async fn only_answer_pings(mut client: Client) {
    while let Some(frame) = client.next().await {
        answer_ping(&mut client, &frame).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_never_read_stop_the_server_and_then_end() {
    let target = Target::hasty().await;
    let floods = [
        ("PING answers never read", ping(b"12345678")),
        ("SETTINGS answers never read", settings(&[])),
        ("resets never read", headers(1, &request_with("GET", "/hello", &[("connection", "a")]))),
    ];
    for (name, piece) in floods {
        let pieces: Arc<[u8]> = piece.repeat((64 << 10) / piece.len()).into();
        on_many_connections(name, &target, |client| send_and_never_read(client, pieces.clone())).await;
    }
}

/// Buffers on both sides take what they can; then the server must stop reading, and then give up.
async fn send_and_never_read(mut client: Client, pieces: Arc<[u8]>) {
    for _ in 0..1_024 {
        if !client.send(&pieces).await {
            return;
        }
    }
    panic!("the server took 64 MiB and never saw its answers read");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_the_connection_at_every_step() {
    let target = Target::hasty().await;
    let half_a_block = frame(kind::HEADERS, flag::END_STREAM, 1, &request("GET", "/hello"));
    let body_to_come =
        open_headers(1, &request_with("POST", "/echo", &[("content-type", "application/json")]));
    let start = [PREFACE, &settings(&[]), &frame(kind::SETTINGS, flag::ACK, 0, &[])].concat();
    let steps: [(&str, Vec<u8>); 7] = [
        ("nothing", Vec::new()),
        ("half a preface", PREFACE[..9].to_vec()),
        ("a preface", PREFACE.to_vec()),
        ("a preface and SETTINGS", [PREFACE, &settings(&[])].concat()),
        ("half a header block", [&start[..], &half_a_block].concat()),
        ("a request without its body", [&start[..], &body_to_come].concat()),
        ("a request that was answered", [&start[..], &headers(1, &request("GET", "/hello"))].concat()),
    ];
    for (name, bytes) in steps {
        under_watch(name, &target, 1, async || {
            let mut client = Client::silent(target.addr()).await;
            client.send(&bytes).await;
            let ended = timeout(LATE, client.until_it_ends()).await;
            let frames = ended.unwrap_or_else(|_| panic!("still open after {name}"));
            let error = frames.iter().filter(|frame| frame.kind == kind::GOAWAY).find_map(Frame::code);
            assert!(error.is_none_or(|code| code != code::FLOW_CONTROL_ERROR), "{name}: {error:?}");
        })
        .await;
    }
}

/// The answer to a PING of the server.
async fn answer_ping(client: &mut Client, asked: &Frame) {
    if asked.kind == kind::PING && !asked.has(flag::ACK) {
        client.send(&frame(kind::PING, flag::ACK, 0, &asked.payload)).await;
    }
}

/// Stalls on many connections at once; each stall must be over before it is late.
async fn on_many_connections<F>(name: &str, target: &Target, stall: impl Fn(Client) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = CONNECTIONS * soak_factor();
    under_watch(name, target, connections, async || {
        let mut stalls = Vec::new();
        for _ in 0..connections {
            let client = Client::connect_narrow(target.addr()).await;
            stalls.push(tokio::spawn(timeout(LATE, stall(client))));
        }
        for stall in stalls {
            let ended = stall.await.expect("a stalled client does not panic");
            assert!(ended.is_ok(), "{name}: the server still holds the connection");
        }
    })
    .await;
}
