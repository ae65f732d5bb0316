//! The cache that servers share, on a real Redis: seen by all, purged for all, and no reason to fail when it is gone.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ketch::RedisCache;
use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Client, client};

/// A Redis of one's own, in a folder that goes with it.
struct Redis {
    port: u16,
    folder: PathBuf,
    /// More arguments.
    more: &'static [&'static str],
    process: Child,
}

impl Redis {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(more: &'static [&'static str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("ketch-redis-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let process = Self::spawn(port, &folder, more);
        Self { port, folder, more, process }
    }

    #[expect(clippy::disallowed_methods, reason = "a test starts what it needs itself")]
    fn spawn(port: u16, folder: &PathBuf, more: &[&str]) -> Child {
        Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(folder)
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `cargo xtask test` does it")
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        self.process = Self::spawn(self.port, &self.folder, self.more);
    }

    /// A handle that waits for a slow machine; look-ups are tried until Redis is there.
    async fn cache(&self) -> RedisCache {
        self.cache_at(&format!("redis://127.0.0.1:{}/0", self.port)).await
    }

    async fn cache_at(&self, url: &str) -> RedisCache {
        let cache = RedisCache::connect(url).unwrap().timeout(Duration::from_secs(5));
        for _ in 0..3_000 {
            if cache.clear().await.is_ok() {
                return RedisCache::connect(url).unwrap().timeout(Duration::from_secs(5));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

#[derive(Clone, Default)]
struct Boats {
    runs: Arc<AtomicUsize>,
}

#[service(cache = "shared", ttl = "1m")]
impl Boats {
    #[get("{id}", tags = ["boat:{id}"])]
    async fn show(&self, id: String) -> String {
        format!("{id}, run {}", self.runs.fetch_add(1, Ordering::SeqCst) + 1)
    }

    #[get(ttl = "200ms")]
    async fn brief(&self) -> String {
        format!("run {}", self.runs.fetch_add(1, Ordering::SeqCst) + 1)
    }

    #[get]
    async fn slow(&self) -> String {
        tokio::time::sleep(Duration::from_millis(300)).await;
        format!("run {}", self.runs.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

fn harbour(cache: &RedisCache) -> (Boats, Client) {
    let boats = Boats::default();
    (boats.clone(), client(Server::new().define_cache("shared", cache.clone()).add(boats)))
}

async fn ask(client: &Client, path: &str) -> (String, String) {
    let reply = client.get(path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    (reply.text(), reply.header("cache-status").unwrap_or("none").to_owned())
}

fn pair(text: &str, status: &str) -> (String, String) {
    (text.to_owned(), status.to_owned())
}

const STORED: &str = "ketch; fwd=miss; stored";
const HIT: &str = "ketch; hit";

#[tokio::test]
async fn two_servers_see_each_others_replies_and_purges() {
    let redis = Redis::start();
    let (one, other) = (redis.cache().await, redis.cache().await);
    let ((_, here), (_, there)) = (harbour(&one), harbour(&other));
    assert_eq!(ask(&here, "/boats/7").await, pair("7, run 1", STORED));
    assert_eq!(ask(&there, "/boats/7").await, pair("7, run 1", HIT));
    let first = here.get("/boats/7").await;
    assert_eq!(first.headers["cache-control"], "public, max-age=60");
    let tag = first.header("etag").unwrap();
    let unmodified =
        there.send(Method::GET, "/boats/7", &[("if-none-match", tag)], axum::body::Body::empty()).await;
    assert_eq!(unmodified.status, 304);
    let mut run = 0;
    for purge in ["tag", "url", "service", "all"] {
        assert_eq!(ask(&there, "/boats/8").await.1, STORED, "{purge}");
        assert_eq!(ask(&here, "/boats/8").await.1, HIT, "{purge}");
        match purge {
            "tag" => other.purge_tag("boat:8").await.unwrap(),
            "url" => one.purge_key("/boats/%38").await.unwrap(),
            "service" => other.purge_tag("boats").await.unwrap(),
            _ => one.clear().await.unwrap(),
        }
        run += 1;
        assert_eq!(ask(&here, "/boats/9").await.1, if run == 2 { HIT } else { STORED }, "{purge}");
    }
    let stats = one.stats();
    assert!(stats.hits >= 4 && stats.failures == 0, "{stats:?}");
}

#[tokio::test]
async fn a_reply_that_was_begun_before_a_purge_is_not_kept() {
    let redis = Redis::start();
    let cache = redis.cache().await;
    let (boats, client) = harbour(&cache);
    let asked = tokio::spawn({
        let client = client.clone();
        async move { ask(&client, "/boats/slow").await }
    });
    while cache.stats().misses == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    redis.cache().await.purge_tag("something else").await.unwrap();
    assert_eq!(asked.await.unwrap(), pair("run 1", "ketch; fwd=miss"));
    assert_eq!(ask(&client, "/boats/slow").await, pair("run 2", STORED));
    assert_eq!(boats.runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn many_misses_run_the_handler_once_and_entries_go_by_themselves() {
    let redis = Redis::start();
    let cache = redis.cache().await;
    let (boats, client) = harbour(&cache);
    let asked: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client, "/boats/slow").await.0 })
        })
        .collect();
    for text in asked {
        assert_eq!(text.await.unwrap(), "run 1");
    }
    assert_eq!(boats.runs.load(Ordering::SeqCst), 1);
    let first = ask(&client, "/boats/brief").await;
    for _ in 0..3_000 {
        let (text, status) = ask(&client, "/boats/brief").await;
        if status == STORED {
            assert_ne!(text, first.0);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a reply outlives its time");
}

#[tokio::test]
async fn a_dead_redis_costs_no_failed_request_and_comes_back() {
    let mut redis = Redis::start();
    let cache = redis.cache().await;
    let (_, client) = harbour(&cache);
    let (mut alive, mut dead, mut back) = (0, 0, 0);
    for number in 0..200 {
        ask(&client, &format!("/boats/{}", number % 20)).await;
        alive += 1;
    }
    assert_eq!(ask(&client, "/boats/0").await.1, HIT);
    redis.kill();
    for number in 0..1_000 {
        let (_, status) = ask(&client, &format!("/boats/{}", number % 20)).await;
        assert_eq!(status, "ketch; fwd=miss");
        dead += 1;
    }
    let failures = cache.stats().failures;
    assert!((1..=50).contains(&failures), "{failures} of 1000 look-ups went to a dead Redis");
    assert!(cache.purge_tag("boats").await.is_err(), "a purge that did not happen says so");
    redis.restart();
    for _ in 0..3_000 {
        if ask(&client, "/boats/0").await.1 == HIT {
            println!("dead Redis: {alive} + {dead} + {back} requests, 0 failed, {failures} failed look-ups");
            return;
        }
        back += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the cache does not come back");
}

/// A Redis that accepts and never answers: a request waits for it once, within the cache's own time.
#[tokio::test]
async fn a_deaf_redis_costs_no_failed_request() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/0", deaf.local_addr().unwrap());
    let cache = RedisCache::connect(&url).unwrap();
    let (boats, client) = harbour(&cache);
    let asked: Vec<_> = (0..200)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client, &format!("/boats/{number}")).await.1 })
        })
        .collect();
    for status in asked {
        assert_eq!(status.await.unwrap(), "ketch; fwd=miss");
    }
    assert_eq!(boats.runs.load(Ordering::SeqCst), 200);
    assert_eq!(cache.stats().stored, 0);
}

/// The status and the head of a reply of a server.
fn send(addr: std::net::SocketAddr, method: &str) -> (u16, String) {
    let request =
        format!("{method} /boats HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let (status, head, _) = crate::said::say(addr, &request).unwrap();
    (status, head)
}

/// What `ketch` prints, on both outputs, and whether it is content.
#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn ketch(folder: &std::path::Path, url: Option<&str>, arguments: &[&str]) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ketch"));
    command.args(arguments).current_dir(folder).env_remove("BOATS_CACHE");
    command.envs(url.map(|url| ("BOATS_CACHE", url)));
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (text, output.status.success())
}

/// The stock program, as whoever has no Rust uses it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_share_a_redis_whose_password_is_in_no_file_and_no_message() {
    use crate::said::Said;

    let mut redis = Redis::start_with(&["--requirepass", "s3cret"]);
    let url = format!("redis://:s3cret@127.0.0.1:{}/0", redis.port);
    redis.cache_at(&url).await;
    let scratch = ketch::test::Scratch::new();
    let write = |name: &str, text: &str| fs::write(scratch.path().join(name), text).unwrap();
    let project = r#"{ "caches": { "shared": { "url": { "env": "BOATS_CACHE" }, "prefix": "boats:", "timeout": "5s" } } }"#;
    write("ketch.json", project);
    write("a.json", "{}");
    write(
        "api.json",
        r#"{ "/": { "boats": { "cache": "shared", "ttl": "1h", "purge": ["boats"],
            "GET": { "info": "i", "stub": "a.json" }, "POST": { "info": "i", "stub": "a.json" } } } }"#,
    );
    let (told, is_good) = ketch(scratch.path(), None, &["check"]);
    let place = "ketch.json:1:34: the cache `shared`: `url`: ";
    assert!(
        !is_good
            && told
                .contains(&format!("{place}the server's environment has no variable `BOATS_CACHE`: set it")),
        "{told}"
    );
    let (told, is_good) = ketch(scratch.path(), Some("http://:s3cret@127.0.0.1"), &["check"]);
    assert!(!is_good && told.contains("the cache `shared`: `url` is none of a Redis"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    let (told, is_good) = ketch(scratch.path(), Some(&url), &["routes", ".", "--explain"]);
    assert!(
        is_good && told.contains("cache shared\n  in Redis, under `boats:`  ketch.json:1:15\n"),
        "{told}"
    );
    assert!(!told.contains("s3cret"), "{told}");

    let serve = ["serve", ".", "--listen", "127.0.0.1:0"];
    let start = || {
        Said::start_with(scratch.path(), &serve, |command| {
            command.env("BOATS_CACHE", &url);
        })
    };
    let (mut one, mut other) = (start(), start());
    let (here, there) = (one.ready(), other.ready());
    for _ in 0..2 {
        assert!(send(here, "GET").1.contains(STORED));
        assert!(send(there, "GET").1.contains(HIT), "the same files, the same replies");
        assert_eq!(send(there, "POST").0, 200);
    }
    assert!(send(here, "GET").1.contains(STORED));

    redis.kill();
    assert_eq!(send(here, "POST").0, 200, "a cache that is gone is no reason to fail");
    let told = one.until("kept replies could not be purged");
    assert!(told.contains("WARN") && !told.contains("s3cret"), "{told}");
    assert_eq!(send(here, "GET").0, 200);
}
