//! Parameters of a statement, by name.

use crate::value::Value;

/// The parameters of a statement, written with [`params!`](crate::params): names without their colon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    named: Vec<(&'static str, Value<'static>)>,
}

impl Params {
    /// None.
    pub const fn new() -> Self {
        Self { named: Vec::new() }
    }

    /// Room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self { named: Vec::with_capacity(count) }
    }

    /// The same parameters and one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value<'static>>) -> Self {
        self.named.push((name, value.into()));
        self
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Value<'static>> {
        self.named.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Names and values, in the order they were written.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Value<'static>)> {
        self.named.iter().map(|(name, value)| (*name, value))
    }

    /// Whether a name is there twice.
    pub(crate) fn has_doubles(&self) -> bool {
        let names = self.named.iter().map(|(name, _)| name).enumerate();
        names.clone().any(|(at, name)| names.clone().take(at).any(|(_, earlier)| earlier == name))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
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
