//! The connections: who waits for one and how long, and in what state one goes back.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
    Runtime, TimeoutType, Timeouts,
};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::Error as Theirs;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::counts::{Counts, Use, count};
use super::error::of_connect;
use super::target::Target;
use super::texts::Texts;
use crate::error::{Error, Result};
use crate::options::{Durability, Options};

/// How many connections may be in use at a time, a number that no pool reaches.
const ALL: u32 = 1 << 20;

/// What the parts of an engine share.
pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) options: Options,
    pub(super) texts: Texts,
    pub(super) counts: Counts,
    pub(super) handle: Handle,
    pool: Pool,
    /// Whoever uses a connection holds a permit, so that closing can wait for them.
    in_use: Arc<Semaphore>,
}

impl Shared {
    /// Makes the pool; the first connection is made when it is asked for.
    pub(super) fn new(target: Target, options: &Options) -> Result<Arc<Self>> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(target.config.clone(), target.tls.clone(), config);
        let settings = settings(options);
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .runtime(Runtime::Tokio1)
            .post_create(Hook::async_fn(move |client: &mut ClientWrapper, _| {
                let settings = settings.clone();
                Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| Error::Open(error.to_string()))?;
        Ok(Arc::new(Self {
            texts: Texts::new(options.statements.max(1), pool.clone()),
            target,
            options: options.clone(),
            counts: Counts::default(),
            handle: Handle::current(),
            pool,
            in_use: Arc::new(Semaphore::new(ALL as usize)),
        }))
    }

    /// A connection, as soon as one is free.
    pub(super) async fn acquire(self: &Arc<Self>, what: Use, until: Instant) -> Result<Held> {
        let permit = Arc::clone(&self.in_use).try_acquire_owned().map_err(|_| Error::Closed)?;
        let object = match self.get(Duration::ZERO).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => {
                let _waiting = Waiting::begin(self, what)?;
                self.get(until.saturating_duration_since(Instant::now())).await
            }
            at_once => at_once,
        };
        match object {
            Ok(object) => {
                let shared = Arc::clone(self);
                Ok(Held {
                    object: Some(object),
                    shared,
                    busy: false,
                    cancelled: AtomicBool::new(false),
                    unfinished: AtomicBool::new(false),
                    _permit: permit,
                })
            }
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(Error::Deadline),
            Err(PoolError::Timeout(_)) => Err(Error::Unavailable(format!(
                "{}: no connection within {:?}",
                self.target.shown, self.options.connect_time
            ))),
            Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) => {
                Err(of_connect(&error, &self.target.shown))
            }
            Err(PoolError::Closed) => Err(Error::Closed),
            Err(error) => Err(Error::Engine(error.to_string())),
        }
    }

    async fn get(&self, wait: Duration) -> Result<Object, PoolError> {
        let connect = Some(self.options.connect_time);
        self.pool.timeout_get(&Timeouts { wait: Some(wait), create: connect, recycle: connect }).await
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        self.pool.status().size
    }

    /// Every connection prepares its statements anew.
    pub(super) fn forget_prepared(&self) {
        self.pool.manager().statement_caches.clear();
    }

    /// Refuses what has not begun, waits for what has, as long as its own deadline lets it live, and closes every
    /// connection.
    pub(super) async fn close(&self) {
        self.pool.close();
        let options = &self.options;
        let longest =
            options.read_time.max(options.stream_time).max(options.write_time).max(options.alone_time);
        // A write has its commit after its deadline.
        let _given_up = timeout(longest + options.write_time, self.in_use.acquire_many(ALL)).await;
        self.in_use.close();
    }
}

/// How often the server looks whether who asked is still there, while it works on a statement: a request to cancel that
/// comes before its statement is lost. Known since PostgreSQL 14, and not where the server runs on Windows.
const LOOK: &str = "select set_config('client_connection_check_interval', '2s', false) \
                    where current_setting('client_connection_check_interval', true) is not null \
                    and version() !~* 'windows|mingw|visual c'";

/// What every connection is told first. Reads are read-only, so that what writes is found out by the server; a process
/// that is gone does not hold its locks for long.
fn settings(options: &Options) -> String {
    let durable = match options.durability {
        Durability::Full => "",
        Durability::Normal => "set synchronous_commit = off;",
    };
    let longest = options.alone_time.max(options.stream_time).max(options.write_time).max(options.read_time);
    format!(
        "set default_transaction_read_only = on; set standard_conforming_strings = on; set timezone = 'UTC'; \
         set idle_in_transaction_session_timeout = {}; {LOOK}; {durable}",
        (2 * longest).as_millis().min(i32::MAX as u128)
    )
}

/// One who waits for a connection.
struct Waiting<'w>(&'w AtomicU64);

impl<'w> Waiting<'w> {
    fn begin(shared: &'w Shared, what: Use) -> Result<Self> {
        let (counts, options) = (&shared.counts, &shared.options);
        let (waiting, refused, most) = match what {
            Use::Read => (&counts.reads_waiting, &counts.reads_refused, options.read_queue),
            Use::Write => (&counts.writes_waiting, &counts.writes_refused, options.write_queue),
        };
        if waiting.fetch_add(1, Acquire) >= most as u64 {
            waiting.fetch_sub(1, Release);
            count(refused);
            return Err(Error::Busy);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A connection that is in use. One that is dropped in the middle of something is not used again: what the server does
/// is cancelled, and the connection closed.
pub(super) struct Held {
    object: Option<Object>,
    pub(super) shared: Arc<Shared>,
    busy: bool,
    /// A request to cancel is under way, and must not meet another statement.
    cancelled: AtomicBool,
    /// Rows are coming that nobody wants.
    unfinished: AtomicBool,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    /// What follows is not finished before [`done`](Self::done).
    pub(super) fn begin(&mut self) {
        self.busy = true;
    }

    /// The server has answered everything, and no transaction is open.
    pub(super) fn done(&mut self) {
        self.busy = false;
    }

    /// The connection is of no more use.
    pub(super) fn discard(&mut self) {
        self.busy = true;
    }

    /// Rows that nobody wants are not waited for: the connection is not used again after this.
    pub(super) fn leave_unfinished(&self) {
        self.unfinished.store(true, Relaxed);
    }

    /// Whether the connection is gone, as far as this side knows.
    pub(super) fn is_closed(&self) -> bool {
        self.client().is_closed()
    }

    pub(super) fn client(&self) -> &ClientWrapper {
        self.object.as_ref().expect("it is there until this is dropped")
    }

    /// An answer that is worth nothing after its deadline: without its commit nothing was done. Then the connection has
    /// to be dropped, which cancels what the server does.
    pub(super) async fn within<T>(&self, until: Instant, answer: impl Future<Output = T>) -> Option<T> {
        timeout_at(until, answer).await.ok()
    }

    /// Cancels what the server does at its deadline, and then waits a little for what became of it: a commit may have
    /// been quicker. Nothing if there is no answer even then.
    pub(super) async fn settle<T>(&self, until: Instant, answer: impl Future<Output = T>) -> Option<T> {
        let mut answer = std::pin::pin!(answer);
        if let Ok(answered) = timeout_at(until, &mut answer).await {
            return Some(answered);
        }
        self.cancelled.store(true, Relaxed);
        let (token, tls) = (self.client().cancel_token(), self.shared.target.tls.clone());
        let grace = self.shared.options.connect_time;
        let _unreachable = timeout(grace, token.cancel_query(tls)).await;
        timeout(grace, &mut answer).await.ok()
    }
}

impl Deref for Held {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        self.client()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        let cancelled = self.cancelled.load(Relaxed);
        let unfinished = self.unfinished.load(Relaxed);
        if !self.busy && !cancelled && !unfinished {
            return;
        }
        if cancelled || object.is_closed() {
            drop(Object::take(object));
            return;
        }
        let (token, tls) = (object.cancel_token(), self.shared.target.tls.clone());
        let grace = self.shared.options.connect_time;
        // Its place in the pool is free when the server has been told.
        self.shared.handle.spawn(async move {
            cancel(&token, tls, grace).await;
            drop(Object::take(object));
        });
    }
}

async fn cancel(token: &tokio_postgres::CancelToken, tls: MakeRustlsConnect, grace: Duration) {
    let told: Result<Result<(), Theirs>, _> = timeout(grace, token.cancel_query(tls)).await;
    if !matches!(told, Ok(Ok(()))) {
        tracing::debug!("a statement of a connection that is closed could not be cancelled");
    }
}
