//! PostgreSQL: how runners of several processes know of each other's death.
//!
//! Each has a row whose `beat` it makes grow. Another one that has not seen it grow for
//! [`Options::dead_after`](crate::Options::dead_after), by its own monotonic clock, takes it for dead: in one transaction
//! its row goes and its claims are given back. No times of different machines are compared, so that clocks may be wrong
//! and jump. A runner whose row is gone has lost its claims; it takes a new name and goes on.
//!
//! All of this has a connection and a thread of its own: jobs and requests that hold every other one, for a while, do not
//! make a runner look dead.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{io, thread};

use ketch_db::{Db, Error, Result};
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::membership::{kept, new_id, tell_released};
use super::outage::Outage;
use crate::jobs::Jobs;
use crate::store::{self, Seen};

/// What is known of another runner.
#[derive(Debug)]
struct Known {
    beat: i64,
    silent: Duration,
}

/// What one runner has seen of the others.
#[derive(Debug, Default)]
struct Others {
    seen: HashMap<String, Known>,
    looked: Option<Instant>,
}

/// For how long no task of the runner may have its turn before it shows no life: jobs that block every thread for a
/// while are slow, and where they never let go, nothing is run any more.
const STALL: Duration = Duration::from_secs(30);

/// The thread of a runner that beats. It ends with this value.
#[derive(Debug)]
pub(super) struct Beating {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Beating {
    /// Begins to beat. `turns` grows whenever a task of the runner has its turn.
    pub(super) fn begin(
        jobs: Jobs,
        ids: Arc<watch::Sender<Arc<str>>>,
        turns: Arc<AtomicU64>,
    ) -> Result<Self> {
        let failed = |error: io::Error| Error::Open(format!("cannot start a thread: {error}"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let beats = move || {
            let _end: oneshot::Sender<()> = end;
            runtime.block_on(async {
                let keep = || keep(jobs.clone(), Arc::clone(&ids), Arc::clone(&turns));
                tokio::select! {
                    _ = stopped => {}
                    () = kept("the beat of a runner", keep) => {}
                }
            });
            runtime.shutdown_timeout(END);
        };
        thread::Builder::new().name("ketch-beats".to_owned()).spawn(beats).map_err(failed)?;
        Ok(Self { stop, ended })
    }

    /// Ends it; it beats no more when this resolves.
    pub(super) async fn end(self) {
        drop(self.stop);
        let _ended = timeout(2 * END, self.ended).await;
    }
}

/// How long what it asks of the database may go on when it ends.
const END: Duration = Duration::from_secs(1);

/// Shows that a runner lives, and watches the others.
async fn keep(jobs: Jobs, ids: Arc<watch::Sender<Arc<str>>>, turns: Arc<AtomicU64>) {
    let (mut turn, mut still) = (0, Duration::ZERO);
    let db = jobs.db().apart().unwrap_or_else(|_| jobs.db().clone());
    let mut outage = Outage::of("showing that a runner of jobs lives");
    let mut others = Others::default();
    let every = jobs.options().beat.max(Duration::from_millis(10));
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = turns.load(Ordering::Relaxed);
        let stood = still >= STALL;
        still = if now == turn { still.saturating_add(every) } else { Duration::ZERO };
        turn = now;
        if still >= STALL {
            if !stood {
                tracing::error!(
                    "no task had its turn for {STALL:?}: something blocks every thread, and belongs in \
                     `spawn_blocking`. This runner shows no life until they let go, and others run its jobs"
                );
            }
            continue;
        }
        match beat(&jobs, &db, &ids, &mut others).await {
            Ok(()) => outage.over(),
            Err(error) => {
                outage.hit(&error);
                jobs.counters().database_error();
            }
        }
    }
}

async fn beat(jobs: &Jobs, db: &Db, ids: &watch::Sender<Arc<str>>, others: &mut Others) -> Result<()> {
    let me = ids.borrow().clone();
    if !store::beat(db, &me).await? {
        let new = new_id();
        store::register(db, &new, jobs.now()).await?;
        tracing::error!(
            "this runner of jobs was taken for dead by another one: what it ran is run again. It showed no life for longer \
             than `dead_after`, because the process or its connection to the database stood still"
        );
        ids.send_replace(new);
        return Ok(());
    }
    let beats = store::observe(db).await?;
    let options = jobs.options();
    // Who beats seldom is not dead in between.
    let dead_after = options.dead_after.max(options.beat.saturating_mul(4));
    let silent = others.silent(Instant::now(), &beats, &me, (dead_after, options.beat.saturating_mul(2)));
    if !silent.is_empty() || store::has_strangers(db).await? {
        for Seen { id, .. } in &silent {
            tracing::warn!(runner = id, "a runner of jobs shows no life any more");
        }
        let now = jobs.now();
        let released = db.write_read_committed(move |tx| store::bury(tx, &silent, now)).await?;
        tell_released(jobs, released);
        // It may be another process that has a slot free.
        db.write_read_committed({
            let jobs = jobs.clone();
            move |tx| jobs.tell(tx)
        })
        .await?;
    }
    Ok(())
}

impl Others {
    /// Those that have shown no life for that long. Of the time between two looks no more than `most` counts: when this
    /// process or the database stood still, the others are given the time to show that they live.
    fn silent(
        &mut self,
        now: Instant,
        beats: &[Seen],
        me: &str,
        (dead_after, most): (Duration, Duration),
    ) -> Vec<Seen> {
        let passed = self.looked.replace(now).map_or(Duration::ZERO, |looked| now - looked).min(most);
        self.seen.retain(|id, _| beats.iter().any(|it| it.id == *id));
        let mut silent = Vec::new();
        for it in beats.iter().filter(|it| it.id != me) {
            let fresh = || Known { beat: it.beat, silent: Duration::ZERO };
            let seen = self.seen.entry(it.id.clone()).or_insert_with(fresh);
            if seen.beat == it.beat {
                seen.silent += passed;
            } else {
                *seen = fresh();
            }
            if seen.silent >= dead_after {
                silent.push(it.clone());
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAD_AFTER: Duration = Duration::from_secs(3);
    const MOST: Duration = Duration::from_secs(1);

    /// Looks at runners, given as name and beat, so long after the last look; who is taken for dead.
    fn look(others: &mut Others, after: Duration, beats: &[(&str, i64)]) -> Vec<String> {
        let now = others.looked.unwrap_or_else(Instant::now) + after;
        let beats: Vec<Seen> =
            beats.iter().map(|(id, beat)| Seen { id: (*id).to_owned(), beat: *beat }).collect();
        let silent = others.silent(now, &beats, "me", (DEAD_AFTER, MOST));
        silent.into_iter().map(|seen| seen.id).collect()
    }

    #[test]
    fn who_is_silent_for_long_enough_is_dead_and_who_beats_is_not() {
        let (mut others, half) = (Others::default(), Duration::from_millis(500));
        for n in 0..6 {
            assert!(look(&mut others, half, &[("me", 0), ("slow", 7), ("quick", n)]).is_empty(), "{n}");
        }
        assert_eq!(look(&mut others, half, &[("me", 0), ("slow", 7), ("quick", 6)]), ["slow"]);
        // One beat at the last moment is as good as any.
        assert!(look(&mut others, half, &[("me", 0), ("slow", 8), ("quick", 7)]).is_empty());
    }

    #[test]
    fn who_slept_himself_gives_the_others_the_time_to_show_that_they_live() {
        let (mut others, hour) = (Others::default(), Duration::from_hours(1));
        for n in 0..3 {
            assert!(look(&mut others, hour, &[("other", 7)]).is_empty(), "look {n}");
        }
        assert_eq!(look(&mut others, hour, &[("other", 7)]), ["other"]);
    }
}
