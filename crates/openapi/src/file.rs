//! What is written once and shown often, so that a client that has it already is not sent it again.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use ketch_model::{ArgSpec, Error, In};
use ketch_web::{Arg, ArgDocs, Input, Response};
use serde_json::Value;

/// A page may load what is its own server's, and talk to that; nothing else.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self'; \
                      script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Bytes with their type and their `ETag`.
#[derive(Debug)]
pub(crate) struct File {
    bytes: Bytes,
    content_type: HeaderValue,
    etag: HeaderValue,
}

impl File {
    pub(crate) fn new(bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        let bytes = bytes.into();
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let etag = format!("\"{:x}-{:016x}\"", bytes.len(), hasher.finish());
        Self {
            bytes,
            content_type: HeaderValue::from_static(content_type),
            etag: HeaderValue::try_from(etag).expect("digits and letters can stand in a header"),
        }
    }

    /// The file, or 304 when the client has it.
    pub(crate) fn reply(&self, known: &Known) -> Response {
        let mut response = Response::default();
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        // A new version of the program may say something else under the same name.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if known.has(&self.etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, self.content_type.clone());
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        *response.body_mut() = self.bytes.clone().into();
        response
    }
}

/// What the client says that it has: `If-None-Match` (RFC 9110, section 13.1.2).
#[derive(Debug, Default)]
pub(crate) struct Known(HeaderMap);

impl Known {
    fn has(&self, etag: &HeaderValue) -> bool {
        let Ok(etag) = etag.to_str() else { return false };
        let listed = self.0.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        // None of our tags has a comma in it, and the comparison is the weak one.
        listed
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
    }
}

impl Arg for Known {
    const PLACE: In = In::Context;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        docs.push(ArgSpec { required: false, ..ArgSpec::new(name, In::Context, Value::Bool(true)) });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        let values = input.parts().headers.get_all(IF_NONE_MATCH);
        Ok(Self(values.iter().map(|value| (IF_NONE_MATCH, value.clone())).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_has_it_is_not_sent_it() {
        let file = File::new("text", "text/plain");
        let tag = file.etag.to_str().expect("a tag is text").to_owned();
        let cases = [
            (None, 200),
            (Some(tag.clone()), 304),
            (Some(format!("W/{tag}")), 304),
            (Some(format!("\"other\", {tag}")), 304),
            (Some("*".to_owned()), 304),
            (Some("\"other\"".to_owned()), 200),
            (Some(tag.trim_matches('"').to_owned()), 200),
        ];
        for (said, expected) in cases {
            let header = |said: &String| (IF_NONE_MATCH, HeaderValue::try_from(said).expect("a header"));
            let known = Known(said.iter().map(header).collect());
            assert_eq!(file.reply(&known).status(), expected, "{said:?}");
        }
        assert_ne!(file.etag, File::new("texts", "text/plain").etag);
    }
}
