//! Days as people write them, `2027-01-31`, and the seconds since 1970 that headers count.

use std::fmt;

/// A day of the Gregorian calendar, from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Seconds from the start of 1970 to the start of this day, in UTC.
    ///
    /// ```
    /// assert_eq!(ketch_syntax::date("2027-01-31").unwrap().unix_seconds(), 1_801_353_600);
    /// ```
    pub fn unix_seconds(self) -> u64 {
        let years = (1970..self.year).map(|year| if is_leap(year) { 366_u64 } else { 365 });
        let months = (1..self.month).map(|month| u64::from(days(self.year, month)));
        (years.sum::<u64>() + months.sum::<u64>() + u64::from(self.day) - 1) * 86_400
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Reads a day, `2027-01-31` (RFC 3339, full-date).
///
/// # Errors
/// The message says how to write one.
///
/// ```
/// assert_eq!(ketch_syntax::date("2028-02-29").unwrap().to_string(), "2028-02-29");
/// assert!(ketch_syntax::date("2027-02-29").is_err());
/// ```
pub fn date(text: &str) -> Result<Date, String> {
    read(text).ok_or_else(|| "not a day: write `\"2027-01-31\"`, from 1970 on".to_owned())
}

fn read(text: &str) -> Option<Date> {
    let form = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if !form {
        return None;
    }
    let date =
        Date { year: text[..4].parse().ok()?, month: text[5..7].parse().ok()?, day: text[8..].parse().ok()? };
    let real = date.year >= 1970
        && (1..=12).contains(&date.month)
        && (1..=days(date.year, date.month)).contains(&date.day);
    real.then_some(date)
}

fn is_leap(year: u16) -> bool {
    (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400)
}

fn days(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1972-03-01", 68_256_000),
            ("2000-02-29", 951_782_400),
            ("2100-03-01", 4_107_542_400),
        ] {
            assert_eq!(date(text).unwrap().unix_seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_day() {
        for text in [
            "",
            "2027-1-31",
            "2027-13-01",
            "2027-00-10",
            "2027-04-31",
            "2100-02-29",
            "1969-12-31",
            "27-01-31",
            "2027/01/31",
            "２027-1-1",
        ] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
