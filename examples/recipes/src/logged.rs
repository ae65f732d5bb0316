//! A driver around another: it keeps how often each statement ran and how long that took.
//!
//! It is also the smallest driver of one's own. What it does not change, it hands on; all that matters is that closures
//! are handed on with a [`Session`] that counts too.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::BoxStream;
use ketch_db::describe::{Described, Undescribed};
use ketch_db::driver::{Change, Company, Decode, Now, Pending, Session, Sink, Work};
use ketch_db::{Dialect, Driver, Heard, Result, Sql, Statement, Stats};

/// How many texts are kept; what comes later is counted under [`OTHERS`], so that texts that are made up each time
/// cannot fill the memory.
pub const TEXTS: usize = 1_000;

/// Where the texts beyond [`TEXTS`] are counted.
pub const OTHERS: &str = "(others)";

/// How often one text ran, how often it failed, and how long it took in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Runs, those of closures that were run again included.
    pub runs: u64,
    /// Runs that ended with an error.
    pub failed: u64,
    /// From the question to the last row.
    pub time: Duration,
}

/// What has been counted. Clones are the same log.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<HashMap<String, Line>>>);

impl Log {
    /// What was counted of a text.
    pub fn line(&self, sql: &str) -> Line {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(sql).copied().unwrap_or_default()
    }

    /// All texts, the ones that took most time first.
    pub fn table(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<_> = lines.iter().collect();
        lines.sort_by_key(|(sql, line)| (std::cmp::Reverse(line.time), sql.as_str()));
        lines.iter().fold(String::new(), |mut table, (sql, line)| {
            let Line { runs, failed, time } = line;
            let _infallible = writeln!(table, "{runs:>8} runs {failed:>6} failed {time:>12.1?}  {sql}");
            table
        })
    }

    fn add(&self, sql: &str, begun: Instant, good: bool) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sql = if lines.len() < TEXTS || lines.contains_key(sql) { sql } else { OTHERS };
        if !lines.contains_key(sql) {
            lines.insert(sql.to_owned(), Line::default());
        }
        if let Some(line) = lines.get_mut(sql) {
            line.runs += 1;
            line.failed += u64::from(!good);
            line.time += begun.elapsed();
        }
    }
}

/// A driver whose statements are counted.
#[derive(Debug)]
pub struct Logged<D> {
    driver: D,
    log: Log,
}

impl<D: Driver> Logged<D> {
    /// Counts what a driver runs.
    pub fn new(driver: D, log: &Log) -> Self {
        Self { driver, log: log.clone() }
    }

    /// Work whose session counts.
    fn counted(&self, mut work: Work) -> Work {
        let log = self.log.clone();
        Box::new(move |session| work(&mut Counted { session, log: &log }))
    }
}

impl<D: Driver> Driver for Logged<D> {
    fn dialect(&self) -> Dialect {
        self.driver.dialect()
    }

    fn query_now(&self, statement: &Statement, sink: &mut dyn Sink) -> Now {
        let begun = Instant::now();
        let now = self.driver.query_now(statement, sink);
        if let Now::Done(done) = &now {
            self.log.add(&statement.sql, begun, done.is_ok());
        }
        now
    }

    fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<Result<()>> {
        let (log, sql, begun) = (self.log.clone(), statement.sql.clone(), Instant::now());
        let done = self.driver.query(statement, sink);
        Box::pin(async move {
            let done = done.await;
            log.add(&sql, begun, done.is_ok());
            done
        })
    }

    fn execute(&self, statements: Vec<Statement>) -> Pending<Result<Vec<u64>>> {
        let (log, begun) = (self.log.clone(), Instant::now());
        let texts: Vec<_> = statements.iter().map(|statement| statement.sql.clone()).collect();
        let done = self.driver.execute(statements);
        Box::pin(async move {
            let done = done.await;
            // They ran as one, so each is told with the time of all.
            texts.iter().for_each(|sql| log.add(sql, begun, done.is_ok()));
            done
        })
    }

    fn read(&self, work: Work) -> Pending<Result<()>> {
        self.driver.read(self.counted(work))
    }

    fn write(&self, work: Work, company: Company) -> Pending<Result<()>> {
        self.driver.write(self.counted(work), company)
    }

    fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, Result<Box<dyn Any + Send>>> {
        // Its time is its consumer's, so only the run is counted.
        self.log.add(&statement.sql, Instant::now(), true);
        self.driver.stream(statement, decode)
    }

    fn notify(&self, channel: String, payload: String) -> Pending<Result<()>> {
        self.driver.notify(channel, payload)
    }

    fn listen(&self, channel: String) -> Pending<Result<BoxStream<'static, Heard>>> {
        self.driver.listen(channel)
    }

    fn change(&self, change: Change) -> Pending<Result<()>> {
        self.driver.change(change)
    }

    fn describe(&self, sql: Sql) -> Pending<Result<Described, Undescribed>> {
        self.driver.describe(sql)
    }

    fn lock_schema(&self) -> Pending<Result<Box<dyn Any + Send>>> {
        self.driver.lock_schema()
    }

    fn backup(&self, to: PathBuf) -> Pending<Result<()>> {
        self.driver.backup(to)
    }

    fn health(&self) -> Pending<Result<()>> {
        self.driver.health()
    }

    fn stats(&self) -> Stats {
        self.driver.stats()
    }

    fn close(&self) -> Pending<()> {
        self.driver.close()
    }

    /// The inner engine, so that `db.sqlite()` works as before.
    fn as_any(&self) -> &dyn Any {
        self.driver.as_any()
    }
}

/// A session whose statements are counted.
struct Counted<'s> {
    session: &'s mut dyn Session,
    log: &'s Log,
}

impl Session for Counted<'_> {
    fn query(&mut self, statement: &Statement, sink: &mut dyn Sink) -> Result<()> {
        let begun = Instant::now();
        let done = self.session.query(statement, sink);
        self.log.add(&statement.sql, begun, done.is_ok());
        done
    }

    fn execute(&mut self, statement: &Statement) -> Result<u64> {
        let begun = Instant::now();
        let done = self.session.execute(statement);
        self.log.add(&statement.sql, begun, done.is_ok());
        done
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
