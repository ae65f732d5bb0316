//! The table of HTTP/2 frames that break a rule, or look as if they did (N5).
//!
//! The names begin with the section of RFC 9113 (or `HPACK` and the section of RFC 7541) whose rule it is, in the
//! order of the h2spec suite, whose cases these are. Not here: what needs a conversation or a flood (`http2`).
//!
//! Where a row allows several codes, the RFC names the first and the others are what the h2 crate says instead; RFC
//! 9113 5.4 leaves a receiver nothing to do with the difference.

use super::http2_frames::{
    code::*, data, field, flag, frame, go_away, headers, kind, open_headers, ping, request,
};
use super::http2_frames::{request_with, reset, setting, settings, window_update};

/// What may come back. A stream error may always be made a connection error (RFC 9113 5.4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// GOAWAY with one of these codes, and the end of the connection.
    Connection(&'static [u32]),
    /// RST_STREAM on stream 1 with one of these codes, and the connection goes on.
    Stream(&'static [u32]),
    /// A response on stream 1 with one of these statuses.
    Status(&'static [u16]),
    /// A stream error PROTOCOL_ERROR by the RFC. The h2 crate lets it pass, so our code may answer with one of these.
    Either(&'static [u16]),
    /// No error at all.
    Nothing,
}

use Expect::{Connection, Either, Nothing, Status, Stream};

/// One row: its name, the frames after the preface and the settings, and what may come back.
pub(crate) type Case = (&'static str, Vec<u8>, Expect);

const PROTOCOL: Expect = Connection(&[PROTOCOL_ERROR]);
pub(crate) const MALFORMED: Expect = Stream(&[PROTOCOL_ERROR]);
const SIZE: Expect = Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
const CLOSED: Expect = Stream(&[STREAM_CLOSED, PROTOCOL_ERROR]);
pub(crate) const COMPRESSION: Expect = Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR]);

pub(crate) fn cases() -> Vec<Case> {
    [frames(), states(), of_data(), of_headers(), of_control(), of_settings(), windows(), continuations()]
        .concat()
}

/// A whole request on stream 1.
fn get() -> Vec<u8> {
    headers(1, &request("GET", "/hello"))
}

/// A request on stream 1 whose body is to come.
fn post() -> Vec<u8> {
    open_headers(1, &request_with("POST", "/echo", &[("content-type", "application/json")]))
}

/// HEADERS whose block is to go on.
fn begun(stream: u32) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_STREAM, stream, &request("GET", "/hello"))
}

fn both(first: Vec<u8>, second: Vec<u8>) -> Vec<u8> {
    [first, second].concat()
}

/// Sections 4 and 5.5: sizes, and what is not known.
fn frames() -> Vec<Case> {
    vec![
        ("4.1 frame of an unknown kind", frame(0x16, 0, 0, b"12345678"), Nothing),
        ("4.1 flags that are not defined", frame(kind::PING, 0x16, 0, b"12345678"), Nothing),
        ("4.1 reserved bit set", frame(kind::PING, 0, 1 << 31, b"12345678"), Nothing),
        ("4.2 DATA of the largest size", both(post(), data(0, 1, &[b' '; 16_384])), Nothing),
        ("4.2 DATA beyond it", both(post(), data(0, 1, &[b' '; 16_385])), Connection(&[FRAME_SIZE_ERROR])),
        (
            "4.2 HEADERS beyond it",
            headers(1, &request_with("GET", "/hello", &[("a", &"b".repeat(16_384))])),
            Connection(&[FRAME_SIZE_ERROR]),
        ),
        (
            "4.2 frame of an unknown kind beyond it",
            frame(0x16, 0, 0, &[0; 16_385]),
            Connection(&[FRAME_SIZE_ERROR]),
        ),
        ("4.3 header block that is no HPACK", headers(1, &[0x40, 0x05]), COMPRESSION),
        (
            "4.3 PRIORITY inside a header block",
            both(begun(1), frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 255])),
            PROTOCOL,
        ),
        ("4.3 PING inside a header block", both(begun(1), ping(b"12345678")), PROTOCOL),
        (
            "4.3 HEADERS of another stream inside a header block",
            both(begun(1), headers(3, &request("GET", "/hello"))),
            PROTOCOL,
        ),
        ("5.5 unknown frame inside a header block", both(begun(1), frame(0x16, 0, 0, b"12345678")), PROTOCOL),
    ]
}

/// Section 5.1: what each state of a stream takes.
fn states() -> Vec<Case> {
    let trailers = headers(1, &field("a", "b"));
    let ended = both(post(), data(flag::END_STREAM, 1, b"1"));
    vec![
        ("5.1 idle: DATA", data(flag::END_STREAM, 1, b"a"), Connection(&[PROTOCOL_ERROR, STREAM_CLOSED])),
        ("5.1 idle: RST_STREAM", reset(1, NO_ERROR), PROTOCOL),
        ("5.1 idle: WINDOW_UPDATE", window_update(1, 100), PROTOCOL),
        (
            "5.1 idle: CONTINUATION",
            frame(kind::CONTINUATION, flag::END_HEADERS, 1, &request("GET", "/hello")),
            PROTOCOL,
        ),
        ("5.1 half-closed: DATA", both(ended.clone(), data(flag::END_STREAM, 1, b"1")), CLOSED),
        ("5.1 half-closed: HEADERS", both(ended.clone(), trailers.clone()), CLOSED),
        (
            "5.1 half-closed: CONTINUATION",
            both(ended, frame(kind::CONTINUATION, flag::END_HEADERS, 1, &field("a", "b"))),
            PROTOCOL,
        ),
        ("5.1 reset: DATA", both(both(post(), reset(1, NO_ERROR)), data(flag::END_STREAM, 1, b"1")), CLOSED),
        ("5.1 reset: HEADERS", both(both(post(), reset(1, NO_ERROR)), trailers), CLOSED),
        ("5.1 reset: WINDOW_UPDATE", both(both(post(), reset(1, NO_ERROR)), window_update(1, 1)), Nothing),
        ("5.1 reset: RST_STREAM", both(both(post(), reset(1, NO_ERROR)), reset(1, NO_ERROR)), Nothing),
        ("5.1.1 even stream", headers(2, &request("GET", "/hello")), PROTOCOL),
        (
            "5.1.1 stream below the last",
            both(headers(5, &request("GET", "/hello")), headers(3, &request("GET", "/hello"))),
            PROTOCOL,
        ),
        ("5.1.1 the last stream there is", headers((1 << 31) - 1, &request("GET", "/hello")), Nothing),
    ]
}

/// Section 6.1, and what 8.1.1 says of lengths: DATA.
fn of_data() -> Vec<Case> {
    let padded = |flags: u8, payload: &[u8]| frame(kind::DATA, flag::PADDED | flags, 1, payload);
    let last = |payload: &[u8]| data(flag::END_STREAM, 1, payload);
    let json = ("content-type", "application/json");
    let sized = |length: &str| request_with("POST", "/echo", &[json, ("content-length", length)]);
    let two = both(sized("1"), field("content-length", "2"));
    vec![
        ("6.1 on stream 0", data(flag::END_STREAM, 0, b"1"), PROTOCOL),
        ("6.1 more padding than frame", both(post(), padded(flag::END_STREAM, &[200, b'1', 0])), PROTOCOL),
        ("6.1 padding", both(post(), padded(flag::END_STREAM, b"\x031\0\0\0")), Status(&[200])),
        ("6.1 padding only", [post(), padded(flag::NONE, &[255; 256]), last(b"1")].concat(), Status(&[200])),
        ("8.1.1 content-length above the DATA", both(open_headers(1, &sized("2")), last(b"1")), MALFORMED),
        ("8.1.1 content-length below the DATA", both(open_headers(1, &sized("1")), last(b"12")), MALFORMED),
        (
            "8.1.1 below both DATA",
            [open_headers(1, &sized("1")), data(0, 1, b"1"), last(b"2")].concat(),
            MALFORMED,
        ),
        ("8.1.1 content-length without DATA", headers(1, &sized("1")), MALFORMED),
        ("8.1.1 content-length of no digits", open_headers(1, &sized("+1")), MALFORMED),
        ("8.1.1 two different content-lengths", open_headers(1, &two), MALFORMED),
    ]
}

/// Sections 6.2 and 8.1: HEADERS.
fn of_headers() -> Vec<Case> {
    let whole = |flags: u8, payload: &[u8]| {
        frame(kind::HEADERS, flags | flag::END_HEADERS | flag::END_STREAM, 1, payload)
    };
    let weighed = both(vec![0, 0, 0, 0, 255], request("GET", "/hello"));
    let begun = both(post(), data(0, 1, b"1"));
    vec![
        ("6.2 on stream 0", headers(0, &request("GET", "/hello")), PROTOCOL),
        ("6.2 more padding than frame", whole(flag::PADDED, &[200, 0]), PROTOCOL),
        ("6.2 priority", whole(flag::PRIORITY, &weighed), Status(&[200])),
        ("6.2 too short for a priority", whole(flag::PRIORITY, &[0, 0, 0]), SIZE),
        (
            "8.1 second HEADERS that do not end the stream",
            both(post(), open_headers(1, &field("a", "b"))),
            MALFORMED,
        ),
        ("8.1 trailers", both(begun.clone(), headers(1, &field("checksum", "1"))), Status(&[200])),
        (
            "8.1 pseudo field in trailers",
            both(begun, headers(1, &field(":path", "/smuggled"))),
            Either(&[200, 400]),
        ),
    ]
}

/// Sections 6.3, 6.4, 6.6, 6.7 and 6.8: PRIORITY, RST_STREAM, PUSH_PROMISE, PING, GOAWAY.
fn of_control() -> Vec<Case> {
    vec![
        ("6.3 PRIORITY on stream 0", frame(kind::PRIORITY, 0, 0, &[0, 0, 0, 1, 255]), PROTOCOL),
        ("6.3 PRIORITY of a wrong length", frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0]), SIZE),
        ("6.3 PRIORITY of an idle stream", frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 255]), Nothing),
        ("6.4 RST_STREAM on stream 0", reset(0, NO_ERROR), PROTOCOL),
        ("6.4 RST_STREAM of a wrong length", both(post(), frame(kind::RST_STREAM, 0, 1, &[0, 0, 0])), SIZE),
        (
            "6.6 PUSH_PROMISE of a client",
            both(
                post(),
                frame(
                    kind::PUSH_PROMISE,
                    flag::END_HEADERS,
                    1,
                    &both(vec![0, 0, 0, 3], request("GET", "/hello")),
                ),
            ),
            PROTOCOL,
        ),
        ("6.7 PING on a stream", frame(kind::PING, 0, 1, b"12345678"), PROTOCOL),
        ("6.7 PING of a wrong length", frame(kind::PING, 0, 0, b"123456"), SIZE),
        ("6.7 PING acknowledged that was never sent", frame(kind::PING, flag::ACK, 0, b"invalid!"), Nothing),
        ("6.8 GOAWAY on a stream", frame(kind::GOAWAY, 0, 1, &[0; 8]), PROTOCOL),
        ("6.8 GOAWAY, nothing open", go_away(0, NO_ERROR), Connection(&[NO_ERROR])),
        ("6.8 GOAWAY, then a request in flight ends", both(get(), go_away(0, NO_ERROR)), Status(&[200])),
    ]
}

/// Section 6.5: SETTINGS.
fn of_settings() -> Vec<Case> {
    let with = |name: u16, value: u32| settings(&[(name, value)]);
    vec![
        ("6.5 acknowledgement with a payload", frame(kind::SETTINGS, flag::ACK, 0, &[0; 6]), SIZE),
        ("6.5 SETTINGS on a stream", frame(kind::SETTINGS, 0, 1, &[0, 3, 0, 0, 0, 1]), PROTOCOL),
        ("6.5 SETTINGS of a wrong length", frame(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0]), SIZE),
        ("6.5.2 ENABLE_PUSH 2", with(setting::ENABLE_PUSH, 2), PROTOCOL),
        (
            "6.5.2 INITIAL_WINDOW_SIZE 2^31",
            with(setting::INITIAL_WINDOW_SIZE, 1 << 31),
            Connection(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR]),
        ),
        ("6.5.2 MAX_FRAME_SIZE too small", with(setting::MAX_FRAME_SIZE, 16_383), PROTOCOL),
        ("6.5.2 MAX_FRAME_SIZE too large", with(setting::MAX_FRAME_SIZE, 1 << 24), PROTOCOL),
        ("6.5.2 unknown setting", with(0xff, 1), Nothing),
        (
            "6.5.2 HEADER_TABLE_SIZE of 4 GiB",
            both(with(setting::HEADER_TABLE_SIZE, u32::MAX), get()),
            Status(&[200]),
        ),
        ("6.5.2 HEADER_TABLE_SIZE 0", both(with(setting::HEADER_TABLE_SIZE, 0), get()), Status(&[200])),
        (
            "6.5.2 MAX_CONCURRENT_STREAMS 0",
            both(with(setting::MAX_CONCURRENT_STREAMS, 0), get()),
            Status(&[200]),
        ),
        (
            "6.5.3 one setting twice, the last counts",
            both(
                settings(&[(setting::INITIAL_WINDOW_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 65_535)]),
                get(),
            ),
            Status(&[200]),
        ),
    ]
}

/// Section 6.9: WINDOW_UPDATE.
fn windows() -> Vec<Case> {
    let most = (1 << 31) - 1;
    vec![
        ("6.9 WINDOW_UPDATE of 0 on the connection", window_update(0, 0), PROTOCOL),
        ("6.9 WINDOW_UPDATE of 0 on a stream", both(post(), window_update(1, 0)), MALFORMED),
        ("6.9 WINDOW_UPDATE of a wrong length", frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1]), SIZE),
        (
            "6.9.1 window of the connection above 2^31-1",
            both(window_update(0, most), window_update(0, most)),
            Connection(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "6.9.1 window of a stream above 2^31-1",
            both(post(), window_update(1, most)),
            Stream(&[FLOW_CONTROL_ERROR]),
        ),
        (
            "6.9.2 settings that push a window above 2^31-1",
            both(
                both(post(), window_update(1, most - 65_535)),
                settings(&[(setting::INITIAL_WINDOW_SIZE, most)]),
            ),
            Connection(&[FLOW_CONTROL_ERROR]),
        ),
    ]
}

/// Section 6.10: CONTINUATION.
fn continuations() -> Vec<Case> {
    let more = |flags: u8, stream: u32| frame(kind::CONTINUATION, flags, stream, &field("a", "b"));
    vec![
        (
            "6.10 several CONTINUATION frames",
            both(begun(1), both(more(0, 1), more(flag::END_HEADERS, 1))),
            Status(&[200]),
        ),
        ("6.10 after the end of the block", both(get(), more(flag::END_HEADERS, 1)), PROTOCOL),
        ("6.10 on stream 0", both(begun(1), more(flag::END_HEADERS, 0)), PROTOCOL),
        ("6.10 on another stream", both(begun(1), more(flag::END_HEADERS, 3)), PROTOCOL),
        (
            "6.10 after a CONTINUATION that ended the block",
            both(begun(1), both(more(flag::END_HEADERS, 1), more(flag::END_HEADERS, 1))),
            PROTOCOL,
        ),
        ("6.10 after DATA", both(both(post(), data(0, 1, b"1")), more(flag::END_HEADERS, 1)), PROTOCOL),
    ]
}
