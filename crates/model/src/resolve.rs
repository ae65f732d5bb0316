//! The one merge: five levels of settings come to one value each, with its origin.

use std::fmt;
use std::str::FromStr;

use http::{HeaderName, HeaderValue};
use ketch_syntax::{Key, Template, date, duration, rate, size, suggestion, version};

use crate::effective::{DEFAULT_LIMIT, DEFAULT_TIMEOUT};
use crate::settings::{Entry, Op, Settings, Value};
use crate::{Deprecation, Effective, Inferred, Level, Place, Problem, Resolved, Scope};

/// The settings of one level.
#[derive(Clone, Copy, Debug)]
pub struct Leveled<'a>(pub Level, pub &'a Settings);

/// Combines the levels, weakest first, for the endpoint called `subject`.
///
/// # Errors
/// Every entry that cannot be read or is not allowed, in the order written. Precedence is per setting: server code
/// < service attribute < service code < endpoint attribute < endpoint code.
///
/// ```
/// use ketch_model::{Inferred, Level, Leveled, Settings, resolve};
///
/// let server = Settings::new().version("1");
/// let service = Settings::new().version("2").timeout("5s");
/// let levels = [Leveled(Level::Server, &server), Leveled(Level::ServiceCode, &service)];
/// let effective = resolve("HolaService::say", Inferred { root: "hola", route: "say" }, &levels).unwrap();
/// assert_eq!(effective.path().unwrap().to_string(), "/v2/hola/say");
/// assert_eq!(effective.version.level, Level::ServiceCode);
/// ```
pub fn resolve(
    subject: &str,
    inferred: Inferred<'_>,
    levels: &[Leveled<'_>],
) -> Result<Effective, Vec<Problem>> {
    let mut effective = Effective::inferred(inferred);
    let mut problems = Vec::new();
    for Leveled(level, settings) in levels {
        for entry in settings.entries() {
            if let Err(message) = apply(&mut effective, *level, entry) {
                problems.push(Problem::new(Some(entry.place.clone()), subject, message));
            }
        }
    }
    if problems.is_empty() { Ok(effective) } else { Err(problems) }
}

fn apply(effective: &mut Effective, level: Level, entry: &Entry) -> Result<(), String> {
    let spec = entry.key.spec();
    if !spec.inherited && level.is_shared() {
        return Err(format!("`{}` belongs to one endpoint, not to {level}", spec.names[0]));
    }
    let said = Said { level, entry };
    match entry.key {
        Key::Prefix => effective.prefix = said.part()?,
        Key::Root => effective.root = said.part()?,
        Key::Route => effective.route = said.part()?,
        Key::Stub => effective.stub = said.text()?,
        Key::Version => effective.version = said.version()?,
        Key::Middleware => said.list(effective, |all| &mut all.middleware, |_| Ok(()))?,
        Key::Vary => said.list(effective, |all| &mut all.vary, header_name)?,
        Key::Tags => said.list(effective, |all| &mut all.tags, |_| Ok(()))?,
        Key::Purge => said.list(effective, |all| &mut all.purge, |_| Ok(()))?,
        Key::Cors => said.list(effective, |all| &mut all.cors, origin)?,
        Key::Headers => said.list(effective, |all| &mut all.headers, header)?,
        Key::Scope => effective.scope = said.scope(&effective.scope)?,
        Key::Limit => effective.limit = said.read_or(DEFAULT_LIMIT, size)?,
        Key::Timeout => effective.timeout = said.read_or(DEFAULT_TIMEOUT, duration)?,
        Key::Rate => effective.rate = said.read(rate)?,
        Key::Cache => effective.cache = said.text()?,
        Key::Ttl => effective.ttl = said.read(duration)?,
        Key::Key => effective.key = said.text()?,
        Key::Credentials => effective.credentials = said.flag()?,
        Key::Compress => effective.compress = said.flag()?,
        Key::Status => effective.status = said.read(status)?,
        Key::Delay => effective.delay = said.read(duration)?,
        Key::Deprecated => effective.deprecated = said.deprecation()?,
        Key::Sunset => effective.sunset = said.read(date)?,
        Key::Hidden => effective.hidden = said.flag()?,
    }
    Ok(())
}

/// One entry, being read at its level.
struct Said<'a> {
    level: Level,
    entry: &'a Entry,
}

impl Said<'_> {
    fn resolved<T>(&self, value: T) -> Resolved<T> {
        Resolved { value, level: self.level, place: Some(self.entry.place.clone()) }
    }

    /// The text, or none for `"-"`.
    fn written(&self) -> Result<Option<&str>, String> {
        match (&self.entry.value, self.entry.op) {
            (Value::Text(text), Op::Set) if text == "-" => Ok(None),
            (Value::Text(text), Op::Set) => Ok(Some(text)),
            _ => Err(format!("`{}` takes one text: `\"…\"`", self.entry.key.name())),
        }
    }

    fn text(&self) -> Result<Resolved<Option<String>>, String> {
        Ok(self.resolved(self.written()?.map(str::to_owned)))
    }

    /// A part of the path.
    fn part(&self) -> Result<Resolved<Option<String>>, String> {
        if let Some(text) = self.written()? {
            Template::parse(text).map_err(|fault| format!("bad {}: {fault}", self.entry.key.name()))?;
        }
        self.text()
    }

    fn version(&self) -> Result<Resolved<Option<String>>, String> {
        if let Some(text) = self.written()? {
            version(text)?;
        }
        self.text()
    }

    fn read_or<T>(
        &self,
        default: T,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Resolved<T>, String> {
        let name = self.entry.key.name();
        let value = match self.written()? {
            None => default,
            Some(text) => read(text).map_err(|fault| format!("`{name}` cannot be `\"{text}\"`: {fault}"))?,
        };
        Ok(self.resolved(value))
    }

    /// The value as `read` reads it, or none for `"-"`.
    fn read<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Result<Resolved<Option<T>>, String> {
        self.read_or(None, |text| read(text).map(Some))
    }

    /// A flag, or the day since which it holds.
    fn deprecation(&self) -> Result<Resolved<Deprecation>, String> {
        if let Value::Text(text) = &self.entry.value
            && text.starts_with(|c: char| c.is_ascii_digit())
        {
            return self.read_or(Deprecation::No, |text| date(text).map(Deprecation::Since));
        }
        let flag = self.flag()?;
        Ok(self.resolved(if flag.value { Deprecation::Yes } else { Deprecation::No }))
    }

    fn flag(&self) -> Result<Resolved<bool>, String> {
        let name = self.entry.key.name();
        match &self.entry.value {
            Value::Flag(value) => Ok(self.resolved(*value)),
            Value::Text(text) => match bool::from_str(text) {
                Ok(value) => Ok(self.resolved(value)),
                Err(_) if text == "-" => Ok(self.resolved(false)),
                Err(_) => Err(format!("`{name}` is `true` or `false`, not `{text}`")),
            },
            _ => Err(format!("`{name}` is `true` or `false`")),
        }
    }

    /// A scope must narrow what stands; the word `public` alone may widen it.
    fn scope(&self, standing: &Resolved<Scope>) -> Result<Resolved<Scope>, String> {
        match &self.entry.value {
            Value::Text(word) if word == "public" => Ok(self.resolved(Scope::public())),
            Value::Scope(scope) if scope.narrows(&standing.value) => Ok(self.resolved(scope.clone())),
            Value::Scope(scope) => Err(format!(
                "the scope `{scope}` lets in callers that {} keeps out with `{}`; a later level may only narrow, \
                 so add its scopes to each list, or open the endpoint to everyone with the scope `\"public\"`",
                at(standing.level, standing.place.as_ref()),
                standing.value
            )),
            _ => Err("`scope` takes lists of names, like `[[\"admin\"], [\"editor\", \"verified\"]]`, or \"public\"".to_owned()),
        }
    }

    /// A list of the effective settings; when nothing is left of it, that is this level's doing.
    fn list(
        &self,
        effective: &mut Effective,
        list: impl Fn(&mut Effective) -> &mut Vec<Resolved<String>>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<(), String> {
        let standing = list(effective);
        self.names(standing, check)?;
        if standing.is_empty() {
            effective.emptied.push((self.entry.key, self.resolved(())));
        }
        Ok(())
    }

    /// A list, each of whose items `check` lets pass.
    fn names(
        &self,
        standing: &mut Vec<Resolved<String>>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<(), String> {
        let key = self.entry.key.name();
        let Value::Names(names) = &self.entry.value else {
            return Err(format!("`{key}` takes a list: `[\"a\", \"b\"]`"));
        };
        let none = names.len() == 1 && names[0] == "-";
        if !none && names.iter().any(|name| name == "-") {
            return Err(format!("`\"-\"` means no {key} at all, so it stands alone"));
        }
        if !none && self.entry.op != Op::Drop {
            names.iter().try_for_each(|name| check(name))?;
        }
        match self.entry.op {
            Op::Set => {
                *standing =
                    if none { Vec::new() } else { names.iter().map(|n| self.resolved(n.clone())).collect() };
            }
            Op::Add => {
                for name in names {
                    if !standing.iter().any(|known| known.value == *name) {
                        standing.push(self.resolved(name.clone()));
                    }
                }
            }
            Op::Drop => drop_names(key, names, standing)?,
        }
        Ok(())
    }
}

fn header_name(name: &str) -> Result<(), String> {
    let known = HeaderName::try_from(name).is_ok();
    if known { Ok(()) } else { Err(format!("`{name}` is no header's name: write `accept-language`")) }
}

fn header(line: &str) -> Result<(), String> {
    /// What frames a message is the connection's business.
    const FRAMING: [&str; 6] =
        ["connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"];
    let written = line.split_once(':').and_then(|(name, value)| {
        HeaderValue::try_from(value.trim()).ok()?;
        HeaderName::try_from(name.trim()).ok()
    });
    match written {
        Some(name) if FRAMING.contains(&name.as_str()) => {
            Err(format!("`{name}` frames the reply, so it is not for settings"))
        }
        Some(_) => Ok(()),
        None => Err(format!("`{line}` is no header: write `\"x-total: 3\"`")),
    }
}

/// An origin as browsers send it (RFC 6454): scheme, host, and a port where it is not the usual one.
fn origin(text: &str) -> Result<(), String> {
    let plain = |host: &str| {
        !host.is_empty()
            && !host.contains(['/', '?', '#', '@', '*', ' '])
            && !host.bytes().any(|b| b.is_ascii_uppercase())
    };
    let good = text == "*"
        || text.split_once("://").is_some_and(|(scheme, host)| {
            !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_lowercase()) && plain(host)
        });
    if good && HeaderValue::try_from(text).is_ok() {
        return Ok(());
    }
    Err(format!("`{text}` is no origin: write `https://app.example`, without a slash at its end, or `*`"))
}

fn status(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|status| (200..300).contains(status))
        .ok_or_else(|| "a status of success is 200 to 299; an error brings its own".to_owned())
}

fn drop_names(key: &str, names: &[String], standing: &mut Vec<Resolved<String>>) -> Result<(), String> {
    for name in names {
        if !standing.iter().any(|known| known.value == *name) {
            let known = standing.iter().map(|known| known.value.as_str());
            let hint = suggestion(name, known);
            return Err(format!("`{key}` drops what is not there, `{name}`{hint}"));
        }
    }
    standing.retain(|known| !names.contains(&known.value));
    Ok(())
}

fn at(level: Level, place: Option<&Place>) -> impl fmt::Display {
    match place {
        Some(place) => format!("the {level} ({place})"),
        None => format!("the {level}"),
    }
}
