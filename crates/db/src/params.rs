//! Parameters of a statement, by name.

use std::iter;
use std::sync::Arc;

use crate::value::Value;

/// The parameters of a statement, written with [`params!`](crate::params): names without their colon.
#[derive(Clone, Debug)]
pub struct Params(Form);

#[derive(Clone, Debug)]
enum Form {
    /// Names that are part of the program.
    Named(Vec<(&'static str, Value<'static>)>),
    /// Names that were read once and belong to every run of a statement.
    Listed(Arc<[Box<str>]>, Vec<Value<'static>>),
}

impl Params {
    /// None.
    pub const fn new() -> Self {
        Self(Form::Named(Vec::new()))
    }

    /// Room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Form::Named(Vec::with_capacity(count)))
    }

    /// Names that are not part of the program, such as those of a statement from a file, and their values in the same
    /// order. A name that is left without a value has none, and a value without a name is left out.
    pub fn listed(names: &Arc<[Box<str>]>, mut values: Vec<Value<'static>>) -> Self {
        values.truncate(names.len());
        Self(Form::Listed(Arc::clone(names), values))
    }

    /// The same parameters and one more.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Into<Value<'static>>) -> Self {
        let value = value.into();
        Self(match self.0 {
            Form::Named(mut named) => {
                named.push((name, value));
                Form::Named(named)
            }
            Form::Listed(names, mut values) => {
                let names = names.iter().take(values.len()).cloned().chain(iter::once(name.into())).collect();
                values.push(value);
                Form::Listed(names, values)
            }
        })
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value<'static>> {
        match &self.0 {
            Form::Named(named) => named.iter().find(|(known, _)| *known == name).map(|(_, value)| value),
            Form::Listed(names, values) => values.get(names.iter().position(|known| **known == *name)?),
        }
    }

    /// Names and values, in the order they were written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value<'static>)> {
        (0..self.len()).map(|at| match &self.0 {
            Form::Named(named) => (named[at].0, &named[at].1),
            Form::Listed(names, values) => (&*names[at], &values[at]),
        })
    }

    /// Whether a name is there twice.
    pub(crate) fn has_doubles(&self) -> bool {
        (0..self.len()).any(|at| {
            let later = self.iter().nth(at).map(|(name, _)| name);
            self.iter().take(at).any(|(earlier, _)| Some(earlier) == later)
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Named(named) => named.len(),
            Form::Listed(_, values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Params {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The parameters of a statement: `params! { id, email: &email }`. A name alone takes the variable of that name.
///
/// ```
/// use ketch_db::params;
/// let (id, email) = (7_i64, String::from("a@example.org"));
/// let params = params! { id, email: &email };
/// assert_eq!(params.len(), 2);
/// ```
#[macro_export]
macro_rules! params {
    () => { $crate::Params::new() };
    ($($name:ident $(: $value:expr)?),+ $(,)?) => {
        $crate::Params::with_capacity([$(stringify!($name)),+].len())
            $(.with(stringify!($name), $crate::params!(@value $name $(, $value)?)))+
    };
    (@value $name:ident) => { $name };
    (@value $name:ident, $value:expr) => { $value };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_list_are_as_good_as_names_of_the_program() {
        let names: Arc<[Box<str>]> = ["id".into(), "email".into()].into();
        let listed = Params::listed(&names, vec![7.into(), "a@example.org".into()]);
        assert_eq!(listed, params! { id: 7, email: "a@example.org" });
        assert_eq!(listed.get("email"), Some(&"a@example.org".into()));
        let more = listed.with("age", 3);
        assert_eq!(more, params! { id: 7, email: "a@example.org", age: 3 });
        assert!(!more.has_doubles() && more.with("id", 1).has_doubles());
    }

    #[test]
    fn a_list_that_is_too_short_or_too_long_gives_no_value_to_another_name() {
        let names: Arc<[Box<str>]> = ["id".into(), "email".into()].into();
        assert_eq!(Params::listed(&names, vec![7.into()]), params! { id: 7 });
        assert_eq!(Params::listed(&names, vec![7.into(), 8.into(), 9.into()]).len(), 2);
        assert_eq!(Params::listed(&names, vec![7.into()]).with("age", 3), params! { id: 7, age: 3 });
    }
}
