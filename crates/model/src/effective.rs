//! What the settings of one endpoint come to: a value for every key, each with its origin.

use std::time::Duration;

use ketch_syntax::{Date, Key, Rate, Template};

use crate::{Resolved, Scope};

/// The body limit where no level sets one, in bytes.
pub(crate) const DEFAULT_LIMIT: u64 = 1 << 20;
/// The deadline of a request where no level sets one.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Every setting of one endpoint, each with the level and place it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// First part of the URL.
    pub prefix: Resolved<Option<String>>,
    /// Version part of the URL, without the `v`.
    pub version: Resolved<Option<String>>,
    /// Part of the URL that the service's endpoints share.
    pub root: Resolved<Option<String>>,
    /// Last part of the URL.
    pub route: Resolved<Option<String>>,
    /// Named middlewares, first runs first; each name has its own origin.
    pub middleware: Vec<Resolved<String>>,
    /// Who may call.
    pub scope: Resolved<Scope>,
    /// The largest body, in bytes.
    pub limit: Resolved<u64>,
    /// The longest a request may take.
    pub timeout: Resolved<Duration>,
    /// How often one caller may call.
    pub rate: Resolved<Option<Rate>>,
    /// The named cache that keeps the replies.
    pub cache: Resolved<Option<String>>,
    /// How long a reply is kept.
    pub ttl: Resolved<Option<Duration>>,
    /// Request headers that a kept reply depends on.
    pub vary: Vec<Resolved<String>>,
    /// Names under which kept replies are purged.
    pub tags: Vec<Resolved<String>>,
    /// Tags whose kept replies are forgotten when it has answered.
    pub purge: Vec<Resolved<String>>,
    /// The named function that makes the cache's key.
    pub key: Resolved<Option<String>>,
    /// Origins whose scripts may read the reply.
    pub cors: Vec<Resolved<String>>,
    /// Whether those scripts may send cookies.
    pub credentials: Resolved<bool>,
    /// Whether replies are compressed.
    pub compress: Resolved<bool>,
    /// Headers that every good reply gets, `name: value`.
    pub headers: Vec<Resolved<String>>,
    /// The status of a good reply, in place of 200.
    pub status: Resolved<Option<u16>>,
    /// The file that answers in place of code.
    pub stub: Resolved<Option<String>>,
    /// How long a stub takes to answer.
    pub delay: Resolved<Option<Duration>>,
    /// Whether, and since when, callers are told to move on.
    pub deprecated: Resolved<Deprecation>,
    /// The day from which it may be gone.
    pub sunset: Resolved<Option<Date>>,
    /// Whether the documents leave it out.
    pub hidden: Resolved<bool>,
    /// Inherited settings that do not apply here, and why: `routes --explain` shows them.
    pub skipped: Vec<(Key, String)>,
    /// Lists that a level emptied, and which: `routes --explain` shows it.
    pub emptied: Vec<(Key, Resolved<()>)>,
}

/// Whether an endpoint is deprecated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deprecation {
    /// It is not.
    #[default]
    No,
    /// It is, since nobody said when.
    Yes,
    /// It is, or will be, from this day.
    Since(Date),
}

impl std::fmt::Display for Deprecation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::No => f.write_str("false"),
            Self::Yes => f.write_str("true"),
            Self::Since(day) => day.fmt(f),
        }
    }
}

/// What follows from names alone.
#[derive(Clone, Copy, Debug)]
pub struct Inferred<'a> {
    /// The root, from the service's name.
    pub root: &'a str,
    /// The route, from the endpoint's name.
    pub route: &'a str,
}

impl Effective {
    /// What holds when no level says anything.
    pub fn inferred(inferred: Inferred<'_>) -> Self {
        let part = |text: &str| Resolved::inferred(Some(text.to_owned()).filter(|text| !text.is_empty()));
        Self {
            prefix: Resolved::inferred(None),
            version: Resolved::inferred(None),
            root: part(inferred.root),
            route: part(inferred.route),
            middleware: Vec::new(),
            scope: Resolved::inferred(Scope::public()),
            limit: Resolved::inferred(DEFAULT_LIMIT),
            timeout: Resolved::inferred(DEFAULT_TIMEOUT),
            rate: Resolved::inferred(None),
            cache: Resolved::inferred(None),
            ttl: Resolved::inferred(None),
            vary: Vec::new(),
            tags: Vec::new(),
            purge: Vec::new(),
            key: Resolved::inferred(None),
            cors: Vec::new(),
            credentials: Resolved::inferred(false),
            compress: Resolved::inferred(false),
            headers: Vec::new(),
            status: Resolved::inferred(None),
            stub: Resolved::inferred(None),
            delay: Resolved::inferred(None),
            deprecated: Resolved::inferred(Deprecation::No),
            sunset: Resolved::inferred(None),
            hidden: Resolved::inferred(false),
            skipped: Vec::new(),
            emptied: Vec::new(),
        }
    }

    /// The whole path: prefix, `v` and version, root, route. Runs of slashes collapse.
    ///
    /// # Errors
    /// When the parts together are no template: the message of the first fault.
    pub fn path(&self) -> Result<Template, ketch_syntax::TemplateError> {
        let version = self.version.value.as_ref().map(|version| format!("v{version}"));
        let parts = [
            self.prefix.value.as_deref(),
            version.as_deref(),
            self.root.value.as_deref(),
            self.route.value.as_deref(),
        ];
        Template::parse(&parts.into_iter().flatten().collect::<Vec<_>>().join("/"))
    }

    /// Every setting as text with its origin, in the order of [`ketch_syntax::KEYS`], for `routes --explain`.
    pub fn explain(&self) -> Vec<(Key, Resolved<String>)> {
        ketch_syntax::KEYS.iter().flat_map(|spec| self.rows(spec.key)).collect()
    }

    fn rows(&self, key: Key) -> Vec<(Key, Resolved<String>)> {
        let skipped = self.skipped.iter().find(|(skipped, _)| *skipped == key);
        let none_because = |(_, why): &(Key, String)| format!("{NONE} ({why})");
        let list = |values: &[Resolved<String>]| {
            if values.is_empty() {
                let emptied = self.emptied.iter().rfind(|(emptied, _)| *emptied == key);
                let none = emptied.map_or_else(|| Resolved::inferred(()), |(_, by)| by.clone());
                let text = || skipped.map_or_else(|| NONE.to_owned(), none_because);
                return vec![(key, shown(&none, |()| text()))];
            }
            values.iter().map(|value| (key, value.clone())).collect()
        };
        let row = match key {
            Key::Middleware => return list(&self.middleware),
            Key::Vary => return list(&self.vary),
            Key::Tags => return list(&self.tags),
            Key::Purge => return list(&self.purge),
            Key::Cors => return list(&self.cors),
            Key::Headers => return list(&self.headers),
            Key::Prefix => optional(&self.prefix, String::clone),
            Key::Version => optional(&self.version, String::clone),
            Key::Root => optional(&self.root, String::clone),
            Key::Route => optional(&self.route, String::clone),
            Key::Scope => shown(&self.scope, Scope::to_string),
            Key::Limit => shown(&self.limit, |bytes| format!("{bytes} bytes")),
            Key::Timeout => shown(&self.timeout, |time| format!("{time:?}")),
            Key::Rate => optional(&self.rate, Rate::to_string),
            Key::Cache => optional(&self.cache, String::clone),
            Key::Ttl => optional(&self.ttl, |time| format!("{time:?}")),
            Key::Key => optional(&self.key, String::clone),
            Key::Credentials => shown(&self.credentials, bool::to_string),
            Key::Compress => shown(&self.compress, bool::to_string),
            Key::Status => optional(&self.status, u16::to_string),
            Key::Stub => optional(&self.stub, String::clone),
            Key::Delay => optional(&self.delay, |time| format!("{time:?}")),
            Key::Deprecated => shown(&self.deprecated, Deprecation::to_string),
            Key::Sunset => optional(&self.sunset, Date::to_string),
            Key::Hidden => shown(&self.hidden, bool::to_string),
        };
        let value = match skipped {
            Some(why) => Resolved { value: none_because(why), ..row },
            None => row,
        };
        vec![(key, value)]
    }
}

/// How "none" is written.
const NONE: &str = "-";

fn shown<T>(resolved: &Resolved<T>, show: impl Fn(&T) -> String) -> Resolved<String> {
    Resolved { value: show(&resolved.value), level: resolved.level, place: resolved.place.clone() }
}

fn optional<T>(resolved: &Resolved<Option<T>>, show: impl Fn(&T) -> String) -> Resolved<String> {
    shown(resolved, |value| value.as_ref().map_or_else(|| NONE.to_owned(), &show))
}
