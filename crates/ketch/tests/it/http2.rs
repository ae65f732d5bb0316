//! HTTP/2 under attack (N5, N6): the rows of `http2_cases` and `http2_field_cases`, and what needs a conversation.
//!
//! An attack must end in the error of RFC 9113 or in the end of the connection, while `watch` holds: honest clients
//! are served and the memory stays.
//!
//! Not here: stalls and silence (`http2_stalls`), the frames themselves (`http2_frames`).
//! Sources: RFC 9113; CVE-2023-44487 (rapid reset), CVE-2025-8671 (MadeYouReset), RUSTSEC-2024-0332 (CONTINUATION),
//! RUSTSEC-2026-0258 (small DATA), RFC 7541 section 7.3 (memory).

#[path = "http2_field_cases.rs"]
mod http2_field_cases;

use ketch::test::soak_factor;

use super::http2_cases::{self, Case, Expect};
use super::http2_frames::window_update;
use super::http2_frames::{
    self, Client, Frame, PREFACE, ask_honestly, code, data, field, flag, frame, headers, kind,
};
use super::http2_frames::{
    open_headers, ping, request, request_with, reset, setting, settings, stored_field,
};
use super::probe::Target;
use super::watch::under_watch;

/// Frames of one flood; times the soak factor.
const FLOOD: u32 = 10_000;

fn flood() -> u32 {
    FLOOD * u32::try_from(soak_factor()).expect("a small factor")
}

fn cases() -> Vec<Case> {
    [http2_cases::cases(), http2_field_cases::cases()].concat()
}

/// The client's streams, from the first.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| number * 2 + 1)
}

/// The header block of a request whose body is to come.
fn post() -> Vec<u8> {
    request_with("POST", "/echo", &[("content-type", "application/json")])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_ends_in_its_error() {
    let target = Target::start().await;
    let mut failures = Vec::new();
    for (name, sent, expect) in cases() {
        if let Err(reason) = judge(&target, &sent, expect).await {
            failures.push(format!("{name}: {reason}"));
        }
    }
    println!("N5: {} cases", cases().len());
    assert!(failures.is_empty(), "{} rows failed:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(target.hits(), 0, "a tail reached its handler");
}

async fn judge(target: &Target, sent: &[u8], expect: Expect) -> Result<(), String> {
    let mut client = Client::connect(target.addr(), &[]).await;
    client.send(sent).await;
    let resets = |frame: &Frame| frame.stream == 1 && frame.kind == kind::RST_STREAM;
    let settles =
        |frame: &Frame| frame.kind == kind::GOAWAY && frame.code() != Some(code::NO_ERROR) || resets(frame);
    let mut frames = match expect {
        Expect::Connection(_) => client.until_it_ends().await,
        Expect::Stream(_) => client.until(settles).await,
        Expect::Status(_) | Expect::Either(_) => {
            client.until(|frame| settles(frame) || frame.stream == 1 && frame.has(flag::END_STREAM)).await
        }
        Expect::Nothing => stays_open(&mut client).await?,
    };
    let status = frames.iter().find_map(Frame::status);
    let reset = frames.iter().find(|frame| resets(frame)).and_then(Frame::code);
    let gone = frames.iter().rev().find(|frame| frame.kind == kind::GOAWAY).and_then(Frame::code);
    let fits = match expect {
        // RFC 9113 5.4.1: GOAWAY is what a server SHOULD send; the end, which has come, is what it MUST.
        Expect::Connection(codes) => gone.is_none_or(|code| codes.contains(&code)),
        Expect::Stream(codes) => reset.or(gone).is_some_and(|code| codes.contains(&code)),
        Expect::Status(statuses) => status.is_some_and(|status| statuses.contains(&status)),
        Expect::Either(statuses) => match status {
            Some(status) => statuses.contains(&status),
            None => reset.or(gone) == Some(code::PROTOCOL_ERROR),
        },
        Expect::Nothing => reset.or(gone).is_none(),
    };
    if !fits {
        return Err(format!("not {expect:?}, but {}", describe(&frames)));
    }
    if matches!(expect, Expect::Stream(_)) && gone.is_none() {
        frames = stays_open(&mut client).await?;
        if frames.iter().any(|frame| frame.kind == kind::GOAWAY) {
            return Err(format!("the other streams were ended too: {}", describe(&frames)));
        }
    }
    ask_honestly(target.addr()).await
}

/// Two rounds of PING: by the second answer, whatever the first frames led to has been written.
async fn stays_open(client: &mut Client) -> Result<Vec<Frame>, String> {
    let mut frames = Vec::new();
    for round in [b"round  1", b"round  2"] {
        client.send(&ping(round)).await;
        frames.extend(client.until(|frame| frame.kind == kind::PING && frame.payload == round).await);
        if frames.last().is_none_or(|last| last.kind != kind::PING) {
            return Err(format!("the connection ended: {}", describe(&frames)));
        }
    }
    Ok(frames)
}

/// Frames in few words: kind, stream, code or status.
fn describe(frames: &[Frame]) -> String {
    let words = frames.iter().map(|frame| match (frame.code(), frame.status()) {
        (Some(code), _) => format!("kind {} stream {} code {code}", frame.kind, frame.stream),
        (_, Some(status)) => format!("stream {} status {status}", frame.stream),
        _ => format!("kind {} stream {}", frame.kind, frame.stream),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Sends an attack, and gives back the code of the GOAWAY that ends it.
async fn ends_with(target: &Target, attack: &[u8]) -> Option<u32> {
    let mut client = Client::connect(target.addr(), &[]).await;
    client.send(attack).await;
    let frames = client.until_it_ends().await;
    frames.iter().filter(|frame| frame.kind == kind::GOAWAY).find_map(Frame::code)
}

/// Splits a header block over HEADERS and CONTINUATION.
fn split(stream: u32, block: &[u8], piece: usize) -> Vec<u8> {
    let last = block.len().div_ceil(piece) - 1;
    let frames = block.chunks(piece).enumerate().map(|(number, part)| {
        let kind = if number == 0 { kind::HEADERS } else { kind::CONTINUATION };
        let ends = if number == 0 { flag::END_STREAM } else { flag::NONE };
        frame(kind, if number == last { ends | flag::END_HEADERS } else { ends }, stream, part)
    });
    frames.flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_are_announced() {
    let target = Target::start().await;
    let client = Client::connect(target.addr(), &[]).await;
    let announced = |name| client.announced(name).unwrap_or(u32::MAX);
    assert!((1..=1_000).contains(&announced(setting::MAX_CONCURRENT_STREAMS)));
    assert!((8 << 10..=128 << 10).contains(&announced(setting::MAX_HEADER_LIST_SIZE)));
    assert!(client.announced(setting::MAX_FRAME_SIZE).is_none_or(|size| size <= 1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_preface_is_refused() {
    let target = Target::start().await;
    let wrong: [&[u8]; 5] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        b"PRI * HTTP/2.0\r\nHost: probe\r\n\r\n",
        b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n",
        &[0, 0, 0, 4, 0, 0, 0, 0, 0, b'\r', b'\n', b'\r', b'\n'],
    ];
    for bytes in wrong {
        let mut connection = super::raw::Connection::open(target.addr()).await;
        connection.send(bytes, super::raw::Pace::Whole).await;
        let reply = connection.reply(false).await;
        assert!(reply.is_none_or(|reply| matches!(reply.status, 400 | 505)), "after {bytes:?}");
        assert!(connection.replies_to_the_end().await.is_empty(), "the connection went on after {bytes:?}");
    }
    ask_honestly(target.addr()).await.expect("the server still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preface_and_frames_may_come_byte_by_byte() {
    let target = Target::start().await;
    let mut client = Client::silent(target.addr()).await;
    let bytes = [PREFACE, &settings(&[]), &headers(1, &request("GET", "/hello"))].concat();
    for byte in bytes.chunks(1) {
        assert!(client.send(byte).await);
    }
    let frames = client.until(|frame| frame.stream == 1 && frame.has(flag::END_STREAM)).await;
    assert_eq!(frames.iter().find_map(Frame::status), Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_list_above_the_limit_is_answered_431() {
    let target = Target::start().await;
    let limit = Client::connect(target.addr(), &[]).await.announced(setting::MAX_HEADER_LIST_SIZE);
    let above = limit.expect("a limit is announced") as usize * 3 / 2;
    let one = field("a", &"b".repeat(above));
    // An entry counts 32 bytes more than its text (RFC 9113 6.5.2).
    let many: Vec<u8> = (0..above / 40).flat_map(|number| field(&format!("a{number:04}"), "b")).collect();
    for fields in [one, many] {
        let block = [request("GET", "/hello"), fields].concat();
        let mut client = Client::connect(target.addr(), &[]).await;
        client.send(&split(1, &block, 16_000)).await;
        let frames = client.until(|frame| frame.status().is_some() || frame.code().is_some()).await;
        assert_eq!(frames.iter().find_map(Frame::status), Some(431), "{}", describe(&frames));
    }
    ask_honestly(target.addr()).await.expect("the server still serves");
}

#[tokio::test(flavor = "multi_thread")]
async fn header_lists_far_above_the_limit_end_the_connection() {
    let target = Target::start().await;
    let wide = field("a", &"b".repeat(4 << 20));
    let many: Vec<u8> = (0..100_000).flat_map(|number| field(&format!("a{number}"), "b")).collect();
    let empty = field("a", "").repeat(100_000);
    // Each byte behind the stored field stands for all of it: 16 KiB of frame become 60 MiB of fields.
    let bomb = [stored_field("a", &"b".repeat(3_900)), vec![0xbe; 16_000]].concat();
    let bombs = [stored_field("a", &"b".repeat(3_900)), vec![0xbe; 60_000]].concat();
    for (name, fields) in [("wide", wide), ("many", many), ("empty", empty), ("bomb", bomb), ("bombs", bombs)]
    {
        let attack = split(1, &[request("GET", "/hello"), fields].concat(), 16_000);
        under_watch(name, &target, 1, async || {
            let ended = ends_with(&target, &attack).await;
            let calm = [code::ENHANCE_YOUR_CALM, code::COMPRESSION_ERROR, code::PROTOCOL_ERROR];
            assert!(ended.is_none_or(|code| calm.contains(&code)), "{name}: {ended:?}");
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_continuations_ends_the_connection() {
    let target = Target::start().await;
    let begun = frame(kind::HEADERS, flag::END_STREAM, 1, &request("GET", "/hello"));
    for (name, part) in [("empty", Vec::new()), ("filled", field("a", "b")), ("half a field", vec![0])] {
        let more = frame(kind::CONTINUATION, flag::NONE, 1, &part).repeat(flood() as usize);
        under_watch(name, &target, 1, async || {
            let ended = ends_with(&target, &[&begun[..], &more].concat()).await;
            let calm = [code::ENHANCE_YOUR_CALM, code::COMPRESSION_ERROR, code::PROTOCOL_ERROR];
            assert!(ended.is_none_or(|code| calm.contains(&code)), "{name}: {ended:?}");
        })
        .await;
    }
    println!("N6: {} CONTINUATION frames", flood());
}

/// A flood, and the code that must end it.
fn floods_that_end() -> Vec<(&'static str, Vec<u8>)> {
    let each = |frames: &dyn Fn(u32) -> Vec<u8>| streams(flood()).flat_map(frames).collect::<Vec<u8>>();
    let get = request("GET", "/hello");
    let open = open_headers(1, &post());
    let most = (1 << 31) - 1;
    vec![
        ("rapid reset", each(&|id| [headers(id, &get), reset(id, 8)].concat())),
        ("rapid reset of open streams", each(&|id| [open_headers(id, &post()), reset(id, 8)].concat())),
        (
            "made to reset by a window overflow",
            each(&|id| [open_headers(id, &post()), window_update(id, most)].concat()),
        ),
        (
            "made to reset by a window of 0",
            each(&|id| [open_headers(id, &post()), window_update(id, 0)].concat()),
        ),
        (
            "made to reset by DATA after the end",
            each(&|id| [headers(id, &get), data(flag::NONE, id, b"1")].concat()),
        ),
        (
            "made to reset by malformed fields",
            each(&|id| headers(id, &request_with("GET", "/hello", &[("connection", "a")]))),
        ),
        (
            "made to reset by a length",
            each(&|id| headers(id, &request_with("GET", "/hello", &[("content-length", "1")]))),
        ),
        ("empty DATA", [open.clone(), data(flag::NONE, 1, b"").repeat(flood() as usize)].concat()),
        (
            "DATA of padding",
            [open, frame(kind::DATA, flag::PADDED, 1, &[0]).repeat(flood() as usize)].concat(),
        ),
        ("streams above the limit", streams(flood()).flat_map(|id| open_headers(id, &post())).collect()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_resets_and_empty_frames_end_the_connection() {
    let target = Target::start().await;
    for (name, attack) in floods_that_end() {
        under_watch(name, &target, 1, async || {
            let ended = ends_with(&target, &attack).await;
            let calm = [code::ENHANCE_YOUR_CALM, code::PROTOCOL_ERROR, code::STREAM_CLOSED];
            assert!(ended.is_none_or(|code| calm.contains(&code)), "{name}: {ended:?}");
        })
        .await;
    }
    println!("N6: {} floods of {} frames or streams", floods_that_end().len(), flood());
}

/// Floods of frames that are each allowed: answering them all and ending the connection are both right.
#[tokio::test(flavor = "multi_thread")]
async fn floods_of_allowed_frames_are_borne_or_ended() {
    let target = Target::start().await;
    let count = flood() as usize;
    let floods = [
        ("PING", ping(b"12345678").repeat(count)),
        ("PING acknowledged", frame(kind::PING, flag::ACK, 0, b"12345678").repeat(count)),
        ("SETTINGS", settings(&[]).repeat(count)),
        (
            "SETTINGS that resize",
            [settings(&[(setting::HEADER_TABLE_SIZE, 0)]), settings(&[(setting::HEADER_TABLE_SIZE, 4_096)])]
                .concat()
                .repeat(count / 2),
        ),
        (
            "SETTINGS of 2,730 values",
            settings(&[(setting::INITIAL_WINDOW_SIZE, 1); 2_730]).repeat(count / 100),
        ),
        (
            "PRIORITY",
            streams(flood()).flat_map(|id| frame(kind::PRIORITY, 0, id, &[0, 0, 0, 0, 1])).collect(),
        ),
        ("WINDOW_UPDATE", window_update(0, 1).repeat(count)),
        ("unknown frames", frame(0x16, 0, 0, &[0; 1_000]).repeat(count)),
        (
            "requests one after the other",
            streams(flood()).flat_map(|id| headers(id, &request("GET", "/no"))).collect(),
        ),
    ];
    for (name, attack) in floods {
        under_watch(name, &target, 1, async || bear(&target, name, &attack).await).await;
    }
    println!("N6: {count} frames each");
}

/// Sends and reads at once, as an attacker would who does not want to be noticed.
async fn bear(target: &Target, name: &str, attack: &[u8]) {
    let mut client = Client::connect(target.addr(), &[]).await;
    for part in attack.chunks(16 << 10) {
        if !client.send(part).await {
            break;
        }
        client.read_what_is_there();
    }
    client.send(&ping(b"the last")).await;
    let frames = client.until(|frame| frame.kind == kind::PING && frame.payload == b"the last").await;
    let error = frames.iter().filter(|frame| frame.kind == kind::GOAWAY).find_map(Frame::code);
    assert!(error.is_none_or(|code| code == code::ENHANCE_YOUR_CALM), "{name}: {error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_above_the_limit_are_refused_and_the_others_served() {
    let target = Target::start().await;
    let mut client = Client::connect(target.addr(), &[]).await;
    let limit = client.announced(setting::MAX_CONCURRENT_STREAMS).expect("a limit is announced");
    let all: Vec<u8> = streams(limit + 8).flat_map(|id| open_headers(id, &post())).collect();
    client.send(&all).await;
    for refused in streams(limit + 8).skip(limit as usize) {
        let frames = client.until(|frame| frame.stream == refused).await;
        let code = frames.last().and_then(Frame::code);
        assert!(
            matches!(code, Some(code::REFUSED_STREAM | code::PROTOCOL_ERROR)),
            "stream {refused}: {}",
            describe(&frames)
        );
    }
    for served in [1, limit * 2 - 1] {
        client.send(&data(flag::END_STREAM, served, b"1")).await;
        let frames = client.until(|frame| frame.stream == served && frame.has(flag::END_STREAM)).await;
        assert_eq!(
            frames.iter().find_map(Frame::status),
            Some(200),
            "stream {served}: {}",
            describe(&frames)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_limit_is_answered_413() {
    let target = Target::start().await;
    under_watch("a body without end", &target, 1, async || {
        let mut client = Client::connect(target.addr(), &[]).await;
        client.send(&open_headers(1, &post())).await;
        for sent in (0..64 << 20).step_by(16_000) {
            // The window is the server's to open: what it does not read is never sent.
            let frames = client.wait_for_window(sent + 16_000).await;
            if let Some(status) = frames.iter().find_map(Frame::status) {
                assert_eq!(status, 413, "{}", describe(&frames));
                return;
            }
            assert!(frames.iter().all(|frame| frame.code().is_none()), "{}", describe(&frames));
            client.send(&data(flag::NONE, 1, &[b' '; 16_000])).await;
        }
        panic!("the server took 64 MiB of one body");
    })
    .await;
}
