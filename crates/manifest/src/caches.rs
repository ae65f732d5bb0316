//! Caches that a project defines: `caches` of the project file, and the one that is there without a word.

#[cfg(feature = "redis")]
mod redis;

use std::sync::Arc;

use ketch_model::{Place, Problem};
use ketch_web::{CacheStore, MemoryCache};

use crate::fields::{Fields, Spelling};
use crate::keys::CACHE;
use crate::source::Spanned;

/// The cache that a project has though it defines none.
const USUAL: &str = "memory";

/// Its size, and that of others that do not say one, in bytes.
const SIZE: u64 = 64 << 20;

/// The smallest cache: of anything less not even a short reply would be kept, which may be an eighth of it.
const LEAST: u64 = 64 << 10;

/// A cache that a project defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheDefinition {
    /// What endpoints call it.
    pub name: String,
    /// Where it is defined; none for the one that is there without a word.
    pub place: Option<Place>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// In the process, of so many bytes.
    Memory(u64),
    #[cfg(feature = "redis")]
    Redis(redis::Redis),
}

impl CacheDefinition {
    /// The cache that a project has though it defines none: `memory`, 64 MiB in this process.
    pub fn usual() -> Self {
        Self { name: USUAL.to_owned(), place: None, kind: Kind::Memory(SIZE) }
    }

    /// Whether both define the same, wherever they stand.
    pub fn is_as(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind
    }

    /// The cache, made anew. Nothing is connected before the first look-up.
    pub fn make(&self) -> Arc<dyn CacheStore> {
        match &self.kind {
            Kind::Memory(bytes) => Arc::new(MemoryCache::of(*bytes)),
            #[cfg(feature = "redis")]
            Kind::Redis(redis) => redis.make(),
        }
    }

    /// Those of a project file's `caches`.
    pub(crate) fn read_all(said: &Spanned, spelling: Spelling, problems: &mut Vec<Problem>) -> Vec<Self> {
        let Some(mut fields) = Fields::of(said, "caches", problems) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, place, said) in fields.others() {
            if name.is_empty() || name == "-" {
                let message = match name.as_str() {
                    "-" => "`-` means none, so no cache can be called that",
                    _ => "a cache needs a name",
                };
                problems.push(Problem::new(Some(place.clone()), "caches", message));
                continue;
            }
            let kind = Kind::read(name, said, spelling, problems);
            found.extend(kind.map(|kind| Self { name: name.clone(), place: Some(place.clone()), kind }));
        }
        found
    }
}

impl Kind {
    fn read(name: &str, said: &Spanned, spelling: Spelling, problems: &mut Vec<Problem>) -> Option<Self> {
        let subject = format!("the cache `{name}`");
        let before = problems.len();
        let mut fields = Fields::by(&CACHE, said, subject, problems)?.spelled(spelling);
        let url = fields.get("url");
        let kind = match url {
            Some(url) => {
                if let Some(size) = fields.get("size") {
                    let message = "`size` is of caches in memory: Redis is bounded by its own `maxmemory`";
                    problems.push(Problem::new(Some(size.place.clone()), fields.subject(), message));
                }
                shared(&mut fields, url, problems)
            }
            None => {
                for key in ["prefix", "timeout", "largest"] {
                    if let Some(said) = fields.get(key) {
                        let message = format!("`{key}` is of caches in Redis: say its `url` too");
                        problems.push(Problem::new(Some(said.place.clone()), fields.subject(), message));
                    }
                }
                let size = fields.written("size", ketch_syntax::size, problems).unwrap_or(SIZE);
                if size < LEAST {
                    let place = fields.get("size").map(|size| size.place.clone());
                    let message = "`size` is less than a cache takes: 64kb at least, of which a reply may have an eighth";
                    problems.push(Problem::new(place, fields.subject(), message));
                }
                Some(Self::Memory(size))
            }
        };
        fields.finish(problems);
        kind.filter(|_| problems.len() == before)
    }
}

/// A cache that processes share.
#[cfg(feature = "redis")]
fn shared(fields: &mut Fields<'_>, url: &Spanned, problems: &mut Vec<Problem>) -> Option<Kind> {
    redis::Redis::read(fields, url, problems).map(Kind::Redis)
}

/// A cache that processes share.
#[cfg(not(feature = "redis"))]
fn shared(fields: &mut Fields<'_>, url: &Spanned, problems: &mut Vec<Problem>) -> Option<Kind> {
    for key in ["prefix", "timeout", "largest"] {
        let _unused = fields.get(key);
    }
    let message = "`url`: this server was built without Redis: build it with the feature `redis`, or use the stock `ketch`";
    problems.push(Problem::new(Some(url.place.clone()), fields.subject(), message));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn read(text: &str) -> (Vec<CacheDefinition>, Vec<String>) {
        let mut problems = Vec::new();
        let said = Source::new("ketch.json", text.to_owned()).parse(&mut problems).expect("it is JSON");
        let found = CacheDefinition::read_all(&said, Spelling::Exact, &mut problems);
        (found, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn two_definitions_are_the_same_by_what_they_say_and_not_by_where() {
        let (one, problems) = read(r#"{ "hot": {}, "cold": { "size": "1mb" } }"#);
        assert!(problems.is_empty(), "{problems:?}");
        let (other, _) = read("{\n\"cold\": { \"size\": \"1024kb\" },\n\"hot\": { \"size\": \"65mb\" } }");
        let [hot, cold] = &one[..] else { panic!("{one:?}") };
        assert!(cold.is_as(&other[0]) && cold != &other[0]);
        assert!(!hot.is_as(&other[1]) && !hot.is_as(cold));
        let (memory, _) = read(r#"{ "memory": {} }"#);
        assert!(memory[0].is_as(&CacheDefinition::usual()));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_url_is_shown_nowhere() {
        let (good, problems) = read(r#"{ "a": { "url": "redis://:s3cret@127.0.0.1:1/0" } }"#);
        assert!(problems.is_empty(), "{problems:?}");
        let shown = format!("{good:?} {:?}", good[0].make());
        assert!(!shown.contains("s3cret"), "{shown}");
        for bad in [
            "http://:s3cret@127.0.0.1",
            "redis://:s3cret@127.0.0.1:1/s3cret",
            "redis://:s3cret@[::1",
            "s3cret",
        ] {
            let (none, problems) = read(&format!(r#"{{ "a": {{ "url": "{bad}" }} }}"#));
            assert!(none.is_empty() && problems.len() == 1, "{bad}");
            assert!(!problems[0].contains("s3cret") && problems[0].contains("`url` is none"), "{problems:?}");
        }
    }

    #[cfg(not(feature = "redis"))]
    #[test]
    fn a_server_without_redis_says_so_where_it_is_asked_for() {
        let (none, problems) = read(r#"{ "a": { "url": "redis://127.0.0.1", "prefix": "a:" } }"#);
        assert!(none.is_empty());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0]
                .starts_with("ketch.json:1:17: the cache `a`: `url`: this server was built without Redis")
        );
    }
}
