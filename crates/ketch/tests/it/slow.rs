//! N1 and N2: strangers who dawdle over their heads, their bodies or their reading.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ketch::test::soak_factor;

use crate::child::Served;

fn honest(addr: SocketAddr) -> Duration {
    let asked = Instant::now();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"GET /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    asked.elapsed()
}

fn p99(addr: SocketAddr) -> Duration {
    let mut times: Vec<Duration> = (0..200).map(|_| honest(addr)).collect();
    times.sort_unstable();
    times[197]
}

/// Opens so many connections, each with these first bytes.
fn open(addr: SocketAddr, count: u64, bytes: &[u8]) -> Vec<TcpStream> {
    let one = |_| {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    };
    (0..count).map(one).collect()
}

/// Reads what comes until the other side closes, within ten times the five seconds that are the longest promise.
fn closed(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(50))).unwrap();
    let mut reply = Vec::new();
    match stream.read_to_end(&mut reply) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server did not close: {error}"),
    }
    String::from_utf8_lossy(&reply).into_owned()
}

#[test]
fn n1_a_thousand_half_open_heads_starve_nobody() {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let served = Served::hasty();
    let addr = served.addr;
    let count = 1_000 * soak_factor().min(9);
    let base = p99(addr);
    let before = served.resident();
    let heads = open(addr, count / 2, b"GET /hello HTTP/1.1\r\nHost: test\r\nX-Slow: ");
    let silent = open(addr, count / 2, b"");
    let under = p99(addr);
    let each = each(&served, before, count);
    println!(
        "N1: {count} half-open connections, honest p99 {base:?} -> {under:?}, {each} bytes a connection"
    );
    assert!(
        under <= (base * 20).max(Duration::from_millis(500)),
        "honest p99 went from {base:?} to {under:?}"
    );
    assert!(each <= 32 << 10, "{each} bytes a connection");
    for stream in heads.into_iter().chain(silent) {
        assert_eq!(closed(stream), "");
    }
}

#[test]
fn n2_bodies_that_stop_or_trickle_are_cut_off_with_408() {
    let served = Served::hasty();
    let count = 50 * soak_factor();
    let head = b"POST /echo HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n\"";
    let stopped = open(served.addr, count, head);
    let mut trickling = open(served.addr, count, head);
    let begun = Instant::now();
    // A byte now and then keeps `body_idle` at bay; the rate does not let it through.
    while begun.elapsed() < Duration::from_secs(3) {
        trickling.iter_mut().for_each(|stream| drop(stream.write_all(b"x")));
        std::thread::sleep(Duration::from_millis(100));
    }
    for stream in stopped.into_iter().chain(trickling) {
        let reply = closed(stream);
        assert!(reply.starts_with("HTTP/1.1 408") && reply.contains("slow_body"), "{reply}");
    }
    honest(served.addr);
    println!("N2: {} slow bodies cut off", count * 2);
}

#[test]
fn n2_a_body_that_is_late_for_its_endpoint_is_408_too() {
    let served = Served::hasty();
    let head = b"POST /hurried HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n\"";
    let reply = closed(open(served.addr, 1, head).remove(0));
    assert!(reply.starts_with("HTTP/1.1 408") && reply.contains("did not come within 300ms"), "{reply}");
}

#[test]
fn n2_readers_who_do_not_read_are_cut_off_and_pin_little() {
    let served = Served::hasty();
    let count = 50 * soak_factor();
    honest(served.addr);
    let before = served.resident();
    let mut readers = open(served.addr, count, b"GET /flood HTTP/1.1\r\nHost: test\r\n\r\n");
    honest(served.addr);
    // While they stall, the process holds what it could not hand on.
    let pinned = each(&served, before, count);
    let begun = Instant::now();
    while !readers.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "readers who do not read were not cut off");
        std::thread::sleep(Duration::from_millis(50));
        // A write to a connection that was cut is answered by a reset, which the next write reports.
        readers.retain_mut(|stream| stream.write_all(b"\r\n").is_ok());
    }
    println!("N2: {count} readers cut off after {:?}, {pinned} bytes each", begun.elapsed());
    assert!(pinned <= 64 << 10, "{pinned} bytes a connection");
    honest(served.addr);
}

/// What each of so many connections costs the server.
fn each(served: &Served, before: Option<u64>, count: u64) -> u64 {
    served.resident().zip(before).map_or(0, |(now, before)| now.saturating_sub(before) / count)
}
