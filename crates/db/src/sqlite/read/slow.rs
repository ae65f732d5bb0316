//! What is known of SQL texts: which of them write, and which take too long to be read inline.
//!
//! Only the exceptions are kept, in a table of fixed size without locks, so that a program which builds texts by the
//! million costs no memory. What is kept is a hint: a text that has been forgotten is unknown again, and what a statement
//! does is always asked of SQLite when it has been prepared.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::sql::{Print, Sql};

/// Texts that are kept, at most. One is 8 bytes.
const PLACES: usize = 4_096;

/// Microseconds that a read may take on average; what is beyond is the text's debt.
const EASY: u64 = 250;

/// From this debt on, a text is read in the pool. Quick reads, there or inline, pay it back.
const TOO_MUCH: u64 = 2_000;

/// The most that a text can owe: some 64 quick reads bring any text back.
const MOST: u64 = 16_000;

/// A text's fingerprint. Two texts that share it share what is known of them, which is a matter of speed only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text(u64);

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing that speaks against reading it inline.
    Nothing,
    /// It takes too long.
    Slow,
    /// It writes.
    Writes,
}

/// The table.
pub(super) struct Texts {
    /// 48 bits of fingerprint, one that says that the text writes, 15 of debt.
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

const WRITES: u64 = 1 << 15;
const DEBT: u64 = WRITES - 1;
const PRINT: u64 = !(WRITES | DEBT);

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

impl Texts {
    pub(super) fn new() -> Self {
        Self { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    /// A text's fingerprint. One that is part of the program is known by its address, and one that is shared brings its
    /// own, which spares reading it.
    pub(super) fn fingerprint(&self, sql: &Sql) -> Text {
        Text(match sql.print() {
            Print::Static(text) => mixed(text.as_ptr().addr() as u64, text.len() as u64),
            Print::Owned(text) => self.hasher.hash_one(text),
            Print::Shared(print) => mixed(print, 0),
        })
    }

    pub(super) fn known(&self, text: Text) -> Known {
        let kept = self.place(text).load(Relaxed);
        if (kept ^ text.0) & PRINT != 0 {
            Known::Nothing
        } else if kept & WRITES != 0 {
            Known::Writes
        } else if kept & DEBT >= TOO_MUCH {
            Known::Slow
        } else {
            Known::Nothing
        }
    }

    /// The text writes. This gives way to a text that is slow, which costs more when it is forgotten.
    pub(super) fn writes(&self, text: Text) {
        let place = self.place(text);
        let kept = place.load(Relaxed);
        let other = (kept ^ text.0) & PRINT != 0;
        if other && kept & DEBT >= TOO_MUCH {
            // Not for ever: it may not be asked any more.
            place.store(kept - EASY, Relaxed);
        } else {
            place.store(text.0 & PRINT | WRITES, Relaxed);
        }
    }

    /// The text has been read, inline or in the pool.
    pub(super) fn took(&self, text: Text, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = self.place(text);
        let kept = place.load(Relaxed);
        let owed = if (kept ^ text.0) & PRINT == 0 { kept & DEBT } else { 0 };
        if owed == 0 && micros <= EASY {
            return;
        }
        let owes = owed.saturating_add(micros).saturating_sub(EASY).min(MOST);
        // Two threads may do this at once, and one be forgotten: then the next read tells.
        place.store(if owes == 0 { 0 } else { text.0 & PRINT | owes }, Relaxed);
    }

    /// The text was read inline for too long: it goes to the pool at once. If it is quick there, this was an accident,
    /// such as a cold page or a thread that had to wait for its turn, and it comes back.
    pub(super) fn overran(&self, text: Text) {
        let place = self.place(text);
        let kept = place.load(Relaxed);
        let owed = if (kept ^ text.0) & PRINT == 0 { kept & DEBT } else { 0 };
        place.store(text.0 & PRINT | owed.max(TOO_MUCH), Relaxed);
    }

    fn place(&self, text: Text) -> &AtomicU64 {
        &self.places[text.0 as usize % PLACES]
    }
}

/// Both numbers in one, every bit of each in all of it.
fn mixed(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    let folded = (product as u64) ^ (product >> 64) as u64;
    // An empty place is 0, and must not be anybody's.
    folded | 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(20);

    fn text(texts: &Texts, sql: &'static str) -> Text {
        texts.fingerprint(&sql.into())
    }

    #[test]
    fn a_quick_text_leaves_no_trace() {
        let texts = Texts::new();
        let quick = text(&texts, "select 1");
        texts.took(quick, QUICK);
        assert_eq!(texts.known(quick), Known::Nothing);
        assert!(texts.places.iter().all(|place| place.load(Relaxed) == 0));
    }

    #[test]
    fn what_takes_long_on_average_is_slow() {
        let texts = Texts::new();
        let cold = text(&texts, "select cold");
        for run in 0..20 {
            // One in four takes 2 ms, 500 µs on average.
            texts.took(cold, if run % 4 == 0 { Duration::from_millis(2) } else { QUICK });
        }
        assert_eq!(texts.known(cold), Known::Slow);
        let seldom = text(&texts, "select seldom");
        for run in 0..1_000 {
            // One in twenty takes 2 ms, 120 µs on average.
            texts.took(seldom, if run % 20 == 0 { Duration::from_millis(2) } else { QUICK });
            assert_eq!(texts.known(seldom), Known::Nothing);
        }
    }

    #[test]
    fn one_that_overran_is_slow_until_the_pool_says_otherwise() {
        let texts = Texts::new();
        let accident = text(&texts, "select accident");
        texts.overran(accident);
        assert_eq!(texts.known(accident), Known::Slow);
        texts.took(accident, QUICK);
        assert_eq!(texts.known(accident), Known::Nothing);
        let slow = text(&texts, "select slow");
        texts.overran(slow);
        texts.took(slow, Duration::from_secs(2));
        assert_eq!(texts.known(slow), Known::Slow);
        let quick_runs = (0..1_000).take_while(|_| {
            texts.took(slow, QUICK);
            texts.known(slow) == Known::Slow
        });
        assert!((30..100).contains(&quick_runs.count()), "it comes back when it has become quick");
    }

    #[test]
    fn one_that_writes_is_known_whether_it_is_borrowed_or_owned() {
        let texts = Texts::new();
        let borrowed = text(&texts, "insert into a values (1)");
        let owned = texts.fingerprint(&"insert into a values (1)".to_owned().into());
        texts.writes(borrowed);
        texts.writes(owned);
        assert_eq!((texts.known(borrowed), texts.known(owned)), (Known::Writes, Known::Writes));
        let again = texts.fingerprint(&"insert into a values (1)".to_owned().into());
        assert_eq!(texts.known(again), Known::Writes);
        let other = texts.fingerprint(&"insert into a values (2)".to_owned().into());
        assert_eq!(texts.known(other), Known::Nothing);
    }

    #[test]
    fn texts_by_the_hundred_thousand_cost_no_memory_and_drive_out_no_slow_one_at_once() {
        let texts = Texts::new();
        let slow = text(&texts, "select slow");
        texts.overran(slow);
        texts.took(slow, Duration::from_secs(2));
        for number in 0..100_000 {
            let sql = format!("insert into a values ({number})");
            texts.writes(texts.fingerprint(&sql.into()));
        }
        assert_eq!(texts.places.len(), PLACES);
        assert_eq!(texts.known(slow), Known::Slow);
    }
}
