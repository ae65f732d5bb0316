//! A cache in Redis. Its URL may hold a password, so it may come from the environment, and is shown nowhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ketch_model::{Place, Problem};
use ketch_web::{CacheStore, RedisCache};

use crate::environment::own;
use crate::fields::Fields;
use crate::source::{Json, Spanned};

/// The longest that an operation may be waited for: a request does.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redis {
    url: Secret,
    prefix: Option<String>,
    timeout: Option<Duration>,
    largest: Option<u64>,
}

impl Redis {
    pub(super) fn read(fields: &mut Fields<'_>, url: &Spanned, problems: &mut Vec<Problem>) -> Option<Self> {
        let prefix = fields.text("prefix", problems).map(str::to_owned);
        let timeout = fields.written("timeout", ketch_syntax::duration, problems);
        if timeout.is_some_and(|time| time.is_zero() || time > LONGEST) {
            let place = fields.get("timeout").map(|said| said.place.clone());
            let message = "`timeout` is waited for by requests: more than nothing, 10s at most";
            problems.push(Problem::new(place, fields.subject(), message));
        }
        let largest = fields.written("largest", ketch_syntax::size, problems);
        let secret = Secret::read("url", url, fields, problems)?;
        if RedisCache::connect(&secret.0).is_err() {
            // Not even why: it may repeat a part of what is secret.
            let message = "`url` is none of a Redis: write `redis://user:password@host:6379/0`, or without what is not needed";
            problems.push(Problem::new(Some(url.place.clone()), fields.subject(), message));
            return None;
        }
        Some(Self { url: secret, prefix, timeout, largest })
    }

    pub(super) fn make(&self) -> Arc<dyn CacheStore> {
        let mut cache = RedisCache::connect(&self.url.0).expect("the URL was read when the project was");
        if let Some(prefix) = &self.prefix {
            cache = cache.prefix(prefix.as_str());
        }
        if let Some(timeout) = self.timeout {
            cache = cache.timeout(timeout);
        }
        if let Some(largest) = self.largest {
            cache = cache.largest(largest);
        }
        Arc::new(cache)
    }
}

/// A text that may be a secret. It is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Secret {
    /// The text, or that of the variable which `{"env": "NAME"}` names.
    fn read(key: &str, said: &Spanned, fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut tell = |place: &Place, message: String| {
            problems.push(Problem::new(Some(place.clone()), fields.subject(), message));
        };
        let name = match &said.value {
            Json::Text(text) => return Some(Self(text.clone())),
            Json::Object(members) => match &members[..] {
                [(key, _, Spanned { value: Json::Text(name), .. })] if key == "env" => name,
                _ => {
                    tell(
                        &said.place,
                        format!("`{key}` is an object that names no variable: `{{ \"env\": \"NAME\" }}`"),
                    );
                    return None;
                }
            },
            _ => {
                let wanted = "text, or a variable of the environment: `{ \"env\": \"NAME\" }`";
                tell(&said.place, format!("`{key}` is {}, and must be {wanted}", said.kind()));
                return None;
            }
        };
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        let value = if is_name { own(name) } else { None };
        match value.map(|value| value.into_string()) {
            Some(Ok(text)) if !text.is_empty() => return Some(Self(text)),
            Some(_) => tell(
                &said.place,
                format!("`{key}`: the variable `{name}` of the server's environment has no text"),
            ),
            None => {
                let message = format!(
                    "`{key}`: the server's environment has no variable `{}`: set it",
                    name.escape_debug()
                );
                tell(&said.place, message);
            }
        }
        None
    }
}
