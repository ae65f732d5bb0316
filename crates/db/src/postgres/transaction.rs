//! Transactions of closures. The closure runs on a thread that may wait; each of its statements is a round trip, the
//! first one together with the `begin`.
//!
//! In PostgreSQL an error ends the whole transaction, in SQLite only its statement. So that a closure may catch an error
//! and go on with both, one that does so here is run again, and from then on that statement has a savepoint of its own.
//! Whoever catches nothing pays nothing.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::future::{FutureExt, join};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_postgres::Error as Theirs;

use super::counts::Use;
use super::error::is_conflict;
use super::fault::Fault;
use super::listen::check_notice;
use super::pool::{Held, Shared};
use super::retry::{Failed, Runs};
use super::run::{Asked, BEGIN_WRITE, begin_closure, both, changed, commit, roll_back, rows};
use super::texts::Text;
use crate::driver::{Company, Dialect, Session, Sink, Statement, Work};
use crate::error::{Error, Result};
use crate::params;

/// What opens a transaction that reads.
const BEGIN_READ: &str = "begin isolation level repeatable read read only";
const SAVEPOINT: &str = "savepoint ketch";
const RELEASE: &str = "release savepoint ketch";
const ROLL_BACK_TO_SAVEPOINT: &str = "rollback to savepoint ketch";

/// Runs a closure on one snapshot.
pub(super) async fn read(shared: Arc<Shared>, work: Work) -> Result<()> {
    let time = shared.options.read_time;
    let (done, _) = run(&shared, work, Use::Read, BEGIN_READ.into(), time).await;
    shared.counts.read(&done);
    done
}

/// Runs a closure that writes.
pub(super) async fn write(shared: Arc<Shared>, work: Work, company: Company) -> Result<()> {
    let time = match company {
        Company::Shared | Company::Committed => shared.options.write_time,
        Company::Alone => shared.options.alone_time,
    };
    let begin = match company {
        Company::Shared => begin_closure("serializable", time).into(),
        Company::Committed => begin_closure("read committed", time).into(),
        Company::Alone => Cow::Borrowed(BEGIN_WRITE),
    };
    let (done, runs) = run(&shared, work, Use::Write, begin, time).await;
    shared.counts.write(&done, runs);
    done
}

async fn run(
    shared: &Arc<Shared>,
    mut work: Work,
    what: Use,
    begin: Cow<'static, str>,
    time: std::time::Duration,
) -> (Result<()>, u32) {
    let mut runs = match what {
        // From the question to the last row.
        Use::Read => Runs::ending(Instant::now() + time),
        // The wait for a turn does not count.
        Use::Write => Runs::default(),
    };
    let mut careful = Careful::Known;
    loop {
        let turn = Instant::now() + time;
        let mut held = match shared.acquire(what, turn).await {
            Ok(held) => held,
            Err(error) => return (Err(error), runs.begun),
        };
        held.begin();
        let until = runs.until(time);
        // Whoever drops this future lets go of `_wanted`, and the closure is stopped at its next statement.
        let (_wanted, unwanted) = oneshot::channel();
        let begun = Instant::now();
        let begin = begin.clone();
        let blocking = shared.handle.spawn_blocking(move || {
            let ended = Open::new(held, (what, begin), until, careful, unwanted).run(&mut work);
            (ended, work)
        });
        let Ok((ended, returned)) = blocking.await else {
            return (Err(Error::Closed), runs.begun);
        };
        work = returned;
        if what == Use::Write && begun.elapsed() > shared.options.slow_write {
            tracing::warn!(took = ?begun.elapsed(), "a write takes long");
        }
        match ended {
            Ended::Well => return (Ok(()), runs.begun),
            Ended::Badly(error) => return (Err(error), runs.begun),
            Ended::Caught if careful == Careful::Known => careful = Careful::Always,
            Ended::Caught => {
                let why = "a closure went on after an error that ended its transaction".to_owned();
                return (Err(Error::Engine(why)), runs.begun);
            }
            Ended::Failed(failed) => {
                if let Some(error) = runs.after(shared, failed).await {
                    return (Err(error), runs.begun);
                }
            }
        }
    }
}

/// Which statements get a savepoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Careful {
    /// Those whose errors somebody has caught before.
    Known,
    /// Every one.
    Always,
}

/// How one run of a closure ended.
enum Ended {
    Well,
    /// With an error that another run would meet again.
    Badly(Error),
    /// It caught an error for which there was no savepoint, and went on.
    Caught,
    /// With what another run may not meet.
    Failed(Failed),
}

/// A transaction that is open, as a closure sees it.
struct Open {
    held: Held,
    what: Use,
    /// What opens it.
    begin: Cow<'static, str>,
    until: Instant,
    careful: Careful,
    unwanted: oneshot::Receiver<()>,
    /// What is sent before the next statement.
    begun: bool,
    savepoint: bool,
    /// The statement whose error ended the transaction; the closure may catch it, but not go on.
    broken: Option<Arc<Text>>,
    ended: Option<Ended>,
    /// Nobody waits for it any more, and the connection is in the middle of something.
    dropped: bool,
    later: Vec<Box<dyn FnOnce() + Send>>,
}

impl Open {
    fn new(
        held: Held,
        (what, begin): (Use, Cow<'static, str>),
        until: Instant,
        careful: Careful,
        unwanted: oneshot::Receiver<()>,
    ) -> Self {
        let (begun, savepoint, dropped) = (false, false, false);
        let (broken, ended, later) = (None, None, Vec::new());
        Self { held, what, begin, until, careful, unwanted, begun, savepoint, broken, ended, dropped, later }
    }

    fn run(mut self, work: &mut Work) -> Ended {
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut self)));
        // What the engine knows comes first: a closure may have caught it.
        if self.ended.is_some() {
            self.roll_back();
        }
        if let Some(ended) = self.ended.take() {
            return ended;
        }
        let done = match done {
            Ok(done) => done,
            Err(panic) => Err(Error::Panicked(said(&*panic))),
        };
        match done {
            Err(error) => {
                self.roll_back();
                Ended::Badly(error)
            }
            Ok(()) if self.broken.is_some() => {
                self.learn();
                self.roll_back();
                Ended::Caught
            }
            Ok(()) if Instant::now() > self.until => {
                self.roll_back();
                Ended::Badly(Error::Deadline)
            }
            Ok(()) => self.finish(),
        }
    }

    fn finish(mut self) -> Ended {
        if !self.begun {
            self.held.done();
        } else if self.what == Use::Read {
            // Nobody needs the answer: the connection's next statement comes after it.
            let _sent = self.held.batch_execute("commit").now_or_never();
            self.held.done();
        } else {
            let until = Instant::now() + self.held.shared.options.write_time;
            let handle = self.held.shared.handle.clone();
            if let Err(failed) = handle.block_on(commit(&mut self.held, until, &Arc::from("commit"))) {
                return Ended::Failed(failed);
            }
        }
        for work in self.later {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                let said = said(&*panic);
                tracing::error!(said, "what was to be done after a commit panicked; the write is committed");
            }
        }
        Ended::Well
    }

    fn roll_back(&mut self) {
        if self.dropped {
            return;
        }
        if !self.begun {
            self.held.done();
            return;
        }
        let ours = Fault::Ours(Error::RolledBack);
        let fault = match &self.ended {
            Some(Ended::Failed(failed)) => &failed.fault,
            _ => &ours,
        };
        if !self.held.is_closed() {
            let handle = self.held.shared.handle.clone();
            handle.block_on(roll_back(&mut self.held, fault));
        }
    }

    /// From now on the statement whose error was caught has a savepoint.
    fn learn(&self) {
        if let Some(text) = &self.broken {
            text.learn_that_it_is_caught();
        }
    }

    /// Runs a statement, with what has to come before it.
    fn statement(&mut self, statement: &Statement, sink: Option<&mut dyn Sink>) -> Result<u64> {
        if self.broken.is_some() {
            self.learn();
            self.ended = Some(Ended::Caught);
        }
        if self.ended.is_none() && Instant::now() > self.until {
            self.ended = Some(Ended::Badly(Error::Deadline));
        }
        if let Some(ended) = &self.ended {
            return Err(told(ended));
        }
        let asked = Asked::new(&self.held.shared, statement)?;
        let guarded = self.careful == Careful::Always || asked.text.caught();
        let prefix = self.prefix(guarded);
        let held = &self.held;
        let run = async {
            let before = async {
                match prefix.as_str() {
                    "" => Ok::<(), Theirs>(()),
                    commands => held.batch_execute(commands).await,
                }
            };
            let run = async {
                match sink {
                    Some(sink) => rows(held, &asked, sink).await,
                    None => changed(held, &asked).await,
                }
            };
            both(join(before, run).await)
        };
        let unwanted = &mut self.unwanted;
        let answer = held.shared.handle.block_on(async {
            tokio::select! {
                biased;
                _ = unwanted => None,
                answer = held.within(self.until, run) => Some(answer.unwrap_or(Err(Fault::Silent))),
            }
        });
        let Some(answer) = answer else {
            // Nobody waits for it any more: dropped as it is, the connection is cancelled and closed.
            self.dropped = true;
            self.held.discard();
            self.ended = Some(Ended::Badly(Error::Closed));
            return Err(Error::Closed);
        };
        self.begun = true;
        self.savepoint = guarded;
        answer.map_err(|fault| self.after(fault, &asked.text))
    }

    /// The commands that open the transaction and a savepoint.
    fn prefix(&self, guarded: bool) -> String {
        let parts = [(!self.begun, &*self.begin), (self.savepoint, RELEASE), (guarded, SAVEPOINT)];
        let parts: Vec<&str> = parts.iter().filter(|(wanted, _)| *wanted).map(|(_, part)| *part).collect();
        parts.join(";")
    }

    /// What an error of a statement means for the transaction, and what the closure is told.
    fn after(&mut self, fault: Fault, text: &Arc<Text>) -> Error {
        let again = fault.lost() || fault.is(is_conflict) || fault.is(super::error::is_stale);
        let ends = matches!(fault, Fault::Silent) || fault.is(|error| error.code() == Some(&CANCELED));
        if again || ends {
            let failed = Failed { fault, sql: Arc::clone(&text.sql), unknown: false };
            let ended = Ended::Failed(failed);
            let error = told(&ended);
            self.ended = Some(ended);
            return error;
        }
        if matches!(fault, Fault::Server(_)) {
            if self.savepoint {
                let held = &self.held;
                let back = held.within(self.until, held.batch_execute(ROLL_BACK_TO_SAVEPOINT));
                match held.shared.handle.block_on(back) {
                    Some(Ok(())) => {}
                    Some(Err(error)) => return self.after(Fault::Server(error), text),
                    None => return self.after(Fault::Silent, text),
                }
            } else {
                self.broken = Some(Arc::clone(text));
            }
        }
        fault.into_error(&text.sql)
    }
}

const CANCELED: tokio_postgres::error::SqlState = tokio_postgres::error::SqlState::QUERY_CANCELED;

/// What a closure is told of a transaction that has ended.
fn told(ended: &Ended) -> Error {
    match ended {
        Ended::Badly(error) => error.clone(),
        Ended::Failed(failed) => match &failed.fault {
            Fault::Server(error) => super::error::of_statement(error, &failed.sql),
            Fault::Ours(error) => error.clone(),
            Fault::Gone => Error::Unavailable("the connection was lost".to_owned()),
            Fault::Silent => Error::Deadline,
        },
        // It is run again.
        Ended::Caught | Ended::Well => Error::Conflict,
    }
}

impl Session for Open {
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        self.statement(statement, Some(sink)).map(drop)
    }

    fn execute(&mut self, statement: &Statement) -> Result<u64> {
        self.statement(statement, None)
    }

    fn after_commit(&mut self, work: Box<dyn FnOnce() + Send>) {
        if self.what == Use::Write {
            self.later.push(work);
        }
    }

    fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        if self.what == Use::Read {
            return Err(Error::Denied("a read may not notify".to_owned()));
        }
        check_notice(channel, payload)?;
        self.statement(&notice(channel, payload), None).map(drop)
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }
}

/// The statement that tells the listeners of a channel.
pub(super) fn notice(channel: &str, payload: &str) -> Statement {
    Statement::new("select pg_notify(:channel, :payload)", params! { channel, payload })
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it said nothing").to_owned()
}
