//! R3: a panic is one request's misfortune, in a handler, on the blocking pool, in a middleware or in a guard.

use std::io::{Read, Write};
use std::net::TcpStream;

use ketch::test::soak_factor;

use crate::child::Served;

const PATHS: [&str; 5] = [
    "GET /shaky/guard",
    "GET /shaky/handler",
    "POST /shaky/writer",
    "GET /shaky/blocking",
    "GET /shaky/middleware",
];

/// One request on a kept connection; the whole reply, which is known to have a length.
fn ask(stream: &mut TcpStream, request: &str) -> String {
    let request = format!("{request} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = Vec::new();
    let mut piece = [0; 2048];
    loop {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "{request}: the connection was closed");
        reply.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&reply);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return text.into_owned();
        }
    }
}

#[test]
fn r3_every_panic_is_a_500_and_nothing_more() {
    let served = Served::start();
    let mut stream = TcpStream::connect(served.addr).unwrap();
    let count = 500 * soak_factor();
    let mut before = None;
    for round in 0..count {
        for request in PATHS {
            let reply = ask(&mut stream, request);
            assert!(reply.starts_with("HTTP/1.1 500"), "{request}: {reply}");
            assert!(reply.contains("internal_error"), "{reply}");
            assert!(!reply.contains("fell over"), "the cause stays in the log: {reply}");
        }
        if round == count / 2 {
            before = served.resident();
        }
    }
    assert!(ask(&mut stream, "GET /hello").ends_with("hello"));
    let grown = served.resident().zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
    assert!(grown < 4 << 20, "memory grew by {grown} bytes over the second half");
    served.signal("TERM");
    let (status, said) = served.wait();
    assert!(status.success(), "{said}");
    let told = said.matches("fell over").count();
    assert!(told as u64 >= count * PATHS.len() as u64, "every panic is in the log");
    println!("R3: {} panics, memory +{grown} bytes over the second half", count * PATHS.len() as u64);
}

/// A reply that falls over while it is sent is cut off, so that its client knows; and nothing else is.
#[test]
fn r3_a_stream_that_panics_is_cut_off_and_nothing_more() {
    let served = Served::start();
    let count = 500 * soak_factor();
    let mut before = None;
    for round in 0..count {
        for (path, sent) in [("/shaky/stream", "good so far"), ("/shaky/events", "")] {
            let mut stream = TcpStream::connect(served.addr).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
            let mut reply = String::new();
            stream.read_to_string(&mut reply).unwrap();
            assert!(reply.starts_with("HTTP/1.1 200") && reply.contains(sent), "{path}: {reply}");
            assert!(!reply.ends_with("\r\n0\r\n\r\n"), "{path} looks whole: {reply}");
            assert!(!reply.contains("fell over"), "the cause stays in the log: {reply}");
        }
        if round == count / 2 {
            before = served.resident();
        }
    }
    let mut stream = TcpStream::connect(served.addr).unwrap();
    assert!(ask(&mut stream, "GET /hello").ends_with("hello"));
    drop(stream);
    let grown = served.resident().zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
    assert!(grown < 4 << 20, "memory grew by {grown} bytes over the second half");
    served.signal("TERM");
    let (status, said) = served.wait();
    assert!(status.success(), "{said}");
    let told = |line: &&str| {
        line.contains("a reply's stream panicked: stream fell over") && line.contains("request_id")
    };
    assert_eq!(said.lines().filter(told).count() as u64, count * 2, "every panic is in the log");
    println!("R3: {} panics in streams, memory +{grown} bytes over the second half", count * 2);
}
