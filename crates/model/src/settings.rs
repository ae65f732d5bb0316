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

    /// What is said of these keys.
    #[must_use]
    pub fn only(&self, keys: &[Key]) -> Self {
        Self { entries: self.entries.iter().filter(|entry| keys.contains(&entry.key)).cloned().collect() }
    }

    /// Adds all of `later` after what is here.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        self.entries.extend(later.entries);
        self
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

    /// The status of a good reply, in place of 200.
    #[must_use]
    #[track_caller]
    pub fn status(self, status: u16) -> Self {
        self.with(Key::Status, Op::Set, Value::Text(status.to_string()), Place::caller())
    }

    /// Marks the endpoint as deprecated since a day, `"2026-11-01"`, in a header too.
    #[must_use]
    #[track_caller]
    pub fn deprecated_since(self, day: impl Into<String>) -> Self {
        self.with(Key::Deprecated, Op::Set, Value::Text(day.into()), Place::caller())
    }

    fn names<N: Into<String>>(
        self,
        key: Key,
        op: Op,
        names: impl IntoIterator<Item = N>,
        place: Place,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.with(key, op, Value::Names(names), place)
    }
}

/// The settings that are lists, all alike.
macro_rules! list_settings {
    ($($name:ident, $add:ident, $drop:ident, $key:ident, $about:literal, $what:literal;)*) => {
        impl Settings {$(
            #[doc = concat!($about, ", in place of the inherited ones; `[\"-\"]` for none.")]
            #[must_use]
            #[track_caller]
            pub fn $name<N: Into<String>>(self, list: impl IntoIterator<Item = N>) -> Self {
                self.names(Key::$key, Op::Set, list, Place::caller())
            }

            #[doc = concat!("Adds ", $what, " after the inherited ones.")]
            #[must_use]
            #[track_caller]
            pub fn $add<N: Into<String>>(self, list: impl IntoIterator<Item = N>) -> Self {
                self.names(Key::$key, Op::Add, list, Place::caller())
            }

            #[doc = concat!("Drops ", $what, " from the inherited ones.")]
            #[must_use]
            #[track_caller]
            pub fn $drop<N: Into<String>>(self, list: impl IntoIterator<Item = N>) -> Self {
                self.names(Key::$key, Op::Drop, list, Place::caller())
            }
        )*}
    };
}

list_settings! {
    middleware, add_middleware, drop_middleware, Middleware, "The named middlewares, first runs first", "named middlewares";
    vary, add_vary, drop_vary, Vary, "Request headers that a kept reply depends on", "request headers";
    tags, add_tags, drop_tags, Tags, "Names under which kept replies are purged", "tags";
    purge, add_purge, drop_purge, Purge, "Tags whose kept replies are forgotten when an endpoint that writes has answered", "tags to purge";
    cors, add_cors, drop_cors, Cors, "Origins whose scripts may read the reply", "origins";
    headers, add_headers, drop_headers, Headers, "Headers of every good reply, `\"name: value\"`", "headers";
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
    rate, no_rate, Rate, "How often one caller may call: `\"100/m\"`.", "No bound";
    cache, no_cache, Cache, "The named cache that keeps the replies of GET endpoints.", "No cache";
    ttl, no_ttl, Ttl, "How long a reply is kept: `\"1m\"`.", "No time";
    key, default_key, Key, "The named function that makes the cache's key.", "The usual key";
    stub, no_stub, Stub, "A file that answers in place of code.", "No stub";
    delay, no_delay, Delay, "How long a stub takes to answer: `\"200ms\"`.", "No delay";
    sunset, no_sunset, Sunset, "The day from which it may be gone: `\"2027-01-31\"`.", "No such day";
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
    deprecated, Deprecated, "Whether the documents mark it as deprecated; no header says so.";
    credentials, Credentials, "Whether scripts of the `cors` origins may send cookies.";
    compress, Compress, "Whether replies are compressed.";
    hidden, Hidden, "Whether the documents leave it out.";
}
