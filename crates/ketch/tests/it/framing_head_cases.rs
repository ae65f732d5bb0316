//! The table of HTTP/1 heads on which two programs could disagree: lines, fields, host, target, version, connection.
//!
//! Not here: how a row is judged (`framing`), the length of the body (`framing_cases`), sheer size (`floods`).
//! Sources: RFC 9112 sections 2, 3, 5 and 9, RFC 9110 sections 5.5, 7 and 10.1.1, RFC 3986 section 3.

use super::framing_cases::Expect::{Answer, Drop, Final, Problem, Serve};
use super::framing_cases::{Case, Rows, TAIL, bytes, rows};

/// Every row about the head of a request.
pub(crate) fn cases() -> Vec<Case> {
    rows([
        lines(),
        fields(),
        hosts(),
        absolute_targets(),
        targets(),
        request_lines(),
        versions(),
        connections(),
        upgrades(),
    ])
}

/// `GET /hello` with these further field lines.
fn get(fields: &str) -> Vec<u8> {
    bytes(&format!("GET /hello HTTP/1.1\r\nHost: probe\r\n{fields}\r\n"))
}

/// As `get`, and then the tail.
fn get_tail(fields: &str) -> Vec<u8> {
    bytes(&format!("GET /hello HTTP/1.1\r\nHost: probe\r\n{fields}\r\n{TAIL}"))
}

/// A request line, a host, and then the tail.
fn start_tail(line: &str) -> Vec<u8> {
    bytes(&format!("{line}\r\nHost: probe\r\n\r\n{TAIL}"))
}

/// RFC 9112 2.2: lines end with CRLF; a bare CR is never an end. A bare LF MAY be one, so it may be refused too.
fn lines() -> Rows {
    vec![
        ("honest", get(""), Serve),
        ("empty line before", bytes("\r\nGET /hello HTTP/1.1\r\nHost: probe\r\n\r\n"), Serve),
        (
            "empty lines of LF before",
            bytes("\n\nGET /hello HTTP/1.1\r\nHost: probe\r\n\r\n"),
            Answer(&[200, 400]),
        ),
        ("all lines end with LF", bytes("GET /hello HTTP/1.1\nHost: probe\n\n"), Answer(&[200, 400])),
        ("one line ends with LF", get("A: b\nC: d\r\n"), Answer(&[200, 400])),
        ("head ends with LF", bytes("GET /hello HTTP/1.1\r\nHost: probe\r\n\n"), Answer(&[200, 400])),
        (
            "all lines end with CR",
            bytes(&format!("GET /hello HTTP/1.1\rHost: probe\r\r{TAIL}")),
            Final(&[400]),
        ),
        ("field line ends with CR", get_tail("A: b\rC: d\r\n"), Final(&[400])),
        ("field line ends with CR CR LF", get_tail("A: b\r\r\n"), Final(&[400])),
        (
            "request line ends with CR",
            bytes(&format!("GET /hello HTTP/1.1\rHost: probe\r\n\r\n{TAIL}")),
            Final(&[400]),
        ),
        (
            "bare CR before",
            bytes(&format!("\rGET /hello HTTP/1.1\r\nHost: probe\r\n\r\n{TAIL}")),
            Final(&[400]),
        ),
        ("blank before", bytes(&format!(" GET /hello HTTP/1.1\r\nHost: probe\r\n\r\n{TAIL}")), Final(&[400])),
        ("NUL before", bytes(&format!("\0GET /hello HTTP/1.1\r\nHost: probe\r\n\r\n{TAIL}")), Final(&[400])),
        (
            "byte order mark before",
            bytes(&format!("\u{ef}\u{bb}\u{bf}GET /hello HTTP/1.1\r\nHost: probe\r\n\r\n{TAIL}")),
            Final(&[400]),
        ),
        (
            "the head of a TLS hello",
            bytes("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n"),
            Drop(&[400]),
        ),
    ]
}

/// RFC 9112 5.1 and 5.2, RFC 9110 5.5: no blank before the colon, no folding, no control characters.
fn fields() -> Rows {
    let refused = Final(&[400]);
    vec![
        ("field with a blank before the colon", get_tail("A : b\r\n"), refused),
        ("field with a tab before the colon", get_tail("A\t: b\r\n"), refused),
        ("CL with a blank before the colon", get_tail("Content-Length : 45\r\n"), refused),
        ("field without a name", get_tail(": b\r\n"), refused),
        ("field without a colon", get_tail("A\r\n"), refused),
        ("field that is a request line", get_tail("GET /smuggled HTTP/1.1\r\n"), refused),
        ("field name with NUL", get_tail("A\0: b\r\n"), refused),
        ("field name in UTF-8", get_tail("\u{c3}\u{a9}: b\r\n"), refused),
        ("field name with a bracket", get_tail("A(b): c\r\n"), refused),
        ("field name in quotes", get_tail("\"A\": b\r\n"), refused),
        ("field folded with a blank", get_tail("A: b\r\n c\r\n"), refused),
        ("field folded with a tab", get_tail("A: b\r\n\tc\r\n"), refused),
        ("field folded into a request", get_tail("A: b\r\n GET /smuggled HTTP/1.1\r\n"), refused),
        (
            "blank before the first field",
            bytes(&format!("GET /hello HTTP/1.1\r\n Host: probe\r\n\r\n{TAIL}")),
            refused,
        ),
        (
            "line of blanks as the first field",
            bytes(&format!("GET /hello HTTP/1.1\r\n \r\nHost: probe\r\n\r\n{TAIL}")),
            refused,
        ),
        ("value with NUL", get_tail("A: b\0c\r\n"), refused),
        ("value with SOH", get_tail("A: b\u{1}c\r\n"), refused),
        ("value with ESC", get_tail("A: b\u{1b}[2Jc\r\n"), refused),
        ("value with DEL", get_tail("A: b\u{7f}c\r\n"), refused),
        ("value with a bare CR", get_tail("A: b\rGET /smuggled HTTP/1.1\r\n"), refused),
        ("value beyond ASCII", get("A: \u{e9}\u{ff}\r\n"), Answer(&[200, 400])),
        ("value empty", get("A:\r\n"), Serve),
        ("value of blanks", get("A: \t \t\r\n"), Serve),
        ("value with a tab", get("A: b\tc\r\n"), Serve),
        ("field name of every allowed sign", get("!#$%&'*+-.^_`|~09azAZ: b\r\n"), Serve),
    ]
}

/// RFC 9112 3.2: no Host, more than one, or an invalid one MUST be answered 400.
fn hosts() -> Rows {
    let with = |lines: &str| bytes(&format!("GET /hello HTTP/1.1\r\n{lines}\r\n{TAIL}"));
    let refused = Problem(&[400]);
    vec![
        ("no Host", with(""), refused),
        ("no Host, other fields", with("A: b\r\n"), refused),
        ("two Hosts, equal", with("Host: probe\r\nHost: probe\r\n"), refused),
        ("two Hosts, different", with("Host: probe\r\nHost: other\r\n"), refused),
        ("two Hosts, apart, odd case", with("hOsT: probe\r\nA: b\r\nHOST: other\r\n"), refused),
        ("Host with a path", with("Host: probe/smuggled\r\n"), refused),
        ("Host with a query", with("Host: probe?a\r\n"), refused),
        ("Host with a fragment", with("Host: probe#a\r\n"), refused),
        ("Host with a user", with("Host: user@probe\r\n"), refused),
        ("Host with a blank", with("Host: probe other\r\n"), refused),
        ("Host with a tab", with("Host: probe\tother\r\n"), refused),
        ("Host as a list", with("Host: probe, other\r\n"), refused),
        ("Host with a scheme", with("Host: http://probe\r\n"), refused),
        ("Host with a port that is no number", with("Host: probe:80a\r\n"), refused),
        ("Host with an open bracket", with("Host: [::1\r\n"), refused),
        ("Host beyond ASCII", with("Host: pr\u{f6}be\r\n"), refused),
        ("Host in angles", with("Host: <probe>\r\n"), refused),
        ("Host with a blank before the colon", with("Host : probe\r\n"), Final(&[400])),
        ("Host empty", bytes("GET /hello HTTP/1.1\r\nHost:\r\n\r\n"), Answer(&[200, 400])),
        ("Host with a port", bytes("GET /hello HTTP/1.1\r\nHost: probe:8080\r\n\r\n"), Serve),
        ("Host that is an address", bytes("GET /hello HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), Serve),
        ("no Host in HTTP/1.0", bytes(&format!("GET /hello HTTP/1.0\r\n\r\n{TAIL}")), Final(&[200])),
        (
            "two Hosts in HTTP/1.0",
            bytes(&format!("GET /hello HTTP/1.0\r\nHost: probe\r\nHost: other\r\n\r\n{TAIL}")),
            Final(&[400]),
        ),
    ]
}

/// RFC 9112 3.2.2: a server must take the absolute form; its authority wins over Host, or the clash is refused.
fn absolute_targets() -> Rows {
    let get = |target: &str, host: &str| bytes(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    vec![
        ("absolute target", get("http://probe/hello", "probe"), Serve),
        ("absolute target, other Host", get("http://other/hello", "probe"), Answer(&[200, 400, 421])),
        ("absolute target, other port", get("http://probe:1/hello", "probe:2"), Answer(&[200, 400, 421])),
        (
            "absolute target, two Hosts",
            bytes(&format!("GET http://probe/hello HTTP/1.1\r\nHost: probe\r\nHost: other\r\n\r\n{TAIL}")),
            Problem(&[400]),
        ),
        (
            "absolute target, no Host",
            bytes(&format!("GET http://probe/hello HTTP/1.1\r\n\r\n{TAIL}")),
            Problem(&[400]),
        ),
        ("absolute target with a user", get("http://user:word@probe/hello", "probe"), Answer(&[400])),
        ("absolute target of ftp", get("ftp://probe/hello", "probe"), Answer(&[400, 404, 421])),
        ("absolute target without a path", get("http://probe", "probe"), Answer(&[404])),
        ("absolute target without an authority", get("http:///hello", "probe"), Answer(&[400])),
        (
            "absolute target that ends in a blank authority",
            get("http://pro be/hello", "probe"),
            Answer(&[400]),
        ),
    ]
}

/// RFC 9112 3.2 and RFC 3986: each method takes its own forms of target, without fragments and raw bytes.
fn targets() -> Rows {
    let with =
        |method: &str, target: &str| bytes(&format!("{method} {target} HTTP/1.1\r\nHost: probe\r\n\r\n"));
    let refused = Final(&[400]);
    vec![
        ("target with a fragment", with("GET", "/hello#/smuggled"), Answer(&[200, 400, 404])),
        ("target in raw UTF-8", with("GET", "/\u{c3}\u{a9}"), Answer(&[400, 404])),
        ("target of a stray byte", start_tail("GET /\u{ff} HTTP/1.1"), refused),
        ("target with NUL", start_tail("GET /hello\0 HTTP/1.1"), refused),
        ("target with SOH", start_tail("GET /hello\u{1} HTTP/1.1"), refused),
        ("target with DEL", start_tail("GET /hello\u{7f} HTTP/1.1"), refused),
        ("target with a tab", start_tail("GET /hel\tlo HTTP/1.1"), refused),
        ("target with a bare CR", start_tail("GET /hello\rGET /smuggled HTTP/1.1"), refused),
        ("target with a bare LF", start_tail("GET /hello\nGET /smuggled HTTP/1.1"), refused),
        ("target with a blank", start_tail("GET /hello /smuggled HTTP/1.1"), refused),
        ("target empty", start_tail("GET  HTTP/1.1"), refused),
        ("target without a slash", with("GET", "hello"), Answer(&[400, 404])),
        ("target that is a query", with("GET", "?a=b"), Answer(&[400, 404])),
        ("target that is an authority", with("GET", "probe:80"), Answer(&[400, 404])),
        ("target with half an escape", with("GET", "/hello%2"), Answer(&[400, 404])),
        ("target with a false escape", with("GET", "/hello%zz"), Answer(&[400, 404])),
        ("target with an escaped NUL", with("GET", "/hello%00"), Answer(&[400, 404])),
        ("target with an escaped line end", with("GET", "/hello%0d%0aGET%20/smuggled"), Answer(&[400, 404])),
        ("target * of GET", with("GET", "*"), Answer(&[400, 404])),
        ("target * of OPTIONS", with("OPTIONS", "*"), Answer(&[200, 204, 400, 404, 405])),
        ("CONNECT to an authority", start_tail("CONNECT probe:80 HTTP/1.1"), Final(&[400, 404, 405, 501])),
        ("CONNECT to a path", start_tail("CONNECT /hello HTTP/1.1"), Final(&[400, 404, 405, 501])),
    ]
}

/// RFC 9112 3: method SP target SP version, and RFC 9110 9.1: methods have a case.
fn request_lines() -> Rows {
    let refused = Final(&[400]);
    let long = format!("{} /hello HTTP/1.1", "A".repeat(10_000));
    vec![
        ("two blanks after the method", start_tail("GET  /hello HTTP/1.1"), refused),
        ("two blanks after the target", start_tail("GET /hello  HTTP/1.1"), refused),
        ("tab after the method", start_tail("GET\t/hello HTTP/1.1"), refused),
        ("blank after the version", start_tail("GET /hello HTTP/1.1 "), refused),
        ("no method", start_tail("/hello HTTP/1.1"), refused),
        ("method of a sign that is no token", start_tail("G@T /hello HTTP/1.1"), refused),
        ("method with NUL", start_tail("GE\0T /hello HTTP/1.1"), refused),
        ("method in quotes", start_tail("\"GET\" /hello HTTP/1.1"), refused),
        (
            "method in lower case",
            bytes("get /hello HTTP/1.1\r\nHost: probe\r\n\r\n"),
            Answer(&[400, 404, 405, 501]),
        ),
        ("method unknown", bytes("BREW /hello HTTP/1.1\r\nHost: probe\r\n\r\n"), Answer(&[404, 405, 501])),
        ("method of 10,000 letters", start_tail_after(&long), Answer(&[400, 404, 405, 414, 431, 501])),
        ("TRACE", bytes("TRACE /hello HTTP/1.1\r\nHost: probe\r\n\r\n"), Answer(&[404, 405, 501])),
    ]
}

/// As `start_tail` without the tail: the message is whole, and what follows it would be honest.
fn start_tail_after(line: &str) -> Vec<u8> {
    bytes(&format!("{line}\r\nHost: probe\r\n\r\n"))
}

/// RFC 9112 2.3: HTTP/1.0 and 1.1 are spoken here; another name is no HTTP/1 message.
fn versions() -> Rows {
    let refused = Final(&[400, 505]);
    vec![
        ("HTTP/0.9", bytes(&format!("GET /hello\r\n{TAIL}")), refused),
        ("HTTP/2.0", start_tail("GET /hello HTTP/2.0"), refused),
        ("HTTP/3", start_tail("GET /hello HTTP/3"), refused),
        ("HTTP/1.10", start_tail("GET /hello HTTP/1.10"), refused),
        ("HTTP/01.1", start_tail("GET /hello HTTP/01.1"), refused),
        ("HTTP/1.", start_tail("GET /hello HTTP/1."), refused),
        ("HTTP/+1.1", start_tail("GET /hello HTTP/+1.1"), refused),
        ("HTTP/1,1", start_tail("GET /hello HTTP/1,1"), refused),
        ("http/1.1", start_tail("GET /hello http/1.1"), refused),
        ("HTTPS/1.1", start_tail("GET /hello HTTPS/1.1"), refused),
        ("ICY/1.1", start_tail("GET /hello ICY/1.1"), refused),
        ("HTTP/1.2", bytes("GET /hello HTTP/1.2\r\nHost: probe\r\n\r\n"), Answer(&[200, 400, 505])),
        (
            "a false HTTP/2 preface",
            bytes(&format!("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n{TAIL}")),
            Drop(&[400, 505]),
        ),
    ]
}

/// RFC 9112 9.3 and 9.6: after `close`, and in HTTP/1.0 without keep-alive, nothing more is read.
fn connections() -> Rows {
    let closed = Final(&[200]);
    vec![
        ("Connection: close", get_tail("Connection: close\r\n"), closed),
        ("Connection: CLOSE", get_tail("Connection: CLOSE\r\n"), closed),
        ("Connection: keep-alive, close", get_tail("Connection: keep-alive, close\r\n"), closed),
        (
            "two Connections: close, keep-alive",
            get_tail("Connection: close\r\nConnection: keep-alive\r\n"),
            closed,
        ),
        (
            "two Connections: keep-alive, close",
            get_tail("Connection: keep-alive\r\nConnection: close\r\n"),
            closed,
        ),
        ("HTTP/1.0", bytes(&format!("GET /hello HTTP/1.0\r\nHost: probe\r\n\r\n{TAIL}")), closed),
        (
            "HTTP/1.0, keep-alive",
            bytes("GET /hello HTTP/1.0\r\nHost: probe\r\nConnection: keep-alive\r\n\r\n"),
            Answer(&[200]),
        ),
        ("Connection names Host", get("Connection: host\r\n"), Answer(&[200, 400])),
        ("HEAD", bytes("HEAD /hello HTTP/1.1\r\nHost: probe\r\n\r\n"), Serve),
        ("HEAD of an unknown path", bytes("HEAD /no HTTP/1.1\r\nHost: probe\r\n\r\n"), Answer(&[404])),
    ]
}

/// RFC 9110 7.8 and 10.1.1: an upgrade that is not offered is ignored; an expectation may fail, never be guessed.
fn upgrades() -> Rows {
    let echo = |fields: &str| {
        let start = "POST /echo HTTP/1.1\r\nHost: probe\r\nContent-Type: application/json\r\n";
        bytes(&format!("{start}Content-Length: 5\r\n{fields}\r\n\"abc\""))
    };
    vec![
        (
            "upgrade to h2c",
            get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
            Serve,
        ),
        ("upgrade to h2c with a body", echo("Connection: Upgrade\r\nUpgrade: h2c\r\n"), Serve),
        (
            "upgrade to WebSocket",
            get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
            Answer(&[200, 400, 426]),
        ),
        ("Expect: 100-continue", echo("Expect: 100-continue\r\n"), Serve),
        ("Expect: 100-Continue, odd case", echo("Expect: 100-Continue\r\n"), Serve),
        ("Expect: something else", echo("Expect: 200-maybe\r\n"), Answer(&[200, 417])),
        ("TE: trailers", get("TE: trailers\r\nConnection: TE\r\n"), Serve),
    ]
}
