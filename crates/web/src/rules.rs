//! Rules that `#[arg(…)]` states for an argument: a smallest and a largest value, a pattern.
//!
//! A value that cannot be read is 400; one that breaks a rule is 422. Rules of a whole body are in
//! [`validate`](crate::validate).

use std::sync::OnceLock;

use ketch_model::{ArgSpec, Error, FieldError, In};
use regex::Regex;
use serde_json::{Value, json};

use crate::arg::ArgDocs;
use crate::cookies::Cookie;
use crate::header::{Header, header_name};
use crate::scalar::{Measure, Scalar};

/// The rules of one argument, and what else its attribute says for the documents.
#[derive(Debug, Default)]
pub struct Rules {
    min: Option<Bound>,
    max: Option<Bound>,
    pattern: Option<&'static str>,
    compiled: OnceLock<Option<Regex>>,
}

/// The end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A whole number.
    Whole(i128),
    /// Any number.
    Real(f64),
}

impl Rules {
    /// No rules.
    pub const fn new() -> Self {
        Self { min: None, max: None, pattern: None, compiled: OnceLock::new() }
    }

    /// The smallest number, or the fewest characters of a text.
    #[must_use]
    pub const fn min(mut self, bound: Bound) -> Self {
        self.min = Some(bound);
        self
    }

    /// The largest number, or the most characters of a text.
    #[must_use]
    pub const fn max(mut self, bound: Bound) -> Self {
        self.max = Some(bound);
        self
    }

    /// The regular expression that the whole of a text matches.
    #[must_use]
    pub const fn pattern(mut self, pattern: &'static str) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Says the rules in the documents of the arguments that `describe` adds.
    #[doc(hidden)]
    pub fn describe(&self, docs: &mut ArgDocs<'_>, describe: impl FnOnce(&mut ArgDocs<'_>)) {
        for arg in docs.added(describe) {
            arg.rules = true;
            let schema = if arg.repeated { &mut arg.schema["items"] } else { &mut arg.schema };
            self.state(schema);
        }
    }

    fn state(&self, schema: &mut Value) {
        let text = schema.get("type") == Some(&json!("string"));
        let (least, most) = if text { ("minLength", "maxLength") } else { ("minimum", "maximum") };
        if let Some(bound) = self.min {
            schema[least] = bound.json();
        }
        if let Some(bound) = self.max {
            schema[most] = bound.json();
        }
        if let Some(pattern) = self.pattern {
            schema["pattern"] = json!(whole(pattern));
        }
    }

    /// Checks a value that was read.
    ///
    /// # Errors
    /// 422 with the argument's name and the rule.
    #[doc(hidden)]
    pub fn check<T: Ruled>(&self, place: In, name: &'static str, value: &T) -> Result<(), Error> {
        let broken = value.measures().into_iter().find_map(|measure| self.broken(measure));
        let Some(rule) = broken else { return Ok(()) };
        let name = if place == In::Header { header_name(name).into_owned() } else { name.to_owned() };
        let message = format!("`{name}` must {rule}");
        let field = FieldError { place, name, code: FieldError::RULE, message };
        Err(Error::arguments(vec![field]))
    }

    /// The rule that a value breaks, after "must".
    fn broken(&self, measure: Measure<'_>) -> Option<String> {
        let (size, unit) = match measure {
            Measure::Whole(number) => (Bound::Whole(number), ""),
            Measure::Real(number) => (Bound::Real(number), ""),
            Measure::Text(text) => {
                (Bound::Whole(i128::try_from(text.chars().count()).unwrap_or(i128::MAX)), " characters")
            }
            Measure::Nothing => return None,
        };
        let (be, at_least, at_most) = if unit.is_empty() {
            ("be ", "at least ", "at most ")
        } else {
            ("have ", "at least ", "at most ")
        };
        if let Some(min) = self.min.filter(|min| size.is_below(*min)) {
            return Some(format!("{be}{at_least}{min}{unit}"));
        }
        if let Some(max) = self.max.filter(|max| max.is_below(size)) {
            return Some(format!("{be}{at_most}{max}{unit}"));
        }
        let (Measure::Text(text), Some(pattern)) = (measure, self.pattern) else { return None };
        let compiled = self.compiled.get_or_init(|| Regex::new(&whole(pattern)).ok());
        // A pattern that cannot be compiled has kept the server from being built.
        let matches = compiled.as_ref().is_some_and(|regex| regex.is_match(text));
        (!matches).then(|| format!("match `{pattern}`"))
    }
}

impl Bound {
    fn is_below(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a < b,
            (a, b) => a.real() < b.real(),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a bound that is no whole number is compared as numbers are"
    )]
    fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    fn json(self) -> Value {
        match self {
            Self::Whole(number) => match i64::try_from(number) {
                Ok(number) => json!(number),
                Err(_) => json!(self.real()),
            },
            Self::Real(number) => json!(number),
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Real(number) => number.fmt(f),
        }
    }
}

/// An argument that rules can be stated for.
#[diagnostic::on_unimplemented(
    message = "`min`, `max` and `pattern` cannot be stated for `{Self}`",
    label = "not a single value",
    note = "they are for a value of the path, query, a header or a cookie, or several of them; a body states its own \
            rules with `#[derive(Validate)]`"
)]
pub trait Ruled {
    /// What is measured: each of its values.
    fn measures(&self) -> Vec<Measure<'_>>;
}

impl<T: Scalar> Ruled for T {
    fn measures(&self) -> Vec<Measure<'_>> {
        vec![self.measure()]
    }
}

impl<T: Scalar> Ruled for Option<T> {
    fn measures(&self) -> Vec<Measure<'_>> {
        self.iter().map(Scalar::measure).collect()
    }
}

impl<T: Scalar> Ruled for Vec<T> {
    fn measures(&self) -> Vec<Measure<'_>> {
        self.iter().map(Scalar::measure).collect()
    }
}

impl<T: Ruled> Ruled for Header<T> {
    fn measures(&self) -> Vec<Measure<'_>> {
        self.0.measures()
    }
}

impl<T: Ruled> Ruled for Cookie<T> {
    fn measures(&self) -> Vec<Measure<'_>> {
        self.0.measures()
    }
}

/// A pattern as it is compiled: it must match the whole text.
fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}

/// What is wrong with the patterns that an argument's rules state, if anything is.
pub(crate) fn bad_pattern(arg: &ArgSpec) -> Option<String> {
    let schema = if arg.repeated { &arg.schema["items"] } else { &arg.schema };
    let pattern = schema.get("pattern").filter(|_| arg.rules)?.as_str()?;
    let fault = Regex::new(pattern).err()?;
    Some(format!("the pattern of `{}` cannot be used: {fault}", arg.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_and_texts_are_counted_and_matched() {
        let ten = Rules::new().min(Bound::Whole(2)).max(Bound::Whole(10));
        for (value, good) in [(1_u32, false), (2, true), (10, true), (11, false)] {
            assert_eq!(ten.check(In::Query, "n", &value).is_ok(), good, "{value}");
        }
        let half = Rules::new().max(Bound::Real(0.5));
        assert!(half.check(In::Query, "n", &0.5_f64).is_ok());
        assert!(half.check(In::Query, "n", &1_i8).is_err());
        let error = ten.check(In::Query, "name", &"ä".to_owned()).unwrap_err();
        assert_eq!(
            (error.status().as_u16(), error.message()),
            (422, "`name` must have at least 2 characters")
        );
        assert!(ten.check(In::Query, "name", &"ää".to_owned()).is_ok());
        let word = Rules::new().pattern("[a-z]+|[0-9]+");
        assert!(word.check(In::Query, "w", &"abc".to_owned()).is_ok());
        assert!(word.check(In::Query, "w", &"abc1".to_owned()).is_err());
        assert!(word.check(In::Query, "w", &vec!["a".to_owned(), "-".to_owned()]).is_err());
        assert!(word.check(In::Query, "w", &None::<String>).is_ok());
    }

    #[test]
    fn the_largest_numbers_are_compared_exactly() {
        let rules = Rules::new().max(Bound::Whole(i128::from(u64::MAX - 1)));
        assert!(rules.check(In::Query, "n", &(u64::MAX - 1)).is_ok());
        assert!(rules.check(In::Query, "n", &u64::MAX).is_err());
    }
}
