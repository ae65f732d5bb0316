//! Settings as they are written at one level. What they come to is in [`resolve`](crate::resolve).

use ketch_syntax::Key;

use crate::{Place, Scope};

/// What one level says, in the order it was written. What it leaves out is inherited.
///
/// In code, values are written as in attributes and read when the server is built, so that a mistake is reported
/// with all others and with its place:
///
/// ```
/// use ketch_model::Settings;
/// let settings = Settings::new().version("2").timeout("5s").add_middleware(["audit"]);
/// assert_eq!(settings.entries().len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    entries: Vec<Entry>,
}

/// One setting, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub key: Key,
    /// How it treats what the earlier levels said.
    pub op: Op,
    /// The value.
    pub value: Value,
    /// Where it is written.
    pub place: Place,
}

/// How a value treats what the earlier levels said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `=`: replaces it.
    Set,
    /// `+=`: adds to it.
    Add,
    /// `-=`: drops from it.
    Drop,
}

/// A value, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text; `"-"` means none.
    Text(String),
    /// Names; `["-"]` means none.
    Names(Vec<String>),
    /// Clauses of a scope.
    Scope(Scope),
    /// Yes or no.
    Flag(bool),
}

impl Settings {
    /// Says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings, as written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds one setting with its place; for fronts that read source text.
    #[must_use]
    pub fn with(mut self, key: Key, op: Op, value: Value, place: Place) -> Self {
        self.entries.push(Entry { key, op, value, place });
        self
    }

    /// Adds all of `later` after what is here.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        self.entries.extend(later.entries);
        self
    }

    /// The named middlewares, first runs first, in place of the inherited ones.
    #[must_use]
    #[track_caller]
    pub fn middleware<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.names(Op::Set, names, Place::caller())
    }

    /// Adds named middlewares after the inherited ones.
    #[must_use]
    #[track_caller]
    pub fn add_middleware<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.names(Op::Add, names, Place::caller())
    }

    /// Drops named middlewares from the inherited ones.
    #[must_use]
    #[track_caller]
    pub fn drop_middleware<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.names(Op::Drop, names, Place::caller())
    }

    /// Who may call. It must narrow what earlier levels say; to widen, use [`public`](Self::public).
    #[must_use]
    #[track_caller]
    pub fn scope(self, scope: Scope) -> Self {
        self.with(Key::Scope, Op::Set, Value::Scope(scope), Place::caller())
    }

    /// Lets everyone call, whatever earlier levels say.
    #[must_use]
    #[track_caller]
    pub fn public(self) -> Self {
        self.with(Key::Scope, Op::Set, Value::Text("public".to_owned()), Place::caller())
    }

    fn names<N: Into<String>>(self, op: Op, names: impl IntoIterator<Item = N>, place: Place) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.with(Key::Middleware, op, Value::Names(names), place)
    }
}

/// The settings that are one text or one flag, all alike.
macro_rules! text_settings {
    ($($name:ident, $none:ident, $key:ident, $about:literal, $none_about:literal;)*) => {
        impl Settings {$(
            #[doc = $about]
            #[must_use]
            #[track_caller]
            pub fn $name(self, value: impl Into<String>) -> Self {
                self.with(Key::$key, Op::Set, Value::Text(value.into()), Place::caller())
            }

            #[doc = concat!($none_about, ", whatever earlier levels say; `\"-\"` in an attribute.")]
            #[must_use]
            #[track_caller]
            pub fn $none(self) -> Self {
                self.with(Key::$key, Op::Set, Value::Text("-".to_owned()), Place::caller())
            }
        )*}
    };
}

text_settings! {
    prefix, no_prefix, Prefix, "The first part of the URL.", "No prefix";
    root, no_root, Root, "The part of the URL that the service's endpoints share.", "No root";
    route, no_route, Route, "The last part of the URL, with its parameters.", "No route";
    version, no_version, Version, "The version, numbers and dots; a part of the URL with a `v` before it.", "No version";
    limit, default_limit, Limit, "The largest body: `\"64kb\"`.", "The default limit";
    timeout, default_timeout, Timeout, "The longest a request may take: `\"5s\"`.", "The default timeout";
}

macro_rules! flag_settings {
    ($($name:ident, $key:ident, $about:literal;)*) => {
        impl Settings {$(
            #[doc = $about]
            #[must_use]
            #[track_caller]
            pub fn $name(self, value: bool) -> Self {
                self.with(Key::$key, Op::Set, Value::Flag(value), Place::caller())
            }
        )*}
    };
}

flag_settings! {
    deprecated, Deprecated, "Whether callers are told to move on.";
    hidden, Hidden, "Whether the documents leave it out.";
}
