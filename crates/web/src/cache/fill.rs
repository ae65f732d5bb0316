//! A miss that runs the handler, keeps its reply and shares it with those who wait.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt;
use ketch_model::{Endpoint, Error};
use sha2::{Digest, Sha256};

use super::entry::Entry;
use super::flight::{Flight, Reason};
use super::key::{Audience, hex};
use super::policy::{keeps, kept, take_tags};
use super::send::{Status, from_entry, mark, unless_modified};
use super::store::Kept;
use super::{Cached, Miss};
use crate::exchange::{Input, Response};
use crate::to_its_end::ToItsEnd;

/// The leader of a flight.
pub(super) struct Fill {
    pub(super) cached: Cached,
    pub(super) miss: Miss,
    pub(super) flight: Flight,
}

/// What a reply is purged by, known before the handler takes the request.
struct Names {
    url: String,
    tags: Vec<String>,
}

impl Fill {
    /// Runs the handler to its end, so that others who wait get its reply though this client hangs up.
    pub(super) async fn run(self, mut input: Input) -> Result<Response, Error> {
        let (mut conditions, headers) = (HeaderMap::new(), &mut input.parts.headers);
        // The whole reply is wanted here; whether the client has it is decided afterwards.
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            for value in headers.get_all(&name) {
                conditions.append(name.clone(), value.clone());
            }
            headers.remove(name);
        }
        let id = input.exchange.id();
        ToItsEnd::new(id, Box::pin(self.lead(input, conditions))).await
    }

    async fn lead(self, input: Input, conditions: HeaderMap) -> Result<Response, Error> {
        if let Some(entry) = self.landed_meanwhile().await {
            let age = entry.age(self.cached.0.clock.now());
            let response = from_entry(&entry, &conditions, Status::Hit, age);
            self.flight.land(entry);
            return Ok(response);
        }
        let inner = &self.cached.0;
        let names = Names {
            url: inner.recipe.url(&input.parts),
            tags: inner.tags.iter().map(|tag| tag.filled(&input)).collect(),
        };
        let status = self.miss.reason.status();
        // Held to the end, because the request's place is: the client may be gone before.
        let exchange = input.exchange.clone();
        let work = async { self.cached.split((inner.handler)(input).await?, names).await };
        let made = tokio::time::timeout(exchange.time_left(), work).await;
        let (mut response, entry) = made.map_err(|_| late(exchange.endpoint()))??;
        match entry {
            Some(entry) => {
                let kept = self.keep(&entry).await;
                mark(&mut response, status.kept(kept));
                self.flight.land(entry);
            }
            // Let go first: nobody should wait for a reply that is not theirs.
            None => {
                drop(self.flight);
                mark(&mut response, status);
            }
        }
        Ok(unless_modified(response, &conditions))
    }

    /// A flight may have landed between the look-up and the join.
    async fn landed_meanwhile(&self) -> Option<Arc<Entry>> {
        if !self.flight.is_late() || self.miss.reason == Reason::Refresh || self.miss.ticket.is_none() {
            return None;
        }
        let store = &self.cached.0.store;
        let lookup = match store.get_now(&self.miss.key) {
            Some(lookup) => lookup,
            None => store.get(&self.miss.key).await.ok()?,
        };
        lookup.entry.filter(|entry| entry.age(self.cached.0.clock.now()).is_some())
    }

    async fn keep(&self, entry: &Arc<Entry>) -> Kept {
        let Some(ticket) = self.miss.ticket else { return Kept::No };
        let put = self.cached.0.store.put(&self.miss.key, Arc::clone(entry), ticket).await;
        put.inspect_err(|error| tracing::debug!(%error, "no cache to write")).unwrap_or(Kept::No)
    }
}

impl Cached {
    /// Makes the reply ready to be sent, and an entry of it if it may be kept.
    async fn split(
        &self,
        mut response: Response,
        names: Names,
    ) -> Result<(Response, Option<Arc<Entry>>), Error> {
        let inner = &self.0;
        let tags = take_tags(response.headers_mut());
        let keyed = |name: &str| self.varies().any(|header| header.as_str() == name);
        let ttl = keeps((response.status(), response.headers()), (inner.ttl, inner.clock.now()), keyed);
        let size = response.body().size_hint().exact();
        let fits = size.is_some_and(|size| size <= inner.store.largest());
        let (Some(ttl), Some(tags), true) = (ttl, tags, fits) else { return Ok((response, None)) };
        let (mut head, body) = response.into_parts();
        let body = body.collect().await.map_err(Error::internal)?.to_bytes();
        self.complete(&mut head.headers, &body, ttl);
        let mut all = names.tags;
        all.extend(tags);
        all.push(names.url);
        all.sort();
        all.dedup();
        // Copied: a body may be a small piece of a large buffer, which the store would keep without knowing its weight.
        let reply = (head.status, kept(&head.headers), Bytes::copy_from_slice(&body));
        let entry = Arc::new(Entry::new(reply, (inner.clock.now(), ttl), all));
        Ok((Response::from_parts(head, Body::from(body)), Some(entry)))
    }

    /// Adds what other caches need to know, but for what the handler says itself.
    fn complete(&self, headers: &mut HeaderMap, body: &Bytes, ttl: Duration) {
        headers.entry(ETAG).or_insert_with(|| etag(body));
        headers.entry(CACHE_CONTROL).or_insert_with(|| {
            let whose = if self.0.recipe.audience() == Audience::Caller { "private" } else { "public" };
            let text = format!("{whose}, max-age={}", ttl.as_secs());
            HeaderValue::try_from(text).expect("words and digits are a header's value")
        });
        let said: Vec<String> = headers
            .get_all(VARY)
            .iter()
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        for name in self.varies().filter(|name| !said.iter().any(|said| said == name.as_str())) {
            headers.append(VARY, HeaderValue::from(name.clone()));
        }
    }

    /// The headers that the key covers.
    fn varies(&self) -> impl Iterator<Item = &HeaderName> {
        const CREDENTIALS: &[HeaderName] = &[AUTHORIZATION, COOKIE];
        let recipe = &self.0.recipe;
        let credentials = if recipe.audience() == Audience::Caller { CREDENTIALS } else { &[] };
        let named = |name: &&HeaderName| !recipe.headers().contains(*name);
        recipe.headers().iter().chain(credentials.iter().filter(named))
    }
}

impl Reason {
    pub(super) fn status(self) -> Status {
        match self {
            Self::Missing => Status::Miss,
            Self::Refresh => Status::Refresh,
        }
    }
}

/// A weak tag (RFC 9110, 8.8.3): what is compressed later is still the same reply.
fn etag(body: &Bytes) -> HeaderValue {
    let hash = Sha256::digest(body);
    HeaderValue::try_from(format!("W/\"{}\"", hex(&hash[..16]))).expect("digits are a header's value")
}

fn late(endpoint: &Endpoint) -> Error {
    let limit = endpoint.settings.timeout.value;
    Error::new(504, "deadline_exceeded", format!("no reply was ready within {limit:?}")).closing()
}
