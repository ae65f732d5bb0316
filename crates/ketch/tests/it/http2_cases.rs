//! The table of HTTP/2 frames that break a rule, or look as if they did (N5).
//!
//! The names begin with the section of RFC 9113 (or `HPACK` and the section of RFC 7541) whose rule it is, in the
//! order of the h2spec suite, whose cases these are. Not here: what needs a conversation or a flood (`http2`).
//!
//! Where a row allows several codes, the RFC names the first and the others are what the h2 crate says instead; RFC
//! 9113 5.4 leaves a receiver nothing to do with the difference.

use super::http2_frames::{code::*, data, field, flag, frame, go_away, headers, integer, kind, open_headers, ping, request};
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
const MALFORMED: Expect = Stream(&[PROTOCOL_ERROR]);
const SIZE: Expect = Connection(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
const CLOSED: Expect = Stream(&[STREAM_CLOSED, PROTOCOL_ERROR]);
const COMPRESSION: Expect = Connection(&[COMPRESSION_ERROR, PROTOCOL_ERROR]);

pub(crate) fn cases() -> Vec<Case> {
    [frames(), states(), of_data_and_headers(), of_control(), of_settings(), windows(), continuations(), pseudo_fields(), fields(), hpack()].concat()
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
        ("4.2 HEADERS beyond it", headers(1, &request_with("GET", "/hello", &[("a", &"b".repeat(16_384))])), Connection(&[FRAME_SIZE_ERROR])),
        ("4.2 frame of an unknown kind beyond it", frame(0x16, 0, 0, &[0; 16_385]), Connection(&[FRAME_SIZE_ERROR])),
        ("4.3 header block that is no HPACK", headers(1, &[0x40, 0x05]), COMPRESSION),
        ("4.3 PRIORITY inside a header block", both(begun(1), frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 0, 255])), PROTOCOL),
        ("4.3 PING inside a header block", both(begun(1), ping(b"12345678")), PROTOCOL),
        ("4.3 HEADERS of another stream inside a header block", both(begun(1), headers(3, &request("GET", "/hello"))), PROTOCOL),
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
        ("5.1 idle: CONTINUATION", frame(kind::CONTINUATION, flag::END_HEADERS, 1, &request("GET", "/hello")), PROTOCOL),
        ("5.1 half-closed: DATA", both(ended.clone(), data(flag::END_STREAM, 1, b"1")), CLOSED),
        ("5.1 half-closed: HEADERS", both(ended.clone(), trailers.clone()), CLOSED),
        ("5.1 half-closed: CONTINUATION", both(ended, frame(kind::CONTINUATION, flag::END_HEADERS, 1, &field("a", "b"))), PROTOCOL),
        ("5.1 reset: DATA", both(both(post(), reset(1, NO_ERROR)), data(flag::END_STREAM, 1, b"1")), CLOSED),
        ("5.1 reset: HEADERS", both(both(post(), reset(1, NO_ERROR)), trailers), CLOSED),
        ("5.1 reset: WINDOW_UPDATE", both(both(post(), reset(1, NO_ERROR)), window_update(1, 1)), Nothing),
        ("5.1 reset: RST_STREAM", both(both(post(), reset(1, NO_ERROR)), reset(1, NO_ERROR)), Nothing),
        ("5.1.1 even stream", headers(2, &request("GET", "/hello")), PROTOCOL),
        ("5.1.1 stream below the last", both(headers(5, &request("GET", "/hello")), headers(3, &request("GET", "/hello"))), PROTOCOL),
        ("5.1.1 the last stream there is", headers((1 << 31) - 1, &request("GET", "/hello")), Nothing),
    ]
}

/// Sections 6.1 to 6.2 and 8.1: DATA and HEADERS.
fn of_data_and_headers() -> Vec<Case> {
    let padded = |flags: u8, stream: u32| frame(kind::DATA, flag::PADDED | flags, stream, &[200, b'1', 0]);
    let sized = |length: &str| request_with("POST", "/echo", &[("content-type", "application/json"), ("content-length", length)]);
    vec![
        ("6.1 DATA on stream 0", data(flag::END_STREAM, 0, b"1"), PROTOCOL),
        ("6.1 DATA with more padding than frame", both(post(), padded(flag::END_STREAM, 1)), PROTOCOL),
        ("6.1 DATA with padding", both(post(), frame(kind::DATA, flag::PADDED | flag::END_STREAM, 1, b"\x031\0\0\0")), Status(&[200])),
        ("6.1 DATA that is padding only", both(both(post(), frame(kind::DATA, flag::PADDED, 1, &[255; 256])), data(flag::END_STREAM, 1, b"1")), Status(&[200])),
        ("6.2 HEADERS on stream 0", headers(0, &request("GET", "/hello")), PROTOCOL),
        ("6.2 HEADERS with more padding than frame", frame(kind::HEADERS, flag::PADDED | flag::END_HEADERS | flag::END_STREAM, 1, &[200, 0]), PROTOCOL),
        ("6.2 HEADERS with priority", frame(kind::HEADERS, flag::PRIORITY | flag::END_HEADERS | flag::END_STREAM, 1, &both(vec![0, 0, 0, 0, 255], request("GET", "/hello"))), Status(&[200])),
        ("6.2 HEADERS too short for their priority", frame(kind::HEADERS, flag::PRIORITY | flag::END_HEADERS | flag::END_STREAM, 1, &[0, 0, 0]), SIZE),
        ("8.1 second HEADERS that do not end the stream", both(post(), open_headers(1, &field("a", "b"))), MALFORMED),
        ("8.1 trailers", both(both(post(), data(0, 1, b"1")), headers(1, &field("checksum", "1"))), Status(&[200])),
        ("8.1 pseudo field in trailers", both(both(post(), data(0, 1, b"1")), headers(1, &field(":path", "/smuggled"))), Either(&[200, 400])),
        ("8.1.1 content-length above the DATA", both(open_headers(1, &sized("2")), data(flag::END_STREAM, 1, b"1")), MALFORMED),
        ("8.1.1 content-length below the DATA", both(open_headers(1, &sized("1")), data(flag::END_STREAM, 1, b"12")), MALFORMED),
        ("8.1.1 content-length below several DATA", both(open_headers(1, &sized("1")), both(data(0, 1, b"1"), data(flag::END_STREAM, 1, b"2"))), MALFORMED),
        ("8.1.1 content-length without DATA", headers(1, &sized("1")), MALFORMED),
        ("8.1.1 content-length of no digits", open_headers(1, &sized("+1")), MALFORMED),
        ("8.1.1 two different content-lengths", open_headers(1, &both(sized("1"), field("content-length", "2"))), MALFORMED),
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
        ("6.6 PUSH_PROMISE of a client", both(post(), frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &both(vec![0, 0, 0, 3], request("GET", "/hello")))), PROTOCOL),
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
        ("6.5.2 INITIAL_WINDOW_SIZE 2^31", with(setting::INITIAL_WINDOW_SIZE, 1 << 31), Connection(&[FLOW_CONTROL_ERROR, PROTOCOL_ERROR])),
        ("6.5.2 MAX_FRAME_SIZE too small", with(setting::MAX_FRAME_SIZE, 16_383), PROTOCOL),
        ("6.5.2 MAX_FRAME_SIZE too large", with(setting::MAX_FRAME_SIZE, 1 << 24), PROTOCOL),
        ("6.5.2 unknown setting", with(0xff, 1), Nothing),
        ("6.5.2 HEADER_TABLE_SIZE of 4 GiB", both(with(setting::HEADER_TABLE_SIZE, u32::MAX), get()), Status(&[200])),
        ("6.5.2 HEADER_TABLE_SIZE 0", both(with(setting::HEADER_TABLE_SIZE, 0), get()), Status(&[200])),
        ("6.5.2 MAX_CONCURRENT_STREAMS 0", both(with(setting::MAX_CONCURRENT_STREAMS, 0), get()), Status(&[200])),
        ("6.5.3 one setting twice, the last counts", both(settings(&[(setting::INITIAL_WINDOW_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 65_535)]), get()), Status(&[200])),
    ]
}

/// Section 6.9: WINDOW_UPDATE.
fn windows() -> Vec<Case> {
    let most = (1 << 31) - 1;
    vec![
        ("6.9 WINDOW_UPDATE of 0 on the connection", window_update(0, 0), PROTOCOL),
        ("6.9 WINDOW_UPDATE of 0 on a stream", both(post(), window_update(1, 0)), MALFORMED),
        ("6.9 WINDOW_UPDATE of a wrong length", frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1]), SIZE),
        ("6.9.1 window of the connection above 2^31-1", both(window_update(0, most), window_update(0, most)), Connection(&[FLOW_CONTROL_ERROR])),
        ("6.9.1 window of a stream above 2^31-1", both(post(), window_update(1, most)), Stream(&[FLOW_CONTROL_ERROR])),
        ("6.9.2 settings that push a window above 2^31-1", both(both(post(), window_update(1, most - 65_535)), settings(&[(setting::INITIAL_WINDOW_SIZE, most)])), Connection(&[FLOW_CONTROL_ERROR])),
    ]
}

/// Section 6.10: CONTINUATION.
fn continuations() -> Vec<Case> {
    let more = |flags: u8, stream: u32| frame(kind::CONTINUATION, flags, stream, &field("a", "b"));
    vec![
        ("6.10 several CONTINUATION frames", both(begun(1), both(more(0, 1), more(flag::END_HEADERS, 1))), Status(&[200])),
        ("6.10 after the end of the block", both(get(), more(flag::END_HEADERS, 1)), PROTOCOL),
        ("6.10 on stream 0", both(begun(1), more(flag::END_HEADERS, 0)), PROTOCOL),
        ("6.10 on another stream", both(begun(1), more(flag::END_HEADERS, 3)), PROTOCOL),
        ("6.10 after a CONTINUATION that ended the block", both(begun(1), both(more(flag::END_HEADERS, 1), more(flag::END_HEADERS, 1))), PROTOCOL),
        ("6.10 after DATA", both(both(post(), data(0, 1, b"1")), more(flag::END_HEADERS, 1)), PROTOCOL),
    ]
}

/// Section 8.3: which pseudo fields a request has, once each, and first.
fn pseudo_fields() -> Vec<Case> {
    let block = |fields: &[(&str, &str)]| {
        headers(1, &fields.iter().flat_map(|(name, value)| field(name, value)).collect::<Vec<_>>())
    };
    let (method, scheme, path, authority) = ((":method", "GET"), (":scheme", "http"), (":path", "/hello"), (":authority", "probe"));
    vec![
        ("8.3 unknown pseudo field", block(&[method, scheme, path, authority, (":test", "a")]), Stream(&[PROTOCOL_ERROR])),
        ("8.3 pseudo field of responses", block(&[method, scheme, path, authority, (":status", "200")]), MALFORMED),
        ("8.3 pseudo field after a field", block(&[method, scheme, authority, ("a", "b"), path]), MALFORMED),
        ("8.3.1 empty :path", block(&[method, scheme, (":path", ""), authority]), MALFORMED),
        ("8.3.1 no :method", block(&[scheme, path, authority]), MALFORMED),
        ("8.3.1 no :scheme", block(&[method, path, authority]), MALFORMED),
        ("8.3.1 two :method", block(&[method, method, scheme, path, authority]), MALFORMED),
        ("8.3.1 two :scheme", block(&[method, scheme, scheme, path, authority]), MALFORMED),
        ("8.3.1 two :path", block(&[method, scheme, path, path, authority]), MALFORMED),
        ("8.3.1 two :authority", block(&[method, scheme, path, authority, authority]), MALFORMED),
        ("8.3.1 :path without a slash", block(&[method, scheme, (":path", "hello"), authority]), Stream(&[PROTOCOL_ERROR])),
        ("8.3.1 :path with a blank", block(&[method, scheme, (":path", "/hello /smuggled"), authority]), MALFORMED),
        ("8.3.1 :path with a line end", block(&[method, scheme, (":path", "/hello HTTP/1.1\r\n\r\nGET /smuggled"), authority]), MALFORMED),
        ("8.3.1 :method with a line end", block(&[(":method", "GET /smuggled HTTP/1.1\r\n"), scheme, path, authority]), MALFORMED),
        ("8.3.1 :authority with a line end", block(&[method, scheme, path, (":authority", "probe\r\nA: b")]), MALFORMED),
        ("8.3.1 no :path", block(&[method, scheme, authority]), Either(&[400, 404])),
        ("8.3.1 :authority with a user", block(&[method, scheme, path, (":authority", "user@probe")]), Either(&[400])),
        ("8.3.1 host that is not :authority", block(&[method, scheme, path, authority, ("host", "other")]), Either(&[400, 421])),
        ("8.3.1 two hosts", block(&[method, scheme, path, ("host", "probe"), ("host", "other")]), Either(&[400])),
        ("8.3.1 no authority at all", block(&[method, scheme, path]), Status(&[200, 400])),
        ("8.5 CONNECT", block(&[(":method", "CONNECT"), authority]), Status(&[400, 404, 405, 501])),
        ("8.5 CONNECT with a :path", block(&[(":method", "CONNECT"), scheme, path, authority]), MALFORMED),
    ]
}

/// Section 8.2: fields in lower case, none that belongs to a connection.
fn fields() -> Vec<Case> {
    let with = |name: &str, value: &str| headers(1, &request_with("GET", "/hello", &[(name, value)]));
    vec![
        ("8.2.1 name in upper case", with("A", "b"), Stream(&[PROTOCOL_ERROR])),
        ("8.2.1 name with a blank", with("a b", "c"), Stream(&[PROTOCOL_ERROR])),
        ("8.2.1 name with a colon", with("a:b", "c"), Stream(&[PROTOCOL_ERROR])),
        ("8.2.1 name empty", with("", "a"), Stream(&[PROTOCOL_ERROR])),
        ("8.2.1 value with a line end", with("a", "b\r\ntransfer-encoding: chunked"), Stream(&[PROTOCOL_ERROR])),
        ("8.2.1 value with NUL", with("a", "b\0c"), Stream(&[PROTOCOL_ERROR])),
        ("8.2.2 connection", with("connection", "close"), MALFORMED),
        ("8.2.2 transfer-encoding", with("transfer-encoding", "chunked"), MALFORMED),
        ("8.2.2 upgrade", with("upgrade", "h2c"), MALFORMED),
        ("8.2.2 keep-alive", with("keep-alive", "1"), MALFORMED),
        ("8.2.2 proxy-connection", with("proxy-connection", "close"), MALFORMED),
        ("8.2.2 te of something else", with("te", "trailers, deflate"), MALFORMED),
        ("8.2.2 te: trailers", with("te", "trailers"), Status(&[200])),
        ("8.2.3 cookie in pieces", headers(1, &request_with("GET", "/hello", &[("cookie", "a=b"), ("cookie", "c=d")])), Status(&[200])),
    ]
}

/// RFC 7541: the header block itself.
fn hpack() -> Vec<Case> {
    let get = |block: &[u8]| headers(1, &[&request("GET", "/hello"), block].concat());
    let huge = [&[0x7f][..], &[0xff; 10], &[0x7f]].concat();
    vec![
        ("HPACK 2.3.3 index beyond both tables", get(&[0xc6]), COMPRESSION),
        ("HPACK 2.3.3 name beyond both tables", get(&[0x7f, 0x07, 0x01, b'a']), COMPRESSION),
        ("HPACK 4.2 size update at the end", get(&[0x21]), COMPRESSION),
        ("HPACK 5.1 integer that overflows", get(&huge), COMPRESSION),
        ("HPACK 5.2 text longer than its block", get(&[&[0x00, 0x01, b'a'], &integer(7, 200)[..]].concat()), COMPRESSION),
        ("HPACK 5.2 Huffman padding above seven bits", get(&[0x00, 0x01, b'a', 0x82, 0x1f, 0xff]), COMPRESSION),
        ("HPACK 5.2 Huffman padding of zeros", get(&[0x00, 0x01, b'a', 0x81, 0x18]), COMPRESSION),
        ("HPACK 5.2 Huffman end of text", get(&[0x00, 0x01, b'a', 0x84, 0xff, 0xff, 0xff, 0xff]), COMPRESSION),
        ("HPACK 6.1 index 0", get(&[0x80]), COMPRESSION),
        ("HPACK 6.3 size update above the setting", headers(1, &[&[0x3f, 0xe2, 0x1f], &request("GET", "/hello")[..]].concat()), COMPRESSION),
    ]
}
