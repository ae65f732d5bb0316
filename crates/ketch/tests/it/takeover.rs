//! One listening socket that goes from server to server: whoever connects is answered by one of them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ketch::prelude::*;
use tokio::sync::oneshot;

/// How often the socket goes on.
const TURNS: usize = 200;

/// Clients at once, each with a new connection for each request.
const CLIENTS: usize = 3;

/// So long a client waits between its connection and its request, in turns.
const PAUSES: [u64; 4] = [0, 50, 200, 1000];

/// A server that stops waits for the first word of a connection for half a second. Where a client was not given the
/// processor for most of that, nothing was promised.
const LATE: Duration = Duration::from_millis(250);

fn ask(addr: SocketAddr, pause: Duration) -> std::io::Result<Option<String>> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(addr)?;
    if !pause.is_zero() {
        std::thread::sleep(pause);
    }
    let sent = stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    if begun.elapsed() > LATE {
        return Ok(None);
    }
    let mut reply = String::new();
    sent.and_then(|()| stream.read_to_string(&mut reply))?;
    Ok(Some(reply))
}

/// Asks until it is told to stop; how often, and what was no answer.
fn client(addr: SocketAddr, over: &AtomicBool) -> (usize, Vec<String>) {
    let (mut asked, mut wrong) = (0, Vec::new());
    while !over.load(Ordering::Relaxed) {
        let pause = Duration::from_micros(PAUSES[asked % PAUSES.len()]);
        asked += 1;
        match ask(addr, pause) {
            Ok(None) => {}
            Ok(Some(reply)) if reply.starts_with("HTTP/1.1 200") => {}
            other => wrong.push(format!("{other:?}")),
        }
    }
    (asked, wrong)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_a_socket_that_goes_from_server_to_server_refuses_nobody() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let (addr, over) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || client(addr, &over))
        })
        .collect();
    for turn in 0..TURNS {
        let server = Server::new().build().unwrap();
        let listener = tokio::net::TcpListener::from_std(socket.try_clone().unwrap()).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stop_at = async move { drop(stopped.await) };
        let serving = tokio::spawn(server.serve(listener, |_| {}, stop_at, std::future::pending()));
        tokio::time::sleep(Duration::from_millis(2 + turn as u64 % 3)).await;
        drop(stop);
        serving.await.unwrap().unwrap();
    }
    // The last of them are answered too.
    let server = Server::new().build().unwrap();
    let listener = tokio::net::TcpListener::from_std(socket).unwrap();
    let serving =
        tokio::spawn(server.serve(listener, |_| {}, std::future::pending(), std::future::pending()));
    over.store(true, Ordering::Relaxed);
    let ended = tokio::task::spawn_blocking(|| {
        clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    let ended = ended.await.unwrap();
    serving.abort();
    let asked: usize = ended.iter().map(|(asked, _)| asked).sum();
    let wrong: Vec<String> = ended.into_iter().flat_map(|(_, wrong)| wrong).collect();
    println!("{TURNS} servers on one socket, {asked} connections, {} failed", wrong.len());
    assert!(asked > TURNS, "{asked}");
    assert!(wrong.is_empty(), "{:?}", &wrong[..wrong.len().min(5)]);
}
