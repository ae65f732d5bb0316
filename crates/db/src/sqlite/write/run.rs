//! One run of one job, in a transaction that is open.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rusqlite::Connection;

use super::super::connection::Guarded;
use super::super::counts::count;
use super::super::error::of_engine;
use super::super::session::{Later, Mode, Open};
use super::super::statement;
use super::batch::{Batches, Came, Fate};
use super::job::{Job, Task};
use crate::driver::{Company, Row, Sink, Statement};
use crate::error::{Error, Result};

impl Batches<'_> {
    /// Runs a job; its outcome is in it. In company, a job that fails is undone by itself where that is possible.
    pub(super) fn run(&mut self, job: &mut Job, company: Company) -> Fate {
        let Some(run) = job.begin() else { return Fate::Open };
        if run == 2 {
            count(&self.shared.counts.writes_replayed);
        }
        let saved = company == Company::Shared && job.task.has_parts();
        if saved && let Err(error) = self.control.save() {
            job.outcome = Some(Err(of_engine(error)));
            return self.give_up();
        }
        let came = self.timed(job);
        let good = came.result.is_ok();
        let broken = if let Err(Error::Broken(why)) = &came.result {
            self.shared.broken.set(why.clone());
            true
        } else {
            false
        };
        job.outcome = Some(came.result);
        if self.connection.is_autocommit() {
            return Fate::Ended;
        }
        if broken || (came.torn && company == Company::Shared) {
            return self.give_up();
        }
        if saved {
            let done = if good { self.control.keep() } else { self.control.undo() };
            if let Err(error) = done {
                job.fail(&of_engine(error));
                return self.give_up();
            }
        }
        Fate::Open
    }

    /// Runs a job's work under its deadline, and logs it when it was slow.
    fn timed(&self, job: &mut Job) -> Came {
        let options = &self.shared.options;
        let limit = match job.company {
            Company::Shared | Company::Committed => options.write_time,
            Company::Alone => options.alone_time,
        };
        let began = Instant::now();
        self.deadline.set(began + limit);
        let mut came = run_task(&mut job.task, &mut job.later, self.connection, self.guarded);
        self.deadline.lift();
        let took = began.elapsed();
        if took >= options.slow_write {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                kind = job.task.kind(),
                sql = job.task.sql(),
                millis,
                "slow write: others wait for it"
            );
        }
        // One statement that has ended well has nothing left to be late with; a closure might have. What failed tells
        // why, however late.
        if job.task.has_parts() && took >= limit && came.result.is_ok() {
            came.result = Err(Error::Deadline);
        }
        came
    }
}

fn run_task(task: &mut Task, later: &mut Later, connection: &Connection, guarded: &Guarded) -> Came {
    let mut rows_came = false;
    let changes = connection.total_changes();
    let done = catch_unwind(AssertUnwindSafe(|| match task {
        Task::Execute { statements, changed } => {
            changed.clear();
            guarded.run(|| execute(connection, statements, changed))
        }
        Task::Query { statement, sink } => {
            let mut sink = Watched { sink: &mut **sink, rows_came: &mut rows_came };
            guarded.run(|| query(connection, statement, &mut sink))
        }
        Task::Work(work) => {
            let done = work(&mut Open { connection, guarded, mode: Mode::Write(later) });
            // A closure may keep quiet about what ended its transaction.
            done.and_then(|()| later.ended.take().map_or(Ok(()), Err))
        }
        Task::Native(work) => guarded.run(|| work(connection)).and_then(|()| still_open(connection)),
    }));
    let result = done.unwrap_or_else(|panic| Err(Error::Panicked(text_of(&*panic))));
    // SQLite undoes a statement that fails: not one whose rows cannot be taken, nor what `or fail` has done so far. What
    // has parts is undone by its savepoint.
    let left = || rows_came || connection.total_changes() != changes;
    let torn = result.is_err() && !task.has_parts() && left();
    Came { result, torn }
}

fn execute(connection: &Connection, statements: &[Statement], changed: &mut Vec<u64>) -> Result<()> {
    for statement in statements {
        changed.push(statement::changed(connection, statement)?);
    }
    Ok(())
}

fn query(connection: &Connection, asked: &Statement, sink: &mut dyn Sink) -> Result<()> {
    let mut prepared = statement::prepare(connection, asked)?;
    statement::rows(connection, &mut prepared, &asked.sql, sink)
}

fn still_open(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Err(Error::Engine("a statement of the closure rolled the whole write back".to_owned()));
    }
    Ok(())
}

/// A sink, and whether it has been shown a row.
struct Watched<'s> {
    sink: &'s mut dyn Sink,
    rows_came: &'s mut bool,
}

impl Sink for Watched<'_> {
    fn begin(&mut self) {
        self.sink.begin();
    }

    fn row(&mut self, row: &dyn Row) -> Result<ControlFlow<()>> {
        *self.rows_came = true;
        self.sink.row(row)
    }
}

/// What a panic says.
pub(super) fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "something".to_owned())
}
