//! The table of HTTP/2 requests whose fields, or whose header block itself, break a rule (N5).
//!
//! Names as in `http2_cases`. Not here: frames (`http2_cases`), header lists that are too long (`http2`).

use super::http2_cases::Expect::{Either, Status};
use super::http2_cases::{COMPRESSION, Case, MALFORMED};
use super::http2_frames::{field, headers, integer, request, request_with};

pub(crate) fn cases() -> Vec<Case> {
    [pseudo_fields(), pseudo_values(), fields(), hpack()].concat()
}

/// HEADERS on stream 1 of exactly these fields.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(1, &fields.iter().flat_map(|(name, value)| field(name, value)).collect::<Vec<_>>())
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "http");
const PATH: (&str, &str) = (":path", "/hello");
const AUTHORITY: (&str, &str) = (":authority", "probe");

/// Section 8.3: which pseudo fields a request has, once each, and first.
fn pseudo_fields() -> Vec<Case> {
    let (method, scheme, path, authority) = (METHOD, SCHEME, PATH, AUTHORITY);
    vec![
        ("8.3 unknown pseudo field", block(&[method, scheme, path, authority, (":test", "a")]), MALFORMED),
        (
            "8.3 pseudo field of responses",
            block(&[method, scheme, path, authority, (":status", "200")]),
            MALFORMED,
        ),
        ("8.3 pseudo field after a field", block(&[method, scheme, authority, ("a", "b"), path]), MALFORMED),
        ("8.3.1 empty :path", block(&[method, scheme, (":path", ""), authority]), MALFORMED),
        ("8.3.1 no :method", block(&[scheme, path, authority]), MALFORMED),
        ("8.3.1 no :scheme", block(&[method, path, authority]), MALFORMED),
        ("8.3.1 no :path", block(&[method, scheme, authority]), Either(&[400, 404])),
        ("8.3.1 no authority at all", block(&[method, scheme, path]), Status(&[200, 400])),
        ("8.3.1 two :method", block(&[method, method, scheme, path, authority]), MALFORMED),
        ("8.3.1 two :scheme", block(&[method, scheme, scheme, path, authority]), MALFORMED),
        ("8.3.1 two :path", block(&[method, scheme, path, path, authority]), MALFORMED),
        ("8.3.1 two :authority", block(&[method, scheme, path, authority, authority]), MALFORMED),
        ("8.5 CONNECT", block(&[(":method", "CONNECT"), authority]), Status(&[400, 404, 405, 501])),
        ("8.5 CONNECT with a :path", block(&[(":method", "CONNECT"), scheme, path, authority]), MALFORMED),
    ]
}

/// Section 8.3.1: what the pseudo fields hold. A value with a line end would be smuggling in a program behind us.
fn pseudo_values() -> Vec<Case> {
    let path = |value: &str| block(&[METHOD, SCHEME, (":path", value), AUTHORITY]);
    let authority = |value: &str| block(&[METHOD, SCHEME, PATH, (":authority", value)]);
    let method = |value: &str| block(&[(":method", value), SCHEME, PATH, AUTHORITY]);
    let hosts = |fields: &[(&str, &str)]| block(&[&[METHOD, SCHEME, PATH], fields].concat());
    vec![
        ("8.3.1 :path without a slash", path("hello"), MALFORMED),
        ("8.3.1 :path with a blank", path("/hello /smuggled"), MALFORMED),
        ("8.3.1 :path with a line end", path("/hello HTTP/1.1\r\n\r\nGET /smuggled"), MALFORMED),
        ("8.3.1 :method with a line end", method("GET /smuggled HTTP/1.1\r\n"), MALFORMED),
        ("8.3.1 :authority with a line end", authority("probe\r\nA: b"), MALFORMED),
        ("8.3.1 :authority with a user", authority("user@probe"), Either(&[400])),
        ("8.3.1 :authority with a false port", authority("probe:80a"), Either(&[400])),
        ("8.3.1 host that is not :authority", hosts(&[AUTHORITY, ("host", "other")]), Either(&[400, 421])),
        ("8.3.1 host that is :authority", hosts(&[AUTHORITY, ("host", "probe")]), Status(&[200])),
        ("8.3.1 two hosts", hosts(&[("host", "probe"), ("host", "other")]), Either(&[400])),
    ]
}

/// Section 8.2: fields in lower case, none that belongs to a connection.
fn fields() -> Vec<Case> {
    let with = |name: &str, value: &str| headers(1, &request_with("GET", "/hello", &[(name, value)]));
    vec![
        ("8.2.1 name in upper case", with("A", "b"), MALFORMED),
        ("8.2.1 name with a blank", with("a b", "c"), MALFORMED),
        ("8.2.1 name with a colon", with("a:b", "c"), MALFORMED),
        ("8.2.1 name empty", with("", "a"), MALFORMED),
        ("8.2.1 value with a line end", with("a", "b\r\ntransfer-encoding: chunked"), MALFORMED),
        ("8.2.1 value with NUL", with("a", "b\0c"), MALFORMED),
        ("8.2.2 connection", with("connection", "close"), MALFORMED),
        ("8.2.2 transfer-encoding", with("transfer-encoding", "chunked"), MALFORMED),
        ("8.2.2 upgrade", with("upgrade", "h2c"), MALFORMED),
        ("8.2.2 keep-alive", with("keep-alive", "1"), MALFORMED),
        ("8.2.2 proxy-connection", with("proxy-connection", "close"), MALFORMED),
        ("8.2.2 te of something else", with("te", "trailers, deflate"), MALFORMED),
        ("8.2.2 te: trailers", with("te", "trailers"), Status(&[200])),
        (
            "8.2.3 cookie in pieces",
            headers(1, &request_with("GET", "/hello", &[("cookie", "a=b"), ("cookie", "c=d")])),
            Status(&[200]),
        ),
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
        (
            "HPACK 5.2 text longer than its block",
            get(&[&[0x00, 0x01, b'a'], &integer(7, 200)[..]].concat()),
            COMPRESSION,
        ),
        (
            "HPACK 5.2 Huffman padding above seven bits",
            get(&[0x00, 0x01, b'a', 0x82, 0x1f, 0xff]),
            COMPRESSION,
        ),
        ("HPACK 5.2 Huffman padding of zeros", get(&[0x00, 0x01, b'a', 0x81, 0x18]), COMPRESSION),
        (
            "HPACK 5.2 Huffman end of text",
            get(&[0x00, 0x01, b'a', 0x84, 0xff, 0xff, 0xff, 0xff]),
            COMPRESSION,
        ),
        ("HPACK 6.1 index 0", get(&[0x80]), COMPRESSION),
        (
            "HPACK 6.3 size update above the setting",
            headers(1, &[&[0x3f, 0xe2, 0x1f], &request("GET", "/hello")[..]].concat()),
            COMPRESSION,
        ),
    ]
}
