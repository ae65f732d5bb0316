//! Values as people write them: durations, sizes, versions and rates. Each function says how to write it when it cannot read it.

use std::fmt;
use std::time::Duration;

/// Reads a time: a whole number and `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// The message says how to write one.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(ketch_syntax::duration("5m"), Ok(Duration::from_secs(300)));
/// assert!(ketch_syntax::duration("5 minutes").is_err());
/// ```
pub fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    number_and_unit(text, &units)
        .map(Duration::from_millis)
        .ok_or_else(|| "not a duration: write `\"30s\"`, `\"5m\"`, `\"1h\"` or `\"250ms\"`".to_owned())
}

/// Reads a number of bytes: a whole number and `b`, `kb`, `mb` or `gb`, in steps of 1024.
///
/// # Errors
/// The message says how to write one.
///
/// ```
/// assert_eq!(ketch_syntax::size("64kb"), Ok(65_536));
/// assert!(ketch_syntax::size("64").is_err());
/// ```
pub fn size(text: &str) -> Result<u64, String> {
    let units = [("b", 1), ("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    number_and_unit(text, &units)
        .ok_or_else(|| "not a size: write `\"512b\"`, `\"64kb\"`, `\"10mb\"` or `\"1gb\"`".to_owned())
}

/// Checks a version: numbers and dots, without the `v` that the URL gets.
///
/// # Errors
/// The message says how to write one.
///
/// ```
/// assert!(ketch_syntax::version("2.1").is_ok());
/// assert!(ketch_syntax::version("v2").is_err());
/// ```
pub fn version(text: &str) -> Result<(), String> {
    if let Some(rest) = text.strip_prefix(['v', 'V']) {
        return Err(format!("write `\"{rest}\"`: the `v` is added to the URL by the server"));
    }
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    if text.split('.').all(is_number) {
        return Ok(());
    }
    Err("a version is numbers and dots: `\"2\"`, `\"2.1\"`".to_owned())
}

/// So many requests in so long a time, and how many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many requests, at least 1.
    pub requests: u32,
    /// In how long a time.
    pub per: Duration,
    /// How many may come at once, at least 1; as many as `requests` unless said.
    pub burst: u32,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}, {} at once", self.requests, self.per, self.burst)
    }
}

/// Reads a rate: requests, a slash, `s`, `m`, `h`, `d` or a duration, and perhaps `burst` and a number.
///
/// # Errors
/// The message says how to write one.
///
/// ```
/// use std::time::Duration;
/// let rate = ketch_syntax::rate("100/m burst 10").unwrap();
/// assert_eq!((rate.requests, rate.per, rate.burst), (100, Duration::from_secs(60), 10));
/// assert_eq!(ketch_syntax::rate("5/30s").unwrap().burst, 5);
/// assert!(ketch_syntax::rate("often").is_err());
/// ```
pub fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || "not a rate: write `\"100/m\"`, `\"5/30s\"` or `\"10/s burst 20\"`".to_owned();
    let (pace, burst) = match text.split_once(" burst ") {
        Some((pace, burst)) => (pace, Some(whole(burst).ok_or_else(wrong)?)),
        None => (text, None),
    };
    let (requests, per) = pace.split_once('/').ok_or_else(wrong)?;
    let requests = whole(requests).ok_or_else(wrong)?;
    let per = if ["s", "m", "h", "d"].contains(&per) { format!("1{per}") } else { per.to_owned() };
    let per = duration(&per).ok().filter(|per| !per.is_zero()).ok_or_else(wrong)?;
    Ok(Rate { requests, per, burst: burst.unwrap_or(requests) })
}

/// A whole number from 1.
fn whole(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number > 0)
}

fn number_and_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_counts_as_it_says() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        assert_eq!(size("1gb"), Ok(1_073_741_824));
        assert_eq!(size("7b"), Ok(7));
    }

    #[test]
    fn nothing_else_is_accepted() {
        for text in
            ["", "5", "s", "-1s", "1.5h", "1 s", "1S", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "64", "kb", "64 kb", "1tb", "99999999999gb"] {
            assert!(size(text).is_err(), "{text}");
        }
        for text in [
            "",
            "/",
            "0/s",
            "5/0s",
            "5/",
            "/s",
            "+5/s",
            "5/s burst 0",
            "5/s burst",
            "5 /s",
            "5/w",
            "4294967296/s",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["", ".", "1.", ".1", "1..2", "2.x", "v2", "1-2", "１"] {
            assert!(version(text).is_err(), "{text}");
        }
    }
}
