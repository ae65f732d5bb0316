//! What every reply of an endpoint gets, errors included: the headers of `cors`, `deprecated` and `sunset`.
//!
//! It is made from the settings once, when the server is built. Headers of good replies only are in `good_reply`.

use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};
use ketch_model::{Deprecation, Effective, Problem};

use crate::cors::Cors;
use crate::exchange::Response;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Whom a server is for at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Its users.
    #[default]
    Production,
    /// Whoever writes it: scripts of any port of this machine may read every reply.
    Development,
}

/// The last that happens to a reply.
#[derive(Debug, Default)]
pub(crate) struct Outermost {
    cors: Option<Cors>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Outermost {
    /// What the settings of `subject` come to. Contradictions go to `problems`.
    pub(crate) fn of(settings: &Effective, mode: Mode, subject: &str, problems: &mut Vec<Problem>) -> Self {
        let cors = Cors::of(settings, mode, subject, problems);
        let mut headers = Vec::new();
        let since = match settings.deprecated.value {
            Deprecation::Since(day) => Some(day),
            Deprecation::No | Deprecation::Yes => None,
        };
        if let Some(day) = since {
            // RFC 9745: a date of structured fields, seconds after an `@`.
            headers.extend(value(DEPRECATION, &format!("@{}", day.unix_seconds())));
        }
        if let Some(day) = settings.sunset.value {
            if since.is_some_and(|since| day < since) {
                let message =
                    format!("its sunset, {day}, comes before its deprecation, {}", settings.deprecated.value);
                problems.push(Problem::new(settings.sunset.place.clone(), subject, message));
            }
            // RFC 8594: a date of HTTP.
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(day.unix_seconds());
            headers.extend(value(SUNSET, &httpdate::fmt_http_date(time)));
        }
        Self { cors, headers }
    }

    /// The policy for other origins.
    pub(crate) fn cors(&self) -> Option<&Cors> {
        self.cors.as_ref()
    }

    /// Adds the headers to a reply.
    pub(crate) fn finish(&self, origin: Option<&HeaderValue>, response: &mut Response) {
        if let Some(cors) = &self.cors {
            cors.grant(origin, response.headers_mut());
        }
        for (name, value) in &self.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
}

fn value(name: HeaderName, text: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name, HeaderValue::try_from(text).ok()?))
}
