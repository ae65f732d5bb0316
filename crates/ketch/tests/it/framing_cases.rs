//! The table of HTTP/1 messages on whose framing two programs could disagree: lengths, codings, chunks, trailers.
//!
//! Not here: how a row is judged (`framing`), lines, fields, hosts and targets (`framing_head_cases`), sheer size
//! (`floods`). Sources: RFC 9112 sections 6 and 7, RFC 9110 sections 6.5 and 8.6; the ideas behind many rows are the
//! public lists of request-smuggling research (CL.TE, TE.CL, TE.TE, CL.0, trailers, chunk extensions).

/// A request that no honest client sends. Each row puts it where a confused parser would take it for the next one.
pub(crate) const TAIL: &str = "GET /smuggled HTTP/1.1\r\nHost: probe\r\n\r\n";

/// What may come back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expect {
    /// Status 200, and the connection serves the next request.
    Serve,
    /// One of these, and nothing of what follows it is read: the connection ends.
    Final(&'static [u16]),
    /// As `Final`, in a reply that our code writes: `application/problem+json`.
    Problem(&'static [u16]),
    /// As `Final`, or the connection ends without a byte.
    Drop(&'static [u16]),
    /// One of these. The message has one reading only, so the connection may stay.
    Answer(&'static [u16]),
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) send: Vec<u8>,
    pub(crate) expect: Expect,
}

use Expect::{Answer, Drop, Final, Problem, Serve};

type Rows = Vec<(&'static str, Vec<u8>, Expect)>;

/// Every row about the length of a body.
pub(crate) fn cases() -> Vec<Case> {
    let tables = [both_lengths(), content_length(), codings(), chunks(), chunk_lines(), trailers(), inside_bodies()];
    rows(tables)
}

/// Gives the columns of a table their names.
pub(crate) fn rows(tables: impl IntoIterator<Item = Rows>) -> Vec<Case> {
    let rows = tables.into_iter().flatten();
    rows.map(|(name, send, expect)| Case { name, send, expect }).collect()
}

/// Bytes written as text: each character up to U+00FF stands for the byte of that number.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("a character that is one byte")).collect()
}

/// `POST /echo` with these further field lines, and then these bytes.
fn post(fields: &str, rest: &str) -> Vec<u8> {
    let start = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
    bytes(&format!("{start}{fields}\r\n{rest}"))
}

/// As `post`, and then the tail.
fn post_tail(fields: &str, rest: &str) -> Vec<u8> {
    post(fields, &format!("{rest}{TAIL}"))
}

/// `POST /echo` with a chunked body of these bytes, and then the tail.
fn chunked_tail(body: &str) -> Vec<u8> {
    post_tail("Transfer-Encoding: chunked\r\n", body)
}

/// RFC 9112 6.1 and 6.3: both lengths in one message "ought to be handled as an error"; here they are.
fn both_lengths() -> Rows {
    // Read by its chunks, each of these is answered 200.
    let end = "5\r\n\"abc\"\r\n0\r\n\r\n";
    let both = Problem(&[400]);
    vec![
        ("CL, TE", post_tail("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", end), both),
        ("TE, CL", post_tail("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", end), both),
        ("CL 0, TE", post_tail("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", end), both),
        ("TE, CL 0", post_tail("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", end), both),
        ("TE, CL that is no number", post_tail("Transfer-Encoding: chunked\r\nContent-Length: x\r\n", end), both),
        ("TE, empty CL", post_tail("Transfer-Encoding: chunked\r\nContent-Length:\r\n", end), both),
        ("CL that is no number, TE", post_tail("Content-Length: x\r\nTransfer-Encoding: chunked\r\n", end), Final(&[400])),
        ("CL, CL, TE", post_tail("Content-Length: 5\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", end), both),
        ("CL, TE, CL", post_tail("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", end), both),
        ("TE, CL, fields between", post_tail("Transfer-Encoding: chunked\r\nA: b\r\nC: d\r\nContent-Length: 5\r\n", end), both),
        ("odd case of both", post_tail("cOnTeNt-LeNgTh: 5\r\nTRANSFER-ENCODING: chunked\r\n", end), both),
        ("no blank after either colon", post_tail("Content-Length:5\r\nTransfer-Encoding:chunked\r\n", end), both),
        ("CL, TE of two codings", post_tail("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n", end), Problem(&[400, 501])),
        ("CL, TE identity", post_tail("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", "\"abc\""), Final(&[400, 501])),
        ("both, CL covers the tail", post_tail("Content-Length: 55\r\nTransfer-Encoding: chunked\r\n", end), both),
        ("both, keep-alive asked for", post_tail("Connection: keep-alive\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", end), both),
        ("both, CL named in Connection", post_tail("Connection: content-length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", end), both),
        ("both, on GET", bytes(&format!("GET /hello HTTP/1.1\r\nHost: probe\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{end}{TAIL}")), both),
        ("both, unknown path", bytes(&format!("POST /no HTTP/1.1\r\nHost: probe\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n{end}{TAIL}")), both),
        ("both, HTTP/1.0", bytes(&format!("POST /echo HTTP/1.0\r\nHost: probe\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{end}{TAIL}")), Final(&[400])),
    ]
}

/// RFC 9110 8.6: Content-Length = 1*DIGIT. RFC 9112 6.3: an invalid one is an unrecoverable error.
fn content_length() -> Rows {
    let refused = Final(&[400]);
    let abc = "\"abc\"";
    vec![
        ("CL twice, different", post_tail("Content-Length: 5\r\nContent-Length: 6\r\n", abc), refused),
        ("CL twice, different, smaller last", post_tail("Content-Length: 6\r\nContent-Length: 5\r\n", abc), refused),
        ("CL twice, 0 and 5", post_tail("Content-Length: 0\r\nContent-Length: 5\r\n", abc), refused),
        ("CL list of different", post_tail("Content-Length: 5, 6\r\n", abc), refused),
        ("CL list of equal", post_tail("Content-Length: 5, 5\r\n", abc), refused),
        ("CL list with an empty member", post_tail("Content-Length: 5,\r\n", abc), refused),
        ("CL +5", post_tail("Content-Length: +5\r\n", abc), refused),
        ("CL -5", post_tail("Content-Length: -5\r\n", abc), refused),
        ("CL -0", post_tail("Content-Length: -0\r\n", abc), refused),
        ("CL empty", post_tail("Content-Length: \r\n", abc), refused),
        ("CL 0x5", post_tail("Content-Length: 0x5\r\n", abc), refused),
        ("CL 5 5", post_tail("Content-Length: 5 5\r\n", abc), refused),
        ("CL 5_0", post_tail("Content-Length: 5_0\r\n", abc), refused),
        ("CL 5.0", post_tail("Content-Length: 5.0\r\n", abc), refused),
        ("CL 5e0", post_tail("Content-Length: 5e0\r\n", abc), refused),
        ("CL 5;", post_tail("Content-Length: 5;\r\n", abc), refused),
        ("CL in quotes", post_tail("Content-Length: \"5\"\r\n", abc), refused),
        ("CL vertical tab", post_tail("Content-Length: \u{b}5\r\n", abc), refused),
        ("CL form feed", post_tail("Content-Length: 5\u{c}\r\n", abc), refused),
        ("CL no-break space", post_tail("Content-Length: \u{a0}5\r\n", abc), refused),
        ("CL superscript digit", post_tail("Content-Length: \u{c2}\u{b2}\r\n", abc), refused),
        ("CL 2^64", post_tail("Content-Length: 18446744073709551616\r\n", abc), Final(&[400, 413])),
        ("CL 2^64+5", post_tail("Content-Length: 18446744073709551621\r\n", abc), Final(&[400, 413])),
        ("CL 2^64-1", post_tail("Content-Length: 18446744073709551615\r\n", abc), Final(&[400, 413, 431])),
        ("CL 2^63", post_tail("Content-Length: 9223372036854775808\r\n", abc), Final(&[400, 413])),
        ("CL 2^32+5", post_tail("Content-Length: 4294967301\r\n", abc), Final(&[413])),
        ("CL twice, equal", post("Content-Length: 5\r\nContent-Length: 5\r\n", abc), Answer(&[200, 400])),
        ("CL with leading zeros", post("Content-Length: 00005\r\n", abc), Answer(&[200, 400])),
        ("CL in blanks", post("Content-Length: \t 5 \t\r\n", abc), Serve),
        ("CL honest", post("Content-Length: 5\r\n", abc), Serve),
    ]
}

/// RFC 9112 6.1 and 7: chunked last and once; what is not understood is 501 (SHOULD) or 400, never guessed.
fn codings() -> Rows {
    let body = "5\r\n\"abc\"\r\n0\r\n\r\n";
    let with = |value: &str, tail: &str| post(&format!("Transfer-Encoding: {value}\r\n"), &format!("{body}{tail}"));
    let refused = Final(&[400, 501]);
    let lines = |first: &str, second: &str| {
        post_tail(&format!("Transfer-Encoding: {first}\r\nTransfer-Encoding: {second}\r\n"), body)
    };
    vec![
        ("TE honest", with("chunked", ""), Serve),
        ("TE CHUNKED", with("CHUNKED", ""), Serve),
        ("TE in blanks", with("\t chunked \t", ""), Serve),
        ("TE chunked, identity", with("chunked, identity", TAIL), refused),
        ("TE chunked, gzip", with("chunked, gzip", TAIL), refused),
        ("TE gzip, chunked", with("gzip, chunked", TAIL), refused),
        ("TE identity, chunked", with("identity, chunked", TAIL), refused),
        ("TE chunked, chunked", with("chunked, chunked", TAIL), refused),
        ("TE identity", with("identity", TAIL), refused),
        ("TE gzip", with("gzip", TAIL), refused),
        ("TE xchunked", with("xchunked", TAIL), refused),
        ("TE chunkedx", with("chunkedx", TAIL), refused),
        ("TE chunk", with("chunk", TAIL), refused),
        ("TE empty", with("", TAIL), refused),
        ("TE comma", with(",", TAIL), refused),
        ("TE ,chunked", with(",chunked", TAIL), refused),
        ("TE chunked,", with("chunked,", TAIL), refused),
        ("TE chunked;q=1", with("chunked;q=1", TAIL), refused),
        ("TE in quotes", with("\"chunked\"", TAIL), refused),
        ("TE vertical tab before", with("\u{b}chunked", TAIL), refused),
        ("TE vertical tab after", with("chunked\u{b}", TAIL), refused),
        ("TE NUL after", with("chunked\0", TAIL), refused),
        ("TE no-break space after", with("chunked\u{a0}", TAIL), refused),
        ("TE chunked inside", with("chun ked", TAIL), refused),
        ("two TE: chunked, identity", lines("chunked", "identity"), refused),
        ("two TE: identity, chunked", lines("identity", "chunked"), refused),
        ("two TE: chunked, chunked", lines("chunked", "chunked"), refused),
        ("two TE: chunked, x", lines("chunked", "x"), refused),
        ("TE in HTTP/1.0", bytes(&format!("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n{body}{TAIL}")), refused),
        ("TE with a blank before the colon", post_tail("Transfer-Encoding : chunked\r\n", body), refused),
        ("TE folded", post_tail("Transfer-Encoding:\r\n chunked\r\n", body), refused),
        ("TE as a fold", post_tail("A: b\r\n Transfer-Encoding: chunked\r\n", body), refused),
        ("TE behind a bare CR", post_tail("A: b\rTransfer-Encoding: chunked\r\n", body), refused),
        ("TE behind a bare LF, with CL", post_tail("Content-Length: 5\r\nA: b\nTransfer-Encoding: chunked\r\n", body), refused),
        ("TE with a low line, and CL over the tail", post(&format!("Transfer_Encoding: chunked\r\nContent-Length: {}\r\n", TAIL.len()), TAIL), Answer(&[400])),
    ]
}

/// RFC 9112 7.1: chunk-size = 1*HEXDIG. The service reads the body, so a broken one is its 400.
fn chunks() -> Rows {
    let after = "\r\n\"abc\"\r\n0\r\n\r\n";
    let size = |size: &str| chunked_tail(&format!("{size}{after}"));
    let broken = Problem(&[400]);
    // A size that a number holds is only a promise: the server may wait for the bytes, and here they end.
    let huge = Drop(&[400, 408, 413]);
    vec![
        ("chunk size 0x5", size("0x5"), broken),
        ("chunk size +5", size("+5"), broken),
        ("chunk size -5", size("-5"), broken),
        ("chunk size behind a blank", size(" 5"), broken),
        ("chunk size empty", size(""), broken),
        ("chunk size 5 5", size("5 5"), broken),
        ("chunk size g", size("g"), broken),
        ("chunk size 5_", size("5_"), broken),
        ("chunk size NUL", size("5\0"), broken),
        ("chunk size vertical tab", size("5\u{b}"), broken),
        ("chunk size, superscript digit", size("\u{b2}"), broken),
        ("chunk size 2^64", size("10000000000000000"), broken),
        ("chunk size 2^64+5", size("10000000000000005"), broken),
        ("chunk size 2^64-1", size("ffffffffffffffff"), huge),
        ("chunk size 2^63", size("8000000000000000"), huge),
        ("chunk size 2^32+5", size("100000005"), huge),
        ("chunk longer than its size", chunked_tail("4\r\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("chunk shorter than its size", chunked_tail("6\r\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("chunk without its end", chunked_tail("5\r\n\"abc\"0\r\n\r\n"), broken),
        ("chunk size in capitals, zeros before", post("Transfer-Encoding: chunked\r\n", "000A\r\n\"abcdefgh\"\r\n000\r\n\r\n"), Serve),
        ("many chunks", post("Transfer-Encoding: chunked\r\n", "1\r\n\"\r\n3\r\nabc\r\n1\r\n\"\r\n0\r\n\r\n"), Serve),
    ]
}

/// RFC 9112 7.1 and 7.1.1: chunk lines end with CRLF; extensions are ignored, and cannot hide a line end.
fn chunk_lines() -> Rows {
    let abc = |body: &str| post("Transfer-Encoding: chunked\r\n", body);
    let broken = Problem(&[400]);
    vec![
        ("chunk size ended by LF", chunked_tail("5\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("chunk size ended by CR", chunked_tail("5\r\"abc\"\r\n0\r\n\r\n"), broken),
        ("chunk size ended by CR CR LF", chunked_tail("5\r\r\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("chunk data ended by LF", chunked_tail("5\r\n\"abc\"\n0\r\n\r\n"), broken),
        ("chunk data ended by CR", chunked_tail("5\r\n\"abc\"\r0\r\n\r\n"), broken),
        ("chunk data ended by two blanks", chunked_tail("5\r\n\"abc\"  0\r\n\r\n"), broken),
        ("last chunk ended by LF LF", chunked_tail("5\r\n\"abc\"\r\n0\n\n"), broken),
        ("extension with LF", chunked_tail("5;a\nb\r\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("extension with LF, then a chunk line", chunked_tail("5;\n2\r\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("extension with CR", chunked_tail("5;a\rb\r\n\"abc\"\r\n0\r\n\r\n"), broken),
        ("extension on the last chunk with LF", chunked_tail("5\r\n\"abc\"\r\n0;a\nb\r\n\r\n"), broken),
        ("extension", abc("5;a=b\r\n\"abc\"\r\n0;c\r\n\r\n"), Serve),
        ("extension in quotes", abc("5;a=\"b;c\"\r\n\"abc\"\r\n0\r\n\r\n"), Serve),
        ("blank after the chunk size", abc("5 \r\n\"abc\"\r\n0\r\n\r\n"), Answer(&[200, 400])),
        ("last chunk, then LF alone", abc("5\r\n\"abc\"\r\n0\r\n\n\r\n\r\n"), Answer(&[200, 400])),
        ("no last chunk, the tail instead", chunked_tail("5\r\n\"abc\"\r\n"), broken),
    ]
}

/// RFC 9110 6.5.1: trailers never change framing, routing or authentication. RFC 9112 7.1.2.
fn trailers() -> Rows {
    let with = |lines: &str| post("Transfer-Encoding: chunked\r\n", &format!("5\r\n\"abc\"\r\n0\r\n{lines}\r\n"));
    let tail = |lines: &str| chunked_tail(&format!("5\r\n\"abc\"\r\n0\r\n{lines}\r\n"));
    let broken = Problem(&[400]);
    vec![
        ("trailer", with("Checksum: 1\r\n"), Serve),
        ("trailer Content-Length", with("Content-Length: 60\r\n"), Serve),
        ("trailer Transfer-Encoding", with("Transfer-Encoding: chunked\r\n"), Serve),
        ("trailer Host", with("Host: other\r\n"), Serve),
        ("trailer Connection", with("Connection: keep-alive\r\n"), Serve),
        ("trailer that is a request line", tail("GET /smuggled HTTP/1.1\r\nHost: probe\r\n"), broken),
        ("trailer without a colon", tail("Checksum\r\n"), broken),
        ("trailer with a blank before the colon", tail("Checksum : 1\r\n"), broken),
        ("trailer folded", tail("Checksum: 1\r\n 2\r\n"), broken),
        ("trailer with a bare CR", tail("Checksum: 1\r2\r\n"), broken),
        ("trailer with NUL", tail("Checksum: 1\0\r\n"), broken),
        ("trailers ended by LF", with("A: b\nC: d\r\n"), Answer(&[200, 400])),
    ]
}

/// The tail where it belongs to an honest body: data, whatever becomes of that body.
fn inside_bodies() -> Rows {
    let length = TAIL.len();
    let sized = |start: &str| bytes(&format!("{start}Content-Length: {length}\r\n\r\n{TAIL}"));
    let chunk = format!("{length:x}\r\n{TAIL}\r\n0\r\n\r\n");
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        ("body that is no JSON", sized("POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n"), Answer(&[400])),
        ("chunk that is no JSON", post("Transfer-Encoding: chunked\r\n", &chunk), Answer(&[400])),
        ("body of an unknown path", sized("POST /no HTTP/1.1\r\nHost: probe\r\n"), Answer(&[404])),
        ("body of a wrong method", sized("POST /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[405])),
        ("body of GET", sized("GET /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[200, 400])),
        ("body of HEAD", sized("HEAD /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[200, 400])),
        ("body of OPTIONS", sized("OPTIONS /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[200, 204, 400])),
        ("chunk of GET", bytes(&format!("GET /hello HTTP/1.1\r\nHost: probe\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}")), Answer(&[200, 400])),
        ("body that looks like both lengths", post(&format!("Content-Length: {}\r\n", both.len()), both), Answer(&[400])),
        ("body of an upgrade to h2c", sized("POST /no HTTP/1.1\r\nHost: probe\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"), Answer(&[404])),
        ("body of an upgrade to WebSocket", sized("POST /no HTTP/1.1\r\nHost: probe\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"), Answer(&[404])),
        ("body of a wrong content type", sized("POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: text/plain\r\n"), Answer(&[400, 415])),
        ("body that ends too early", post("Content-Length: 50\r\n", "\"abc\""), Drop(&[400, 408])),
        ("chunk that ends too early", post("Transfer-Encoding: chunked\r\n", "50\r\n\"abc\""), Drop(&[400, 408])),
    ]
}
