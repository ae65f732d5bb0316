//! The setting keys: one table that the attributes, the code and the reference page are read from.

/// One setting. The same keys exist at every level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// First part of the URL.
    Prefix,
    /// Version part of the URL.
    Version,
    /// Part of the URL that a service's endpoints share.
    Root,
    /// Last part of the URL, with its parameters.
    Route,
    /// Named middlewares, first runs first.
    Middleware,
    /// Who may call.
    Scope,
    /// The largest body accepted.
    Limit,
    /// The longest a request may take.
    Timeout,
    /// How often one caller may call.
    Rate,
    /// The named cache that keeps the replies.
    Cache,
    /// How long a reply is kept.
    Ttl,
    /// Request headers that a kept reply depends on.
    Vary,
    /// Names under which kept replies are purged.
    Tags,
    /// Tags whose kept replies are forgotten when it has answered.
    Purge,
    /// The named function that makes the cache's key.
    Key,
    /// Origins whose scripts may read the reply.
    Cors,
    /// Whether those scripts may send cookies.
    Credentials,
    /// Whether replies are compressed.
    Compress,
    /// Headers that every good reply gets.
    Headers,
    /// The status of a good reply.
    Status,
    /// File that answers in place of code.
    Stub,
    /// How long a stub takes to answer.
    Delay,
    /// Whether, and since when, callers are told to move on.
    Deprecated,
    /// When it will be gone.
    Sunset,
    /// Whether the documents leave it out.
    Hidden,
}

/// What a key's value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Free text.
    Text,
    /// Numbers and dots.
    Version,
    /// A list of names, with `=`, `+=` and `-=`.
    Names,
    /// A list of lists of names: any of the inner lists, all of its names.
    Scope,
    /// Bytes: `"64kb"`.
    Size,
    /// A time: `"30s"`.
    Duration,
    /// `true` or `false`; the key alone means `true`.
    Flag,
    /// A day: `"2027-01-31"`.
    Date,
    /// A flag, or a day since which it holds.
    FlagOrDate,
    /// Requests in a time: `"100/m"`, `"10/s burst 20"`.
    Rate,
    /// A status of success: `201`.
    Status,
}

/// A key, its names and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The key.
    pub key: Key,
    /// Its name, then accepted aliases.
    pub names: &'static [&'static str],
    /// The form of its value.
    pub kind: Kind,
    /// What it holds when no level says anything.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// Whether it makes sense for a whole service or server; `route`, `status`, `stub` and the like belong to one endpoint.
    pub inherited: bool,
}

const fn spec(
    key: Key,
    names: &'static [&'static str],
    kind: Kind,
    default: &'static str,
    about: &'static str,
) -> Spec {
    let inherited = !matches!(key, Key::Route | Key::Stub | Key::Status);
    Spec { key, names, kind, default, about, inherited }
}

/// Every key, in the order of the reference page.
pub const KEYS: &[Spec] = &[
    spec(Key::Prefix, &["prefix", "pre"], Kind::Text, "none", "The first part of the URL."),
    spec(
        Key::Version,
        &["version", "ver"],
        Kind::Version,
        "none",
        "The version, a part of the URL with a `v` before it.",
    ),
    spec(
        Key::Root,
        &["root"],
        Kind::Text,
        "the type's name without `Service`, in kebab-case",
        "The part of the URL that a service's endpoints share.",
    ),
    spec(
        Key::Route,
        &["route"],
        Kind::Text,
        "the method's name, in kebab-case",
        "The last part of the URL: `{name}`, `{name:regex}` and a final `{*rest}` are parameters.",
    ),
    spec(
        Key::Middleware,
        &["middleware", "middle"],
        Kind::Names,
        "none",
        "Named middlewares, first listed runs first; `=` replaces, `+=` adds, `-=` drops.",
    ),
    spec(
        Key::Scope,
        &["scope"],
        Kind::Scope,
        "public",
        "Who may call: any of the lists, all scopes of it. A later level may only narrow it, or say `public`.",
    ),
    spec(Key::Limit, &["limit"], Kind::Size, "1mb", "The largest request body that is read; beyond it 413."),
    spec(
        Key::Timeout,
        &["timeout"],
        Kind::Duration,
        "30s",
        "The longest a request may take, reading its body included; beyond it 504 (408 when the body was late).",
    ),
    spec(
        Key::Rate,
        &["rate"],
        Kind::Rate,
        "none",
        "How often one caller (an address, when nobody is known) may call: `100/m`, `10/s burst 20`; beyond it 429.",
    ),
    spec(
        Key::Cache,
        &["cache"],
        Kind::Text,
        "none",
        "The named cache that keeps the replies of a GET endpoint; it needs a `ttl`.",
    ),
    spec(Key::Ttl, &["ttl"], Kind::Duration, "none", "How long a reply is kept in the cache."),
    spec(
        Key::Vary,
        &["vary"],
        Kind::Names,
        "none",
        "Request headers that a kept reply depends on: part of the cache's key, and sent as `Vary`.",
    ),
    spec(
        Key::Tags,
        &["tags"],
        Kind::Names,
        "none",
        "Names under which kept replies are purged; `{id}` stands for that parameter of the path.",
    ),
    spec(
        Key::Purge,
        &["purge"],
        Kind::Names,
        "none",
        "Tags whose kept replies all caches forget when an endpoint that writes has answered; GET endpoints pass it over.",
    ),
    spec(
        Key::Key,
        &["key"],
        Kind::Text,
        "none",
        "The named function that makes the cache's key, in place of the usual one.",
    ),
    spec(
        Key::Cors,
        &["cors"],
        Kind::Names,
        "none",
        "Origins whose scripts may read the reply: `https://app.example`, or `*` for all, but never with credentials.",
    ),
    spec(
        Key::Credentials,
        &["credentials"],
        Kind::Flag,
        "false",
        "Whether scripts of the `cors` origins may send cookies.",
    ),
    spec(
        Key::Compress,
        &["compress"],
        Kind::Flag,
        "false",
        "Compresses replies (gzip, brotli) for clients that ask for it; not for replies that hold secrets (BREACH).",
    ),
    spec(
        Key::Headers,
        &["headers"],
        Kind::Names,
        "none",
        "Headers that every good reply gets, written `name: value`; what the endpoint itself sets stays.",
    ),
    spec(
        Key::Status,
        &["status"],
        Kind::Status,
        "what the reply's type says",
        "The status of a good reply, in place of 200.",
    ),
    spec(
        Key::Stub,
        &["stub"],
        Kind::Text,
        "none",
        "A file that answers in place of code; `{id}` stands for that parameter of the path.",
    ),
    spec(Key::Delay, &["delay"], Kind::Duration, "none", "How long a stub takes to answer."),
    spec(
        Key::Deprecated,
        &["deprecated"],
        Kind::FlagOrDate,
        "false",
        "Marks the endpoint as deprecated in the documents; with a day also in a `Deprecation` header (RFC 9745).",
    ),
    spec(
        Key::Sunset,
        &["sunset"],
        Kind::Date,
        "none",
        "The day from which it may be gone, in a `Sunset` header (RFC 8594).",
    ),
    spec(Key::Hidden, &["hidden"], Kind::Flag, "false", "Leaves the endpoint out of the documents."),
];

impl Key {
    /// The key with this name or alias.
    ///
    /// ```
    /// use ketch_syntax::Key;
    /// assert_eq!(Key::parse("ver"), Some(Key::Version));
    /// assert_eq!(Key::parse("versoin"), None);
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        KEYS.iter().find(|spec| spec.names.contains(&name)).map(|spec| spec.key)
    }

    /// What is known of the key.
    pub fn spec(self) -> &'static Spec {
        KEYS.iter().find(|spec| spec.key == self).expect("every key has a row in KEYS")
    }

    /// The key's name, as it is written.
    pub fn name(self) -> &'static str {
        self.spec().names[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_own_key() {
        for spec in KEYS {
            for name in spec.names {
                assert_eq!(Key::parse(name), Some(spec.key), "{name}");
            }
            assert_eq!(spec.key.spec().about, spec.about);
        }
    }
}
