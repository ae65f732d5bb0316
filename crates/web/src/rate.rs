//! How often one caller may call an endpoint: a rate limiter whose memory is bounded.
//!
//! The rule is the generic cell rate algorithm in its form of virtual scheduling (ITU-T I.371, annex A), a leaky bucket
//! as a meter: of each caller one number is kept, the time at which its next request would be due. Not here: limits on
//! connections, which are `edge`'s, and limits that several machines share.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::RETRY_AFTER;
use ketch_model::{Caller, Error};
use ketch_syntax::Rate;

use crate::peer::network;

/// Callers of one endpoint that are told apart. Beyond it new ones share cells until others' time has passed.
pub const RATE_KEYS: usize = 65_536;

const SHARDS: usize = 16;
const KEYS_PER_SHARD: usize = RATE_KEYS / SHARDS;
/// The cells of a shard that callers share when there is no room for one of their own.
const SHARED_CELLS: usize = 64;
/// A full shard is swept at most once in so many nanoseconds, or for so many requests without room.
const SWEEP_TIME: u64 = 1_000_000_000;
const SWEEP_REQUESTS: usize = KEYS_PER_SHARD / 4;

/// The callers of one endpoint.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    pace: Pace,
    started: Instant,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

/// Who is counted.
#[derive(Hash)]
enum Key<'a> {
    Caller(&'a str),
    Network(IpAddr),
    /// Requests that came through no socket.
    Inside,
}

impl RateLimiter {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            pace: Pace::new(rate),
            started: Instant::now(),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::default())).collect(),
        }
    }

    /// Lets a request pass. A caller who is known by an id is counted by it, others by their address.
    ///
    /// # Errors
    /// 429 with `Retry-After` when it came too early.
    pub(crate) fn check(&self, caller: Option<&Caller>, peer: Option<SocketAddr>) -> Result<(), Error> {
        let key = match (caller.and_then(Caller::id), peer) {
            (Some(id), _) => Key::Caller(id),
            (None, Some(peer)) => Key::Network(network(peer.ip())),
            (None, None) => Key::Inside,
        };
        self.pass(&key, self.started.elapsed()).map_err(refused)
    }

    /// Lets a request of `key` pass at `now`, or says how long it is too early.
    fn pass(&self, key: &impl Hash, now: Duration) -> Result<(), Duration> {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).min(LONGEST);
        // Keys are kept as hashes: with a seed nobody knows, two of 65,536 meet once in ten thousand million servers.
        let hash = self.hasher.hash_one(key);
        let shard = &self.shards[low_bits(hash) % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        self.pace.pass(shard.cell(hash, now), now).map_err(Duration::from_nanos)
    }
}

fn refused(wait: Duration) -> Error {
    let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    let message = format!("too many requests: try again in {seconds} s");
    Error::new(429, "rate_limited", message).header(RETRY_AFTER, HeaderValue::from(seconds))
}

/// 146 years: times are clamped to it, so that no sum of three overflows.
const LONGEST: u64 = 1 << 62;

/// A rate in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// From one request to the next; rounded down, in favour of the caller.
    interval: u64,
    /// How much earlier than due a request may come.
    tolerance: u64,
}

impl Pace {
    fn new(rate: Rate) -> Self {
        let interval = (rate.per.as_nanos() / u128::from(rate.requests.max(1))).max(1);
        let tolerance = interval * u128::from(rate.burst.max(1) - 1);
        let clamped = |nanos: u128| u64::try_from(nanos).unwrap_or(LONGEST).min(LONGEST);
        Self { interval: clamped(interval), tolerance: clamped(tolerance) }
    }

    /// Virtual scheduling: `due` is when the next request would be due at the rate.
    fn pass(self, due: &mut u64, now: u64) -> Result<(), u64> {
        let earliest = due.saturating_sub(self.tolerance);
        if now < earliest {
            return Err(earliest - now);
        }
        *due = now.max(*due) + self.interval;
        Ok(())
    }
}

/// A part of the callers, by the hash of their key.
#[derive(Debug)]
struct Shard {
    due: HashMap<u64, u64>,
    shared: [u64; SHARED_CELLS],
    swept: u64,
    without_room: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { due: HashMap::new(), shared: [0; SHARED_CELLS], swept: 0, without_room: 0 }
    }
}

impl Shard {
    /// The cell of a key. Nobody whose time has not passed loses theirs; a key without room shares one, and takes along
    /// what that one has counted when it gets its own, so that no limit is ever lifted.
    fn cell(&mut self, key: u64, now: u64) -> &mut u64 {
        let shared = low_bits(key >> 32) % SHARED_CELLS;
        if self.due.len() >= KEYS_PER_SHARD && !self.due.contains_key(&key) && !self.find_room(now) {
            return &mut self.shared[shared];
        }
        self.due.entry(key).or_insert(self.shared[shared])
    }

    /// Forgets those whose time has passed, now and then; whether there is room.
    fn find_room(&mut self, now: u64) -> bool {
        self.without_room += 1;
        if now.saturating_sub(self.swept) < SWEEP_TIME && self.without_room < SWEEP_REQUESTS {
            return false;
        }
        (self.swept, self.without_room) = (now, 0);
        self.due.retain(|_, due| *due > now);
        self.due.len() < KEYS_PER_SHARD
    }
}

fn low_bits(hash: u64) -> usize {
    (hash & 0xffff) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limiter(text: &str) -> RateLimiter {
        RateLimiter::new(ketch_syntax::rate(text).unwrap())
    }

    fn kept(limiter: &RateLimiter) -> usize {
        limiter.shards.iter().map(|shard| shard.lock().unwrap().due.len()).sum()
    }

    #[test]
    fn a_burst_passes_and_then_the_pace_holds() {
        let limiter = limiter("10/s burst 3");
        let at = Duration::from_millis;
        let passed: Vec<bool> = [0, 0, 0, 0, 99, 100, 150, 200, 900, 900, 900, 900]
            .map(|millis| limiter.pass(&"ada", at(millis)).is_ok())
            .into();
        let expected = [true, true, true, false, false, true, false, true, true, true, true, false];
        assert_eq!(passed, expected);
        assert_eq!(limiter.pass(&"ada", at(950)), Err(at(50)));
        assert!(limiter.pass(&"bob", at(950)).is_ok(), "others are not her business");
    }

    #[test]
    fn whoever_is_refused_learns_when_to_come_again() {
        for (wait, expected) in [(1, "1"), (1_000_000_000, "1"), (1_000_000_001, "2"), (59_500_000_000, "60")]
        {
            let error = refused(Duration::from_nanos(wait));
            assert_eq!(error.status(), 429);
            assert_eq!(error.headers()[0].1, expected);
        }
    }

    #[test]
    fn times_beyond_measure_limit_all_the_same() {
        let limiter = limiter("2/9999999d burst 4294967295");
        assert!(limiter.pass(&1, Duration::MAX).is_ok());
        let limiter = RateLimiter::new(Rate { requests: 1, per: Duration::MAX, burst: 1 });
        assert!(limiter.pass(&1, Duration::ZERO).is_ok());
        assert!(limiter.pass(&1, Duration::from_secs(86_400 * 365)).is_err());
    }

    #[test]
    fn a_million_callers_are_bounded_and_evict_nobody() {
        let limiter = limiter("1/h");
        assert!(limiter.pass(&"honest", Duration::from_secs(1)).is_ok());
        let mut passed = 0;
        for stranger in 0..1_000_000_u32 {
            let now = Duration::from_secs(2) + Duration::from_micros(u64::from(stranger));
            passed += usize::from(limiter.pass(&stranger, now).is_ok());
        }
        assert!(kept(&limiter) <= RATE_KEYS, "{} callers are kept", kept(&limiter));
        assert!(passed <= RATE_KEYS + SHARDS * SHARED_CELLS, "{passed} passed without a cell of their own");
        assert!(limiter.pass(&"honest", Duration::from_secs(4)).is_err(), "still counted");
        let slots: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().due.capacity()).sum();
        assert!(slots <= 2 * RATE_KEYS, "{slots} slots");
    }

    #[test]
    fn there_is_room_again_when_time_has_passed() {
        let limiter = limiter("1/h");
        for stranger in 0..200_000_u32 {
            let _counted = limiter.pass(&stranger, Duration::from_secs(1));
        }
        let later = Duration::from_secs(3_602);
        for late in 0..1_000_u32 {
            assert!(limiter.pass(&("late", late), later).is_ok(), "{late}");
        }
        assert!(kept(&limiter) <= 1_000 + RATE_KEYS / 2, "{} callers are kept", kept(&limiter));
    }

    proptest! {
        /// In no window more pass than the burst and what the rate allows in that time.
        #[test]
        fn never_more_than_burst_and_rate(
            requests in 1..50_u32, burst in 1..20_u32, per in 1..5_000_u64,
            steps in prop::collection::vec(0..200_u64, 1..300),
        ) {
            let rate = Rate { requests, per: Duration::from_millis(per), burst };
            let (limiter, interval) = (RateLimiter::new(rate), Pace::new(rate).interval);
            let (mut now, mut passed) = (0, Vec::new());
            for step in steps {
                now += step * 1_000_000;
                if limiter.pass(&0, Duration::from_nanos(now)).is_ok() { passed.push(now); }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    let most = u64::from(burst) + (to - from) / interval;
                    prop_assert!((last - first + 1) as u64 <= most, "{} in {}", last - first + 1, to - from);
                }
            }
        }

        /// Whoever keeps below the rate is never refused.
        #[test]
        fn below_the_rate_nobody_is_refused(
            requests in 1..50_u32, burst in 1..20_u32, per in 1..5_000_u64,
            more in prop::collection::vec(0..50_u64, 1..300),
        ) {
            let rate = Rate { requests, per: Duration::from_millis(per), burst };
            let (limiter, mut now) = (RateLimiter::new(rate), Duration::ZERO);
            for more in more {
                prop_assert_eq!(limiter.pass(&0, now), Ok(()));
                now += rate.per.div_f64(f64::from(requests)) + Duration::from_nanos(1 + more);
            }
        }
    }
}
