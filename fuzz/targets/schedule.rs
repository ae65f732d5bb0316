//! Cron patterns and time zones: what can be read has slots one after the other, found in a bounded time from anywhere.
//!
//! An input is text: the pattern, the zone, and a time in milliseconds since 1970, one a line.

use std::time::{Duration, Instant};

use ketch_jobs::__fuzz::schedule;

/// Slots of one pattern that are looked at.
const MOST: usize = 16;

/// Ten times what reading a pattern and finding its next slot may take at the worst, each slot counted.
const TOO_LONG: Duration = Duration::from_secs(20);

/// Tries one pattern.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.lines();
    let (pattern, zone) = (lines.next().unwrap_or_default(), lines.next().unwrap_or("UTC"));
    let after = lines.next().and_then(|line| line.parse().ok()).unwrap_or(1_767_225_600_000);
    let begun = Instant::now();
    let found = schedule(pattern, zone, after, MOST);
    assert!(begun.elapsed() < TOO_LONG, "it took {:?}", begun.elapsed());
    let Ok(slots) = found else { return };
    assert!(slots.is_sorted_by(|one, next| one < next), "{slots:?} are not one after the other");
    let Some(first) = slots.first() else { return };
    assert!(*first > after && first % 1_000 == 0, "{first} is no second after {after}");
    // From just before a slot the same one is found.
    for slot in slots.iter().filter(|slot| *slot - 1 > after) {
        let again = schedule(pattern, zone, slot - 1, 1).expect("it was read a moment ago");
        assert_eq!(again, [*slot], "the search depends on where it begins");
    }
}
