//! The single values among the types: numbers, and text of a form.

use std::sync::LazyLock;

use jiff::civil;
use regex::Regex;
use serde_json::{Number, Value};
use url::Url;
use uuid::Uuid;

use super::{Type, Wrong};

/// Whole numbers that a double tells apart from their neighbours, below this in size.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A date and time of RFC 3339, 5.6, but for leap seconds, which clocks here do not have; that its day exists is for a
/// calendar to say.
static DATETIME: LazyLock<Regex> = LazyLock::new(|| {
    let form = r"^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:[0-5]\d(?:\.\d{1,9})?)\d*(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$";
    Regex::new(form).expect("it is one")
});

impl Type {
    /// Takes a single value.
    pub(super) fn leaf(&self, value: &mut Value) -> Result<(), Wrong> {
        match (self, &mut *value) {
            (Self::Any, _) | (Self::Bool, Value::Bool(_)) | (Self::Float, Value::Number(_)) => Ok(()),
            (Self::Int | Self::Uint | Self::Id, Value::Number(number)) => {
                let whole = whole(number).filter(|whole| self.holds(*whole));
                *value =
                    whole.and_then(json).ok_or_else(|| Wrong::invalid(format!("must be {}", noun(self))))?;
                Ok(())
            }
            (Self::Varchar(least, most), Value::String(text)) => {
                let length = text.chars().count();
                if (*least..=*most).contains(&length) {
                    Ok(())
                } else {
                    Err(Wrong::rule(lengths(*least, *most)))
                }
            }
            (_, Value::String(text)) if self.reads(text) => {
                // One value has one form (RFC 9562, 4): what compares text, as SQLite does, finds it however it was sent.
                if *self == Self::Uuid {
                    text.make_ascii_lowercase();
                }
                Ok(())
            }
            _ => Err(Wrong::invalid(format!("must be {}", self.noun()))),
        }
    }

    fn holds(&self, whole: i128) -> bool {
        let (least, most) = match self {
            Self::Uint => (0, i128::from(u64::MAX)),
            Self::Id => (1, i128::from(i64::MAX)),
            _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
        };
        (least..=most).contains(&whole)
    }

    /// Whether a text is of the type, for the types whose values are text.
    fn reads(&self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Token => is_token(text),
            Self::Digest(length) => {
                text.len() == *length
                    && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            }
            // The parser takes three other forms too.
            Self::Uuid => text.len() == 36 && Uuid::try_parse(text).is_ok(),
            Self::Email => is_email(text),
            Self::Url => is_url(text),
            Self::Date => is_date(text),
            Self::Datetime => DATETIME.captures(text).is_some_and(|parts| {
                let time = parts.get(2).is_some_and(|time| time.as_str().parse::<civil::Time>().is_ok());
                time && parts.get(1).is_some_and(|date| is_date(date.as_str()))
            }),
            Self::Enum(values) => values.iter().any(|value| value == text),
            _ => false,
        }
    }
}

/// What a single value is, after "must be".
pub(super) fn noun(ty: &Type) -> String {
    let text = match ty {
        Type::Any => "anything",
        Type::Bool => "`true` or `false`",
        Type::Int => "a whole number of 64 bits, written out",
        Type::Uint => "a whole number of 64 bits, 0 or more, written out",
        Type::Id => "a whole number of 64 bits, 1 or more, written out",
        Type::Float => "a number",
        Type::Token => "a token: letters, digits and `-._~+/`, with `=` at its end only",
        Type::Digest(length) => return format!("{length} hexadecimal digits in lower case"),
        Type::Uuid => "a UUID, such as 2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b",
        Type::Email => "an email address",
        Type::Url => "an absolute URL of http or https",
        Type::Date => "a date, such as 2026-01-31",
        Type::Datetime => "a date and time with its offset, such as 2026-01-31T12:00:00Z",
        Type::Enum(values) => {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            return format!("one of {}", values.join(", "));
        }
        Type::File => "a file of a form: send it as multipart/form-data",
        _ => "text",
    };
    text.to_owned()
}

fn lengths(least: usize, most: usize) -> String {
    match (least, most) {
        (least, most) if least == most => format!("must have {least} characters"),
        (0, most) => format!("must have at most {most} characters"),
        (least, most) => format!("must have {least} to {most} characters"),
    }
}

/// The number that a text is in JSON's grammar; none when it is none, or larger than a double holds.
pub(super) fn number(text: &str) -> Option<Value> {
    let plain = text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.ends_with(|last: char| last.is_ascii_digit());
    plain.then(|| serde_json::from_str::<Number>(text).ok().map(Value::Number)).flatten()
}

/// The whole number that is meant. One that was written with a fraction or an exponent has been a double, and counts
/// only where doubles are exact: nothing is rounded.
fn whole(number: &Number) -> Option<i128> {
    if let Some(whole) = number.as_i64() {
        return Some(whole.into());
    }
    if let Some(whole) = number.as_u64() {
        return Some(whole.into());
    }
    let double = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and below 2^53 in size")]
    Some(double as i128)
}

fn json(whole: i128) -> Option<Value> {
    i64::try_from(whole).map(Value::from).or_else(|_| u64::try_from(whole).map(Value::from)).ok()
}

/// `token68` of RFC 9110, 11.2.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// What HTML's forms take, but for the dots that RFC 5321, 4.1.2 does not allow in a name.
fn is_email(text: &str) -> bool {
    let name = text.split('@').next().unwrap_or_default();
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    text.len() <= 254 && !dots && garde::rules::email::parse_email(text).is_ok()
}

/// The parser mends what it can; here only what is a URI (RFC 3986) as it stands is one.
fn is_url(text: &str) -> bool {
    let written = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    let scheme = text.starts_with("http://") || text.starts_with("https://");
    written && scheme && Url::parse(text).is_ok_and(|url| url.has_host())
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let form = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    form && text.parse::<civil::Date>().is_ok()
}
