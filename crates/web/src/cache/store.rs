//! What a cache is to the pipeline: the trait that an application can implement, its answers and its counters.
//!
//! Nothing here knows a request; what is kept and for how long is decided in `policy` and `fill`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ketch_model::Problem;

use super::entry::Entry;

/// What a store is doing.
pub type Storing<'a, T> = Pin<Box<dyn Future<Output = Result<T, CacheError>> + Send + 'a>>;

/// A place where replies are kept. [`MemoryCache`](crate::MemoryCache) and `RedisCache` are two; an application can
/// write its own.
///
/// A store never decides what is kept, how a key is made or whether an entry is still fresh: it keeps entries by key
/// until their [`ttl`](Entry::ttl) has passed, and forgets them by tag. It bounds itself, in memory and in time: a
/// request waits for it. An error is a miss, never a failed request.
///
/// # Tickets
/// A look-up comes with a [`Ticket`], and [`put`](Self::put) presents it. A store answers [`Kept::No`] when a purge
/// came between the two, because the reply may have been made from what was purged. A counter of purges is enough.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::{Arc, Mutex};
///
/// use ketch_web::{CacheStore, Entry, Kept, Lookup, Storing, Ticket};
///
/// /// Keeps up to a hundred replies.
/// #[derive(Debug, Default)]
/// struct Hundred {
///     entries: Mutex<HashMap<String, Arc<Entry>>>,
///     purges: AtomicU64,
/// }
///
/// impl CacheStore for Hundred {
///     fn get<'a>(&'a self, key: &'a str) -> Storing<'a, Lookup> {
///         let ticket = Ticket(self.purges.load(Ordering::SeqCst));
///         let entry = self.entries.lock().unwrap().get(key).cloned();
///         Box::pin(async move { Ok(Lookup { entry, ticket }) })
///     }
///
///     fn put<'a>(&'a self, key: &'a str, entry: Arc<Entry>, ticket: Ticket) -> Storing<'a, Kept> {
///         let mut entries = self.entries.lock().unwrap();
///         let full = entries.len() >= 100 && !entries.contains_key(key);
///         if full || ticket.0 != self.purges.load(Ordering::SeqCst) {
///             return Box::pin(async { Ok(Kept::No) });
///         }
///         entries.insert(key.to_owned(), entry);
///         Box::pin(async { Ok(Kept::Yes) })
///     }
///
///     fn purge_tag<'a>(&'a self, tag: &'a str) -> Storing<'a, ()> {
///         let mut entries = self.entries.lock().unwrap();
///         self.purges.fetch_add(1, Ordering::SeqCst);
///         entries.retain(|_, entry| !entry.tags().iter().any(|known| known == tag));
///         Box::pin(async { Ok(()) })
///     }
/// }
/// ```
pub trait CacheStore: fmt::Debug + Send + Sync + 'static {
    /// Looks a key up. An entry whose time has passed may be answered: it is checked again.
    ///
    /// # Errors
    /// When the store cannot be asked. The request is answered as if nothing were there.
    fn get<'a>(&'a self, key: &'a str) -> Storing<'a, Lookup>;

    /// Keeps an entry, in place of an older one, unless there was a purge since the ticket was given.
    ///
    /// # Errors
    /// When the store cannot be reached. The request does not notice.
    fn put<'a>(&'a self, key: &'a str, entry: Arc<Entry>, ticket: Ticket) -> Storing<'a, Kept>;

    /// Forgets every entry that has this tag, and makes every ticket that was given until now worthless.
    ///
    /// # Errors
    /// When the store cannot be reached: the entries are still there.
    fn purge_tag<'a>(&'a self, tag: &'a str) -> Storing<'a, ()>;

    /// The look-up of a store that need not wait for anything; none, which is the default, means "ask [`get`](Self::get)".
    fn get_now(&self, key: &str) -> Option<Lookup> {
        let _ = key;
        None
    }

    /// The largest body it keeps, in bytes. Larger ones are never collected. Default 1 MiB.
    fn largest(&self) -> u64 {
        1 << 20
    }

    /// Where it is and how large, for `routes --explain`; nothing secret. Default: that the program defines it.
    fn about(&self) -> String {
        "the program's".to_owned()
    }

    /// What is wrong with how it was made, to be reported when the server is built.
    fn problem(&self) -> Option<Problem> {
        None
    }
}

/// What was found under a key.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The entry, if there is one.
    pub entry: Option<Arc<Entry>>,
    /// What a reply that is made now must present to be kept.
    pub ticket: Ticket,
}

/// When a look-up was made, in the store's own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Whether an entry was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It was.
    Yes,
    /// It was not: it is too large, or something was purged since the ticket was given.
    No,
}

/// A store that cannot be asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheError {
    /// The URL of a store cannot be read; the text says why.
    Url(String),
    /// The store did not answer, or not in time, or not what was asked; the text says why.
    Store(String),
    /// The store failed a moment ago and is not asked yet again.
    Paused,
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(why) => {
                write!(f, "the cache's URL cannot be read: {why}; write `redis://127.0.0.1:6379/0`")
            }
            Self::Store(why) => write!(f, "the cache cannot be asked: {why}"),
            Self::Paused => f.write_str("the cache failed a moment ago and is not asked yet again"),
        }
    }
}

impl std::error::Error for CacheError {}

/// What a cache has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStats {
    /// Look-ups that found an entry.
    pub hits: u64,
    /// Look-ups that found none.
    pub misses: u64,
    /// Entries that were kept.
    pub stored: u64,
    /// Times that the store could not be asked; the pause after a failure is not counted.
    pub failures: u64,
    /// Entries that were dropped to make room, or because their time had passed. Redis does that unseen.
    pub evicted: u64,
}

/// The counters behind [`CacheStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) stored: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) evicted: AtomicU64,
}

impl Counters {
    pub(super) fn looked_up(&self, entry: Option<&Arc<Entry>>) {
        let counter = if entry.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> CacheStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            hits: read(&self.hits),
            misses: read(&self.misses),
            stored: read(&self.stored),
            failures: read(&self.failures),
            evicted: read(&self.evicted),
        }
    }
}
