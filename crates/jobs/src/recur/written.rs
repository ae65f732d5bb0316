//! What people write in a cron pattern, checked before the library reads it: it passes over some mistakes, and does not
//! say in which field another one is.

use croner::errors::CronError;
use croner::parser::CronParser;

/// The longest pattern, in bytes.
const LONGEST: usize = 256;

const NICKNAMES: [(&str, &str); 6] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field: what it is called, how many values it has, and what may be in it beside digits and `*,-/`.
struct Field {
    name: &'static str,
    values: u32,
    signs: &'static str,
    words: fn(&str) -> bool,
}

const FIELDS: [Field; 6] = [
    Field { name: "second", values: 60, signs: "", words: |_| false },
    Field { name: "minute", values: 60, signs: "", words: |_| false },
    Field { name: "hour", values: 24, signs: "", words: |_| false },
    Field {
        name: "day of the month",
        values: 31,
        signs: "?",
        words: |word| ["L", "W", "LW"].contains(&word),
    },
    Field { name: "month", values: 12, signs: "", words: |word| MONTHS.contains(&word) },
    Field {
        name: "day of the week",
        values: 7,
        signs: "?#+",
        words: |word| word == "L" || DAYS.contains(&word.strip_suffix('L').unwrap_or(word)),
    },
];

/// The pattern that is meant, in capitals and with six fields.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(text: &str) -> Result<String, String> {
    if text.len() > LONGEST {
        return Err(format!("it has {} bytes, the most is {LONGEST}", text.len()));
    }
    let text = text.trim();
    let nickname = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    let text = match nickname {
        Some((_, pattern)) => pattern,
        None if text.starts_with('@') => {
            let names: Vec<String> = NICKNAMES.iter().map(|(name, _)| format!("`{name}`")).collect();
            return Err(format!("there is no such name; there is: {}", names.join(", ")));
        }
        None => text,
    };
    let text = text.to_ascii_uppercase();
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    match fields.len() {
        5 => fields.insert(0, "0"),
        6 => {}
        7 => return Err("it has 7 fields; a year cannot be given".to_owned()),
        count => {
            return Err(format!(
                "it has {count} fields, and needs 5 (minute, hour, day of the month, month, day of the week), or 6 \
                 with seconds first"
            ));
        }
    }
    for (field, text) in FIELDS.iter().zip(&fields) {
        field.check(text).map_err(|why| format!("the {} `{text}`: {why}", field.name))?;
    }
    Ok(fields.join(" "))
}

impl Field {
    fn check(&self, text: &str) -> Result<(), String> {
        let is_sign = |c: char| "*,-/".contains(c) || self.signs.contains(c);
        if let Some(c) = text.chars().find(|c| !is_sign(*c) && !c.is_ascii_alphanumeric()) {
            return Err(format!("`{c}` has no meaning there"));
        }
        let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        if let Some(word) = words.into_iter().find(|word| !(self.words)(word)) {
            return Err(format!("`{word}` has no meaning there"));
        }
        let items: Vec<&str> = text.split(',').collect();
        if items.contains(&"") {
            return Err("something is missing beside a comma".to_owned());
        }
        if items.contains(&"L") && items.contains(&"LW") {
            return Err("`L` and `LW` cannot be in one list".to_owned());
        }
        for item in items {
            if let Some(day) = item.strip_suffix('W')
                && (day == "L" || day.chars().all(|c| c.is_ascii_digit()))
            {
                continue;
            }
            if item.contains('W') && !item.chars().any(|c| c.is_ascii_alphabetic() && c != 'W') {
                return Err("`W` follows one day, as in `15W`".to_owned());
            }
            if let Some((_, step)) = item.split_once('/')
                && step.parse().is_ok_and(|step: u32| step >= self.values)
            {
                return Err(format!(
                    "the step {step} leads beyond the field, which begins again after {}; for other intervals there \
                     is `Schedule::every`",
                    self.values
                ));
            }
        }
        Ok(())
    }
}

/// What the library has against a pattern, with the field.
pub(super) fn wrong(parser: &CronParser, pattern: &str, error: &CronError) -> String {
    for (at, (field, text)) in FIELDS.iter().zip(pattern.split(' ')).enumerate() {
        let mut alone = ["*"; FIELDS.len()];
        alone[at] = text;
        if let Err(error) = parser.parse(&alone.join(" ")) {
            return format!("the {} `{text}`: {}", field.name, said(&error));
        }
    }
    said(error)
}

fn said(error: &CronError) -> String {
    let (CronError::ComponentError(why) | CronError::InvalidPattern(why) | CronError::IllegalCharacters(why)) =
        error
    else {
        return error.to_string();
    };
    let why = why.trim_end_matches('.');
    let mut letters = why.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
