//! A component with its limits and grants: calls have instances of it, fresh ones or such as are kept for a while.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ketch_db::Db;
use ketch_model::Error;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower};

use crate::component::Compiled;
use crate::engine::Host;
use crate::fault;
use crate::ledger::{About, Ledger};
use crate::options::{Grants, Options};
use crate::slices::{SLICE, Spun};
use crate::state::State;

/// For how long an instance that nobody needs is kept.
const KEPT: Duration = Duration::from_secs(60);

/// A component as a project has it.
pub(crate) struct Guest {
    pub(crate) host: Arc<Host>,
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) options: Options,
    /// Its file, as messages name it.
    pub(crate) subject: Arc<str>,
    grants: Arc<Grants>,
    db: Option<Db>,
    /// Places for its calls.
    places: Arc<Semaphore>,
    /// Instances that are kept, the one used last at the end.
    idle: Mutex<Vec<Idle>>,
}

/// What a guest is told, as it is handed over.
pub(crate) fn document(told: &impl Serialize) -> String {
    serde_json::to_string(told).expect("keys are text and numbers are finite")
}

/// An instance between calls, of which the last began at `since`.
struct Idle {
    instance: Ready,
    since: Instant,
}

/// An instance. Fields are dropped in this order: the place is free when the instance is gone.
pub(crate) struct Ready {
    pub(crate) store: Store<State>,
    pub(crate) instance: Instance,
    used: u64,
    /// Its place among those that are kept, once it was.
    place: Option<OwnedSemaphorePermit>,
}

/// A call's places, of its component and of all.
pub(crate) struct Places {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Guest {
    /// A guest, without instances yet.
    pub(crate) fn new(
        host: Arc<Host>,
        compiled: Arc<Compiled>,
        options: Options,
        subject: &str,
        db: Option<Db>,
    ) -> Self {
        let (grants, subject) = (Arc::new(options.grants.clone()), subject.into());
        let places = Arc::new(Semaphore::new(options.instances));
        let db = db.filter(|_| options.database);
        Self { host, compiled, options, subject, grants, db, places, idle: Mutex::default() }
    }

    /// How long a call may take.
    pub(crate) fn limit(&self, time_left: Duration) -> Duration {
        self.options.timeout.map_or(time_left, |limit| limit.min(time_left))
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// 503 when there is none in time.
    pub(crate) async fn place(&self, limit: Duration) -> Result<Places, Error> {
        let now = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        if let Some(_own) = now(&self.places)
            && let Some(_all) = now(&self.host.slots)
        {
            return Ok(Places { _own, _all });
        }
        let both = async {
            let own = Arc::clone(&self.places).acquire_owned().await.ok()?;
            let all = Arc::clone(&self.host.slots).acquire_owned().await.ok()?;
            Some(Places { _own: own, _all: all })
        };
        let found = timeout(self.options.wait.min(limit), both).await.ok().flatten();
        found.ok_or_else(fault::busy)
    }

    /// Calls an exported function. When the future is dropped, the guest ends, and its instance with it.
    ///
    /// # Errors
    /// 503 when too many calls are running, 504 at the deadline, 500 when it traps.
    pub(crate) async fn call<P, R>(
        self: &Arc<Self>,
        export: &ComponentExportIndex,
        params: P,
        about: About,
        time_left: Duration,
    ) -> Result<R, Error>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let (limit, begun) = (self.limit(time_left), Instant::now());
        let places = self.place(limit).await?;
        let running = self.host.ticker.run();
        let kept = if about.files.is_none() { self.kept(begun) } else { None };
        let spun = kept.as_ref().map(|kept| kept.store.data().spun.clone()).unwrap_or_default();
        let (guest, its, export) = (Arc::clone(self), spun.clone(), *export);
        // Large, so it is not moved about.
        let work = Box::pin(async move {
            // Dropped after the instance.
            let _held = (places, running);
            let alone = about.files.is_some();
            let mut ready = match kept {
                Some(kept) => kept,
                None => guest.instance(its, about.clone()).await?,
            };
            ready.begin(about);
            let function = ready.instance.get_typed_func::<P, R>(&mut ready.store, export)?;
            let result = function.call_async(&mut ready.store, params).await;
            ready.store.data().ledger.close();
            let result = result?;
            if !alone {
                guest.keep(ready, begun);
            }
            Ok::<R, wasmtime::Error>(result)
        });
        match tokio::time::timeout_at((begun + limit).into(), self.host.threads.run(&spun, work)).await {
            Ok(Ok(Ok(result))) => Ok(result),
            Ok(Ok(Err(error))) => Err(fault::failed(&error)),
            Ok(Err(panic)) => Err(Error::internal(panic)),
            Err(_) => Err(fault::late(limit)),
        }
    }

    /// A state for an instance, and the store around it.
    pub(crate) fn store(&self, spun: Spun, about: About) -> Store<State> {
        let ledger = Arc::new(Ledger::new(Arc::clone(&self.subject)));
        ledger.open(about);
        let state = State::new(Arc::clone(&self.grants), ledger, spun, self.db.clone());
        let mut store = Host::store(&self.compiled.pre, state, self.options.output);
        store.set_epoch_deadline(SLICE);
        store
    }

    async fn instance(&self, spun: Spun, about: About) -> wasmtime::Result<Ready> {
        let mut store = self.store(spun, about);
        let instance = self.compiled.pre.instantiate_async(&mut store).await?;
        Ok(Ready { store, instance, used: 0, place: None })
    }

    /// An instance that was kept.
    fn kept(&self, now: Instant) -> Option<Ready> {
        if self.options.reuse <= 1 {
            return None;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle.pop();
        let is_old = |idle: &&Idle| now.saturating_duration_since(idle.since) > KEPT;
        let old = idle.iter().take_while(is_old).count();
        let gone: Vec<Idle> = idle.drain(..old).collect();
        drop(idle);
        drop(gone);
        taken.map(|idle| idle.instance)
    }

    /// Keeps an instance whose call began then, if it may be used again and there is room.
    fn keep(&self, mut ready: Ready, since: Instant) {
        ready.used += 1;
        if ready.used >= self.options.reuse || ready.store.data().limits.refused() {
            return;
        }
        if ready.place.is_none() {
            ready.place = Arc::clone(&self.host.kept).try_acquire_owned().ok();
        }
        if ready.place.is_some() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(Idle { instance: ready, since });
        }
    }
}

impl Ready {
    /// Begins a call.
    fn begin(&mut self, about: About) {
        self.store.data().spun.reset();
        if self.used > 0 {
            self.store.data().ledger.open(about);
        }
        self.store.set_epoch_deadline(SLICE);
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("subject", &self.subject)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
