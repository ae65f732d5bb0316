//! The rules of the settings: what may be cached at all, found out when the server is built.
//!
//! Names of caches and key functions are not looked up here but where endpoints are composed.

use http::Method;
use ketch_model::{Endpoint, In, Level, Place, Problem, Sees};
use ketch_syntax::{Key, suggestion};
use percent_encoding::percent_decode_str;

use super::purge;
use crate::exchange::Input;

/// Checks an endpoint's caching. A cache that is inherited by an endpoint that cannot have one is skipped, and says so.
pub(crate) fn check(endpoint: &mut Endpoint) -> Vec<Problem> {
    let mut problems = purge::check(endpoint);
    let mut problem = |place: Option<Place>, message: String| {
        problems.push(Problem::new(place.or_else(|| endpoint.place.clone()), endpoint.names.full(), message));
    };
    let own = |level| matches!(level, Level::Endpoint | Level::Method | Level::EndpointCode);
    let settings = &endpoint.settings;
    let (cache, ttl) = (&settings.cache, &settings.ttl);
    let Some(name) = &cache.value else {
        if ttl.value.is_some() && own(ttl.level) && cache.level == Level::Inferred {
            let message = "`ttl` says how long replies are kept, but no cache is in effect here; \
                           name one in `cache`";
            problem(ttl.place.clone(), message.to_owned());
        }
        return problems;
    };
    if let Some(why) = unfit(endpoint) {
        if own(cache.level) {
            let message = format!("the cache `{name}`: {why}, so its replies cannot be kept; drop `cache`");
            problem(cache.place.clone(), message);
        } else if ttl.value.is_some() && own(ttl.level) {
            let message = format!("`ttl` says how long replies are kept, but {why}, so none is; drop `ttl`");
            problem(ttl.place.clone(), message);
        }
        let settings = &mut endpoint.settings;
        settings.cache.value = None;
        settings.skipped.push((Key::Cache, why.to_owned()));
        return problems;
    }
    match ttl.value {
        None => {
            let message =
                format!("the cache `{name}` needs a time to keep replies: say `ttl`, such as `\"1m\"`");
            problem(cache.place.clone(), message);
        }
        Some(time) if time.is_zero() => {
            let message = "`ttl` is no time at all; to keep nothing, say `\"-\"` for `cache`";
            problem(ttl.place.clone(), message.to_owned());
        }
        Some(_) => {}
    }
    if let Some((arg, what)) = unkeyed(endpoint) {
        let message = format!(
            "`{arg}` lets the endpoint see {what}, which the cache's key cannot cover; say what counts with \
             `vary` or `key`, or say `\"-\"` for `cache`"
        );
        problem(cache.place.clone(), message);
    }
    for tag in &settings.tags {
        if let Err(message) = TagPattern::read(&tag.value, endpoint) {
            problem(tag.place.clone(), message);
        }
    }
    problems
}

/// Why an endpoint's replies cannot be kept.
fn unfit(endpoint: &Endpoint) -> Option<&'static str> {
    if endpoint.method != Method::GET {
        return Some("only GET endpoints are cached");
    }
    let body = endpoint.args.iter().any(|arg| arg.place.is_body());
    body.then_some("it reads the request's body")
}

/// An argument that shows the endpoint more than the usual key covers, and nobody said what counts.
fn unkeyed(endpoint: &Endpoint) -> Option<(&str, &'static str)> {
    let settings = &endpoint.settings;
    if !settings.vary.is_empty() || settings.key.value.is_some() {
        return None;
    }
    endpoint.args.iter().find_map(|arg| match (arg.sees, arg.place) {
        (Sees::Everything, _) => Some((arg.name.as_str(), "the whole request")),
        (_, In::Cookie) => Some((arg.name.as_str(), "a cookie")),
        _ => None,
    })
}

/// A tag of every reply of an endpoint, with parameters of the path to be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TagPattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Param(String),
}

impl TagPattern {
    /// Every tag of an endpoint: its service, its operation, and what the settings add.
    pub(super) fn of(endpoint: &Endpoint) -> Vec<Self> {
        let named = [endpoint.names.tag.clone(), endpoint.names.operation()];
        let named = named.into_iter().filter(|tag| !tag.is_empty()).map(|tag| Self(vec![Part::Text(tag)]));
        let said = endpoint.settings.tags.iter().filter_map(|tag| Self::read(&tag.value, endpoint).ok());
        named.chain(said).collect()
    }

    /// The tags that an endpoint purges.
    pub(super) fn purged(endpoint: &Endpoint) -> Vec<Self> {
        endpoint.settings.purge.iter().filter_map(|tag| Self::read(&tag.value, endpoint).ok()).collect()
    }

    /// The same whatever its parameters are called: one path may have `{id}` where another has `{boat}`.
    pub(super) fn unnamed(self) -> Self {
        let unnamed = |part| if let Part::Param(_) = part { Part::Param(String::new()) } else { part };
        let text = |part: &Part| *part != Part::Text(String::new());
        Self(self.0.into_iter().map(unnamed).filter(text).collect())
    }

    /// As it would be written.
    pub(super) fn shown(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Param(name) => format!("{{{name}}}"),
        };
        self.0.iter().map(part).collect()
    }

    pub(super) fn read(text: &str, endpoint: &Endpoint) -> Result<Self, String> {
        let unclosed = || format!("the tag `{text}` has a brace without its other half");
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
            let known = || endpoint.path.params().map(|param| param.name.as_str());
            if !known().any(|param| param == name) {
                let hint = suggestion(name, known());
                return Err(format!("the tag `{text}` names no parameter of `{}`{hint}", endpoint.path));
            }
            parts.extend([Part::Text(before.to_owned()), Part::Param(name.to_owned())]);
            rest = after;
        }
        if rest.contains('}') {
            return Err(unclosed());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The tag of one request's reply.
    pub(super) fn filled(&self, input: &Input) -> String {
        let path = input.parts.uri.path();
        let mut tag = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => tag.push_str(text),
                Part::Param(name) => {
                    let raw = input.exchange.param(name, path).unwrap_or_default();
                    tag.push_str(&percent_decode_str(raw).decode_utf8_lossy());
                }
            }
        }
        tag
    }
}
