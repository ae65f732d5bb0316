//! Formats, ranges, lengths and patterns of two schemas.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::schema::{Schemas, Side, Spot};
use super::shape::Shape;

impl Schemas<'_> {
    /// Formats, ranges, lengths and patterns.
    pub(super) fn limits(&mut self, spot: &Spot, one: &Shape, other: &Shape) {
        let integers = self.format(spot, one, other);
        let side = spot.side;
        for (low, high) in [("minimum", "maximum"), ("exclusiveMinimum", "exclusiveMaximum")] {
            if !integers {
                self.limit(spot, low, one, other, Ordering::Greater);
                self.limit(spot, high, one, other, Ordering::Less);
            }
        }
        for (low, high) in
            [("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties")]
        {
            self.limit(spot, low, one, other, Ordering::Greater);
            self.limit(spot, high, one, other, Ordering::Less);
        }
        for keyword in ["pattern", "multipleOf", "contentEncoding", "contentMediaType"] {
            let what = match (one.rest.get(keyword), other.rest.get(keyword)) {
                (before, after) if before == after => continue,
                (_, None) => {
                    self.note(spot, &format!("`{keyword}` is gone"));
                    continue;
                }
                (None, Some(after)) => format!("`{keyword}` is {after} now"),
                (Some(before), Some(after)) => format!("`{keyword}` was {before} and is {after} now"),
            };
            if side == Side::Request { self.breaking(spot, &what) } else { self.note(spot, &what) }
        }
        let unique = |shape: &Shape| shape.rest.get("uniqueItems") == Some(&Value::Bool(true));
        match (unique(one), unique(other)) {
            (false, true) => self.narrower(spot, "items must not repeat any more"),
            (true, false) => self.note(spot, "items may repeat now"),
            _ => {}
        }
    }

    /// A limit; `tighter` says which way it goes.
    fn limit(&mut self, spot: &Spot, keyword: &str, one: &Shape, other: &Shape, tighter: Ordering) {
        let (before, after) = (one.number(keyword), other.number(keyword));
        // Nothing is shorter than nothing.
        let before = before.filter(|number| {
            !(keyword.starts_with("min") && keyword != "minimum" && number.as_u64() == Some(0))
        });
        let (tightened, what) = match (before, after) {
            (None, None) => return,
            (None, Some(after))
                if keyword.starts_with("min") && keyword != "minimum" && after.as_u64() == Some(0) =>
            {
                return;
            }
            (None, Some(after)) => (true, format!("`{keyword}` is {after} now")),
            (Some(before), None) => (false, format!("`{keyword}` was {before} and is gone")),
            (Some(before), Some(after)) => match ordering(after, before) {
                Ordering::Equal => return,
                ordering => (ordering == tighter, format!("`{keyword}` was {before} and is {after} now")),
            },
        };
        if tightened && spot.side == Side::Request {
            self.breaking(spot, &what)
        } else {
            self.note(spot, &what)
        }
    }

    /// Whether the formats are those of integers, and differ: then the ranges are not told once more.
    fn format(&mut self, spot: &Spot, one: &Shape, other: &Shape) -> bool {
        let (before, after) = (one.text("format"), other.text("format"));
        if before == after {
            return false;
        }
        let what = match (before, after) {
            (Some(before), Some(after)) => format!("the format was {before} and is {after} now"),
            (None, Some(after)) => format!("the format is {after} now"),
            (before, None) => format!("the format was {} and is gone", before.unwrap_or_default()),
        };
        match (before.and_then(range), after.and_then(range)) {
            (Some(one), Some(other)) => {
                if other.0 > one.0 || other.1 < one.1 {
                    self.narrower(spot, &what);
                }
                if other.0 < one.0 || other.1 > one.1 {
                    self.wider(spot, &what);
                }
                return true;
            }
            _ => match (before, after) {
                (None, _) | (Some("double"), Some("float")) => self.narrower(spot, &what),
                (_, None) | (Some("float"), Some("double")) => self.wider(spot, &what),
                _ => self.breaking(spot, &what),
            },
        }
        false
    }
}

fn ordering(one: &Number, other: &Number) -> Ordering {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// The range of an integer's format.
fn range(format: &str) -> Option<(i128, i128)> {
    Some(match format {
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX.into()),
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" | "int" => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}
