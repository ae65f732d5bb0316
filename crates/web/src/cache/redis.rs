//! The cache that processes and machines share: Redis 6 or newer, or what speaks like it; not a Redis Cluster.
//!
//! Under the prefix there are three kinds of keys. `entry:<key>` is a hash: the entry's bytes, and for each of its
//! tags the version that the tag had when it was kept. `tag:<tag>` is a tag's version; a purge deletes it, so that
//! whatever was kept before no longer matches, however much that is. It expires with the last entry that has the tag,
//! and if Redis evicts it, the worst is a miss. `epoch` counts purges; an entry is kept only when the count is still
//! what it was at the look-up. Each operation is one script, so it happens whole or not at all.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, RedisError, Script};
use sha2::{Digest, Sha256};

use super::entry::Entry;
use super::key::{hex, spelt};
use super::store::{CacheError, CacheStats, CacheStore, Counters, Kept, Lookup, Storing, Ticket};

/// How long an operation may take where nobody says.
const TIMEOUT: Duration = Duration::from_millis(100);
/// How long Redis is left alone after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The largest body that is kept where nobody says.
const LARGEST: u64 = 1 << 20;
/// The longest key or tag, in bytes, that Redis sees as it is; longer ones are hashed.
const LONGEST: usize = 256;
/// A tag that every entry has.
const ALL: &str = "*";

/// A cache in Redis, shared by all processes that use the same prefix: what one purges is gone for all.
///
/// Redis bounds it: set its `maxmemory` and a policy such as `allkeys-lru`. An operation takes 100 ms at most. After a
/// failure every look-up is a miss for a second, said once in the log at warn; then it is tried again. A clone is a
/// handle to the same cache.
///
/// ```
/// use std::time::Duration;
/// use ketch_web::RedisCache;
///
/// let cache = RedisCache::connect("redis://127.0.0.1:6379/0")?.prefix("harbour:").timeout(Duration::from_millis(50));
/// assert!(RedisCache::connect("http://127.0.0.1").is_err());
/// # drop(cache); Ok::<(), ketch_web::CacheError>(())
/// ```
#[derive(Clone)]
pub struct RedisCache {
    link: Arc<Link>,
    prefix: Arc<str>,
    timeout: Duration,
    largest: u64,
}

/// The connection, made when it is first needed.
struct Link {
    client: Client,
    state: Mutex<State>,
    /// Held while a connection is made, so that only one is.
    connecting: tokio::sync::Mutex<()>,
    counters: Counters,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    paused_until: Option<Instant>,
}

/// Whether an operation is tried although the last one failed a moment ago.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    Heeded,
    Ignored,
}

impl RedisCache {
    /// A cache at `redis://[user:password@]host[:port][/database]` or `redis+unix:///path`. Nothing is connected before
    /// the first look-up.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn connect(url: &str) -> Result<Self, CacheError> {
        let client = Client::open(url).map_err(|error| CacheError::Url(error.to_string()))?;
        let link = Link {
            client,
            state: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            counters: Counters::default(),
        };
        Ok(Self { link: Arc::new(link), prefix: "ketch:".into(), timeout: TIMEOUT, largest: LARGEST })
    }

    /// What its keys in Redis begin with. Default `ketch:`. Applications that share a Redis need one each.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The longest an operation may take, connecting included. Default 100 ms.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The largest body that is kept, in bytes. Default 1 MiB.
    #[must_use]
    pub fn largest(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }

    /// Forgets every reply with this tag: a service (`boats`), an operation (`boats.show`), or what the setting `tags`
    /// or the reply's `Cache-Tag` says.
    ///
    /// # Errors
    /// When Redis cannot be reached: the replies are still there.
    pub async fn purge_tag(&self, tag: &str) -> Result<(), CacheError> {
        let mut script = PURGE.prepare_invoke();
        script.key(self.named("tag", tag)).key(self.named("epoch", ""));
        self.ask(Pause::Ignored, async |mut connection| script.invoke_async(&mut connection).await).await
    }

    /// Forgets every reply of this URL, whoever it was made for: the path and those parameters of the query that the
    /// endpoint declares, in any order.
    ///
    /// # Errors
    /// As [`purge_tag`](Self::purge_tag).
    pub async fn purge_key(&self, url: &str) -> Result<(), CacheError> {
        self.purge_tag(&spelt(url)).await
    }

    /// Forgets everything under the prefix.
    ///
    /// # Errors
    /// As [`purge_tag`](Self::purge_tag).
    pub async fn clear(&self) -> Result<(), CacheError> {
        self.purge_tag(ALL).await
    }

    /// What this process has done with it so far.
    pub fn stats(&self) -> CacheStats {
        self.link.counters.read()
    }

    async fn look_up(&self, key: &str) -> Result<Lookup, CacheError> {
        let mut script = GET.prepare_invoke();
        script.key(self.named("entry", key)).key(self.named("epoch", "")).arg(self.named("tag", ""));
        let (epoch, bytes): (u64, Option<Vec<u8>>) = self
            .ask(Pause::Heeded, async |mut connection| script.invoke_async(&mut connection).await)
            .await?;
        let entry = bytes.and_then(Entry::from_bytes).map(Arc::new);
        self.link.counters.looked_up(entry.as_ref());
        Ok(Lookup { entry, ticket: Ticket(epoch) })
    }

    async fn keep(&self, key: &str, entry: &Entry, ticket: Ticket) -> Result<Kept, CacheError> {
        let Some(bytes) = entry.to_bytes() else { return Ok(Kept::No) };
        let ttl = u64::try_from(entry.ttl().as_millis()).unwrap_or(u64::MAX).clamp(1, u64::from(u32::MAX));
        let mut script = PUT.prepare_invoke();
        script.key(self.named("entry", key)).key(self.named("epoch", ""));
        script.arg(ticket.0).arg(ttl).arg(self.named("tag", "")).arg(bytes).arg(ALL);
        for tag in entry.tags() {
            script.arg(&*short(tag));
        }
        let kept: bool = self
            .ask(Pause::Heeded, async |mut connection| script.invoke_async(&mut connection).await)
            .await?;
        if kept {
            self.link.counters.stored.fetch_add(1, Ordering::Relaxed);
        }
        Ok(if kept { Kept::Yes } else { Kept::No })
    }

    /// One operation, within its time.
    async fn ask<T, F>(
        &self,
        pause: Pause,
        ask: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, CacheError>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        if pause == Pause::Heeded && self.link.is_paused() {
            return Err(CacheError::Paused);
        }
        let work = async {
            let connection = self.link.connection().await?;
            ask(connection).await
        };
        let why = match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.timeout),
        };
        self.link.fail(&why);
        Err(CacheError::Store(why))
    }

    fn named(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}:{}", self.prefix, short(name))
    }
}

impl Link {
    async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        if let Some(connection) = &self.state().connection {
            return Ok(connection.clone());
        }
        let _only = self.connecting.lock().await;
        // Somebody else may have made it meanwhile.
        if let Some(connection) = &self.state().connection {
            return Ok(connection.clone());
        }
        let connection = self.client.get_multiplexed_async_connection().await?;
        *self.state() = State { connection: Some(connection.clone()), paused_until: None };
        Ok(connection)
    }

    fn is_paused(&self) -> bool {
        self.state().paused_until.is_some_and(|until| Instant::now() < until)
    }

    /// Lets the connection go and begins a pause.
    fn fail(&self, why: &str) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let state = &mut *self.state();
        if state.paused_until.is_none_or(|until| until <= now) {
            tracing::warn!(error = why, "Redis cannot be asked: replies are not cached for a second");
        }
        *state = State { connection: None, paused_until: Some(now + PAUSE) };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStore for RedisCache {
    fn get<'a>(&'a self, key: &'a str) -> Storing<'a, Lookup> {
        Box::pin(self.look_up(key))
    }

    fn put<'a>(&'a self, key: &'a str, entry: Arc<Entry>, ticket: Ticket) -> Storing<'a, Kept> {
        Box::pin(async move { self.keep(key, &entry, ticket).await })
    }

    fn purge_tag<'a>(&'a self, tag: &'a str) -> Storing<'a, ()> {
        Box::pin(Self::purge_tag(self, tag))
    }

    fn largest(&self) -> u64 {
        self.largest
    }

    fn about(&self) -> String {
        format!("in Redis, under `{}`", self.prefix)
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache")
            .field("prefix", &self.prefix)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

fn short(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("#{}", hex(&Sha256::digest(name))))
}

/// Keys: entry, epoch. Argument: what tags begin with. Answers the epoch, and the entry if all its tags still have the
/// versions that they had.
static GET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local epoch = redis.call('GET', KEYS[2]) or '0'
         local fields = redis.call('HGETALL', KEYS[1])
         local entry = false
         for i = 1, #fields, 2 do
           if fields[i] == 'entry' then
             entry = fields[i + 1]
           elseif redis.call('GET', ARGV[1] .. string.sub(fields[i], 3)) ~= fields[i + 1] then
             return { epoch, false }
           end
         end
         return { epoch, entry }",
    )
});

/// Keys: entry, epoch. Arguments: ticket, time to live in milliseconds, what tags begin with, entry, tags. A version
/// is the time and the epoch, so none comes twice.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local epoch = redis.call('GET', KEYS[2]) or '0'
         if epoch ~= ARGV[1] then return 0 end
         local now = redis.call('TIME')
         local fresh = now[1] .. '.' .. now[2] .. '.' .. epoch
         local fields = { 'entry', ARGV[4] }
         for i = 5, #ARGV do
           local tag = ARGV[3] .. ARGV[i]
           local version = redis.call('GET', tag)
           if not version then
             version = fresh
             redis.call('SET', tag, version, 'PX', ARGV[2])
           elseif redis.call('PTTL', tag) < tonumber(ARGV[2]) then
             redis.call('PEXPIRE', tag, ARGV[2])
           end
           fields[#fields + 1] = 't:' .. ARGV[i]
           fields[#fields + 1] = version
         end
         redis.call('DEL', KEYS[1])
         redis.call('HSET', KEYS[1], unpack(fields))
         redis.call('PEXPIRE', KEYS[1], ARGV[2])
         return 1",
    )
});

/// Keys: tag, epoch. An epoch that is not there begins with the time, so that no old ticket fits it.
static PURGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('DEL', KEYS[1])
         if redis.call('EXISTS', KEYS[2]) == 1 then
           redis.call('INCR', KEYS[2])
         else
           local now = redis.call('TIME')
           redis.call('SET', KEYS[2], now[1] .. string.rep('0', 6 - #now[2]) .. now[2])
         end",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_at_once_and_its_password_shown_nowhere() {
        let cache = RedisCache::connect("redis://:s3cret@127.0.0.1:1/0").unwrap();
        assert!(!format!("{cache:?}").contains("s3cret"));
        let error = RedisCache::connect("http://127.0.0.1").unwrap_err();
        assert!(error.to_string().ends_with("write `redis://127.0.0.1:6379/0`"), "{error}");
    }

    #[test]
    fn long_names_are_hashed_and_others_are_not() {
        assert_eq!(short("boats"), "boats");
        assert_eq!(short(&"x".repeat(257)).len(), 65);
        assert_ne!(short(&"x".repeat(257)), short(&"x".repeat(258)));
    }
}
