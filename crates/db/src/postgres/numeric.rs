//! Decimal numbers as PostgreSQL sends them, as text: exact, as the server itself would write them.
//!
//! The format is that of `numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`: groups of four decimal
//! digits, the weight of the first of them, a sign, and how many digits are shown after the point.

use std::fmt::Write as _;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITE: u16 = 0xD000;
const MINUS_INFINITE: u16 = 0xF000;

/// The number's text; nothing if the bytes are no number.
pub(super) fn text(raw: &[u8]) -> Option<String> {
    let mut fields = raw.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let count = usize::from(fields.next()?);
    let weight = i32::from(fields.next()?.cast_signed());
    let sign = fields.next()?;
    let shown = usize::from(fields.next()?);
    let groups: Vec<u16> = fields.collect();
    let sound = raw.len() == 8 + 2 * count && groups.iter().all(|group| *group < 10_000);
    if !sound {
        return None;
    }
    let mut text = match sign {
        0 => String::new(),
        NEGATIVE => String::from("-"),
        NAN => return Some("NaN".to_owned()),
        INFINITE => return Some("Infinity".to_owned()),
        MINUS_INFINITE => return Some("-Infinity".to_owned()),
        _ => return None,
    };
    let group = |index: i32| {
        let at = usize::try_from(index).ok();
        at.and_then(|at| groups.get(at)).copied().unwrap_or_default()
    };
    if weight < 0 {
        text.push('0');
    } else {
        write!(text, "{}", group(0)).ok()?;
        for index in 1..=weight {
            write!(text, "{:04}", group(index)).ok()?;
        }
    }
    if shown > 0 {
        text.push('.');
        let end = text.len() + shown;
        let mut index = weight + 1;
        while text.len() < end {
            write!(text, "{:04}", group(index)).ok()?;
            index += 1;
        }
        text.truncate(end);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_number_are_refused() {
        for raw in [&[][..], &[0, 1], &[0, 1, 0, 0, 0, 0, 0, 0], &[0, 1, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]] {
            assert_eq!(text(raw), None, "{raw:?}");
        }
        assert_eq!(text(&[0, 0, 0, 0, 0, 0, 0, 2]).as_deref(), Some("0.00"));
    }
}
