//! Plain `fn` endpoints: they run on the runtime's blocking pool, a bounded number at a time.
//!
//! Handing each function to a thread that must be woken for it costs several times what a short function does. So a
//! thread that has woken goes on with what waits, and another is woken only when something has waited too long, or
//! when those that are awake are stuck in long functions.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ketch_model::Error;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::exchange::Input;

/// How long a function may wait for a thread before another one is woken.
const QUEUED: Duration = Duration::from_micros(100);
/// How often a request looks whether its function still waits: nobody else may come to notice it.
const LOOK: Duration = Duration::from_millis(1);
/// How long a thread without work stays; short, because the runtime waits for it when it ends.
const IDLE: Duration = Duration::from_millis(10);

/// Runs a function on the blocking pool. The request waits for a free place within its deadline; a function that
/// outlives the deadline keeps its place until it returns, so places cannot pile up. One that has not begun by then
/// never does.
///
/// # Errors
/// 500 when it panicked.
#[doc(hidden)]
pub fn blocking<T, F>(input: &Input, run: F) -> impl Future<Output = Result<T, Error>> + Send + use<T, F>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Arc::clone(input.exchange.blocking()).run(run)
}

type Job = Box<dyn FnOnce() + Send>;

/// The threads of an application's plain functions.
pub(crate) struct Threads {
    /// One for each function that runs or waits for a thread.
    places: Arc<Semaphore>,
    queue: Mutex<Queue>,
    called: Condvar,
    most: usize,
}

#[derive(Default)]
struct Queue {
    /// With the time since when they wait. Never more than there are places.
    jobs: VecDeque<(Instant, Job)>,
    /// Threads that work, wait for a call, or were asked for.
    threads: usize,
    /// Threads that were asked for and have not begun.
    starting: usize,
    /// Threads that wait for a call.
    idle: usize,
    /// Calls that no idle thread has heard yet.
    calls: usize,
    /// When a thread last took a job.
    taken: Option<Instant>,
}

impl Threads {
    /// So many at most, and at least one.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(most));
        Self { places, queue: Mutex::default(), called: Condvar::new(), most }
    }

    /// Runs a function; see [`blocking`].
    async fn run<T: Send + 'static>(
        self: Arc<Self>,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::internal)?;
        let (done, mut result) = oneshot::channel();
        self.submit(Box::new(move || {
            if !done.is_closed() {
                let value = catch_unwind(AssertUnwindSafe(run));
                drop(place);
                // Nobody waits any more when the deadline has passed.
                let _late = done.send(value);
            }
        }));
        let value = loop {
            match timeout(LOOK, &mut result).await {
                Ok(value) => break value,
                Err(_) if self.hurry() => {}
                Err(_) => break result.await,
            }
        };
        // The pipeline knows how to tell of a panic.
        value.map_err(Error::internal)?.map_err(|panic| resume_unwind(panic))
    }

    fn submit(self: &Arc<Self>, job: Job) {
        let now = Instant::now();
        let mut queue = self.queue();
        queue.jobs.push_back((now, job));
        let stuck = || queue.taken.is_none_or(|taken| now.duration_since(taken) > QUEUED);
        if queue.threads == queue.idle || stuck() || queue.waits_long(now) {
            self.call(queue);
        }
    }

    /// Calls another thread when something waits, and says whether it does.
    fn hurry(self: &Arc<Self>) -> bool {
        let queue = self.queue();
        let waits = !queue.jobs.is_empty();
        if waits {
            self.call(queue);
        }
        waits
    }

    /// Brings another thread, unless one is coming already or all are there.
    fn call(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        if queue.calls + queue.starting > 0 {
            return;
        }
        if queue.idle > 0 {
            queue.calls += 1;
            drop(queue);
            self.called.notify_one();
        } else if queue.threads < self.most {
            queue.threads += 1;
            queue.starting += 1;
            drop(queue);
            let thread = Starting(Some(Arc::clone(self)));
            tokio::task::spawn_blocking(move || thread.begin());
        }
    }

    /// Takes jobs until there has been none for a while.
    fn work(self: &Arc<Self>) {
        let mut queue = self.queue();
        loop {
            if let Some((_, job)) = queue.jobs.pop_front() {
                let now = Instant::now();
                queue.taken = Some(now);
                if queue.waits_long(now) {
                    self.call(queue);
                } else {
                    drop(queue);
                }
                // A job catches panics itself; this is for values that panic when they are dropped.
                let _fell_over = catch_unwind(AssertUnwindSafe(job));
                queue = self.queue();
                continue;
            }
            queue.idle += 1;
            let waited = self.called.wait_timeout_while(queue, IDLE, |queue| queue.calls == 0);
            (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
            if queue.calls == 0 {
                queue.threads -= 1;
                return;
            }
            queue.calls -= 1;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").field("most", &self.most).finish_non_exhaustive()
    }
}

impl Queue {
    fn waits_long(&self, now: Instant) -> bool {
        self.jobs.front().is_some_and(|(since, _)| now.duration_since(*since) > QUEUED)
    }
}

/// A thread that was asked for; none when it has begun.
struct Starting(Option<Arc<Threads>>);

impl Starting {
    fn begin(mut self) {
        if let Some(threads) = self.0.take() {
            threads.queue().starting -= 1;
            threads.work();
        }
    }
}

impl Drop for Starting {
    /// A runtime that ends starts no more threads: what waits for this one is given up.
    fn drop(&mut self) {
        let Some(threads) = self.0.take() else { return };
        let mut queue = threads.queue();
        queue.starting -= 1;
        queue.threads -= 1;
        let given_up = if queue.threads == 0 { std::mem::take(&mut queue.jobs) } else { VecDeque::new() };
        drop(queue);
        drop(given_up);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, mpsc};

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    fn on(runtime: &tokio::runtime::Runtime, work: impl Future<Output = ()>) {
        runtime.block_on(async { timeout(Duration::from_secs(60), work).await.expect("nothing is stuck") });
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn every_function_gets_its_own_value_back() {
        on(&runtime(), async {
            let threads = Arc::new(Threads::new(4));
            for round in 0..50 {
                let works = (0..100).map(|at| Arc::clone(&threads).run(move || round * 100 + at));
                let values: Vec<i32> = join_all(works).await.into_iter().map(Result::unwrap).collect();
                assert_eq!(values, (round * 100..round * 100 + 100).collect::<Vec<_>>());
            }
        });
    }

    #[test]
    fn as_many_as_allowed_run_at_a_time_and_no_more() {
        on(&runtime(), async {
            let threads = Arc::new(Threads::new(8));
            let (barrier, running) = (Arc::new(Barrier::new(8)), Arc::new(AtomicUsize::new(0)));
            let most = Arc::new(AtomicUsize::new(0));
            let works = (0..32).map(|_| {
                let (barrier, running, most) =
                    (Arc::clone(&barrier), Arc::clone(&running), Arc::clone(&most));
                Arc::clone(&threads).run(move || {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // Goes on when eight have come.
                    barrier.wait();
                    running.fetch_sub(1, Ordering::SeqCst);
                })
            });
            assert!(join_all(works).await.iter().all(Result::is_ok));
            assert_eq!(most.load(Ordering::SeqCst), 8);
        });
    }

    #[test]
    fn a_panic_reaches_who_waits_and_the_thread_goes_on() {
        on(&runtime(), async {
            let threads = Arc::new(Threads::new(1));
            let fell = Arc::clone(&threads).run(|| -> u8 { panic!("over") });
            let told = AssertUnwindSafe(fell).catch_unwind().await.unwrap_err();
            assert_eq!(told.downcast_ref(), Some(&"over"));
            assert_eq!(threads.run(|| 7).await.unwrap(), 7);
        });
    }

    /// A runtime whose only blocking thread is busy until the sender is dropped.
    fn busy_runtime() -> (tokio::runtime::Runtime, mpsc::Sender<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (release, held) = mpsc::channel();
        runtime.spawn_blocking(move || held.recv());
        (runtime, release)
    }

    /// Lets a function wait for a thread that does not come.
    async fn given_up(threads: &Arc<Threads>, ran: &Arc<AtomicUsize>) {
        let ran = Arc::clone(ran);
        let run = Arc::clone(threads).run(move || ran.fetch_add(1, Ordering::SeqCst));
        assert!(timeout(Duration::from_millis(1), run).await.is_err());
    }

    #[test]
    fn what_nobody_waits_for_any_more_does_not_begin() {
        let ((runtime, release), ran) = (busy_runtime(), Arc::default());
        on(&runtime, async {
            let threads = Arc::new(Threads::new(2));
            given_up(&threads, &ran).await;
            drop(release);
            assert_eq!(Arc::clone(&threads).run(|| 7).await.unwrap(), 7);
        });
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_runtime_that_has_ended_leaves_nothing_waiting() {
        let (runtime, threads) = (runtime(), Arc::new(Threads::new(2)));
        let handle = runtime.handle().clone();
        runtime.shutdown_background();
        let _inside = handle.enter();
        threads.submit(Box::new(|| panic!("nobody is there to run this")));
        let queue = threads.queue();
        assert_eq!((queue.threads, queue.starting, queue.jobs.len()), (0, 0, 0));
    }
}
