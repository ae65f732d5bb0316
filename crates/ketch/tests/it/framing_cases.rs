//! The table of HTTP/1 messages on whose length two programs could disagree: by Content-Length or Transfer-Encoding.
//!
//! Not here: how a row is judged (`framing`), chunks and trailers (`framing_chunk_cases`), lines, fields, hosts and
//! targets (`framing_head_cases`), sheer size (`floods`). Sources: RFC 9112 section 6, RFC 9110 section 8.6; the ideas
//! behind many rows are the public lists of request-smuggling research (CL.TE, TE.CL, TE.TE, CL.0).

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

/// Rows before their columns have names.
pub(crate) type Rows = Vec<(&'static str, Vec<u8>, Expect)>;

/// Every row about which length counts.
pub(crate) fn cases() -> Vec<Case> {
    rows([both_lengths(), content_length(), codings(), inside_bodies()])
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
pub(crate) fn post(fields: &str, rest: &str) -> Vec<u8> {
    let start = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
    bytes(&format!("{start}{fields}\r\n{rest}"))
}

/// As `post`, and then the tail.
fn post_tail(fields: &str, rest: &str) -> Vec<u8> {
    post(fields, &format!("{rest}{TAIL}"))
}

/// RFC 9112 6.1 and 6.3: both lengths in one message "ought to be handled as an error"; here they are.
fn both_lengths() -> Rows {
    let (cl, te) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
    // Read by its chunks, each of these is answered 200.
    let body = "5\r\n\"abc\"\r\n0\r\n\r\n";
    let both = |fields: &[&str]| post_tail(&fields.concat(), body);
    let start = |line: &str| bytes(&format!("{line}\r\nHost: probe\r\n{cl}{te}\r\n{body}{TAIL}"));
    let refused = Problem(&[400]);
    vec![
        ("CL, TE", both(&[cl, te]), refused),
        ("TE, CL", both(&[te, cl]), refused),
        ("CL 0, TE", both(&["Content-Length: 0\r\n", te]), refused),
        ("TE, CL 0", both(&[te, "Content-Length: 0\r\n"]), refused),
        ("TE, CL that is no number", both(&[te, "Content-Length: x\r\n"]), refused),
        ("TE, empty CL", both(&[te, "Content-Length:\r\n"]), refused),
        ("CL that is no number, TE", both(&["Content-Length: x\r\n", te]), Final(&[400])),
        ("CL, CL, TE", both(&[cl, cl, te]), refused),
        ("CL, TE, CL", both(&[cl, te, cl]), refused),
        ("TE, CL, fields between", both(&[te, "A: b\r\nC: d\r\n", cl]), refused),
        ("odd case of both", both(&["cOnTeNt-LeNgTh: 5\r\nTRANSFER-ENCODING: chunked\r\n"]), refused),
        (
            "no blank after either colon",
            both(&["Content-Length:5\r\nTransfer-Encoding:chunked\r\n"]),
            refused,
        ),
        (
            "many blanks after a colon",
            both(&[te, &format!("Content-Length:{}5\r\n", " ".repeat(200))]),
            refused,
        ),
        ("CL, TE of two codings", both(&[cl, "Transfer-Encoding: gzip, chunked\r\n"]), Problem(&[400, 501])),
        ("CL, TE identity", both(&[cl, "Transfer-Encoding: identity\r\n"]), Final(&[400, 501])),
        ("both, CL covers the tail", both(&["Content-Length: 55\r\n", te]), refused),
        ("both, keep-alive asked for", both(&["Connection: keep-alive\r\n", cl, te]), refused),
        ("both, CL named in Connection", both(&["Connection: content-length\r\n", cl, te]), refused),
        ("both, on GET", start("GET /hello HTTP/1.1"), refused),
        ("both, on HEAD", start("HEAD /hello HTTP/1.1"), Final(&[400])),
        ("both, unknown path", start("POST /no HTTP/1.1"), refused),
        ("both, HTTP/1.0", start("POST /echo HTTP/1.0"), Final(&[400])),
    ]
}

/// RFC 9110 8.6: Content-Length = 1*DIGIT. RFC 9112 6.3: an invalid one is an unrecoverable error.
fn content_length() -> Rows {
    let refused = Final(&[400]);
    let abc = "\"abc\"";
    vec![
        ("CL twice, different", post_tail("Content-Length: 5\r\nContent-Length: 6\r\n", abc), refused),
        (
            "CL twice, different, smaller last",
            post_tail("Content-Length: 6\r\nContent-Length: 5\r\n", abc),
            refused,
        ),
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
    let with =
        |value: &str, tail: &str| post(&format!("Transfer-Encoding: {value}\r\n"), &format!("{body}{tail}"));
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
        (
            "TE in HTTP/1.0",
            bytes(&format!("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n{body}{TAIL}")),
            refused,
        ),
        ("TE with a blank before the colon", post_tail("Transfer-Encoding : chunked\r\n", body), refused),
        ("TE folded", post_tail("Transfer-Encoding:\r\n chunked\r\n", body), refused),
        ("TE as a fold", post_tail("A: b\r\n Transfer-Encoding: chunked\r\n", body), refused),
        ("TE behind a bare CR", post_tail("A: b\rTransfer-Encoding: chunked\r\n", body), refused),
        (
            "TE behind a bare LF, with CL",
            post_tail("Content-Length: 5\r\nA: b\nTransfer-Encoding: chunked\r\n", body),
            refused,
        ),
        (
            "TE with a low line, and CL over the tail",
            post(&format!("Transfer_Encoding: chunked\r\nContent-Length: {}\r\n", TAIL.len()), TAIL),
            Answer(&[400]),
        ),
    ]
}

/// The tail where it belongs to an honest body: data, whatever becomes of that body.
fn inside_bodies() -> Rows {
    let length = TAIL.len();
    let sized = |start: &str| bytes(&format!("{start}Content-Length: {length}\r\n\r\n{TAIL}"));
    let chunk = format!("{length:x}\r\n{TAIL}\r\n0\r\n\r\n");
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        (
            "body that is no JSON",
            sized("POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n"),
            Answer(&[400]),
        ),
        ("chunk that is no JSON", post("Transfer-Encoding: chunked\r\n", &chunk), Answer(&[400])),
        ("body of an unknown path", sized("POST /no HTTP/1.1\r\nHost: probe\r\n"), Answer(&[404])),
        ("body of a wrong method", sized("POST /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[405])),
        ("body of GET", sized("GET /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[200, 400])),
        ("body of HEAD", sized("HEAD /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[200, 400])),
        ("body of OPTIONS", sized("OPTIONS /hello HTTP/1.1\r\nHost: probe\r\n"), Answer(&[200, 204, 400])),
        (
            "chunk of GET",
            bytes(&format!(
                "GET /hello HTTP/1.1\r\nHost: probe\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
            )),
            Answer(&[200, 400]),
        ),
        (
            "body that looks like both lengths",
            post(&format!("Content-Length: {}\r\n", both.len()), both),
            Answer(&[400]),
        ),
        (
            "body of an upgrade to h2c",
            sized("POST /no HTTP/1.1\r\nHost: probe\r\nConnection: upgrade\r\nUpgrade: h2c\r\n"),
            Answer(&[404]),
        ),
        (
            "body of an upgrade to WebSocket",
            sized("POST /no HTTP/1.1\r\nHost: probe\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"),
            Answer(&[404]),
        ),
        (
            "body of a wrong content type",
            sized("POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: text/plain\r\n"),
            Answer(&[400, 415]),
        ),
        ("body that ends too early", post("Content-Length: 50\r\n", "\"abc\""), Drop(&[400, 408])),
        (
            "chunk that ends too early",
            post("Transfer-Encoding: chunked\r\n", "50\r\n\"abc\""),
            Drop(&[400, 408]),
        ),
    ]
}
