//! Values of settings: what is read is what the text says, and reads the same when it is written again.

use ketch_syntax::{closest, date, duration, kebab, rate, size, version};

/// Finding the nearest name takes time by the square of its length; names come from people, not from requests.
const LONGEST_NAME: usize = 64;

/// Tries one text as every kind of value.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(read) = duration(text) {
        assert_eq!(duration(&format!("{}ms", read.as_millis())), Ok(read), "{text}");
    }
    if let Ok(read) = size(text) {
        assert_eq!(size(&format!("{read}b")), Ok(read), "{text}");
    }
    if let Ok(read) = rate(text) {
        assert!(read.requests > 0 && read.burst > 0 && !read.per.is_zero(), "{text}: {read:?}");
        let again = format!("{}/{}ms burst {}", read.requests, read.per.as_millis(), read.burst);
        assert_eq!(rate(&again), Ok(read), "{text}");
    }
    if let Ok(read) = date(text) {
        assert_eq!(read.to_string(), text);
        assert_eq!(read.unix_seconds() % 86_400, 0, "{text}");
    }
    if version(text).is_ok() {
        assert!(text.split('.').all(|part| part.parse::<f64>().is_ok()), "{text}");
    }
    if text.len() <= LONGEST_NAME {
        names(text);
    }
}

fn names(text: &str) {
    let kebab = kebab(text);
    assert!(!kebab.starts_with('-') && !kebab.ends_with('-') && !kebab.contains("--"), "{text}: {kebab}");
    if let Some(near) = closest(text, ["version", text]) {
        assert_eq!(near, text, "nothing is nearer than the word itself");
    }
}
