//! What an endpoint can see of a request is in the key of its kept replies, whatever kind of argument shows it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Answer, Client, client};

use crate::scratch::Scratch;

/// How often a handler ran.
static RUNS: AtomicU32 = AtomicU32::new(0);

#[derive(Debug, Query)]
struct Paging {
    after: Option<u32>,
    #[arg(default = 20, name = "per-page")]
    limit: u32,
}

struct Kept;

#[service(root = "-", cache = "hot", ttl = "1h")]
impl Kept {
    #[get]
    async fn language(&self, accept_language: Header<Option<String>>) -> String {
        format!("{:?} {}", accept_language.0, RUNS.fetch_add(1, Ordering::SeqCst))
    }

    #[get]
    async fn list(&self, paging: Paging) -> String {
        format!("{:?} {} {}", paging.after, paging.limit, RUNS.fetch_add(1, Ordering::SeqCst))
    }

    #[get(vary = ["cookie"])]
    async fn session(&self, session: Cookie<Option<String>>) -> String {
        format!("{:?} {}", session.0, RUNS.fetch_add(1, Ordering::SeqCst))
    }

    #[get]
    async fn account(&self, authorization: Header<Option<String>>) -> String {
        format!("{:?} {}", authorization.0, RUNS.fetch_add(1, Ordering::SeqCst))
    }

    #[get("spelt/{name}", vary = ["x-any"])]
    async fn spelt(&self, name: String, ctx: Ctx) -> String {
        format!("{name} {} {}", ctx.path(), RUNS.fetch_add(1, Ordering::SeqCst))
    }

    #[get(vary = ["x-any"])]
    async fn whole(&self, ctx: Ctx) -> String {
        format!("{:?} {}", ctx.query::<Option<String>>("unheard").ok(), RUNS.fetch_add(1, Ordering::SeqCst))
    }
}

async fn ask(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    client.send(Method::GET, path, headers, Body::empty()).await
}

/// Two requests are told apart, or are not.
async fn shared(client: &Client, one: (&str, &[(&str, &str)]), other: (&str, &[(&str, &str)])) -> bool {
    let first = ask(client, one.0, one.1).await;
    assert_eq!(ask(client, one.0, one.1).await.text(), first.text(), "{one:?} is kept");
    ask(client, other.0, other.1).await.text() == first.text()
}

#[tokio::test]
async fn requests_that_an_argument_can_tell_apart_have_their_own_replies() {
    let client = client(Server::new().define_cache("hot", MemoryCache::new("1mb")).add(Kept));
    let none: &[(&str, &str)] = &[];
    let (de, en): (&[_], &[_]) = (&[("accept-language", "de")], &[("accept-language", "en")]);
    assert!(!shared(&client, ("/language", de), ("/language", en)).await);
    assert!(!shared(&client, ("/language", de), ("/language", none)).await);
    assert!(shared(&client, ("/language", de), ("/language?unheard=1", de)).await);
    let vary = ask(&client, "/language", de).await;
    assert_eq!(vary.header("vary"), Some("accept-language"));

    assert!(!shared(&client, ("/list?after=1", none), ("/list?after=2", none)).await);
    assert!(!shared(&client, ("/list?per-page=1", none), ("/list?per-page=2", none)).await);
    assert!(
        shared(&client, ("/list?after=1&per-page=2", none), ("/list?per-page=2&x=y&after=1", none)).await
    );

    let (a, b): (&[_], &[_]) = (&[("cookie", "session=a")], &[("cookie", "session=b")]);
    assert!(!shared(&client, ("/session", a), ("/session", b)).await);
    assert_eq!(ask(&client, "/session", a).await.header("cache-control"), Some("private, max-age=3600"));

    let (a_token, b_token): (&[_], &[_]) = (&[("authorization", "a")], &[("authorization", "b")]);
    assert!(!shared(&client, ("/account", a_token), ("/account", b_token)).await);
    let told = ask(&client, "/account", a_token).await;
    assert_eq!(
        told.header("cache-control"),
        Some("private, max-age=3600"),
        "caches on the way must not share it"
    );

    assert!(!shared(&client, ("/whole?unheard=1", none), ("/whole?unheard=2", none)).await);
    assert!(!shared(&client, ("/whole", a), ("/whole", b)).await, "what it could see of the caller counts");
}

#[test]
fn an_argument_that_sees_more_than_the_key_covers_is_a_problem() {
    let server = Server::new().define_cache("hot", MemoryCache::new("1mb"));
    let server = server.add(
        configure(Kept).endpoint(Kept::SESSION, |e| e.vary(["-"])).endpoint(Kept::WHOLE, |e| e.vary(["-"])),
    );
    let problems = server.build().unwrap_err().to_string();
    for endpoint in ["Kept::session", "Kept::whole"] {
        assert!(problems.contains(endpoint), "{endpoint}: {problems}");
    }
    assert!(problems.contains("vary"), "{problems}");
}

/// Counts and hands on, as any middleware; it also makes the reply private.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

struct Stubbed;

#[service(root = "-", cache = "hot", ttl = "1h")]
impl Stubbed {
    #[get(stub = "missing.json")]
    fn later(&self);
}

#[tokio::test]
async fn a_stub_is_kept_like_any_reply_until_it_is_purged() {
    let scratch = Scratch::new("stub-cache");
    let file = scratch.write("later.json", r#"{"n":1}"#);
    let (hot, seen) = (MemoryCache::new("1mb"), Seen::default());
    let noted = seen.clone();
    let note = from_fn(move |request: Request, next: Next| {
        noted.0.lock().unwrap().push(request.uri().path().to_owned());
        async move { next.run(request).await }
    });
    let path = file.to_str().unwrap().to_owned();
    let server = Server::new()
        .define_cache("hot", hot.clone())
        .define_middleware("note", note)
        .add(configure(Stubbed).endpoint(Stubbed::LATER, |e| e.stub(path).middleware(["note"])));
    let client = client(server);
    assert_eq!(client.get("/later").await.text(), r#"{"n":1}"#);
    scratch.write("later.json", r#"{"n":2}"#);
    assert_eq!(client.get("/later").await.text(), r#"{"n":1}"#);
    hot.purge_key("/later");
    let fresh = client.get("/later").await;
    assert_eq!(
        (fresh.text().as_str(), fresh.header("content-type")),
        (r#"{"n":2}"#, Some("application/json"))
    );
    assert_eq!(seen.0.lock().unwrap().len(), 3, "middlewares run for hits too");
}

/// An endpoint that sees how its URL is spelt has a reply for each spelling, but they are one URL's.
#[tokio::test]
async fn a_url_is_purged_however_it_was_spelt() {
    let cache = MemoryCache::new("1mb");
    let client = client(Server::new().define_cache("hot", cache.clone()).add(Kept));
    for purged in ["/spelt/a:b", "/spelt/a%3ab?", "/spelt/%61:b"] {
        for asked in ["/spelt/a:b", "/spelt/a%3ab", "/spelt/a%3Ab"] {
            let first = client.get(asked).await.text();
            assert_eq!(client.get(asked).await.text(), first, "{asked} is kept");
            cache.purge_key(purged);
            assert_ne!(client.get(asked).await.text(), first, "{asked} is purged by {purged}");
        }
    }
}
