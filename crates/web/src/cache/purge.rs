//! The setting `purge`: what caches forget when an endpoint that writes has answered.
//!
//! They forget before the reply is sent, so that whoever has it finds nothing older; and when it is not known what became of
//! the request, at its deadline for one, they forget too.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::Method;
use ketch_model::{Endpoint, Error, Level, Live, Problem};
use ketch_syntax::{Key, closest};
use tokio::runtime::Handle;

use super::declare::TagPattern;
use super::store::CacheStore;
use crate::exchange::Response;
use crate::lower::Route;
use crate::service::Handler;

type Stores = Vec<Arc<dyn CacheStore>>;

/// The caches of an application: those that a pipeline was composed with, and those that there are now.
#[derive(Clone, Debug)]
pub(crate) struct Purgeable {
    composed: Stores,
    /// A reload may have brought others, in which an earlier state of the data must not stay either.
    now: Live<Stores>,
}

impl Purgeable {
    pub(crate) fn new<'s>(stores: impl Iterator<Item = &'s Arc<dyn CacheStore>>, now: &Live<Stores>) -> Self {
        Self { composed: stores.cloned().collect(), now: now.clone() }
    }

    fn all(&self) -> Stores {
        let mut all = self.composed.clone();
        let is_new = |store: &&Arc<dyn CacheStore>| !self.composed.iter().any(|it| Arc::ptr_eq(it, store));
        all.extend(self.now.get().iter().filter(is_new).cloned());
        all
    }
}

/// The handler of an endpoint, after which its tags are purged, if it has some.
pub(crate) fn purging(endpoint: &Endpoint, handler: Handler, stores: &Purgeable) -> Handler {
    let tags: Arc<[TagPattern]> = TagPattern::purged(endpoint).into();
    if tags.is_empty() {
        return handler;
    }
    let stores = stores.clone();
    Arc::new(move |input| {
        let tags = tags.iter().map(|tag| tag.filled(&input)).collect();
        let due = Due { tags, stores: stores.clone() };
        let answer = handler(input);
        Box::pin(async move {
            let mut owed = Owed(Some(due));
            let ended = AssertUnwindSafe(answer).catch_unwind().await;
            let refused = matches!(&ended, Ok(answer) if is_refused(answer));
            if let Some(due) = owed.0.as_ref().filter(|_| !refused) {
                due.pay().await;
            }
            owed.0 = None;
            ended.unwrap_or_else(|panic| resume_unwind(panic))
        })
    })
}

/// Whether nothing can have been written: the request was at fault.
fn is_refused(answer: &Result<Response, Error>) -> bool {
    let status = answer.as_ref().map_or_else(Error::status, Response::status);
    status.is_client_error()
}

/// What is to be purged.
struct Due {
    tags: Vec<String>,
    stores: Purgeable,
}

impl Due {
    /// Each store bounds its own time. One that fails is left alone: it would fail again.
    async fn pay(&self) {
        for store in self.stores.all() {
            for tag in &self.tags {
                if let Err(error) = store.purge_tag(tag).await {
                    tracing::warn!(%error, tag, "kept replies could not be purged, and are sent until their time is over");
                    break;
                }
            }
        }
    }
}

/// A purge that is owed as long as nobody knows whether something was written.
struct Owed(Option<Due>);

impl Drop for Owed {
    fn drop(&mut self) {
        let Some(due) = self.0.take().filter(|_| !std::thread::panicking()) else { return };
        let mut paying = Box::pin(async move { due.pay().await });
        // In memory that is done at once.
        if paying.as_mut().now_or_never().is_none()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(paying);
        }
    }
}

/// Checks an endpoint's `purge`. One that is inherited by an endpoint that writes nothing is skipped, and says so.
pub(super) fn check(endpoint: &mut Endpoint) -> Vec<Problem> {
    const WHY: &str = "GET endpoints write nothing";
    let own = |level| matches!(level, Level::Endpoint | Level::Method | Level::EndpointCode);
    let mut problems = Vec::new();
    let writes = endpoint.method != Method::GET;
    for tag in &endpoint.settings.purge {
        let fault = match TagPattern::read(&tag.value, endpoint) {
            Err(fault) if writes => fault,
            Ok(_) | Err(_) if writes || !own(tag.level) => continue,
            _ => format!("`purge`: {WHY}, so nothing is purged; drop `{}`", tag.value),
        };
        let place = tag.place.clone().or_else(|| endpoint.place.clone());
        problems.push(Problem::new(place, endpoint.names.full(), fault));
    }
    if !writes && !endpoint.settings.purge.is_empty() {
        endpoint.settings.purge.clear();
        endpoint.settings.skipped.push((Key::Purge, WHY.to_owned()));
    }
    problems
}

/// The tags in `purge` under which nothing is ever kept: what was meant would be sent although it is no longer so.
pub fn check_purges(routes: &[Route]) -> Vec<Problem> {
    let cached = routes.iter().map(|route| &route.endpoint).filter(|it| it.settings.cache.value.is_some());
    let patterns = cached.flat_map(TagPattern::of).map(|tag| (tag.clone().unnamed(), tag.shown()));
    let known: HashMap<TagPattern, String> = patterns.collect();
    let mut problems = Vec::new();
    for endpoint in routes.iter().map(|route| &route.endpoint) {
        for tag in &endpoint.settings.purge {
            let pattern = TagPattern::read(&tag.value, endpoint).map(TagPattern::unnamed);
            if pattern.is_ok_and(|pattern| known.contains_key(&pattern)) {
                continue;
            }
            let mut texts: Vec<&str> = known.values().map(String::as_str).collect();
            texts.sort_unstable();
            let hint = match closest(&tag.value, texts) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name it in the `tags` of an endpoint that has a `cache`".to_owned(),
            };
            let message = format!("`purge`: nothing is kept under the tag `{}`; {hint}", tag.value);
            problems.push(Problem::new(tag.place.clone(), endpoint.names.full(), message));
        }
    }
    problems
}
