//! R1: a server that is told to stop answers what it was asked, and loses no line of its log.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::child::Served;

const REQUESTS: usize = 200;

/// Sends a request on a connection of its own and leaves it open.
fn ask(served: &Served, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(served.addr).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

/// Asks until the server has all requests in hand: it has read them when it answers one that came after them.
fn in_flight(signal: &str) {
    let served = Served::start();
    let waiting: Vec<TcpStream> = (0..REQUESTS).map(|_| ask(&served, "/sleep/1500")).collect();
    let mut probe = ask(&served, "/sleep/300");
    let mut byte = [0];
    probe.read_exact(&mut byte).unwrap();
    served.signal(signal);
    let told = Instant::now();
    let refused = loop {
        match TcpStream::connect(served.addr) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => break told.elapsed(),
            _ if told.elapsed().as_secs() >= 1 => panic!("still accepting a second after {signal}"),
            _ => std::thread::yield_now(),
        }
    };
    let answered = waiting
        .into_iter()
        .map(answer)
        .filter(|reply| reply.starts_with("HTTP/1.1 200") && reply.ends_with("slept"));
    assert_eq!(answered.count(), REQUESTS, "every request in flight is answered");
    let (status, said) = served.wait();
    assert!(status.success(), "{status}: {said}");
    let lines = said.lines().filter(|line| line.contains("path=\"/sleep/1500\" status=200")).count();
    assert_eq!(lines, REQUESTS, "every request has its line in the log:\n{said}");
    println!("R1 {signal}: {REQUESTS} in flight, 0 lost, new connections refused after {refused:?}");
}

#[test]
fn r1_sigterm_with_200_requests_in_flight_fails_none() {
    in_flight("TERM");
}

#[test]
fn r1_sigint_does_the_same() {
    in_flight("INT");
}

/// Well within the 15 s that draining may take: nothing is left to be waited for.
fn stops_soon(served: Served) {
    let told = Instant::now();
    served.signal("TERM");
    let (status, said) = served.wait();
    assert!(status.success(), "{said}");
    assert!(told.elapsed().as_secs() < 10, "took {:?}", told.elapsed());
}

#[test]
fn r1_idle_connections_do_not_hold_the_server_up() {
    let served = Served::start();
    let _never_asks = TcpStream::connect(served.addr).unwrap();
    let mut kept = ask(&served, "/sleep/0");
    let mut byte = [0];
    kept.read_exact(&mut byte).unwrap();
    stops_soon(served);
}

#[test]
fn r1_a_second_signal_ends_it_at_once() {
    let served = Served::start();
    let _waits = ask(&served, "/sleep/50000");
    let mut probe = ask(&served, "/sleep/100");
    let mut byte = [0];
    probe.read_exact(&mut byte).unwrap();
    let told = Instant::now();
    served.signal("TERM");
    while TcpStream::connect(served.addr).is_ok() {
        std::thread::yield_now();
    }
    served.signal("TERM");
    let (status, said) = served.wait();
    assert!(!status.success(), "cutting requests off is no success");
    assert!(said.contains("stopped before everything was answered"), "{said}");
    assert!(told.elapsed().as_secs() < 10, "took {:?}", told.elapsed());
}

/// An HTTP/2 client that asks nothing and never takes note that the server wants to close.
#[test]
fn r1_a_deaf_http2_client_does_not_hold_the_server_up() {
    let served = Served::start();
    let mut deaf = TcpStream::connect(served.addr).unwrap();
    deaf.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut byte = [0];
    deaf.read_exact(&mut byte).unwrap();
    stops_soon(served);
}

/// Whoever leaves before the reply has asked all the same.
#[test]
fn a_request_whose_client_left_has_its_line_in_the_log() {
    let served = Served::start();
    let leaves = ask(&served, "/sleep/30000");
    let mut byte = [0];
    ask(&served, "/sleep/300").read_exact(&mut byte).unwrap();
    drop(leaves);
    ask(&served, "/sleep/1500").read_exact(&mut byte).unwrap();
    served.signal("TERM");
    let (status, said) = served.wait();
    assert!(status.success(), "{said}");
    assert!(said.contains("path=\"/sleep/30000\" status=499"), "{said}");
}
