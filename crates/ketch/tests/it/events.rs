//! Server events: hooks at start, at requests, at stop; and streams that end when the server stops.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use ketch::prelude::*;
use ketch::test::{TestServer, client};
use ketch::{EndsAtStop, Limits, Stopped};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::raw::{Connection, PATIENCE, Pace};

struct Bell;

fn endless(mark: bool) -> Response {
    let ticks = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Some((Ok::<_, std::io::Error>("tick\n"), ()))
    });
    let mut response = Response::new(Body::from_stream(ticks));
    if mark {
        response.extensions_mut().insert(EndsAtStop);
    }
    response
}

#[service]
impl Bell {
    #[get]
    async fn ring(&self) -> &'static str {
        "ding"
    }

    #[get]
    async fn toll(&self) -> Response {
        endless(true)
    }

    #[get]
    async fn drone(&self) -> Response {
        endless(false)
    }

    #[get]
    async fn pieces(&self) -> Response {
        let pieces = stream::iter(["ding", "dong"].map(Ok::<_, std::io::Error>));
        Response::new(Body::from_stream(pieces))
    }

    #[get]
    async fn wait(&self) -> &'static str {
        std::future::pending().await
    }
}

type Told = Arc<Mutex<Vec<String>>>;

/// A server whose hooks write down what they are told.
fn told(server: Server) -> (Server, Told) {
    let told = Told::default();
    let (begun, ended) = (Arc::clone(&told), Arc::clone(&told));
    let server = server
        .on_request(move |request| {
            begun.lock().unwrap().push(format!("{} {}", request.method, request.path));
        })
        .on_reply(move |request| {
            let endpoint = request.endpoint.map_or_else(|| "nobody".to_owned(), |it| it.names.full());
            let status = request.status.map_or(0, |status| status.as_u16());
            assert_eq!(request.id.as_str().len(), 16);
            ended.lock().unwrap().push(format!("{status} {endpoint} {}", request.bytes));
        });
    (server, told)
}

#[tokio::test]
async fn hooks_are_told_of_every_request_once() {
    let (server, told) = told(Server::new().add(Bell));
    let client = client(server);
    let mut expected = Vec::new();
    for (path, ended) in [
        ("/bell/ring", "200 Bell::ring 4"),
        ("/bell/pieces", "200 Bell::pieces 8"),
        ("/nowhere", "404 nobody"),
    ] {
        client.get(path).await;
        expected.extend([format!("GET {path}"), ended.to_owned()]);
    }
    {
        let told = told.lock().unwrap();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        assert!(told.iter().zip(&expected).all(|(told, expected)| told.starts_with(expected)), "{told:?}");
    }
    assert!(timeout(Duration::from_millis(20), client.get("/bell/wait")).await.is_err());
    assert_eq!(told.lock().unwrap().last().unwrap(), "0 Bell::wait 0", "whoever leaves is told of too");
}

#[tokio::test]
async fn a_hook_that_panics_harms_no_request() {
    let server = Server::new().on_request(|_| panic!("a bad hook")).on_reply(|_| panic!("another")).add(Bell);
    let (server, told) = told(server);
    let client = client(server);
    for _ in 0..3 {
        assert_eq!(client.get("/bell/ring").await.text(), "ding");
        assert_eq!(client.get("/bell/pieces").await.text(), "dingdong");
    }
    assert_eq!(told.lock().unwrap().len(), 12, "hooks after it are told all the same");
}

#[tokio::test]
async fn hooks_at_start_and_stop_run_in_order_around_all_requests() {
    let (server, told) = told(Server::new().add(Bell));
    let say = |text: &'static str| {
        let told = Arc::clone(&told);
        move || {
            told.lock().unwrap().push(text.to_owned());
            std::future::ready(())
        }
    };
    let (first, second) = (say("start"), say("start too"));
    let (address, bound) = oneshot::channel();
    let server = server
        .on_stop(say("stop"))
        .on_stop(|| async { panic!("a bad hook") })
        .on_stop(say("stop too"))
        .on_start(|ready| async move {
            first().await;
            address.send(ready.address).unwrap();
            Ok(())
        })
        .on_start(|_| async move {
            second().await;
            Ok(())
        });
    let server = TestServer::start(server).await;
    assert_eq!(bound.await.unwrap(), server.addr());
    let mut connection = Connection::open(server.addr()).await;
    assert!(connection.send(b"GET /bell/ring HTTP/1.1\r\nHost: test\r\n\r\n", Pace::Whole).await);
    assert!(connection.reply(false).await.is_some());
    assert_eq!(server.stop().await, Stopped::Drained);
    let expected = ["start", "start too", "GET /bell/ring", "200 Bell::ring 4", "stop", "stop too"];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_start_hook_that_fails_keeps_the_server_from_starting() {
    for (panics, expected) in
        [(false, "a start hook failed: the harbour is frozen"), (true, "a start hook failed: it panicked")]
    {
        let built = Server::new()
            .listen("127.0.0.1:0")
            .on_start(move |_| async move {
                assert!(!panics, "no");
                Err("the harbour is frozen".into())
            })
            .on_stop(|| async { panic!("what did not start does not stop") })
            .build()
            .unwrap();
        let outcome = built.run(|_| panic!("it is not ready")).await;
        assert_eq!(outcome.unwrap_err().to_string(), expected);
    }
}

#[tokio::test]
async fn a_server_can_be_stopped_while_it_starts_and_while_it_stops() {
    let never = || std::future::pending::<()>();
    let listener = || tokio::net::TcpListener::bind("127.0.0.1:0");
    let starting = Server::new().on_start(move |_| async move {
        never().await;
        Ok(())
    });
    let (built, ready) = (starting.build().unwrap(), |_| panic!("it is not ready"));
    let serving = built.serve(listener().await.unwrap(), ready, std::future::ready(()), never());
    assert_eq!(timeout(PATIENCE, serving).await.unwrap().unwrap(), Stopped::Drained);

    let (tell, told) = oneshot::channel();
    let stopping = Server::new().on_stop(move || async move {
        tell.send(()).unwrap();
        never().await;
    });
    let again = async {
        let _hook_runs = told.await;
    };
    let serving =
        stopping.build().unwrap().serve(listener().await.unwrap(), |_| {}, std::future::ready(()), again);
    // Well below what stop hooks may take by themselves.
    assert_eq!(timeout(ketch::STOP_TIME / 2, serving).await.unwrap().unwrap(), Stopped::Drained);
}

/// Asks for a stream and reads until it ticks.
async fn ticking(server: &TestServer, path: &str) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"tick\n\r\n") {
        assert!(timeout(PATIENCE, stream.read_buf(&mut reply)).await.unwrap().unwrap() > 0);
    }
    (stream, reply)
}

#[tokio::test]
async fn a_marked_stream_ends_cleanly_when_the_server_stops() {
    let server = TestServer::start(Server::new().add(Bell)).await;
    let (mut stream, mut reply) = ticking(&server, "/bell/toll").await;
    assert_eq!(timeout(PATIENCE, server.stop()).await.unwrap(), Stopped::Drained);
    timeout(PATIENCE, stream.read_to_end(&mut reply)).await.unwrap().unwrap();
    assert!(reply.ends_with(b"\r\n0\r\n\r\n"), "its last chunk comes: {:?}", String::from_utf8_lossy(&reply));
}

#[tokio::test]
async fn an_unmarked_stream_is_cut_when_the_time_to_drain_is_over() {
    let limits = Limits { drain: Duration::from_millis(100), ..Limits::default() };
    let server = TestServer::start(Server::new().limits(limits).add(Bell)).await;
    let (mut stream, mut reply) = ticking(&server, "/bell/drone").await;
    let stopping = tokio::spawn(server.stop());
    // A cut may be an end or an error: in any case there is no last chunk.
    let _cut = timeout(PATIENCE, stream.read_to_end(&mut reply)).await.unwrap();
    assert!(matches!(stopping.await.unwrap(), Stopped::Cut { .. }));
    assert!(!reply.ends_with(b"\r\n0\r\n\r\n"));
}
