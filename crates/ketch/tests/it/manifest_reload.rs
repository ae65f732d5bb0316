//! R2: a manifest that is loaded anew while requests come: none fails, and each is answered by one version.
//!
//! Not here: what notices that files have changed (`manifest_watch`).

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ketch::prelude::*;
use ketch::test::{Scratch, TestServer, soak_factor};

use crate::raw::{Connection, Pace};
use crate::watch;

/// Clients, and how long each waits from one request to the next: a thousand requests a second, as far as the machine
/// can.
const CLIENTS: u64 = 8;
const PAUSE: Duration = Duration::from_millis(8);

/// A manifest of so many endpoints. Each says the version twice, by two arguments that nobody sends.
fn api(endpoints: usize, version: u64) -> String {
    let said = format!(r#"{{ "info": "the version", "type": "?int", "default": {version} }}"#);
    let method = format!(
        r#""GET": {{ "info": "Says the version.", "run": "native:echo", "in": {{ "GET@one": {said}, "GET@two": {said} }},
        "out": {{ "one": {{ "info": "one", "type": "int" }} }} }}"#
    );
    let mut out = String::from(r#"{ "/": { "#);
    for endpoint in 0..endpoints {
        write!(out, r#""e{endpoint}": {{ {method} }}, "#).unwrap();
    }
    out + "} }"
}

fn server(folder: &Path) -> Server {
    Server::new().manifest(folder).native("echo", async |call: ketch::Call| Ok::<_, ketch::Error>(call.args))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// What clients know while they ask.
#[derive(Default)]
struct Load {
    /// The version that was served for certain, and the one that may be served already.
    least: AtomicU64,
    most: AtomicU64,
    asked: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// Asks at a pace until it is over; what was wrong.
    async fn client(self: Arc<Self>, addr: std::net::SocketAddr, client: u64, endpoints: u64) -> Vec<String> {
        let (mut connection, mut wrong) = (Connection::open(addr).await, Vec::new());
        let mut turn = client;
        while !self.over.load(Ordering::Relaxed) {
            turn += CLIENTS;
            let least = self.least.load(Ordering::SeqCst);
            let request = format!("GET /e{} HTTP/1.1\r\nHost: test\r\n\r\n", turn % endpoints);
            connection.send(request.as_bytes(), Pace::Whole).await;
            let reply = connection.reply(false).await;
            let most = self.most.load(Ordering::SeqCst);
            self.asked.fetch_add(1, Ordering::Relaxed);
            let Some(reply) = reply else {
                wrong.push("no reply".to_owned());
                break;
            };
            let said: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let (one, two) = (said["one"].as_u64(), said["two"].as_u64());
            if reply.status != 200 || one.is_none() || one != two {
                wrong.push(format!("{} {said}", reply.status));
            } else if !one.is_some_and(|one| (least..=most).contains(&one)) {
                wrong.push(format!("{one:?} where {least} to {most} are served"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        wrong
    }
}

/// Loads a manifest of so many endpoints anew so often under load. One in five cannot be loaded.
async fn reloads_under_load(endpoints: usize, reloads: u64) {
    let scratch = Scratch::new();
    write(scratch.path(), "api.json", &api(endpoints, 0));
    let server = TestServer::start(server(scratch.path())).await;
    let load = Arc::new(Load::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(Arc::clone(&load).client(server.addr(), client, endpoints as u64)))
        .collect();
    let begun = Instant::now();
    let mut good = 0;
    for version in 1..=reloads {
        if version % 5 == 0 {
            write(
                scratch.path(),
                "api.json",
                &api(endpoints, version).replacen("native:echo", "native:no", 1),
            );
            let problems = server.reloader().reload().await.unwrap_err();
            assert!(problems.to_string().contains("no function `no`"), "{problems}");
        } else {
            write(scratch.path(), "api.json", &api(endpoints, version));
            load.most.store(version, Ordering::SeqCst);
            server.reloader().reload().await.unwrap();
            load.least.store(version, Ordering::SeqCst);
            good += 1;
        }
        // So that there are requests between two reloads, however quick they are.
        let asked = load.asked.load(Ordering::Relaxed);
        while load.asked.load(Ordering::Relaxed) < asked + 2 * CLIENTS {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let took = begun.elapsed();
    load.over.store(true, Ordering::Relaxed);
    for client in clients {
        let wrong = client.await.unwrap();
        assert!(wrong.is_empty(), "{} failed, {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    }
    let asked = load.asked.load(Ordering::Relaxed);
    let pace = asked as f64 / took.as_secs_f64();
    println!(
        "{good} of {reloads} reloads of {endpoints} endpoints, {asked} requests at {pace:.0}/s, 0 failed"
    );
    assert!(asked >= reloads * 2 * CLIENTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_a_hundred_reloads_fail_no_request() {
    reloads_under_load(20, 100 * soak_factor()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_of_five_hundred_endpoints_is_loaded_anew_without_a_failed_request() {
    reloads_under_load(500, 10 * soak_factor()).await;
}

async fn get(connection: &mut Connection, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    connection.send(request.as_bytes(), Pace::Whole).await;
    let reply = connection.reply(false).await.expect("the server answers");
    (reply.status, String::from_utf8(reply.body).unwrap())
}

#[tokio::test]
async fn what_a_caller_has_used_up_stays_used_up() {
    let scratch = Scratch::new();
    let limited = |rate: &str, version| {
        api(1, version).replacen("\"GET\"", &format!("\"rate\": \"{rate}\", \"GET\""), 1)
    };
    write(scratch.path(), "api.json", &limited("1/d burst 2", 1));
    let server = TestServer::start(server(scratch.path())).await;
    let mut connection = Connection::open(server.addr()).await;
    assert_eq!(get(&mut connection, "/e0").await.0, 200);
    write(scratch.path(), "api.json", &limited("1/d burst 2", 2));
    server.reloader().reload().await.unwrap();
    let (status, body) = get(&mut connection, "/e0").await;
    assert_eq!((status, body.contains('2')), (200, true), "the second of two, of the new version: {body}");
    assert_eq!(get(&mut connection, "/e0").await.0, 429, "a reload gives nothing back");
    write(scratch.path(), "api.json", &limited("1/d burst 3", 3));
    server.reloader().reload().await.unwrap();
    assert_eq!(get(&mut connection, "/e0").await.0, 200, "another rate counts anew");
}

#[tokio::test]
async fn a_kept_reply_is_sent_only_by_the_version_that_made_it() {
    let scratch = Scratch::new();
    let cached =
        |version| api(1, version).replacen("\"GET\"", "\"cache\": \"hot\", \"ttl\": \"1h\", \"GET\"", 1);
    let counted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&counted);
    let server = Server::new().define_cache("hot", MemoryCache::new("1mb")).manifest(scratch.path()).native(
        "echo",
        move |call: ketch::Call| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, ketch::Error>(call.args) }
        },
    );
    write(scratch.path(), "api.json", &cached(1));
    let server = TestServer::start(server).await;
    let mut connection = Connection::open(server.addr()).await;
    let first = get(&mut connection, "/e0").await.1;
    server.reloader().reload().await.unwrap();
    assert_eq!(get(&mut connection, "/e0").await.1, first);
    assert_eq!(counted.load(Ordering::SeqCst), 1, "nothing has changed, so the kept reply is good");
    write(scratch.path(), "api.json", &cached(2));
    server.reloader().reload().await.unwrap();
    let second = get(&mut connection, "/e0").await.1;
    assert!(second.contains('2'), "{second}");
    assert_eq!(counted.load(Ordering::SeqCst), 2);
    write(scratch.path(), "api.json", &cached(1));
    server.reloader().reload().await.unwrap();
    assert_eq!(
        get(&mut connection, "/e0").await.1,
        first,
        "a version that comes again has its replies again"
    );
}

#[tokio::test]
async fn everything_is_checked_as_at_the_start() {
    struct Fixed;

    #[service(root = "-")]
    impl Fixed {
        #[get]
        async fn here(&self) -> &'static str {
            "the program's"
        }
    }

    let scratch = Scratch::new();
    write(scratch.path(), "api.json", &api(1, 1));
    let server = TestServer::start(server(scratch.path()).add(Fixed)).await;
    let mut connection = Connection::open(server.addr()).await;
    for (from, to, message) in [
        ("\"e0\"", "\"here\"", "/here is already answered"),
        ("\"e0\"", "\"openapi.json\"", "/openapi.json is already answered"),
        ("\"GET\"", "\"cache\": \"cold\", \"ttl\": \"1m\", \"GET\"", "no cache named `cold`"),
        ("\"GET\"", "\"middleware\": [\"guard\"], \"GET\"", "no middleware named `guard`"),
        ("\"e0\": {", "\"e0\": ", ": JSON: "),
    ] {
        write(scratch.path(), "api.json", &api(1, 2).replacen(from, to, 1));
        let problems = server.reloader().reload().await.unwrap_err().to_string();
        assert!(problems.contains(message) && problems.contains("api.json:"), "{message}: {problems}");
        assert!(get(&mut connection, "/e0").await.1.contains('1'), "the last good state is served on");
        assert_eq!(get(&mut connection, "/here").await.1, "the program's");
    }
    write(scratch.path(), "api.json", &api(2, 3).replacen("Says the version.", "Says which.", 1));
    server.reloader().reload().await.unwrap();
    assert!(get(&mut connection, "/e1").await.1.contains('3'));
    let document = get(&mut connection, "/openapi.json").await.1;
    assert!(document.contains("Says which.") && document.contains("/e1"), "{document}");
    assert!(ketch::routes(&server.reloader().api()).contains("/e1"));
    write(scratch.path(), "api.json", &api(1, 4));
    server.reloader().reload().await.unwrap();
    assert_eq!(get(&mut connection, "/e1").await.0, 404, "what is gone is gone");
    assert_eq!(get(&mut connection, "/here").await.1, "the program's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_ends_on_what_it_began_on() {
    let scratch = Scratch::new();
    let (begun, ended) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (begin, end) = (Arc::clone(&begun), Arc::clone(&ended));
    let server = Server::new().manifest(scratch.path()).native("echo", move |call: ketch::Call| {
        let (begin, end) = (Arc::clone(&begin), Arc::clone(&end));
        async move {
            begin.notify_one();
            end.notified().await;
            Ok::<_, ketch::Error>(call.args)
        }
    });
    write(scratch.path(), "api.json", &api(1, 1));
    let server = TestServer::start(server).await;
    let mut connection = Connection::open(server.addr()).await;
    let asked = tokio::spawn(async move { get(&mut connection, "/e0").await });
    begun.notified().await;
    write(scratch.path(), "api.json", r#"{ "/": {} }"#);
    server.reloader().reload().await.unwrap();
    ended.notify_one();
    let (status, body) = asked.await.unwrap();
    assert_eq!((status, body.contains('1')), (200, true), "{body}");
    let mut connection = Connection::open(server.addr()).await;
    assert_eq!(get(&mut connection, "/e0").await.0, 404);
}

/// What old versions took is free again. A table of a hundred endpoints is about half a megabyte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_reloads_leave_the_memory_as_it_was() {
    let _alone = watch::alone().await;
    let scratch = Scratch::new();
    write(scratch.path(), "api.json", &api(100, 0));
    let server = TestServer::start(server(scratch.path())).await;
    let mut begun = None;
    for version in 0..600 {
        write(scratch.path(), "api.json", &api(100, version));
        server.reloader().reload().await.unwrap();
        if version == 100 {
            begun = watch::resident_memory();
        }
    }
    let (Some(before), Some(after)) = (begun, watch::resident_memory()) else { return };
    let grown = after.saturating_sub(before) >> 20;
    println!("500 reloads of 100 endpoints: {grown} MiB more");
    assert!(grown <= 32, "500 reloads took {grown} MiB");
}
