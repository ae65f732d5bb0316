//! The workers of one program: as many as its options say, started when they are needed.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ketch_model::Error;
use ketch_web::RequestId;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::errors::{Part, late};
use super::gate::{Gate, busy};
use super::protocol::{Ask, Failure};
use super::spawn::Launch;
use super::worker::{Broken, Worker};

/// Ends before the first reply after which the next start has to wait.
const PATIENCE: u32 = 3;

/// The first wait, and the longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A program's workers.
#[derive(Debug)]
pub(super) struct Pool {
    launch: Launch,
    gate: Gate,
    state: Mutex<State>,
    /// Told whenever a worker has answered.
    answered: Notify,
    /// For the task that ends idle workers.
    itself: Weak<Pool>,
}

#[derive(Debug, Default)]
struct State {
    /// The one used last is used next, so that those that are not needed grow old.
    idle: Vec<Worker>,
    /// Ends before the first reply, one after the other.
    failures: u32,
    not_before: Option<Instant>,
    /// Whether a task looks after the idle ones.
    tended: bool,
    /// Whether the server stops, so that nobody is idle any more.
    closed: bool,
}

impl Pool {
    pub(super) fn new(launch: Launch) -> Arc<Self> {
        let options = &launch.options;
        let gate = Gate::new(options.workers, options.queue, options.wait);
        Arc::new_cyclic(|itself| {
            let (state, answered, itself) = (Mutex::default(), Notify::new(), Weak::clone(itself));
            Self { launch, gate, state, answered, itself }
        })
    }

    /// Asks one of the workers.
    ///
    /// # Errors
    /// 503 when none is to be had, 504 when it is killed at the deadline, 502 when it breaks the rules. Nothing is asked
    /// twice.
    pub(super) async fn ask(
        &self,
        part: Part,
        ask: &Ask<'_>,
        time: Duration,
        request: Option<RequestId>,
    ) -> Result<Result<Value, Failure>, Error> {
        let program = &self.launch.program;
        let work = async {
            let _seat = self.gate.enter().await?;
            let mut worker = self.worker(part).await?;
            match worker.ask(ask, request, self.launch.options.output).await {
                Ok(said) => {
                    self.give_back(worker);
                    Ok(said)
                }
                Err(broken) => {
                    if worker.calls == 1 && matches!(broken, Broken::Ended(_)) {
                        self.failed();
                    }
                    Err(part.bad(program, broken))
                }
            }
        };
        // Dropping the work drops the worker, which kills it.
        timeout(time, work).await.unwrap_or_else(|_| Err(late(program, time)))
    }

    /// Ends those that are idle, and lets nobody be idle from now on. Those that are at work end after it.
    pub(super) async fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.closed = true;
            std::mem::take(&mut state.idle)
        };
        let grace = self.launch.options.grace;
        futures_util::future::join_all(idle.into_iter().map(|worker| worker.retire(grace))).await;
    }

    fn idle(&self) -> Option<Worker> {
        loop {
            let mut worker = self.state().idle.pop()?;
            match worker.quiet() {
                Ok(()) => return Some(worker),
                Err(broken) => self.tell(&broken),
            }
        }
    }

    /// An idle worker, or a new one. Where none may be started yet, one waits for that or for a worker that has answered,
    /// so that requests which end their workers do not shut out those that do not.
    async fn worker(&self, part: Part) -> Result<Worker, Error> {
        let patience = Instant::now() + self.launch.options.wait;
        loop {
            // It hears what happens from here on.
            let mut answered = pin!(self.answered.notified());
            answered.as_mut().enable();
            if let Some(worker) = self.idle() {
                return Ok(worker);
            }
            let Some(until) = self.not_before() else { break };
            if until > patience {
                let wait = until.saturating_duration_since(Instant::now());
                return Err(busy(wait).because("the program ended at once several times"));
            }
            tokio::select! {
                () = sleep_until(until) => {}
                () = answered => {}
            }
        }
        Worker::start(&self.launch).await.map_err(|why| {
            self.failed();
            part.not_started(&self.launch.program, why)
        })
    }

    /// When a worker may be started; none for now.
    fn not_before(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = Instant::now();
        let until = state.not_before.filter(|until| *until > now);
        // The others wait for what comes of this one.
        if until.is_none() && state.failures >= PATIENCE {
            state.not_before = Some(now + back_off(state.failures));
        }
        until
    }

    fn failed(&self) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= PATIENCE {
            state.not_before = Some(Instant::now() + back_off(state.failures));
        }
    }

    fn give_back(&self, mut worker: Worker) {
        let options = &self.launch.options;
        if let Err(broken) = worker.quiet() {
            self.tell(&broken);
            return;
        }
        worker.idle_since = Instant::now();
        let worn = options.recycle > 0 && worker.calls >= options.recycle;
        let mut state = self.state();
        (state.failures, state.not_before) = (0, None);
        self.answered.notify_waiters();
        if worn || state.closed {
            drop(state);
            tokio::spawn(worker.retire(options.grace));
            return;
        }
        state.idle.push(worker);
        if !std::mem::replace(&mut state.tended, true) {
            tokio::spawn(tend(Weak::clone(&self.itself), options.idle));
        }
    }

    fn tell(&self, broken: &Broken) {
        tracing::warn!(program = %self.launch.program.display(), "a worker {broken}");
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends workers that were idle for this long, until none is left.
async fn tend(pool: Weak<Pool>, idle: Duration) {
    loop {
        sleep(idle.max(BACK_OFF.0) / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        let grace = pool.launch.options.grace;
        let mut state = pool.state();
        let old = state.idle.extract_if(.., |it| it.idle_since.elapsed() >= idle || it.quiet().is_err());
        for worker in old {
            tokio::spawn(worker.retire(grace));
        }
        if state.idle.is_empty() {
            state.tended = false;
            return;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let grace = self.launch.options.grace;
        let idle = std::mem::take(&mut self.state().idle);
        // Without a runtime they are killed, for there is nobody to wait for them.
        let Ok(runtime) = Handle::try_current() else { return };
        for worker in idle {
            runtime.spawn(worker.retire(grace));
        }
    }
}

fn back_off(failures: u32) -> Duration {
    let doubled = failures.saturating_sub(PATIENCE).min(16);
    (BACK_OFF.0 * 2_u32.pow(doubled)).min(BACK_OFF.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_half_a_minute() {
        let waits: Vec<_> = [3, 4, 5, 12, 1000].map(|failures| back_off(failures).as_millis()).to_vec();
        assert_eq!(waits, [100, 200, 400, 5_000, 5_000]);
    }
}
