//! Statements that are there already, and sinks of the caller's own: for whoever knows neither while compiling.

use super::Db;
use crate::describe::{Described, Undescribed};
use crate::driver::{Now, Sink, Statement};
use crate::error::{Error, Result};
use crate::sink::Lent;
use crate::sql::Sql;

impl Db {
    /// Gives the rows of one statement to a sink, without a bound, and hands the sink back. A statement that writes is
    /// committed when this answers; an error of the sink rolls it back.
    ///
    /// # Errors
    /// Whatever the engine says, or the sink.
    pub async fn query_into<S: Sink + 'static>(&self, statement: Statement, mut sink: S) -> Result<S> {
        let driver = self.driver()?;
        // A read that is answered at once still gives others their turn now and then.
        tokio::task::consume_budget().await;
        match driver.query_now(&statement, &mut sink) {
            Now::Done(done) => done.map(|()| sink),
            Now::Later => {
                let lent = Lent::new(sink);
                driver.query(statement, Box::new(lent.lend())).await?;
                lent.take().ok_or_else(|| Error::Engine("the engine lost the sink of its rows".to_owned()))
            }
        }
    }

    /// What is known of a statement without running it.
    ///
    /// # Errors
    /// Why the engine does not understand it; [`Error::Unsupported`] when it cannot tell.
    pub async fn describe(&self, sql: impl Into<Sql>) -> Result<Described, Undescribed> {
        self.driver()?.describe(sql.into()).await
    }

    /// Runs statements that are there already in one transaction: all or none. How many rows each changed.
    ///
    /// # Errors
    /// Whatever the engine says of the first that fails; then none has happened.
    pub async fn run(&self, statements: Vec<Statement>) -> Result<Vec<u64>> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        self.driver()?.execute(statements).await
    }
}
