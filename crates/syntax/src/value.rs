//! Values as people write them: durations, sizes and versions. Each function says how to write it when it cannot read it.

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
        for text in ["", ".", "1.", ".1", "1..2", "2.x", "v2", "1-2", "１"] {
            assert!(version(text).is_err(), "{text}");
        }
    }
}
