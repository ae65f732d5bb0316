//! Slots and problems, as people count on them.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::pattern::Pattern;
use super::{Recurrent, Times, zone};
use crate::context::JobCtx;
use crate::error::JobResult;
use crate::job::Job;
use crate::schedule::{Missed, Schedule};

#[derive(serde::Serialize, serde::Deserialize)]
struct Nothing;

impl Job for Nothing {
    const TYPE: &'static str = "nothing";
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        Ok(())
    }
}

fn millis(text: &str) -> i64 {
    text.parse::<Timestamp>().expect("a time").as_millisecond()
}

fn cron(pattern: &str, name: &str) -> Times {
    let zone = zone::zone(name).expect("a zone");
    Times::Cron(Box::new(Pattern::read(pattern, zone).unwrap_or_else(|why| panic!("{pattern}: {why}"))))
}

/// The next slots after a time, in UTC.
fn slots(pattern: &str, zone: &str, after: &str, most: usize) -> Vec<String> {
    let times = cron(pattern, zone);
    let slots = std::iter::successors(times.next(millis(after)), |slot| times.next(*slot));
    slots.take(most).map(|slot| Timestamp::from_millisecond(slot).expect("a time").to_string()).collect()
}

#[test]
fn a_time_that_is_left_out_in_spring_is_the_first_moment_after() {
    let berlin = slots("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 3);
    assert_eq!(berlin, ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    // Half an hour is left out there.
    let lord_howe = slots("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T00:00:00Z", 3);
    assert_eq!(lord_howe, ["2026-10-02T15:45:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"]);
}

#[test]
fn a_time_that_comes_twice_in_autumn_is_the_first_of_both() {
    let berlin = slots("30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z", 3);
    assert_eq!(berlin, ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    let lord_howe = slots("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T00:00:00Z", 3);
    assert_eq!(lord_howe, ["2026-04-03T14:45:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"]);
}

#[test]
fn a_pattern_of_several_times_follows_the_clock_on_the_wall() {
    let spring = slots("0,30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 4);
    assert_eq!(
        spring,
        ["2026-03-28T01:00:00Z", "2026-03-28T01:30:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"]
    );
    let autumn = slots("0,30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 5);
    let twice =
        ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"];
    assert_eq!(autumn[..4], twice);
    assert_eq!(autumn[4], "2026-10-26T01:00:00Z");
}

#[test]
fn a_day_that_a_zone_never_had_has_no_slot() {
    // Samoa went over the date line: there was no 30 December 2011.
    let apia = slots("30 2 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3);
    assert_eq!(apia, ["2011-12-29T12:30:00Z", "2011-12-30T12:30:00Z", "2011-12-31T12:30:00Z"]);
}

#[test]
fn calendars_have_their_odd_days() {
    let cases = [
        ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("0 0 29 2 +MON", ["2044-02-29T00:00:00Z", "2072-02-29T00:00:00Z"]),
        ("59 59 23 31 12 *", ["2026-12-31T23:59:59Z", "2027-12-31T23:59:59Z"]),
        ("@yearly", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
        ("0 12 L * *", ["2026-11-30T12:00:00Z", "2026-12-31T12:00:00Z"]),
        // 31 January 2027 is a Sunday.
        ("0 12 LW JAN *", ["2027-01-29T12:00:00Z", "2028-01-31T12:00:00Z"]),
        // 15 May 2027 is a Saturday.
        ("0 12 15w may *", ["2027-05-14T12:00:00Z", "2028-05-15T12:00:00Z"]),
        ("0 12 * * fri#2", ["2026-12-11T12:00:00Z", "2027-01-08T12:00:00Z"]),
        ("0 12 * * FRIL", ["2026-11-27T12:00:00Z", "2026-12-25T12:00:00Z"]),
        // 0 and 7 are Sunday.
        ("0 12 * * 0", ["2026-11-22T12:00:00Z", "2026-11-29T12:00:00Z"]),
        ("0 12 * * 7", ["2026-11-22T12:00:00Z", "2026-11-29T12:00:00Z"]),
        // Either is enough.
        ("0 12 24 11 SUN", ["2026-11-22T12:00:00Z", "2026-11-24T12:00:00Z"]),
        ("0 12 * 11 ?", ["2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z"]),
    ];
    for (pattern, wanted) in cases {
        assert_eq!(slots(pattern, "UTC", "2026-11-20T13:00:00Z", 2), wanted, "{pattern}");
    }
}

#[test]
fn an_interval_is_every_multiple_since_1970() {
    let times = Times::interval(Duration::from_secs(90)).unwrap();
    assert_eq!(times.next(0), Some(90_000));
    assert_eq!(times.next(89_999), Some(90_000));
    assert_eq!(times.next(-1), Some(0));
    assert_eq!(times.next(i64::MAX), None);
}

#[test]
fn what_is_late_by_a_minute_is_due_and_of_what_was_missed_the_newest() {
    let second = Times::interval(Duration::from_secs(1)).unwrap();
    let due = second.due(100_000, 103_500, Missed::Newest);
    assert_eq!((due.slots, due.missed_since), (vec![101_000, 102_000, 103_000], None));
    assert_eq!(second.due(100_000, 160_000, Missed::Newest).slots.len(), 60);
    let due = second.due(100_000, 500_500, Missed::Newest);
    assert_eq!((due.slots, due.missed_since), (vec![500_000], Some(101_000)));

    let hour = cron("0 * * * *", "UTC");
    let (last, late) = (millis("2026-11-20T02:00:00Z"), millis("2026-11-20T08:05:00Z"));
    assert_eq!(hour.due(last, late, Missed::Newest).slots, [millis("2026-11-20T08:00:00Z")]);
    assert_eq!(hour.due(last, late, Missed::Skip).slots, Vec::<i64>::new());
    // The next one is on time again, though the last was long ago.
    let next = millis("2026-11-20T09:00:00.250Z");
    assert_eq!(hour.due(last, next, Missed::Skip).slots, [millis("2026-11-20T09:00:00Z")]);
    // A clock that went back finds nothing due.
    assert_eq!(hour.due(late, last, Missed::Newest).slots, Vec::<i64>::new());
}

fn pulse() -> Schedule {
    Schedule::every("pulse", Duration::from_secs(1), &Nothing)
}

fn problems(schedule: Schedule) -> String {
    Recurrent::read(schedule).expect_err("it is wrong").join("\n")
}

#[test]
fn what_is_wrong_with_a_pattern_is_said_with_its_field() {
    let cases = [
        ("* * * *", "it has 4 fields, and needs 5"),
        ("", "it has 0 fields"),
        ("0 0 0 1 1 * 2027", "a year cannot be given"),
        ("@reboot", "there is: `@yearly`"),
        ("61 * * * *", "the minute `61`: number out of bounds"),
        ("0 25 * * *", "the hour `25`: number out of bounds"),
        ("0 0 0 * *", "the day of the month `0`: number out of bounds"),
        ("0 0 * 13 *", "the month `13`: number out of bounds"),
        ("0 0 * * 8", "the day of the week `8`: number out of bounds"),
        ("0 0 * * MOON", "the day of the week `MOON`: `MOON` has no meaning there"),
        ("0 MON * * *", "the hour `MON`: `MON` has no meaning there"),
        ("0 0 * MON *", "the month `MON`: `MON` has no meaning there"),
        ("0 0 * * 1#6", "the day of the week `1#6`: nth specifier out of bounds"),
        ("5- * * * *", "the minute `5-`"),
        ("30-10 * * * *", "the minute `30-10`"),
        ("*/0 * * * *", "the minute `*/0`: step cannot be zero"),
        ("*/90 * * * *", "the step 90 leads beyond the field"),
        ("5/10 * * * *", "the minute `5/10`"),
        ("1,,2 * * * *", "something is missing beside a comma"),
        ("0 0 5W3 * *", "`W` follows one day"),
        ("0 0 L,LW * *", "`L` and `LW` cannot be in one list"),
        ("0 0 ä * *", "has no meaning there"),
        ("0 0 30 2 *", "it never comes"),
        ("0 0 31 4 *", "it never comes"),
        ("0 0 5 * +MON#3", "it never comes"),
        ("0 0 * * L", "it never comes"),
    ];
    for (pattern, wanted) in cases {
        let said = problems(Schedule::cron("nightly", pattern, &Nothing));
        assert!(said.contains(wanted) && said.starts_with("the schedule `nightly`: the pattern `"), "{said}");
    }
    // Between two and three on the last Sunday in March there is no time in Berlin.
    let left_out = Schedule::cron("never", "0,30 2 25-31 3 +SUN", &Nothing).zone("Europe/Berlin");
    assert!(problems(left_out).contains("it never comes"));
    let too_long = Schedule::cron("long", "1,".repeat(200), &Nothing);
    assert!(problems(too_long).contains("it has 400 bytes"));
}

#[test]
fn a_zone_that_is_not_known_is_said_with_the_one_that_was_meant() {
    let cases = [
        ("Europe/Pari", "did you mean `Europe/Paris`?"),
        ("berlin", "did you mean `Europe/Berlin`?"),
        ("Europe-Berlin", "did you mean `Europe/Berlin`?"),
        ("New York", "did you mean `America/New_York`?"),
        ("Atlantis", "names are as in the IANA database"),
        ("", "names are as in the IANA database"),
        ("../../etc/passwd", "is no time zone"),
        ("\0", "is no time zone"),
    ];
    for (zone, wanted) in cases {
        let said = problems(Schedule::cron("nightly", "0 0 * * *", &Nothing).zone(zone));
        assert!(said.contains(wanted), "{said}");
    }
    for known in ["UTC", "utc", "europe/paris", "Etc/GMT+5", "America/Argentina/Ushuaia"] {
        assert!(zone::zone(known).is_ok(), "{known}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let schedule =
        Schedule::cron("", "61 * * * *", &Nothing).zone("Nowhere").priority(10).max_attempts(0).queue("");
    let said = Recurrent::read(schedule).expect_err("it is wrong");
    // Of what is stored, the first.
    assert_eq!(said.len(), 4, "{said:#?}");
    for (schedule, wanted) in [
        (pulse().queue(""), "its queue is empty"),
        (pulse().priority(10), "priority"),
        (pulse().max_attempts(0), "attempts"),
        (Schedule::every("a\nb", Duration::from_secs(5), &Nothing), "control characters"),
    ] {
        let said = problems(schedule);
        assert!(said.contains(wanted), "{said}");
    }
    let cases = [
        (Duration::ZERO, "too short"),
        (Duration::from_millis(999), "too short"),
        (Duration::from_hours(24 * 367), "too long"),
        (Duration::from_micros(1_000_001), "no whole number of milliseconds"),
    ];
    for (time, wanted) in cases {
        let said = problems(Schedule::every("pulse", time, &Nothing));
        assert!(said.contains(wanted), "{said}");
    }
    let zoned = Schedule::every("pulse", Duration::from_secs(5), &Nothing).zone("Europe/Paris");
    assert!(problems(zoned).contains("an interval has no time zone"));
}

#[test]
fn a_job_that_is_no_json_is_a_problem() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Keyed(std::collections::BTreeMap<Option<u8>, u8>);
    impl Job for Keyed {
        const TYPE: &'static str = "keyed";
        type State = ();
        async fn run(self, _ctx: JobCtx) -> JobResult {
            Ok(())
        }
    }
    let said = problems(Schedule::cron("keyed", "@daily", &Keyed([(None, 1)].into())));
    assert!(said.contains("the job `keyed` cannot be stored as JSON"), "{said}");
}

/// One field of a pattern that people might write.
fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        3 => (least..=most).prop_map(|value| value.to_string()),
        1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=most - least).prop_map(|step| format!("*/{step}")),
        1 => proptest::collection::vec(least..=most, 2..4)
            .prop_map(|values| values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    ]
}

/// A pattern that comes, often enough to be interesting.
fn pattern() -> impl Strategy<Value = String> {
    let days = prop_oneof![4 => Just("*".to_owned()), 1 => field(1, 28), 1 => Just("L".to_owned()), 1 => Just("15W".to_owned())];
    let week = prop_oneof![4 => Just("*".to_owned()), 1 => field(0, 7), 1 => Just("SUN#2".to_owned()), 1 => Just("+SUN".to_owned())];
    let months = prop_oneof![4 => Just("*".to_owned()), 1 => field(1, 12)];
    (field(0, 59), field(0, 59), field(0, 23), days, months, week).prop_map(
        |(second, minute, hour, day, month, week)| format!("{second} {minute} {hour} {day} {month} {week}"),
    )
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Africa/Casablanca",
];

/// Around the days on which Berlin's clocks change, and Lord Howe's.
const CHANGES: [&str; 4] =
    ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A schedule has the same slots wherever the search for them begins.
    #[test]
    fn slots_do_not_depend_on_where_the_search_begins(
        pattern in pattern(),
        zone in 0..ZONES.len(),
        change in 0..CHANGES.len(),
        before in 0..4 * 3_600_000_i64,
        starts in proptest::collection::vec(0..8 * 3_600_000_i64, 8),
    ) {
        let Ok(read) = Pattern::read(&pattern, zone::zone(ZONES[zone]).unwrap()) else { return Ok(()) };
        let times = Times::Cron(Box::new(read));
        let begin = millis(CHANGES[change]) - before;
        let all: Vec<i64> =
            std::iter::successors(times.next(begin), |slot| times.next(*slot)).take(2_000).collect();
        prop_assert!(all.is_sorted_by(|one, next| one < next));
        let Some(end) = all.last() else { return Ok(()) };
        for start in starts.into_iter().map(|start| begin + start).filter(|start| start < end) {
            let wanted = all.iter().copied().find(|slot| *slot > start);
            prop_assert_eq!(times.next(start), wanted, "{} after {}", pattern, start);
        }
    }

    /// The newest that was missed is the one before the next.
    #[test]
    fn the_newest_that_was_missed_is_the_last_of_all(
        pattern in pattern(),
        zone in 0..ZONES.len(),
        change in 0..CHANGES.len(),
        away in 61_000..40 * 3_600_000_i64,
    ) {
        let Ok(read) = Pattern::read(&pattern, zone::zone(ZONES[zone]).unwrap()) else { return Ok(()) };
        let times = Times::Cron(Box::new(read));
        let last = millis(CHANGES[change]) - 20 * 3_600_000;
        let now = last + away;
        let all: Vec<i64> = std::iter::successors(times.next(last), |slot| times.next(*slot))
            .take_while(|slot| *slot <= now)
            .take(10_000)
            .collect();
        prop_assume!(all.len() < 10_000);
        let due = times.due(last, now, Missed::Newest);
        if due.missed_since.is_some() {
            prop_assert_eq!(due.slots.last(), all.last());
            prop_assert_eq!(due.slots.len(), 1);
        } else {
            prop_assert_eq!(due.slots, all);
        }
    }
}
