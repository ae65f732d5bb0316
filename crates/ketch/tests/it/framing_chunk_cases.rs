//! The table of HTTP/1 bodies in chunks on which two programs could disagree: sizes, line ends, extensions, trailers.
//!
//! Not here: how a row is judged (`framing`), whether a body is in chunks at all (`framing_cases`).
//! Sources: RFC 9112 section 7.1, RFC 9110 section 6.5; the ideas behind many rows are the public lists of
//! request-smuggling research (TERM.EXT, EXT.TERM, SPILL, trailers).

use super::framing_cases::Expect::{Answer, Drop, Problem, Serve};
use super::framing_cases::{Case, Rows, TAIL, post, rows};

/// Every row about chunks and trailers.
pub(crate) fn cases() -> Vec<Case> {
    rows([chunks(), chunk_lines(), trailers()])
}

/// `POST /echo` with a chunked body of these bytes.
fn chunked(body: &str) -> Vec<u8> {
    post("Transfer-Encoding: chunked\r\n", body)
}

/// As `chunked`, and then the tail.
fn chunked_tail(body: &str) -> Vec<u8> {
    chunked(&format!("{body}{TAIL}"))
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
        ("chunk size in capitals, zeros before", chunked("000A\r\n\"abcdefgh\"\r\n000\r\n\r\n"), Serve),
        ("many chunks", chunked("1\r\n\"\r\n3\r\nabc\r\n1\r\n\"\r\n0\r\n\r\n"), Serve),
    ]
}

/// RFC 9112 7.1 and 7.1.1: chunk lines end with CRLF; extensions are ignored, and cannot hide a line end.
fn chunk_lines() -> Rows {
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
        ("extension", chunked("5;a=b\r\n\"abc\"\r\n0;c\r\n\r\n"), Serve),
        ("extension in quotes", chunked("5;a=\"b;c\"\r\n\"abc\"\r\n0\r\n\r\n"), Serve),
        ("blank after the chunk size", chunked("5 \r\n\"abc\"\r\n0\r\n\r\n"), Answer(&[200, 400])),
        ("last chunk, then LF alone", chunked("5\r\n\"abc\"\r\n0\r\n\n\r\n\r\n"), Answer(&[200, 400])),
        ("no last chunk, the tail instead", chunked_tail("5\r\n\"abc\"\r\n"), broken),
    ]
}

/// RFC 9110 6.5.1: trailers never change framing, routing or authentication. RFC 9112 7.1.2.
fn trailers() -> Rows {
    let with = |lines: &str| chunked(&format!("5\r\n\"abc\"\r\n0\r\n{lines}\r\n"));
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
