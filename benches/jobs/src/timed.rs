//! An engine that times what the runner does in its transactions: SQLite as it is, with a clock around.

use std::any::Any;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::BoxStream;
use ketch_db::driver::{
    Change, Company, Decode, Dialect, Driver, Heard, Now, Pending, Row, Session, Sink, Statement, Work,
};
use ketch_db::sqlite::Sqlite;
use ketch_db::{Result, Stats};

/// In the text of every claim, and of nothing else.
const CLAIM: &str = "claim = claim + 1";

/// What was timed.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// Rows of each claim, and how long it took.
    pub(crate) claims: Vec<(usize, Duration)>,
    /// How long all statements took of a transaction in which something was claimed, without its commit.
    pub(crate) cycles: Vec<Duration>,
}

/// SQLite with a clock.
#[derive(Debug)]
pub(crate) struct Timed {
    engine: Sqlite,
    times: Arc<Mutex<Times>>,
}

impl Timed {
    pub(crate) fn new(engine: Sqlite, times: Arc<Mutex<Times>>) -> Self {
        Self { engine, times }
    }
}

/// A transaction with a clock.
struct Watched<'s> {
    session: &'s mut dyn Session,
    claims: Vec<(usize, Duration)>,
}

impl Session for Watched<'_> {
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        if !statement.sql.contains(CLAIM) {
            return self.session.query(statement, sink);
        }
        let mut counted = Counted { sink, rows: 0 };
        let began = Instant::now();
        let done = self.session.query(statement, &mut counted);
        self.claims.push((counted.rows, began.elapsed()));
        done
    }

    fn execute(&mut self, statement: &Statement) -> Result<u64> {
        self.session.execute(statement)
    }

    fn after_commit(&mut self, work: Box<dyn FnOnce() + Send>) {
        self.session.after_commit(work);
    }

    fn notify(&mut self, channel: &str, payload: &str) -> Result<()> {
        self.session.notify(channel, payload)
    }

    fn dialect(&self) -> Dialect {
        self.session.dialect()
    }
}

/// A sink that counts.
struct Counted<'s> {
    sink: &'s mut dyn Sink,
    rows: usize,
}

impl Sink for Counted<'_> {
    fn begin(&mut self) {
        self.rows = 0;
        self.sink.begin();
    }

    fn row(&mut self, row: &dyn Row) -> Result<ControlFlow<()>> {
        self.rows += 1;
        self.sink.row(row)
    }
}

impl Driver for Timed {
    fn dialect(&self) -> Dialect {
        self.engine.dialect()
    }

    fn query_now(&self, statement: &Statement, sink: &mut dyn Sink) -> Now {
        self.engine.query_now(statement, sink)
    }

    fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<Result<()>> {
        self.engine.query(statement, sink)
    }

    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        self.engine.execute(statements)
    }

    fn read(&self, work: Work) -> Pending<Result<()>> {
        Driver::read(&self.engine, work)
    }

    fn write(&self, mut work: Work, company: Company) -> Pending<Result<()>> {
        let times = Arc::clone(&self.times);
        let timed: Work = Box::new(move |session| {
            let mut watched = Watched { session, claims: Vec::new() };
            let began = Instant::now();
            let done = work(&mut watched);
            let (took, claims) = (began.elapsed(), watched.claims);
            if claims.iter().any(|(rows, _)| *rows > 0) {
                let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
                times.claims.extend(claims);
                times.cycles.push(took);
            }
            done
        });
        Driver::write(&self.engine, timed, company)
    }

    fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        self.engine.stream(statement, decode)
    }

    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>> {
        self.engine.notify(channel, payload)
    }

    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>> {
        self.engine.listen(channel)
    }

    fn change(&self, change: Change) -> Pending<Result<()>> {
        self.engine.change(change)
    }

    fn backup(&self, to: PathBuf) -> Pending<Result<()>> {
        self.engine.backup(to)
    }

    fn health(&self) -> Pending<Result<()>> {
        self.engine.health()
    }

    fn stats(&self) -> Stats {
        self.engine.stats()
    }

    fn close(&self) -> Pending<()> {
        self.engine.close()
    }

    fn as_any(&self) -> &dyn Any {
        self.engine.as_any()
    }
}
