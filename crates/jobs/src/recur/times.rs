//! The slots of a schedule, and which of them are due.

use std::time::Duration;

use super::pattern::Pattern;
use crate::schedule::Missed;

/// How late a slot may be, in milliseconds, before it counts as missed.
pub(super) const LATE: i64 = 60_000;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// The slots of a schedule. All times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) enum Times {
    /// Every multiple of this.
    Interval(i64),
    Cron(Box<Pattern>),
}

impl Times {
    /// Every multiple of a time.
    ///
    /// # Errors
    /// When it is too short, too long, or no number of milliseconds.
    pub(super) fn interval(time: Duration) -> Result<Self, String> {
        if time < SHORTEST {
            return Err(format!("an interval of {time:?} is too short: it is 1 s at least"));
        }
        if time > LONGEST {
            return Err(format!("an interval of {time:?} is too long: it is 366 days at most"));
        }
        if !time.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(format!("an interval of {time:?} is no whole number of milliseconds"));
        }
        i64::try_from(time.as_millis()).map(Self::Interval).map_err(|error| error.to_string())
    }

    /// The first slot after a time.
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        match self {
            Self::Interval(every) => after.div_euclid(*every).checked_add(1)?.checked_mul(*every),
            Self::Cron(pattern) => pattern.next(after),
        }
    }

    /// The last slot after a time and up to now.
    fn newest(&self, after: i64, now: i64) -> Option<i64> {
        self.next(after).filter(|next| *next <= now)?;
        if let Self::Interval(every) = self {
            return now.div_euclid(*every).checked_mul(*every);
        }
        // There is a slot between `early` and now, and none between `late` and now. Slots are whole seconds.
        let (mut early, mut late) = (after, now);
        while late - early > 1_000 {
            let middle = early + (late - early) / 2;
            match self.next(middle) {
                Some(next) if next <= now => early = middle,
                _ => late = middle,
            }
        }
        self.next(early)
    }

    /// What is due when everything up to `last` is settled.
    pub(crate) fn due(&self, last: i64, now: i64, missed: Missed) -> Due {
        let Some(first) = self.next(last).filter(|first| *first <= now) else { return Due::default() };
        if first > now.saturating_sub(LATE) {
            let slots =
                std::iter::successors(Some(first), |slot| self.next(*slot).filter(|next| *next <= now));
            return Due { slots: slots.collect(), missed_since: None };
        }
        let newest = self.newest(last, now).into_iter();
        let slots = newest.filter(|newest| missed == Missed::Newest || *newest > now.saturating_sub(LATE));
        Due { slots: slots.collect(), missed_since: Some(first) }
    }
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// A minute's at most.
    pub(crate) slots: Vec<i64>,
    /// The first that was missed, if slots were.
    pub(crate) missed_since: Option<i64>,
}
