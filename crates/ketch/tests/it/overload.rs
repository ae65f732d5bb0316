//! R9: under five times the load it can serve, a server serves what it can and refuses the rest at the door.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ketch::Capacity;
use ketch::prelude::*;
use ketch::test::{TestServer, soak_factor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Work;

#[service(root = "-")]
impl Work {
    #[get]
    async fn work(&self) -> &'static str {
        tokio::time::sleep(Duration::from_millis(20)).await;
        "done"
    }

    #[post]
    async fn store(&self, body: Json<String>) -> Json<usize> {
        Json(body.len())
    }
}

/// One request on a kept connection; its status.
async fn ask(stream: &mut TcpStream, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    loop {
        stream.read_buf(&mut reply).await.unwrap();
        let text = String::from_utf8_lossy(&reply);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return head[9..12].parse().unwrap();
        }
    }
}

/// How many requests of so many clients were served, and refused, in a time. A client that is refused waits as long
/// as the work would have taken, as one that honours `Retry-After` would longer.
async fn load(server: &TestServer, clients: usize, time: Duration) -> (u64, u64) {
    let counts = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let end = Instant::now() + time;
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (counts, addr) = (Arc::clone(&counts), server.addr());
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            while Instant::now() < end {
                match ask(&mut stream, "/work").await {
                    200 => drop(counts.0.fetch_add(1, Ordering::Relaxed)),
                    503 => {
                        counts.1.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    other => panic!("unexpected status {other}"),
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_five_times_the_load_costs_no_more_than_a_fifth_of_the_goodput() {
    let capacity = Capacity { in_flight: 20, ..Capacity::default() };
    let server = TestServer::start(Server::new().capacity(capacity).add(Work)).await;
    let time = Duration::from_millis(1500 * soak_factor());
    let (peak, refused) = load(&server, 20, time).await;
    assert_eq!(refused, 0, "what fits is not refused");
    let watcher = tokio::spawn(slowest_health(server.addr(), time));
    let (goodput, shed) = load(&server, 100, time).await;
    let slowest = watcher.await.unwrap();
    println!(
        "R9: peak {peak}, goodput {goodput} under five times the load, {shed} shed, slowest health {slowest:?}"
    );
    assert!(goodput as f64 >= 0.8 * peak as f64, "goodput {goodput} of {peak}");
    assert!(shed > 0, "five times the load cannot all be served");
    assert!(slowest < Duration::from_secs(1), "ten times the promised 100 ms, took {slowest:?}");
}

async fn slowest_health(addr: SocketAddr, time: Duration) -> Duration {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let (mut slowest, end) = (Duration::ZERO, Instant::now() + time);
    while Instant::now() < end {
        let asked = Instant::now();
        assert_eq!(ask(&mut stream, "/health/live").await, 200, "health answers when the server is full");
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    slowest
}

/// What has come of slow bodies is held, so all of it together is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_together_are_bounded() {
    let capacity = Capacity { body_bytes: 64 << 10, ..Capacity::default() };
    let server = TestServer::start(Server::new().capacity(capacity).add(Work)).await;
    let head = "POST /store HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n\"";
    let mut uploads = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&[b'x'; 20_000]).await.unwrap();
        uploads.push(stream);
    }
    // Three fit at most. Which are refused is for the scheduler to say.
    let mut replies = tokio::task::JoinSet::new();
    for mut stream in uploads {
        replies.spawn(async move {
            let mut reply = vec![0; 512];
            let count = stream.read(&mut reply).await.unwrap();
            (String::from_utf8_lossy(&reply[..count]).into_owned(), stream)
        });
    }
    for _ in 0..5 {
        let (reply, _stream) = replies.join_next().await.unwrap().unwrap();
        assert!(
            reply.starts_with("HTTP/1.1 503"),
            "what does not fit is refused, and nothing else answered: {reply}"
        );
    }
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    assert_eq!(ask(&mut stream, "/work").await, 200, "what has no body is served");
    // The others hang up, and their room is free again.
    drop(replies);
    let body = format!("\"{}\"", "x".repeat(20_000));
    let upload = format!("{}{body}", head.trim_end_matches('"').replace("100000", &body.len().to_string()));
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let mut stream = TcpStream::connect(server.addr()).await.unwrap();
        stream.write_all(upload.as_bytes()).await.unwrap();
        let mut reply = vec![0; 512];
        let count = stream.read(&mut reply).await.unwrap();
        if reply[..count].starts_with(b"HTTP/1.1 200") {
            break;
        }
        assert!(Instant::now() < end, "room that was given back is not given out again");
    }
}
