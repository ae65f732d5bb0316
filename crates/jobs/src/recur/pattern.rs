//! Cron patterns in a time zone: their times, found in a bounded number of steps.

use std::cell::Cell;
use std::cmp::Ordering;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Year};
use croner::time::{CivilDateTime, CronDateTime, Resolution, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::written;

/// How often one search may ask what a time on the wall is in the zone. A change of the clock by an hour takes 3,600 of
/// these from a pattern of several times, everything else a few.
const MOST_STEPS: u32 = 100_000;

/// How many years ahead one search looks. A 29th of February that is a Monday comes at least every 40 years.
const MOST_YEARS: i32 = 50;

/// How many changes of a zone are passed over when the library gives up in one.
const MOST_GAPS: u32 = 8;

/// Where it is tried whether a pattern comes at all: 1 January 2026. It is always the same, so that a program that could
/// be built once can be built again.
const TRIAL: i64 = 1_767_225_600_000;

/// A cron pattern and its time zone.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    cron: Cron,
    zone: TimeZone,
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote it.
    pub(crate) fn read(text: &str, zone: TimeZone) -> Result<Self, String> {
        let expanded = written::check(text)?;
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(&expanded).map_err(|error| written::wrong(&parser, &expanded, &error))?;
        let pattern = Self { cron, zone };
        match pattern.next(TRIAL) {
            Some(_) => Ok(pattern),
            None => {
                Err("it never comes: no day has these, or the clock always leaves that hour out".to_owned())
            }
        }
    }

    /// The first of its times after this one, both in milliseconds since 1970; none if there is none within some decades.
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        let mut from = Timestamp::from_second(after.div_euclid(1_000)).ok()?;
        let mut inclusive = false;
        for _ in 0..MOST_GAPS {
            let origin = from.to_zoned(self.zone.clone());
            let until = i32::from(origin.year()) + MOST_YEARS;
            let search = Search { steps: Cell::new(MOST_STEPS), until, in_gap: Cell::new(false) };
            let origin = Moment { zoned: origin, search: &search };
            match self.cron.find_next_occurrence(&origin, inclusive) {
                Ok(found) => {
                    let found = found.zoned.timestamp().as_millisecond();
                    return (found > after).then_some(found);
                }
                // The library does not look further than two hours into a gap; a zone once left out a whole day.
                Err(_) if search.in_gap.get() && search.steps.get() > 0 => {
                    from = self.zone.following(from).next()?.timestamp();
                    inclusive = true;
                }
                Err(_) => return None,
            }
        }
        None
    }
}

/// What one search may still do.
#[derive(Debug)]
struct Search {
    steps: Cell<u32>,
    /// The last year that is looked at.
    until: i32,
    /// Whether the last time that was asked for is left out in the zone.
    in_gap: Cell<bool>,
}

/// A time in a search.
#[derive(Clone)]
struct Moment<'s> {
    zoned: Zoned,
    search: &'s Search,
}

impl CronDateTime for Moment<'_> {
    fn to_civil(&self) -> CivilDateTime {
        self.zoned.to_civil()
    }

    fn civil_weekday(&self) -> Weekday {
        self.zoned.civil_weekday()
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let left = self.search.steps.get().checked_sub(1).filter(|_| civil.year() <= self.search.until);
        let Some(left) = left else {
            self.search.in_gap.set(false);
            return Err(CronError::TimeSearchLimitExceeded);
        };
        self.search.steps.set(left);
        let resolved = self.zoned.resolve_civil(civil)?;
        self.search.in_gap.set(matches!(resolved, Resolution::Gap));
        let moment = |zoned| Self { zoned, search: self.search };
        Ok(match resolved {
            Resolution::Single(zoned) => Resolution::Single(moment(zoned)),
            Resolution::Ambiguous(earlier, later) => Resolution::Ambiguous(moment(earlier), moment(later)),
            Resolution::Gap => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        let zoned = self.zoned.checked_add_seconds(seconds)?;
        Some(Self { zoned, search: self.search })
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.zoned.cmp_instant(&other.zoned)
    }
}
