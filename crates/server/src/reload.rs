//! Loading manifests anew while the server serves: all is checked as at the start, then swapped as one.
//!
//! When anything is wrong, nothing changes: the last good state keeps serving, and the list of problems is the answer.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ketch_manifest::{Driver, Footprint, Project};
use ketch_model::{Api, Live, Problem, Problems, Settings};
use ketch_openapi::Documents;
use ketch_web::{App, Mode, Named, Route, Schemas, check_purges};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::caches::ProjectCaches;
use crate::guards::{Guards, Lost};
use crate::manifest::{Declared, Lowered};
use crate::stored::{Pending, Stored};

/// What loads the manifests of a server anew. Clones are of the same server.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The endpoints that are served now, built-in ones included.
    pub endpoints: usize,
    /// How long it took. Nobody waited for it.
    pub took: Duration,
    /// The middlewares that were in a project's folder before and are no more: what they guarded is served without them.
    pub without: Vec<String>,
}

struct Inner {
    app: Arc<App>,
    api: Live<Arc<Api>>,
    documents: Documents,
    manifest: Declared,
    around: Around,
    fixed: Fixed,
    own: Live<Own>,
    /// One reload at a time.
    turn: Mutex<()>,
    /// The revisions of the projects as they were read last, whether they could be served or not.
    tried: Live<Vec<u64>>,
}

/// What manifests are lowered into.
pub(crate) struct Around {
    pub(crate) settings: Settings,
    pub(crate) drivers: Vec<Arc<dyn Driver>>,
    pub(crate) stored: Stored,
    pub(crate) mode: Mode,
}

/// What no reload changes: it is the program's.
pub(crate) struct Fixed {
    /// Endpoints that are listed before those of manifests.
    before: Vec<Route>,
    after: Vec<Route>,
    named: Named,
}

/// What the projects that are served have beside endpoints.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// What each has from its folder of middlewares.
    pub(crate) guards: Vec<Guards>,
    pub(crate) caches: ProjectCaches,
}

impl Fixed {
    /// All routes but those in `own`.
    pub(crate) fn of(routes: &[Route], own: Range<usize>, named: Named) -> Self {
        Self { before: routes[..own.start].to_vec(), after: routes[own.end..].to_vec(), named }
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("manifest", &self.0.manifest).finish_non_exhaustive()
    }
}

impl Reloader {
    pub(crate) fn new(
        app: Arc<App>,
        api: Arc<Api>,
        documents: Documents,
        (manifest, around): (Declared, Around),
        (fixed, own, tried): (Fixed, Own, Vec<u64>),
    ) -> Self {
        let (api, own, turn, tried) = (Live::new(api), Live::new(own), Mutex::default(), Live::new(tried));
        Self(Arc::new(Inner { app, api, documents, manifest, around, fixed, own, turn, tried }))
    }

    /// The folders of the projects.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.0.manifest.folders()
    }

    /// Whether the files of the projects are as they were when they were read last, whatever came of that. It reads
    /// files, so it is not for async threads.
    pub fn is_current(&self) -> bool {
        let now = self.folders().map(|folder| Footprint::of(folder).revision());
        self.0.tried.with(|tried| now.eq(tried.iter().copied()))
    }

    /// Says in the log what came of a reload.
    pub fn log(outcome: &Result<Reloaded, Problems>) {
        match outcome {
            Ok(Reloaded { endpoints, took, without }) => {
                if !without.is_empty() {
                    tracing::warn!(
                        middlewares = without.join(", "),
                        "gone: endpoints are served without them"
                    );
                }
                tracing::info!(endpoints, took_ms = took.as_millis(), "the manifest was loaded anew");
            }
            Err(Problems(problems)) => {
                for problem in problems {
                    tracing::error!(%problem, "the manifest cannot be loaded");
                }
                tracing::warn!(problems = problems.len(), "the last good manifest is served on");
            }
        }
    }

    /// The API as it is served now.
    pub fn api(&self) -> Arc<Api> {
        self.0.api.with(Arc::clone)
    }

    /// How many endpoints the projects have at the moment.
    pub fn endpoints(&self) -> usize {
        let fixed = self.0.fixed.before.len() + self.0.fixed.after.len();
        self.api().endpoints.len().saturating_sub(fixed)
    }

    /// What made the controllers of the projects.
    pub(crate) fn drivers(&self) -> Vec<Arc<dyn Driver>> {
        self.0.around.drivers.clone()
    }

    /// Reads every project anew, and serves them as they are now, because somebody says so. New migrations are applied, and
    /// statements described by the database, before anything is swapped. Middlewares whose files are gone no longer stand
    /// before endpoints, which [`Reloaded::without`] tells. Requests in flight end on what they began on; what callers
    /// have used up of rates stays used up. It waits for a reload that is under way.
    ///
    /// # Errors
    /// Every problem there is, each with its place; then nothing is served anew. A project that needs a database which
    /// the server does not have needs a restart, and says so.
    pub async fn reload(&self) -> Result<Reloaded, Problems> {
        self.reload_with(Cause::Asked).await
    }

    /// The same because files were seen to change, of which nobody has said that they are complete: new migrations are a
    /// problem, and are not applied, and so is a middleware that is gone, because what it guards would stand open.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), and when a migration is pending or a middleware gone.
    pub async fn reload_seen(&self) -> Result<Reloaded, Problems> {
        self.reload_with(Cause::Seen).await
    }

    async fn reload_with(&self, cause: Cause) -> Result<Reloaded, Problems> {
        let _turn = self.0.turn.lock().await;
        let (begun, this) = (Instant::now(), self.clone());
        let runtime = Handle::current();
        let (endpoints, without) = apart(move || this.swap(this.load(cause)?, cause, &runtime)).await?;
        Ok(Reloaded { endpoints, took: begun.elapsed(), without })
    }

    fn load(&self, cause: Cause) -> Result<Loaded, Problems> {
        let Inner { manifest, around, fixed, .. } = &*self.0;
        let mut problems = Vec::new();
        let (revisions, projects) = manifest.open(&mut problems);
        self.0.tried.set(revisions);
        let served = self.0.own.get();
        let mut lowered = manifest.lower(&projects, around, (&fixed.named, &served.caches), &mut problems);
        // What the program's services refer to has been collected already.
        let _none = Schemas::default().finish(lowered.routes.iter_mut().map(|route| &mut route.endpoint));
        let lost = lost(&served.guards, &lowered.own.guards);
        if cause == Cause::Seen {
            problems.extend(lost.iter().map(Lost::problem));
        }
        let routes: Vec<Route> =
            [&fixed.before, &lowered.routes, &fixed.after].into_iter().flatten().cloned().collect();
        if problems.is_empty() {
            problems.extend(check_purges(&routes));
        }
        if !problems.is_empty() {
            return Err(Problems::sorted(problems));
        }
        Ok(Loaded {
            projects,
            lowered,
            routes,
            without: lost.into_iter().flat_map(|lost| lost.names).collect(),
        })
    }

    /// Serves what was loaded, if it can be composed and fits the database: in this order, because what is done to the
    /// database cannot be taken back.
    fn swap(&self, loaded: Loaded, cause: Cause, runtime: &Handle) -> Result<(usize, Vec<String>), Problems> {
        let Loaded { projects, lowered, routes, without } = loaded;
        let Lowered { middlewares, controllers, own, .. } = lowered;
        let mut named = self.0.fixed.named.clone();
        named.middlewares.extend(middlewares);
        named.stores.extend(own.caches.stores());
        let api = Api {
            endpoints: routes.iter().map(|route| route.endpoint.clone()).collect(),
            caches: own.caches.infos(&self.0.fixed.named.stores),
            ..(*self.api()).clone()
        };
        let pending = match cause {
            Cause::Asked => Pending::Apply,
            Cause::Seen => Pending::Refuse,
        };
        let stored = || {
            let problems = runtime.block_on(self.0.around.stored.follow(&projects, &controllers, pending));
            if problems.is_empty() { Ok(()) } else { Err(problems) }
        };
        let swapped = self.0.app.reload_when(routes, &named, stored);
        swapped.map_err(Problems::sorted)?;
        self.0.own.set(own);
        self.0.documents.write(&api);
        let endpoints = api.endpoints.len();
        self.0.api.set(Arc::new(api));
        Ok((endpoints, without))
    }
}

/// Why a manifest is loaded anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Somebody says so, who knows that all is there.
    Asked,
    /// Files were seen to change.
    Seen,
}

/// What was read anew, and is not served yet.
struct Loaded {
    projects: Vec<(u64, Project)>,
    lowered: Lowered,
    /// Its endpoints and those of the program.
    routes: Vec<Route>,
    /// Middlewares that are gone.
    without: Vec<String>,
}

/// The middlewares that the state which is served has, and a later one has not. A project that cannot be read has told so.
fn lost(served: &[Guards], later: &[Guards]) -> Vec<Lost> {
    let both = served.iter().zip(later).filter(|_| served.len() == later.len());
    both.filter_map(|(before, later)| before.lost(later)).collect()
}

/// Runs what takes long away from the threads that serve.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problems> + Send + 'static,
) -> Result<T, Problems> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| {
        let message = format!("loading the manifests panicked: {panic}");
        Err(Problems(vec![Problem::new(None, "server", message)]))
    })
}
