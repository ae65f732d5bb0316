//! What a server says of caching that cannot be, before it starts; and what `--explain` says of what is skipped.

use ketch::prelude::*;
use ketch_model::{ArgSpec, In, Sees};
use ketch_web::{Arg, ArgDocs, Input};

/// An argument that sees the whole request.
struct Whole;

impl Arg for Whole {
    const PLACE: In = In::Context;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        docs.push(ArgSpec { sees: Sees::Everything, ..ArgSpec::new(name, In::Context, true.into()) });
    }

    async fn read(_: &mut Input, _: &'static str) -> Result<Self> {
        Ok(Self)
    }
}

/// An argument from a cookie.
struct Session;

impl Arg for Session {
    const PLACE: In = In::Cookie;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        docs.push(ArgSpec::new(name, In::Cookie, true.into()));
    }

    async fn read(_: &mut Input, _: &'static str) -> Result<Self> {
        Ok(Self)
    }
}

struct Wrong;

#[service]
impl Wrong {
    #[get(cache = "hto", ttl = "1m")]
    async fn unknown_cache(&self) {}

    #[get(cache = "hot", ttl = "1m", key = "sesion")]
    async fn unknown_key(&self) {}

    #[get(cache = "hot")]
    async fn no_ttl(&self) {}

    #[get(cache = "hot", ttl = "0s")]
    async fn zero_ttl(&self) {}

    #[get(ttl = "1m")]
    async fn ttl_alone(&self) {}

    #[post(cache = "hot", ttl = "1m")]
    async fn on_post(&self) {}

    #[get(cache = "hot", ttl = "1m")]
    async fn with_body(&self, body: Json<u8>) {
        let _ = body;
    }

    #[get(cache = "hot", ttl = "1m")]
    async fn sees_all(&self, whole: Whole) {
        let Whole = whole;
    }

    #[get(cache = "hot", ttl = "1m")]
    async fn reads_cookie(&self, session: Session) {
        let Session = session;
    }

    #[get("tagged/{id}", cache = "hot", ttl = "1m", tags = ["boat:{idd}", "{id"])]
    async fn tagged(&self, id: u8) {
        let _ = id;
    }
}

fn problems(server: Server) -> Vec<String> {
    let found = server.build().unwrap_err();
    found.0.iter().map(|problem| format!("{}: {}", problem.subject, problem.message)).collect()
}

fn hot() -> Server {
    Server::new().define_cache("hot", MemoryCache::new("1mb")).define_cache_key("session", |_| None)
}

#[test]
fn every_rule_is_told_at_once_with_its_place() {
    let found = problems(hot().add(Wrong));
    let expected = [
        "Wrong::unknown_cache: no cache named `hto` is defined; did you mean `hot`?",
        "Wrong::unknown_key: no key function named `sesion` is defined; did you mean `session`?",
        "Wrong::no_ttl: the cache `hot` needs a time to keep replies: say `ttl`, such as `\"1m\"`",
        "Wrong::zero_ttl: `ttl` is no time at all; to keep nothing, say `\"-\"` for `cache`",
        "Wrong::ttl_alone: `ttl` says how long replies are kept, but no cache is in effect here; name one in `cache`",
        "Wrong::on_post: the cache `hot`: only GET endpoints are cached, so its replies cannot be kept; drop `cache`",
        "Wrong::with_body: the cache `hot`: it reads the request's body, so its replies cannot be kept; drop `cache`",
        "Wrong::sees_all: `whole` lets the endpoint see the whole request, which the cache's key cannot cover; \
         say what counts with `vary` or `key`, or say `\"-\"` for `cache`",
        "Wrong::reads_cookie: `session` lets the endpoint see a cookie, which the cache's key cannot cover; \
         say what counts with `vary` or `key`, or say `\"-\"` for `cache`",
        "Wrong::tagged: the tag `boat:{idd}` names no parameter of `/wrong/tagged/{id}`; did you mean `id`?",
        "Wrong::tagged: the tag `{id` has a brace without its other half",
    ];
    assert_eq!(found, expected);
    let places = hot().add(Wrong).build().unwrap_err();
    for problem in &places.0 {
        let place = problem.place.as_ref().unwrap();
        assert!(place.file.ends_with("cache_rules.rs") && place.line > 40, "{problem}");
    }
}

struct Plain;

#[service]
impl Plain {
    #[get]
    async fn show(&self) {}

    #[get]
    async fn all(&self, whole: Whole) {
        let Whole = whole;
    }

    #[post]
    async fn change(&self) {}
}

#[test]
fn definitions_are_checked_too() {
    let server = hot()
        .define_cache("hot", MemoryCache::new("1mb"))
        .define_cache("-", MemoryCache::new("1mb"))
        .define_cache("bad", MemoryCache::new("much"))
        .define_cache_key("session", |_| None)
        .define_cache_key("-", |_| None);
    let expected = [
        "server: the cache `hot` is defined twice",
        "server: `-` means none, so no cache can be called that",
        "server: `MemoryCache::new(\"much\")`: not a size: write `\"512b\"`, `\"64kb\"`, `\"10mb\"` or `\"1gb\"`",
        "server: the key function `session` is defined twice",
        "server: `-` means none, so no key function can be called that",
    ];
    assert_eq!(problems(server.add(Plain)), expected);
}

#[test]
fn what_an_endpoint_sees_can_be_said_or_left_uncached() {
    let levels = |s: ketch::Settings| s.cache("hot").ttl("1m");
    assert_eq!(problems(hot().add(configure(Plain).set(levels))).len(), 1, "`all` sees everything");
    let said: [fn(ketch::Settings) -> ketch::Settings; 3] =
        [|e| e.vary(["accept"]), |e| e.key("session"), |e| e.no_cache()];
    for say in said {
        hot().add(configure(Plain).set(levels).endpoint(Plain::ALL, say)).build().unwrap();
    }
    // A time without a cache, where the cache was switched off above: that is how one switches it off.
    let off = configure(Plain).set(|s| s.no_cache()).endpoint(Plain::SHOW, |e| e.ttl("5m"));
    hot().add(off).build().unwrap();
    let alone = configure(Plain).set(levels).endpoint(Plain::ALL, |e| e.no_cache());
    let alone = problems(hot().add(alone.endpoint(Plain::CHANGE, |e| e.ttl("5m"))));
    assert_eq!(
        alone,
        [
            "Plain::change: `ttl` says how long replies are kept, but only GET endpoints are cached, so none is; drop `ttl`"
        ]
    );
}

#[test]
fn an_inherited_cache_is_skipped_on_a_post_and_explained() {
    let service = configure(Plain).set(|s| s.cache("hot").ttl("1m")).endpoint(Plain::ALL, |e| e.no_cache());
    let built = hot().add(service).without_docs().build().unwrap();
    let text = ketch::explain(built.api());
    let post = text.split("\n\n").find(|part| part.contains("Plain::change")).unwrap();
    let row = post.lines().find(|line| line.trim_start().starts_with("cache ")).unwrap();
    assert!(row.contains("- (only GET endpoints are cached)") && row.contains("service code"), "{row}");
}
