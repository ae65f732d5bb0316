//! What waits for the writer: jobs, and orders to the thread itself.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::session::Later;
use crate::driver::{Change, Company, Sink, Statement, Work};
use crate::error::{Error, Result};

/// How many rows each statement changed; nothing for what does not count them.
pub(super) type Answer = Result<Vec<u64>>;

/// Where an answer goes.
pub(super) type Done = oneshot::Sender<Answer>;

/// Work with the engine's own connection.
pub(in super::super) type Native = Box<dyn FnMut(&Connection) -> Result<()> + Send>;

/// What the thread is told.
pub(super) enum Order {
    Write(Job),
    Change(Change, Done),
    Reopen(Done),
    /// Do what is queued, then end.
    Close,
}

/// What a write does.
pub(super) enum Task {
    /// Statements, all or none.
    Execute { statements: Vec<Statement>, changed: Vec<u64> },
    /// One statement that shows rows.
    Query { statement: Statement, sink: Box<dyn Sink> },
    /// A closure.
    Work(Work),
    /// A closure on the engine's own connection.
    Native(Native),
}

impl Task {
    /// Whether what it did so far has to be undone by a savepoint when it fails: SQLite itself undoes a statement, or is
    /// seen to have left something of it.
    pub(super) fn has_parts(&self) -> bool {
        match self {
            Self::Execute { statements, .. } => statements.len() > 1,
            Self::Query { .. } => false,
            Self::Work(_) | Self::Native(_) => true,
        }
    }

    /// What it is, for logs.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Execute { .. } => "statements",
            Self::Query { .. } => "query",
            Self::Work(_) | Self::Native(_) => "closure",
        }
    }

    /// The text of its first statement, without values. Closures have none.
    pub(super) fn sql(&self) -> &str {
        match self {
            Self::Execute { statements, .. } => statements.first().map_or("", |it| &it.sql),
            Self::Query { statement, .. } => &statement.sql,
            Self::Work(_) | Self::Native(_) => "",
        }
    }
}

/// A write that waits for its turn, runs, and is answered.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) company: Company,
    /// What it leaves to be done once it is committed.
    pub(super) later: Later,
    /// What its last run came to. A job that nobody waits for any more is not run and has none.
    pub(super) outcome: Option<Result<()>>,
    runs: u32,
    done: Option<Done>,
}

impl Job {
    pub(super) fn new(task: Task, company: Company, done: Done) -> Self {
        Self { task, company, later: Later::default(), outcome: None, runs: 0, done: Some(done) }
    }

    /// Whether its deadline has ended it: it is not run again.
    fn is_late(&self) -> bool {
        matches!(self.outcome, Some(Err(Error::Deadline)))
    }

    /// Forgets an earlier run, and says how many runs there are with this one; `None` when there is no reason to run it.
    pub(super) fn begin(&mut self) -> Option<u32> {
        if self.is_late() {
            return None;
        }
        self.outcome = None;
        self.later = Later::default();
        if self.done.as_ref().is_none_or(Done::is_closed) {
            return None;
        }
        self.runs += 1;
        Some(self.runs)
    }

    /// Gives it an error in place of what its run came to, which may rest on what is not stored either.
    pub(super) fn fail(&mut self, error: &Error) {
        if !self.is_late() {
            self.outcome = Some(Err(error.clone()));
        }
    }

    /// Answers whoever waits.
    pub(super) fn answer(&mut self) {
        let (Some(done), Some(outcome)) = (self.done.take(), self.outcome.take()) else { return };
        let changed = match &mut self.task {
            Task::Execute { changed, .. } => std::mem::take(changed),
            _ => Vec::new(),
        };
        let _nobody_waits = done.send(outcome.map(|()| changed));
    }
}
