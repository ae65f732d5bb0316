//! A load that comes at a fixed rate whatever the server does.
//!
//! Each request has a moment at which it is due, and its latency counts from that moment: what waits behind a slow reply
//! is counted in full ("coordinated omission" is what leaving it out is called). Every latency is kept, so percentiles
//! are exact. wrk cannot do this: it sends the next request when the last one was answered.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, str};

use anyhow::{Context as _, Result, bail, ensure};

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long after the last request was due those that could not be sent are given up.
const GRACE: Duration = Duration::from_secs(2);

/// Bytes of a head and body that are understood.
const LARGEST: usize = 16 * 1024;

/// What is asked for, how often and for how long.
#[derive(Clone, Copy)]
pub(in super::super) struct Paced {
    /// A path whose `%d` is replaced by a key.
    pub(in super::super) path: &'static str,
    pub(in super::super) keys: u32,
    /// Requests a second, over all connections.
    pub(in super::super) rate: u32,
    pub(in super::super) connections: u32,
    pub(in super::super) seconds: u64,
}

/// Milliseconds from the moment at which a request was due to the end of its reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Latency {
    pub(in super::super) p50: f64,
    pub(in super::super) p99: f64,
    pub(in super::super) most: f64,
}

impl Paced {
    /// Sends all of them. A reply that is not 200 is an error.
    pub(in super::super) fn run(self, address: SocketAddr) -> Result<Latency> {
        precise_sleep();
        // Connected before the first request is due.
        let streams: Vec<TcpStream> =
            (0..self.connections).map(|_| connected(address)).collect::<Result<_>>()?;
        let start = Instant::now() + Duration::from_millis(50);
        let mut all = thread::scope(|scope| {
            let lines = streams.into_iter().zip(0..);
            let lines: Vec<_> =
                lines.map(|(stream, number)| scope.spawn(move || self.one(stream, number, start))).collect();
            let mut all = Vec::new();
            for line in lines {
                all.extend(line.join().expect("a connection's thread does not panic")?);
            }
            Ok::<_, anyhow::Error>(all)
        })?;
        all.sort_unstable();
        Latency::of(&all)
    }

    /// One connection: every so manieth of the requests. Those that are given up count with the time they have waited.
    fn one(self, mut stream: TcpStream, number: u32, start: Instant) -> Result<Vec<Duration>> {
        let count = u64::from(self.rate) * self.seconds;
        let give_up = start + Duration::from_secs(self.seconds) + GRACE;
        let (each, mut found) = (u64::from(self.connections), Vec::new());
        for request in (u64::from(number)..count).step_by(usize::try_from(each)?) {
            let due = start + Duration::from_nanos(request * 1_000_000_000 / u64::from(self.rate));
            if Instant::now() > give_up {
                found.push(due.elapsed());
                continue;
            }
            let key = key(request, self.keys).to_string();
            let head = format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", self.path.replace("%d", &key));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.write_all(head.as_bytes())?;
            reply(&mut stream).with_context(|| format!("asked for {} with key {key}", self.path))?;
            found.push(due.elapsed());
        }
        Ok(found)
    }
}

/// A thread that sleeps may be woken 50 µs late, unless it says that this matters; threads inherit it.
fn precise_sleep() {
    // Latencies are a little longer without it, all of them.
    let _not_this_kernel = fs::write("/proc/self/timerslack_ns", "1000");
}

fn connected(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A key from 1 to so many; the same for the same request in every run.
fn key(request: u64, keys: u32) -> u64 {
    // The finaliser of SplitMix64, which mixes well.
    let mut word = request.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^= word >> 27;
    word % u64::from(keys) + 1
}

/// Reads one reply to its end.
fn reply(stream: &mut TcpStream) -> Result<()> {
    let (mut buffer, mut filled) = ([0; LARGEST], 0);
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        ensure!(read > 0, "the connection ended, or its reply is larger than {LARGEST} bytes");
        filled += read;
        match whole(&buffer[..filled])? {
            Some(length) if length < filled => bail!("there is more than one reply"),
            Some(length) if length == filled => return Ok(()),
            _ => {}
        }
    }
}

/// How long a reply is, once its head is there.
fn whole(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = str::from_utf8(&bytes[..end])?;
    ensure!(
        head.starts_with("HTTP/1.1 200 "),
        "the reply begins `{}`",
        head.lines().next().unwrap_or_default()
    );
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.context("the reply has no content-length")?.1.trim().parse()?;
    Ok(Some(end + 4 + length))
}

impl Latency {
    /// Of latencies in ascending order.
    fn of(sorted: &[Duration]) -> Result<Self> {
        let last = sorted.len().checked_sub(1).context("no request was sent")?;
        let at = |share: usize| sorted[last * share / 100].as_secs_f64() * 1e3;
        Ok(Self { p50: at(50), p99: at(99), most: at(100) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// Answers each request, the 100th after a while.
    fn stalling_server(stall: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let (reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
            let ends = reader.lines().map_while(Result::ok).filter(String::is_empty);
            for (number, _) in ends.enumerate() {
                if number == 100 {
                    thread::sleep(stall);
                }
                writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
            }
        });
        address
    }

    #[test]
    fn what_waits_behind_a_slow_reply_is_counted_in_full() {
        let address = stalling_server(Duration::from_millis(500));
        let paced = Paced { path: "/%d", keys: 10, rate: 1_000, connections: 1, seconds: 1 };
        let latency = paced.run(address).unwrap();
        // Of the 1,000 requests about 500 were due during the stall; a closed loop would have seen one.
        assert!(latency.most >= 500.0 && latency.p99 >= 400.0, "{latency:?}");
    }

    #[test]
    fn a_server_that_stands_still_does_not_hold_up_the_bench_for_ever() {
        let stall = GRACE + Duration::from_secs(2);
        let paced = Paced { path: "/%d", keys: 10, rate: 1_000, connections: 1, seconds: 1 };
        let latency = paced.run(stalling_server(stall)).unwrap();
        // 900 requests were due after the 100th; none of them is left out.
        assert!(latency.p50 >= 3_000.0, "{latency:?}");
    }

    #[test]
    fn a_reply_is_read_to_its_end_and_judged() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(whole(text).unwrap(), Some(text.len()));
        assert_eq!(whole(&text[..20]).unwrap(), None);
        assert!(whole(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn percentiles_are_of_all_latencies() {
        let sorted: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        assert_eq!(Latency::of(&sorted).unwrap(), Latency { p50: 51.0, p99: 100.0, most: 101.0 });
        assert!(Latency::of(&[]).is_err());
    }

    #[test]
    fn keys_are_among_those_there_are() {
        let keys: Vec<u64> = (0..1_000).map(|request| key(request, 10)).collect();
        assert!((1..=10).all(|key| keys.contains(&key)) && keys.iter().all(|key| (1..=10).contains(key)));
    }
}
