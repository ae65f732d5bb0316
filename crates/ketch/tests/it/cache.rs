//! Named caches: what is kept, for whom, how long, and what makes it go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use ketch::http::{HeaderValue, Method, header};
use ketch::prelude::*;
use ketch::test::{Answer, Client, ManualClock, client};
use ketch::{CacheStore, Entry, Kept, Lookup, Storing, Ticket};
use tokio::sync::Semaphore;

/// Counts the runs of its handlers; `gated` ones wait until they are let through.
#[derive(Clone)]
struct Boats {
    runs: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Boats {
    fn new() -> Self {
        Self { runs: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    fn run(&self) -> usize {
        self.runs.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    async fn gated(&self) -> usize {
        let run = self.run();
        self.gate.acquire().await.unwrap().forget();
        run
    }
}

#[service(cache = "hot", ttl = "1m")]
impl Boats {
    #[get("{id}", tags = ["boat:{id}", "fleet"])]
    async fn show(&self, id: String, full: Option<bool>) -> String {
        format!("{id} {full:?}, run {}", self.run())
    }

    #[get]
    async fn slow(&self) -> String {
        format!("run {}", self.gated().await)
    }

    #[get]
    async fn fails(&self) -> Result<String> {
        Err(Error::new(503, "later", format!("run {}", self.gated().await)))
    }

    #[get]
    async fn panics(&self) -> String {
        panic!("run {}", self.gated().await)
    }

    /// Replies as the query says: a status and one header.
    #[get]
    async fn says(&self, status: u16, name: Option<String>, value: Option<String>) -> Response {
        let mut reply = Response::new(format!("run {}", self.run()).into());
        *reply.status_mut() = status.try_into().unwrap();
        if let (Some(name), Some(value)) = (name, value) {
            let name = ketch::http::HeaderName::try_from(name).unwrap();
            reply.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
        }
        reply
    }

    #[get(vary = ["accept-language"])]
    async fn greeting(&self) -> String {
        format!("run {}", self.run())
    }

    #[get]
    async fn whose(&self, caller: Caller) -> String {
        format!("{:?}, run {}", caller.id(), self.run())
    }

    #[get(scope = [["captain"]])]
    async fn logbook(&self) -> String {
        format!("run {}", self.run())
    }

    #[post]
    async fn launch(&self) -> String {
        format!("run {}", self.run())
    }
}

/// The caller's id is the word after `Bearer`, who is then a captain.
async fn authenticate(mut request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if let Some(name) = token.and_then(|token| token.strip_prefix("Bearer ")).map(str::to_owned) {
        let caller = caller_mut(request.extensions_mut());
        caller.identify(name);
        caller.grant("captain");
    }
    next.run(request).await
}

fn server(boats: &Boats, cache: &MemoryCache) -> Server {
    Server::new().define_cache("hot", cache.clone()).add(boats.clone())
}

fn harbour() -> (Boats, MemoryCache, Client) {
    let (boats, cache) = (Boats::new(), MemoryCache::new("8mb"));
    let client = client(server(&boats, &cache));
    (boats, cache, client)
}

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    client.send(Method::GET, path, headers, Body::empty()).await
}

fn status(answer: &Answer) -> &str {
    answer.header("cache-status").unwrap_or("none")
}

/// Waits until something holds; fails after a generous time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain: {what}");
}

#[tokio::test]
async fn a_reply_is_made_once_and_says_so() {
    let (boats, cache, client) = harbour();
    let first = client.get("/boats/7").await;
    assert_eq!((first.text().as_str(), status(&first)), ("7 None, run 1", "ketch; fwd=miss; stored"));
    assert_eq!((first.header("age"), first.header("cache-control")), (None, Some("public, max-age=60")));
    let second = client.get("/boats/7?utm_source=x&full").await;
    assert_eq!(second.status, 400, "an error is made by the handler: {}", second.text());
    let second = client.get("/boats/7?utm_source=x").await;
    assert_eq!((second.text().as_str(), status(&second)), ("7 None, run 1", "ketch; hit"));
    assert_eq!(second.header("age"), Some("0"));
    for name in ["etag", "content-type", "cache-control"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    assert_eq!(client.get("/boats/7?full=true").await.text(), "7 Some(true), run 2");
    let stats = cache.stats();
    // The error was looked up too.
    assert_eq!((boats.runs(), stats.stored, stats.hits, stats.misses), (2, 2, 1, 3));
}

#[tokio::test]
async fn a_thousand_misses_run_the_handler_once() {
    let (boats, cache) = (Boats::new(), MemoryCache::new("8mb"));
    let built = server(&boats, &cache).build().unwrap();
    let app = Arc::clone(built.app());
    let client = Client::new(Arc::clone(&app));
    let asked: Vec<_> = (0..1_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get("/boats/slow").await })
        })
        .collect();
    until("a thousand requests are in flight", || app.in_flight() == 1_000).await;
    boats.gate.add_permits(1);
    let mut statuses = HashMap::<String, usize>::new();
    for answer in asked {
        let answer = answer.await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "run 1"));
        *statuses.entry(status(&answer).to_owned()).or_default() += 1;
    }
    assert_eq!(boats.runs(), 1);
    assert_eq!(statuses["ketch; fwd=miss; stored"], 1, "{statuses:?}");
    assert_eq!(statuses["ketch; fwd=miss; collapsed"], 999, "{statuses:?}");
    println!("1000 concurrent misses: {} run of the handler", boats.runs());
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_take_the_reply_with_it() {
    let (boats, cache, client) = harbour();
    let leader = tokio::spawn({
        let client = client.clone();
        async move { client.get("/boats/slow").await }
    });
    until("the handler runs", || boats.runs() == 1).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    boats.gate.add_permits(1);
    until("the reply is kept", || cache.stats().stored == 1).await;
    assert_eq!(status(&client.get("/boats/slow").await), "ketch; hit");
    assert_eq!(boats.runs(), 1);
}

#[tokio::test]
async fn who_waited_for_an_error_or_a_panic_asks_for_himself_at_once() {
    for (path, expected) in [("/boats/fails", 503), ("/boats/panics", 500)] {
        let (boats, cache, client) = harbour();
        let asked: Vec<_> = (0..20)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.get(path).await.status })
            })
            .collect();
        until("the leader runs", || boats.runs() == 1 && cache.stats().misses == 20).await;
        boats.gate.add_permits(1);
        // All of them run at the same time: none waits for another.
        until("the others run", || boats.runs() == 20).await;
        boats.gate.add_permits(19);
        for status in asked {
            assert_eq!(status.await.unwrap(), expected, "{path}");
        }
        assert_eq!(cache.stats().stored, 0);
    }
}

#[tokio::test]
async fn purges_forget_what_they_name() {
    let (boats, cache, client) = harbour();
    let urls = ["/boats/7", "/boats/7?full=true", "/boats/8", "/boats/greeting"];
    let kept = async |expected: [bool; 4]| {
        for (url, expected) in urls.iter().zip(expected) {
            let only = get(&client, url, &[("cache-control", "only-if-cached")]).await;
            assert_eq!(only.status == 200, expected, "{url}: {}", only.text());
        }
    };
    let fill = async || {
        for url in urls {
            client.get(url).await;
        }
        kept([true; 4]).await;
    };
    fill().await;
    cache.purge_key("/boats/%37?full=true");
    kept([true, false, true, true]).await;
    cache.purge_tag("boat:7");
    kept([false, false, true, true]).await;
    fill().await;
    cache.purge_tag("fleet");
    kept([false, false, false, true]).await;
    fill().await;
    cache.purge_tag("boats.show");
    kept([false, false, false, true]).await;
    cache.purge_tag("boats");
    kept([false; 4]).await;
    fill().await;
    cache.clear();
    kept([false; 4]).await;
    assert_eq!(
        client.get("/boats/says?status=200&name=Cache-Tag&value=a,%20b").await.header("cache-tag"),
        None
    );
    let says = async || client.get("/boats/says?status=200&name=Cache-Tag&value=a,%20b").await;
    assert_eq!((status(&says().await), says().await.header("cache-tag")), ("ketch; hit", None));
    cache.purge_tag("b");
    assert_eq!(status(&says().await), "ketch; fwd=miss; stored");
    assert!(boats.runs() > 10);
}

#[tokio::test]
async fn a_reply_that_was_begun_before_a_purge_is_neither_kept_nor_given_to_later_requests() {
    let (boats, cache, client) = harbour();
    let ask = || {
        let client = client.clone();
        tokio::spawn(async move { client.get("/boats/slow").await })
    };
    let before = ask();
    until("the first runs", || boats.runs() == 1).await;
    cache.purge_tag("boats");
    let after = ask();
    until("the second runs by itself", || boats.runs() == 2).await;
    boats.gate.add_permits(2);
    let before = before.await.unwrap();
    assert_eq!((before.text().as_str(), status(&before)), ("run 1", "ketch; fwd=miss"));
    let after = after.await.unwrap();
    assert_eq!((after.text().as_str(), status(&after)), ("run 2", "ketch; fwd=miss; stored"));
    assert_eq!(client.get("/boats/slow").await.text(), "run 2");
}

#[tokio::test]
async fn head_is_answered_from_get_but_fills_nothing() {
    let (boats, _, client) = harbour();
    let head = async || client.send(Method::HEAD, "/boats/7", &[], Body::empty()).await;
    assert_eq!(status(&head().await), "ketch; fwd=miss");
    let get = client.get("/boats/7").await;
    assert_eq!((get.text().as_str(), status(&get)), ("7 None, run 2", "ketch; fwd=miss; stored"));
    let head = head().await;
    assert_eq!((head.text().as_str(), status(&head)), ("", "ketch; hit"));
    assert_eq!(head.header("content-length"), Some("13"));
    assert_eq!(head.header("etag"), get.header("etag"));
    assert_eq!(boats.runs(), 2);
}

#[tokio::test]
async fn who_has_the_reply_is_told_so() {
    let (boats, _, client) = harbour();
    let etag = client.get("/boats/7").await.header("etag").unwrap().to_owned();
    assert!(etag.starts_with("W/\"") && etag.len() == 36, "{etag}");
    let strong = etag.trim_start_matches("W/").to_owned();
    for tags in [etag.clone(), strong.clone(), format!("\"a,b\", {etag}"), "*".to_owned()] {
        let reply = get(&client, "/boats/7", &[("if-none-match", &tags)]).await;
        assert_eq!(
            (reply.status.as_u16(), reply.text().as_str(), status(&reply)),
            (304, "", "ketch; hit"),
            "{tags}"
        );
        assert_eq!(reply.header("etag"), Some(etag.as_str()));
        assert_eq!((reply.header("age"), reply.header("content-type")), (Some("0"), None));
        assert!(reply.header("cache-control").is_some());
    }
    let head = client.send(Method::HEAD, "/boats/7", &[("if-none-match", &etag)], Body::empty()).await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (304, None));
    for tags in ["\"other\"", "", "7"] {
        assert_eq!(get(&client, "/boats/7", &[("if-none-match", tags)]).await.status, 200, "{tags}");
    }
    // A miss too: the handler runs whole, and what is kept is the whole reply.
    let own = "/boats/says?status=200&name=etag&value=%22mine%22";
    let miss = get(&client, own, &[("if-none-match", "\"x\", W/\"mine\"")]).await;
    assert_eq!((miss.status.as_u16(), status(&miss)), (304, "ketch; fwd=miss; stored"));
    let whole = client.get(own).await;
    assert_eq!((whole.text().as_str(), whole.header("etag")), ("run 2", Some("\"mine\"")));
    assert_eq!(boats.runs(), 2);
}

#[tokio::test]
async fn a_reply_ages_and_its_time_passes() {
    let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)));
    let (boats, cache) = (Boats::new(), MemoryCache::new("8mb"));
    let client = client(server(&boats, &cache).clock(Arc::clone(&clock) as _));
    let age = async |path: &str| client.get(path).await.header("age").map(str::to_owned);
    assert_eq!(age("/boats/7").await, None);
    clock.advance(Duration::from_millis(59_999));
    assert_eq!(age("/boats/7").await.as_deref(), Some("59"));
    clock.advance(Duration::from_millis(1));
    assert_eq!(status(&client.get("/boats/7").await), "ketch; fwd=miss; stored");
    // The reply's own time, when it is shorter.
    let short = "/boats/says?status=200&name=cache-control&value=max-age%3D5";
    assert_eq!(client.get(short).await.header("cache-control"), Some("max-age=5"));
    clock.advance(Duration::from_secs(4));
    assert_eq!(age(short).await.as_deref(), Some("4"));
    let fresher = get(&client, short, &[("cache-control", "max-age=3")]).await;
    assert_eq!(status(&fresher), "ketch; fwd=request; stored");
    clock.advance(Duration::from_secs(5));
    assert_eq!(status(&client.get(short).await), "ketch; fwd=miss; stored");
}

#[tokio::test]
async fn a_request_may_want_it_anew_or_not_at_all() {
    let (boats, cache, client) = harbour();
    let ask = async |header: (&str, &str)| {
        let reply = get(&client, "/boats/7", &[header]).await;
        (reply.status.as_u16(), status(&reply).to_owned(), reply.text())
    };
    let only = ask(("cache-control", "only-if-cached")).await;
    assert_eq!((only.0, boats.runs()), (504, 0), "{}", only.2);
    assert_eq!(
        ask(("cache-control", "no-store")).await,
        (200, "ketch; fwd=bypass".into(), "7 None, run 1".into())
    );
    assert_eq!(cache.stats().stored, 0);
    let stored = "ketch; fwd=miss; stored";
    assert_eq!(ask(("x-nothing", "1")).await, (200, stored.into(), "7 None, run 2".into()));
    let mut run = 2;
    for header in [("cache-control", "no-cache"), ("cache-control", "max-age=0"), ("pragma", "no-cache")] {
        run += 1;
        let expected = format!("7 None, run {run}");
        assert_eq!(ask(header).await, (200, "ketch; fwd=request; stored".into(), expected.clone()));
        assert_eq!(ask(("x-nothing", "1")).await, (200, "ketch; hit".into(), expected));
    }
    assert_eq!(ask(("range", "bytes=0-1")).await.1, "ketch; fwd=bypass");
    assert_eq!(ask(("cache-control", "only-if-cached")).await.1, "ketch; hit");
    assert_eq!(ask(("cache-control", "only-if-cached, no-cache")).await.0, 504);
    assert_eq!(ask(("cache-control", "only-if-cached, no-store")).await.0, 504);
    let part = [("cache-control", "only-if-cached"), ("range", "bytes=0-1")];
    assert_eq!(get(&client, "/boats/7", &part).await.status, 504, "a part is never kept");
}

#[tokio::test]
async fn many_who_want_it_anew_get_one_run() {
    let (boats, cache, client) = harbour();
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { get(&client, "/boats/slow", &[("cache-control", "no-cache")]).await })
        })
        .collect();
    until("all have looked", || cache.stats().misses == 50).await;
    boats.gate.add_permits(50);
    for reply in asked {
        assert_eq!(reply.await.unwrap().status, 200);
    }
    assert_eq!(boats.runs(), 1);
}

#[tokio::test]
async fn what_must_not_be_kept_is_not() {
    let (_, cache, client) = harbour();
    let never = [
        "status=200&name=set-cookie&value=a%3Db",
        "status=200&name=cache-control&value=no-store",
        "status=200&name=cache-control&value=private",
        "status=200&name=cache-control&value=no-cache",
        "status=200&name=cache-control&value=max-age%3D0",
        "status=200&name=expires&value=0",
        "status=200&name=expires&value=Sun%2C+06+Nov+1994+08%3A49%3A37+GMT",
        "status=200&name=vary&value=*",
        "status=200&name=vary&value=accept-language",
        "status=201",
        "status=302",
        "status=404",
        "status=500",
    ];
    for query in never {
        for _ in 0..2 {
            let reply = client.get(&format!("/boats/says?{query}")).await;
            assert_eq!(status(&reply), "ketch; fwd=miss", "{query}");
        }
    }
    assert_eq!(cache.stats().stored, 0);
    for code in [203, 204, 300, 301, 308, 410] {
        let url = format!("/boats/says?status={code}");
        client.get(&url).await;
        let reply = client.get(&url).await;
        assert_eq!((reply.status.as_u16(), status(&reply)), (code, "ketch; hit"));
    }
}

#[tokio::test]
async fn headers_of_one_reply_are_not_given_to_another() {
    let (_, _, client) = harbour();
    for name in ["access-control-allow-origin", "date", "x-request-id", "age"] {
        let url = format!("/boats/says?status=200&name={name}&value=first");
        client.get(&url).await;
        let hit = client.get(&url).await;
        assert_eq!(status(&hit), "ketch; hit");
        assert_ne!(hit.header(name), Some("first"), "{name}");
    }
}

#[tokio::test]
async fn a_reply_depends_on_the_headers_it_says() {
    let (boats, _, client) = harbour();
    let ask = async |language: &str| get(&client, "/boats/greeting", &[("accept-language", language)]).await;
    assert_eq!((ask("es").await.text(), ask("en").await.text()), ("run 1".into(), "run 2".into()));
    let again = ask("es").await;
    assert_eq!((again.text().as_str(), again.header("vary")), ("run 1", Some("accept-language")));
    assert_eq!(get(&client, "/boats/greeting", &[("accept", "es")]).await.text(), "run 3");
    assert_eq!(boats.runs(), 3);
}

#[tokio::test]
async fn one_callers_reply_is_never_anothers() {
    let (boats, cache) = (Boats::new(), MemoryCache::new("8mb"));
    let guarded = server(&boats, &cache).define_middleware("auth", from_fn(authenticate));
    let client = client(guarded.set(|s| s.middleware(["auth"])));
    for path in ["/boats/whose", "/boats/logbook", "/boats/7"] {
        let mut bodies = Vec::new();
        for who in ["Bearer ann", "Bearer bob"] {
            let first = get(&client, path, &[("authorization", who)]).await;
            assert_eq!((first.status.as_u16(), status(&first)), (200, "ketch; fwd=miss; stored"), "{path}");
            assert_eq!(first.header("cache-control"), Some("private, max-age=60"));
            let second = get(&client, path, &[("authorization", who)]).await;
            assert_eq!((second.text(), status(&second)), (first.text(), "ketch; hit"));
            bodies.push(first.text());
        }
        let nobody = client.get(path).await;
        match path {
            "/boats/logbook" => assert_eq!(nobody.status, 401),
            _ => assert_eq!(status(&nobody), "ketch; fwd=miss; stored", "{path}"),
        }
        bodies.push(nobody.text());
        bodies.sort();
        bodies.dedup();
        assert_eq!(bodies.len(), 3, "{path}: {bodies:?}");
        // A cookie identifies somebody too.
        let cookie = get(&client, path, &[("authorization", "Bearer ann"), ("cookie", "session=1")]).await;
        assert_eq!(status(&cookie), "ketch; fwd=miss; stored", "{path}");
    }
    assert_eq!(
        get(&client, "/boats/whose", &[("authorization", "Bearer bob")]).await.text()[..10],
        *"Some(\"bob\""
    );
}

#[tokio::test]
async fn a_key_function_keeps_sessions_apart() {
    let (boats, cache) = (Boats::new(), MemoryCache::new("8mb"));
    let sessions = server(&boats, &cache).define_cache_key("session", |key| {
        let session = key.parts().headers.get("x-session")?.to_str().ok()?;
        Some(format!("{session} {}", key.usual()))
    });
    let client = client(sessions.set(|s| s.key("session")));
    let ask = async |path: &str, session: &str| get(&client, path, &[("x-session", session)]).await.text();
    assert_eq!(ask("/boats/7", "a").await, "7 None, run 1");
    assert_eq!(ask("/boats/7", "b").await, "7 None, run 2");
    assert_eq!(ask("/boats/7", "a").await, "7 None, run 1");
    assert_eq!(ask("/boats/8", "a").await, "8 None, run 3");
    assert_eq!(status(&client.get("/boats/7").await), "ketch; fwd=bypass", "the function made no key");
}

#[tokio::test]
async fn two_endpoints_never_share_a_key() {
    let (boats, cache) = (Boats::new(), MemoryCache::new("8mb"));
    let same = server(&boats, &cache).define_cache_key("same", |_| Some("x".to_owned()));
    let client = client(same.set(|s| s.key("same")));
    assert_eq!(client.get("/boats/greeting").await.text(), "run 1");
    assert_eq!(client.get("/boats/7").await.text(), "7 None, run 2");
    assert_eq!(client.get("/boats/8").await.text(), "7 None, run 2", "as the function wants it");
}

#[tokio::test]
async fn a_post_is_not_cached() {
    let (boats, _, client) = harbour();
    for run in 1..3 {
        let reply = client.post("/boats/launch", &()).await;
        assert_eq!((reply.text(), status(&reply)), (format!("run {run}"), "none"));
    }
    assert_eq!(boats.runs(), 2);
}

#[tokio::test]
async fn many_keys_leave_the_memory_flat() {
    let (boats, cache) = (Boats::new(), MemoryCache::new("256kb"));
    let client = client(server(&boats, &cache));
    for number in 0..5_000 {
        assert_eq!(client.get(&format!("/boats/{number}")).await.status, 200);
    }
    let (weight, stats) = (cache.weight(), cache.stats());
    println!("5000 keys: {weight} bytes kept, {} evicted", stats.evicted);
    assert!(weight <= 256 << 10, "{weight}");
    assert!(stats.evicted > 4_000, "{stats:?}");
}

/// FUEL's example, with its URLs.
struct CacheService {
    runs: Arc<AtomicUsize>,
}

#[service(cache = "cache1", ttl = "1m")]
impl CacheService {
    #[get]
    fn slow_call1(&self) -> String {
        self.slow("Slow1")
    }

    #[get(ttl = "5m")]
    fn slow_call2(&self) -> String {
        self.slow("Slow2")
    }

    #[get(cache = "cache2", ttl = "1h")]
    fn slow_call3(&self) -> String {
        self.slow("Slow3")
    }

    #[get(cache = "cache3", ttl = "6h")]
    fn slow_call4(&self) -> String {
        self.slow("Slow4")
    }

    fn slow(&self, text: &str) -> String {
        self.runs.fetch_add(1, Ordering::SeqCst);
        text.to_owned()
    }
}

/// A store of the application's own.
#[derive(Clone, Debug, Default)]
struct Shelf {
    entries: Arc<Mutex<HashMap<String, Arc<Entry>>>>,
    purges: Arc<AtomicU64>,
}

impl CacheStore for Shelf {
    fn get<'a>(&'a self, key: &'a str) -> Storing<'a, Lookup> {
        let ticket = Ticket(self.purges.load(Ordering::SeqCst));
        let entry = self.entries.lock().unwrap().get(key).cloned();
        Box::pin(async move { Ok(Lookup { entry, ticket }) })
    }

    fn put<'a>(&'a self, key: &'a str, entry: Arc<Entry>, _: Ticket) -> Storing<'a, Kept> {
        self.entries.lock().unwrap().insert(key.to_owned(), entry);
        Box::pin(async { Ok(Kept::Yes) })
    }

    fn purge_tag<'a>(&'a self, tag: &'a str) -> Storing<'a, ()> {
        self.purges.fetch_add(1, Ordering::SeqCst);
        self.entries.lock().unwrap().retain(|_, entry| !entry.tags().iter().any(|known| known == tag));
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn fuels_four_slow_calls_are_made_once_each() {
    let (runs, shelf) = (Arc::new(AtomicUsize::new(0)), Shelf::default());
    let server = Server::new()
        .define_cache("cache1", MemoryCache::new("1mb"))
        .define_cache("cache2", MemoryCache::new("1mb"))
        .define_cache("cache3", shelf.clone())
        .add(CacheService { runs: Arc::clone(&runs) });
    let client = client(server);
    for (call, ttl) in [(1, 60), (2, 300), (3, 3_600), (4, 21_600)] {
        let url = format!("/cache/slow-call{call}");
        for expected in ["ketch; fwd=miss; stored", "ketch; hit", "ketch; hit"] {
            let reply = client.get(&url).await;
            assert_eq!((reply.text(), status(&reply)), (format!("Slow{call}"), expected));
            assert_eq!(reply.headers[header::CACHE_CONTROL], format!("public, max-age={ttl}"));
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    shelf.purge_tag("cache").await.unwrap();
    assert_eq!(status(&client.get("/cache/slow-call4").await), "ketch; fwd=miss; stored");
}

/// Says when its memory is given back.
struct Chart(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Chart {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Chart {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

struct Charts(Arc<AtomicUsize>);

#[service(root = "-", cache = "hot", ttl = "1m")]
impl Charts {
    #[get]
    async fn corner(&self) -> Response {
        let chart = Bytes::from_owner(Chart(vec![b'~'; 1 << 20], Arc::clone(&self.0)));
        Response::new(chart.slice(..9).into())
    }
}

#[tokio::test]
async fn a_kept_reply_holds_no_more_memory_than_its_weight() {
    let (freed, cache) = (Arc::new(AtomicUsize::new(0)), MemoryCache::new("1mb"));
    let client = client(Server::new().define_cache("hot", cache.clone()).add(Charts(Arc::clone(&freed))));
    drop(client.get("/corner").await);
    assert_eq!(client.get("/corner").await.text(), "~~~~~~~~~");
    assert_eq!((cache.stats().hits, freed.load(Ordering::SeqCst)), (1, 1), "the chart is still in memory");
}
