//! Headers that controllers and middlewares give to replies: what they may be, and how much.

use http::header::{CONTENT_TYPE, LINK, SET_COOKIE, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue};
use ketch_web::Response;
use serde_json::Value;

/// How many headers one answer may give.
const MOST: usize = 64;
/// How many bytes their names and values may have together.
const LARGEST: usize = 16 << 10;

/// What frames a message is the connection's business, and what the body is written in is known here.
const REFUSED: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "keep-alive",
    "proxy-connection",
    // It leads elsewhere without being looked at, as `location` would.
    "refresh",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// Headers that have been looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(pub(crate) Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// Reads `_HEADERS_`: an object whose values are texts, numbers or lists of them, or a list of `"name: value"` and
    /// `["name", "value"]`.
    ///
    /// # Errors
    /// What is wrong with it. No value is told of.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let mut pairs = Vec::new();
        match value {
            Value::Null => {}
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::Array(values) => {
                            for value in values {
                                pairs.extend(text(name, value)?.map(|value| (name.clone(), value)));
                            }
                        }
                        value => pairs.extend(text(name, value)?.map(|value| (name.clone(), value))),
                    }
                }
            }
            Value::Array(lines) => {
                for line in lines {
                    pairs.push(pair(line).ok_or("`_HEADERS_` has an entry that is neither `\"name: value\"` nor `[\"name\", \"value\"]`")?);
                }
            }
            _ => return Err("`_HEADERS_` is neither an object nor a list".to_owned()),
        }
        Self::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Looks at names and values.
    ///
    /// # Errors
    /// What is wrong with which, by name.
    pub(crate) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let (mut headers, mut bytes) = (Vec::new(), 0);
        for (name, value) in pairs {
            let read = HeaderName::try_from(name.trim())
                .map_err(|_| format!("`{}` is no header's name", name.escape_debug()))?;
            if REFUSED.contains(&read.as_str()) {
                return Err(format!("the header `{read}` is not for controllers and middlewares to set"));
            }
            if read == CONTENT_TYPE && !is_json(value) {
                return Err("the body is JSON, so its `content-type` cannot be another".to_owned());
            }
            let value = HeaderValue::from_str(value.trim_matches([' ', '\t']))
                .map_err(|_| format!("the header `{read}` has a value that no header can have"))?;
            bytes += read.as_str().len() + value.len();
            headers.push((read, value));
        }
        if headers.len() > MOST || bytes > LARGEST {
            let count = headers.len();
            return Err(format!("{count} headers of {bytes} bytes: {MOST} of {LARGEST} bytes are the most"));
        }
        Ok(Self(headers))
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// Gives them to a reply, in place of what stands there; those that are lists come beside it.
    pub(crate) fn give(&self, response: &mut Response) {
        for (at, (name, value)) in self.0.iter().enumerate() {
            let again = self.0[..at].iter().any(|(earlier, _)| earlier == name);
            if again || [LINK, SET_COOKIE, VARY, WWW_AUTHENTICATE].contains(name) {
                response.headers_mut().append(name.clone(), value.clone());
            } else {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
    }
}

/// The text of a value; none for `null`, which says that there is no such header.
fn text(name: &str, value: &Value) -> Result<Option<String>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(flag) => Ok(Some(flag.to_string())),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("the header `{}` is neither text nor a number", name.escape_debug()))
        }
    }
}

fn pair(line: &Value) -> Option<(String, String)> {
    match line {
        Value::String(line) => {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.to_owned()))
        }
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(name), Value::String(value)] => Some((name.clone(), value.clone())),
            _ => None,
        },
        _ => None,
    }
}

fn is_json(value: &str) -> bool {
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
