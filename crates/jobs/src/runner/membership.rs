//! That a runner lives, and what is given back when one does not.
//!
//! SQLite: one process has the database, so whatever a runner of another process has claimed is free when one starts.
//! PostgreSQL: `beats.rs`.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use ketch_db::{Dialect, Result, Tx};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::attempt::said;
use super::beats::Beating;
use super::{after, clock, listen, tidy};
use crate::bell::Inbox;
use crate::jobs::Jobs;
use crate::store::{self, Released};

/// How long a start waits for a database that is not ready.
const START: Duration = Duration::from_secs(10);
/// How long a runner that leaves waits for the database.
const LEAVE: Duration = Duration::from_secs(2);

/// A runner's place among the others.
#[derive(Debug)]
pub(super) struct Membership {
    jobs: Jobs,
    ids: Arc<watch::Sender<Arc<str>>>,
    changed: watch::Receiver<Arc<str>>,
    inbox: Arc<Inbox>,
    /// What keeps it: they end with it.
    tasks: JoinSet<()>,
    /// With PostgreSQL.
    beating: Option<Beating>,
    _alive: Alive,
}

impl Membership {
    /// Takes a place, and gives back what those had claimed that are gone.
    pub(super) async fn begin(jobs: &Jobs) -> Result<Self> {
        let until = after(START);
        loop {
            match Self::try_begin(jobs).await {
                Err(error) if error.is_passing() && Instant::now() < until => {
                    tracing::warn!(%error, "the queue of jobs cannot be used yet; it is tried again");
                    sleep(Duration::from_millis(200)).await;
                }
                begun => return begun,
            }
        }
    }

    async fn try_begin(jobs: &Jobs) -> Result<Self> {
        let dialect = jobs.db().dialect()?;
        let id = new_id();
        let alive = Alive::new(&id);
        let inbox = jobs.bell().inbox();
        let now = jobs.now();
        if dialect == Dialect::Postgres {
            store::register(jobs.db(), &id, now).await?;
        }
        let enter = move |tx: &mut Tx<'_>| {
            let mended = store::mend_times(tx, now)?;
            let released = match dialect {
                // Asked here, where nobody else writes: a runner that began meanwhile may have claims already.
                Dialect::Sqlite => store::release_others(tx, &alive_now(), now),
                Dialect::Postgres => store::bury(tx, &[], now),
            };
            Ok((released?, mended >= store::MENDED))
        };
        let (released, more) = jobs.db().write_read_committed(enter).await?;
        tell_released(jobs, released);
        let (ids, changed) = watch::channel(id);
        let ids = Arc::new(ids);
        let mut tasks = JoinSet::new();
        {
            let (jobs, inbox) = (jobs.clone(), Arc::clone(&inbox));
            tasks.spawn(kept("the watch of the clock", move || {
                clock::watch(jobs.clone(), Arc::clone(&inbox), more)
            }));
        }
        let jobs_of = jobs.clone();
        tasks.spawn(kept("the purge of old jobs", move || tidy::tidy(jobs_of.clone())));
        let mut beating = None;
        if dialect == Dialect::Postgres {
            let turns = Arc::<AtomicU64>::default();
            beating = Some(Beating::begin(jobs.clone(), Arc::clone(&ids), Arc::clone(&turns))?);
            let beat = jobs.options().beat.max(Duration::from_millis(10));
            tasks.spawn(async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    sleep(beat).await;
                }
            });
            let (jobs_of, inbox_of) = (jobs.clone(), Arc::clone(&inbox));
            tasks.spawn(kept("the ear of a runner", move || {
                listen::listen(jobs_of.clone(), Arc::clone(&inbox_of))
            }));
        }
        Ok(Self { jobs: jobs.clone(), ids, changed, inbox, tasks, beating, _alive: alive })
    }

    /// Who the runner is.
    pub(super) fn id(&self) -> Arc<str> {
        self.ids.borrow().clone()
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// Resolves when others took the runner for dead, with the name that it has now.
    pub(super) async fn changed(&mut self) -> Arc<str> {
        match self.changed.changed().await {
            Ok(()) => self.changed.borrow_and_update().clone(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Gives up the place. The runner has no claims any more.
    pub(super) async fn leave(mut self) {
        self.tasks.shutdown().await;
        if let Some(beating) = self.beating.take() {
            beating.end().await;
        }
        if self.jobs.db().dialect() == Ok(Dialect::Postgres) {
            let id = self.id();
            let left = timeout(LEAVE, store::unregister(self.jobs.db(), &id)).await;
            if !matches!(left, Ok(Ok(()))) {
                tracing::warn!(
                    "a runner of jobs could not say that it leaves: others see it when it shows no life"
                );
            }
        }
    }
}

/// A name for a runner that nobody has had: that of this run of the process, and a number.
pub(super) fn new_id() -> Arc<str> {
    static BOOT: OnceLock<String> = OnceLock::new();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let boot = BOOT.get_or_init(|| uuid::Uuid::new_v4().simple().to_string());
    format!("{boot}-{}", NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

/// Says and counts what was given back.
pub(super) fn tell_released(jobs: &Jobs, released: Released) {
    if released != Released::default() {
        let Released { again, dead, cancelled } = released;
        jobs.counters().released(again + dead + cancelled);
        tracing::warn!(again, dead, cancelled, "jobs were given back whose runner is gone");
    }
}

/// Work that is begun again when it panics.
pub(super) async fn kept<F: Future<Output = ()>>(what: &'static str, work: impl Fn() -> F) {
    while let Err(panic) = AssertUnwindSafe(work()).catch_unwind().await {
        let said = said(panic);
        tracing::error!(said, "{what} panicked; it goes on");
        sleep(Duration::from_secs(1)).await;
    }
}

/// The runners of this process that have not ended, so that one which starts leaves them their claims.
static ALIVE: Mutex<BTreeSet<Arc<str>>> = Mutex::new(BTreeSet::new());

fn alive() -> MutexGuard<'static, BTreeSet<Arc<str>>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn alive_now() -> Vec<Arc<str>> {
    alive().iter().cloned().collect()
}

/// That a runner of this process has not ended, however it ends.
#[derive(Debug)]
struct Alive(Arc<str>);

impl Alive {
    fn new(id: &Arc<str>) -> Self {
        alive().insert(Arc::clone(id));
        Self(Arc::clone(id))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        alive().remove(&self.0);
    }
}
