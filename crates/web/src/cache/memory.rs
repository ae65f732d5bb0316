//! The cache in this process: bounded by weight, forgotten at the end.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ketch_model::{Place, Problem};
use ketch_syntax::size;
use moka::Expiry;
use moka::notification::RemovalCause;
use moka::sync::Cache;

use super::entry::Entry;
use super::key::spelt;
use super::store::{CacheStats, CacheStore, Counters, Kept, Lookup, Storing, Ticket};

/// A cache in this process, bounded by the weight of what it keeps. A clone is a handle to the same cache, so that an
/// application keeps one to purge with.
///
/// What is asked for rarely makes room for what is asked for often (TinyLFU). An entry that is larger than an eighth
/// of the cache is not kept.
///
/// ```
/// use ketch_web::MemoryCache;
///
/// let cache = MemoryCache::new("64mb");
/// let handle = cache.clone(); // `define_cache("hot", cache)` takes the other one
/// handle.purge_key("/v1/boats/7?full=1");
/// handle.purge_tag("boats");
/// assert_eq!(handle.stats().stored, 0);
/// ```
#[derive(Clone)]
pub struct MemoryCache(Arc<Inner>);

struct Inner {
    entries: Cache<Arc<str>, Held>,
    index: Arc<Mutex<Index>>,
    counters: Arc<Counters>,
    /// Purges so far.
    epoch: AtomicU64,
    /// Keeps storing and purging apart: a purge must not come between the check of a ticket and the storing.
    order: Mutex<()>,
    next: AtomicU64,
    largest: u64,
    problem: Option<Problem>,
}

/// An entry and a number that tells it from others that had its key.
#[derive(Clone)]
struct Held {
    entry: Arc<Entry>,
    number: u64,
}

/// Which entries have a tag: keys with the numbers of their entries. As bounded as the entries are.
type Index = HashMap<Box<str>, HashMap<Arc<str>, u64>>;

impl MemoryCache {
    /// A cache of this size: `"64mb"`, or as any size is written. A size that cannot be read is reported when the
    /// server is built.
    #[track_caller]
    pub fn new(capacity: &str) -> Self {
        let place = Place::caller();
        match size(capacity) {
            Ok(bytes) => Self::with(bytes, None),
            Err(why) => {
                let message = format!("`MemoryCache::new(\"{capacity}\")`: {why}");
                Self::with(0, Some(Problem::new(Some(place), "server", message)))
            }
        }
    }

    /// A cache of so many bytes.
    pub fn of(bytes: u64) -> Self {
        Self::with(bytes, None)
    }

    fn with(bytes: u64, problem: Option<Problem>) -> Self {
        let (index, counters) = (Arc::new(Mutex::new(Index::new())), Arc::new(Counters::default()));
        let (known, counted) = (Arc::clone(&index), Arc::clone(&counters));
        let entries = Cache::builder()
            .max_capacity(bytes)
            .weigher(|key: &Arc<str>, held: &Held| weight(key, &held.entry))
            .expire_after(Lifetime)
            .eviction_listener(move |key, held, cause| {
                if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                    counted.evicted.fetch_add(1, Ordering::Relaxed);
                }
                forget(&mut lock(&known), &key, &held);
            })
            .build();
        Self(Arc::new(Inner {
            entries,
            index,
            counters,
            epoch: AtomicU64::new(0),
            order: Mutex::new(()),
            next: AtomicU64::new(0),
            largest: (bytes / 8).min(u64::from(u32::MAX / 4)),
            problem,
        }))
    }

    /// Forgets every reply with this tag: a service (`boats`), an operation (`boats.show`), or what the setting `tags`
    /// or the reply's `Cache-Tag` says.
    pub fn purge_tag(&self, tag: &str) {
        let _order = lock(&self.0.order);
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        let keys: Vec<Arc<str>> =
            lock(&self.0.index).get(tag).into_iter().flat_map(HashMap::keys).cloned().collect();
        keys.iter().for_each(|key| self.0.entries.invalidate(key));
    }

    /// Forgets every reply of this URL, whoever it was made for: the path and those parameters of the query that the
    /// endpoint declares, in any order.
    pub fn purge_key(&self, url: &str) {
        self.purge_tag(&spelt(url));
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let _order = lock(&self.0.order);
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        for (key, _) in &self.0.entries {
            self.0.entries.invalidate(&*key);
        }
    }

    /// What it has done so far.
    pub fn stats(&self) -> CacheStats {
        self.0.counters.read()
    }

    /// The bytes that its entries take, roughly.
    pub fn weight(&self) -> u64 {
        self.0.entries.run_pending_tasks();
        self.0.entries.weighted_size()
    }

    fn look_up(&self, key: &str) -> Lookup {
        // The ticket first: a purge between the two makes it worthless, not the other way round.
        let ticket = Ticket(self.0.epoch.load(Ordering::SeqCst));
        let entry = self.0.entries.get(key).map(|held| held.entry);
        self.0.counters.looked_up(entry.as_ref());
        Lookup { entry, ticket }
    }

    fn keep(&self, key: &str, entry: Arc<Entry>, ticket: Ticket) -> Kept {
        let key: Arc<str> = key.into();
        if u64::from(weight(&key, &entry)) > self.0.largest {
            return Kept::No;
        }
        let _order = lock(&self.0.order);
        if self.0.epoch.load(Ordering::SeqCst) != ticket.0 {
            return Kept::No;
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut index = lock(&self.0.index);
        for tag in entry.tags() {
            if !index.contains_key(tag.as_str()) {
                index.insert(tag.as_str().into(), HashMap::new());
            }
            if let Some(keys) = index.get_mut(tag.as_str()) {
                keys.insert(Arc::clone(&key), number);
            }
        }
        // Its listener wants the index.
        drop(index);
        self.0.entries.insert(key, Held { entry, number });
        self.0.counters.stored.fetch_add(1, Ordering::Relaxed);
        Kept::Yes
    }
}

impl CacheStore for MemoryCache {
    fn get<'a>(&'a self, key: &'a str) -> Storing<'a, Lookup> {
        let lookup = self.look_up(key);
        Box::pin(std::future::ready(Ok(lookup)))
    }

    fn get_now(&self, key: &str) -> Option<Lookup> {
        Some(self.look_up(key))
    }

    fn put<'a>(&'a self, key: &'a str, entry: Arc<Entry>, ticket: Ticket) -> Storing<'a, Kept> {
        let kept = self.keep(key, entry, ticket);
        Box::pin(std::future::ready(Ok(kept)))
    }

    fn purge_tag<'a>(&'a self, tag: &'a str) -> Storing<'a, ()> {
        Self::purge_tag(self, tag);
        Box::pin(std::future::ready(Ok(())))
    }

    fn largest(&self) -> u64 {
        self.0.largest
    }

    fn about(&self) -> String {
        let bytes = self.0.entries.policy().max_capacity().unwrap_or_default();
        format!("in this process, {bytes} bytes")
    }

    fn problem(&self) -> Option<Problem> {
        self.0.problem.clone()
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCache").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// An entry leaves when its time has passed, not only when its room is needed.
struct Lifetime;

impl Expiry<Arc<str>, Held> for Lifetime {
    fn expire_after_create(&self, _: &Arc<str>, held: &Held, _: Instant) -> Option<Duration> {
        Some(held.entry.ttl())
    }

    fn expire_after_update(
        &self,
        _: &Arc<str>,
        held: &Held,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(held.entry.ttl())
    }
}

/// The key counts twice for every tag: it is in the index too.
fn weight(key: &str, entry: &Entry) -> u32 {
    const EACH: usize = 96;
    let index = (entry.tags().len() + 1) * EACH + key.len();
    u32::try_from(index + entry.weight()).unwrap_or(u32::MAX)
}

fn forget(index: &mut Index, key: &Arc<str>, held: &Held) {
    for tag in held.entry.tags() {
        let Some(keys) = index.get_mut(tag.as_str()) else { continue };
        // A newer entry of the same key stays.
        if keys.get(key) == Some(&held.number) {
            keys.remove(key);
        }
        if keys.is_empty() {
            index.remove(tag.as_str());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn entry(bytes: usize, tags: &[&str]) -> Arc<Entry> {
        let reply = (StatusCode::OK, HeaderMap::new(), Bytes::from(vec![b'x'; bytes]));
        let times = (SystemTime::UNIX_EPOCH, Duration::from_secs(60));
        Arc::new(Entry::new(reply, times, tags.iter().map(|tag| (*tag).to_owned()).collect()))
    }

    fn has(cache: &MemoryCache, key: &str) -> bool {
        cache.look_up(key).entry.is_some()
    }

    #[test]
    fn a_purge_forgets_what_has_the_tag_and_nothing_else() {
        let cache = MemoryCache::new("1mb");
        let ticket = cache.look_up("a").ticket;
        assert_eq!(cache.keep("a", entry(9, &["boats", "/boats/7"]), ticket), Kept::Yes);
        assert_eq!(cache.keep("b", entry(9, &["boats"]), ticket), Kept::Yes);
        cache.purge_key("/boats/%37");
        assert!(!has(&cache, "a") && has(&cache, "b"));
        cache.purge_tag("boats");
        assert!(!has(&cache, "b"));
        cache.0.entries.run_pending_tasks();
        assert!(lock(&cache.0.index).is_empty());
    }

    #[test]
    fn what_was_made_before_a_purge_is_not_kept_after_it() {
        let cache = MemoryCache::new("1mb");
        let before = cache.look_up("a").ticket;
        cache.purge_tag("anything");
        assert_eq!(cache.keep("a", entry(9, &["boats"]), before), Kept::No);
        assert_eq!(cache.keep("a", entry(9, &["boats"]), cache.look_up("a").ticket), Kept::Yes);
        cache.clear();
        assert!(!has(&cache, "a"));
    }

    #[test]
    fn a_replaced_entry_leaves_the_newer_ones_tags_alone() {
        let cache = MemoryCache::new("1mb");
        for _ in 0..3 {
            cache.keep("a", entry(9, &["boats"]), Ticket(0));
        }
        cache.0.entries.run_pending_tasks();
        assert!(has(&cache, "a"));
        cache.purge_tag("boats");
        assert!(!has(&cache, "a"));
    }

    #[test]
    fn no_number_of_keys_makes_it_heavier_than_it_may_be() {
        let cache = MemoryCache::new("1mb");
        for number in 0..50_000 {
            let (key, tag) = (format!("key {number}"), format!("/boats/{number}"));
            cache.keep(&key, entry(1_000, &["boats", &tag]), Ticket(0));
        }
        assert!(cache.weight() <= 1 << 20, "{}", cache.weight());
        let known = lock(&cache.0.index).len();
        assert!(known <= 1_000, "the index holds {known} tags");
        assert!(cache.stats().evicted > 49_000);
    }

    #[test]
    fn an_eighth_of_it_is_the_most_for_one() {
        let cache = MemoryCache::new("8kb");
        assert_eq!(cache.keep("a", entry(1_024, &[]), Ticket(0)), Kept::No);
        assert_eq!(cache.keep("a", entry(128, &[]), Ticket(0)), Kept::Yes);
    }

    #[test]
    fn a_size_that_cannot_be_read_is_a_problem_with_its_place() {
        let problem = CacheStore::problem(&MemoryCache::new("64 mb")).unwrap();
        assert!(problem.message.starts_with("`MemoryCache::new(\"64 mb\")`: not a size"), "{problem}");
        assert!(problem.place.unwrap().file.ends_with("memory.rs"));
        assert!(CacheStore::problem(&MemoryCache::new("64mb")).is_none());
    }
}
