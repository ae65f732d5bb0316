//! The one merge: five levels of settings come to one value each, with its origin.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ketch_syntax::{Key, Template, duration, size, suggestion, version};

use crate::settings::{Entry, Op, Settings, Value};
use crate::{Level, Place, Problem, Resolved, Scope};

/// The body limit where no level sets one, in bytes.
const DEFAULT_LIMIT: u64 = 1 << 20;
/// The deadline of a request where no level sets one.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

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
    /// The file that answers in place of code.
    pub stub: Resolved<Option<String>>,
    /// Whether callers are told to move on.
    pub deprecated: Resolved<bool>,
    /// Whether the documents leave it out.
    pub hidden: Resolved<bool>,
}

/// What follows from names alone.
#[derive(Clone, Copy, Debug)]
pub struct Inferred<'a> {
    /// The root, from the service's name.
    pub root: &'a str,
    /// The route, from the endpoint's name.
    pub route: &'a str,
}

/// The settings of one level.
#[derive(Clone, Copy, Debug)]
pub struct Leveled<'a>(pub Level, pub &'a Settings);

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
            stub: Resolved::inferred(None),
            deprecated: Resolved::inferred(false),
            hidden: Resolved::inferred(false),
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
        let text =
            |r: &Resolved<Option<String>>| shown(r, |value| value.clone().unwrap_or_else(|| "-".to_owned()));
        let mut rows = vec![
            (Key::Prefix, text(&self.prefix)),
            (Key::Version, text(&self.version)),
            (Key::Root, text(&self.root)),
            (Key::Route, text(&self.route)),
        ];
        if self.middleware.is_empty() {
            rows.push((Key::Middleware, Resolved::inferred("-".to_owned())));
        }
        rows.extend(self.middleware.iter().map(|name| (Key::Middleware, name.clone())));
        rows.extend([
            (Key::Scope, shown(&self.scope, Scope::to_string)),
            (Key::Limit, shown(&self.limit, |bytes| format!("{bytes} bytes"))),
            (Key::Timeout, shown(&self.timeout, |time| format!("{time:?}"))),
            (Key::Stub, text(&self.stub)),
            (Key::Deprecated, shown(&self.deprecated, bool::to_string)),
            (Key::Hidden, shown(&self.hidden, bool::to_string)),
        ]);
        rows
    }
}

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
    if !spec.inherited && matches!(level, Level::Server | Level::Service | Level::ServiceCode) {
        return Err(format!("`{}` belongs to one endpoint, not to {level}", spec.names[0]));
    }
    let said = Said { level, entry };
    match entry.key {
        Key::Prefix => effective.prefix = said.part()?,
        Key::Root => effective.root = said.part()?,
        Key::Route => effective.route = said.part()?,
        Key::Stub => effective.stub = said.text()?,
        Key::Version => effective.version = said.version()?,
        Key::Middleware => said.middleware(&mut effective.middleware)?,
        Key::Scope => effective.scope = said.scope(&effective.scope)?,
        Key::Limit => effective.limit = said.read_or(DEFAULT_LIMIT, size)?,
        Key::Timeout => effective.timeout = said.read_or(DEFAULT_TIMEOUT, duration)?,
        Key::Deprecated => effective.deprecated = said.flag()?,
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
            _ => Err(format!("`{0}` takes one text: `{0} = \"…\"`", self.entry.key.name())),
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
            Some(text) => read(text).map_err(|fault| format!("`{name} = \"{text}\"`: {fault}"))?,
        };
        Ok(self.resolved(value))
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
                 so add its scopes to each list, or open the endpoint to everyone with `scope = \"public\"`",
                at(standing.level, standing.place.as_ref()),
                standing.value
            )),
            _ => Err("`scope` takes lists of names, like `[[\"admin\"], [\"editor\", \"verified\"]]`, or \"public\"".to_owned()),
        }
    }

    fn middleware(&self, standing: &mut Vec<Resolved<String>>) -> Result<(), String> {
        let Value::Names(names) = &self.entry.value else {
            return Err("`middleware` takes a list of names: `middleware = [\"a\", \"b\"]`".to_owned());
        };
        let none = names.len() == 1 && names[0] == "-";
        if !none && names.iter().any(|name| name == "-") {
            return Err("`\"-\"` means no middleware at all, so it stands alone".to_owned());
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
            Op::Drop => drop_names(names, standing)?,
        }
        Ok(())
    }
}

fn drop_names(names: &[String], standing: &mut Vec<Resolved<String>>) -> Result<(), String> {
    for name in names {
        if !standing.iter().any(|known| known.value == *name) {
            let known = standing.iter().map(|known| known.value.as_str());
            let hint = suggestion(name, known);
            return Err(format!("`middleware -= [\"{name}\"]` drops what is not there{hint}"));
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

fn shown<T>(resolved: &Resolved<T>, show: impl Fn(&T) -> String) -> Resolved<String> {
    Resolved { value: show(&resolved.value), level: resolved.level, place: resolved.place.clone() }
}
