//! What is known of a statement's text: its numbered form, its names, whether it reads. Known texts are bounded, and with
//! them what each connection keeps prepared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use deadpool_postgres::{ClientWrapper, Pool};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio_postgres::Error as Theirs;
use tokio_postgres::Statement as Prepared;

use crate::driver::{Dialect, Statement};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::tokens::{number, split, words};
use crate::value::Value;

/// A statement's text.
#[derive(Debug)]
pub(super) struct Text {
    /// As it was written, for messages.
    pub(super) sql: Arc<str>,
    numbered: String,
    names: Vec<String>,
    /// It writes: it looks like it, or the server said so.
    writes: AtomicBool,
    /// Nobody has prepared it yet.
    new: AtomicBool,
    /// Somebody caught an error of it and went on: it is worth a savepoint.
    caught: AtomicBool,
}

impl Text {
    fn new(sql: &str) -> Result<Self> {
        if let Some(denied) = denied(sql) {
            return Err(Error::Denied(format!("`{denied}` in `{sql}`")));
        }
        if split(sql, Dialect::Postgres).is_empty() {
            return Err(Error::Statement {
                message: "there is no statement".to_owned(),
                sql: sql.to_owned(),
            });
        }
        let numbered = number(sql);
        if numbered.positional {
            return Err(Error::Params(format!("they are written `:name`, not `$1`, in `{sql}`")));
        }
        Ok(Self {
            sql: Arc::from(sql),
            names: numbered.names.iter().map(|name| (*name).to_owned()).collect(),
            writes: AtomicBool::new(!looks_like_a_read(sql)),
            new: AtomicBool::new(true),
            caught: AtomicBool::new(false),
            numbered: numbered.sql.into_owned(),
        })
    }

    /// Its names, in the order of their numbers.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn writes(&self) -> bool {
        self.writes.load(Relaxed)
    }

    /// The server refused it in a read.
    pub(super) fn learn_that_it_writes(&self) {
        self.writes.store(true, Relaxed);
    }

    pub(super) fn caught(&self) -> bool {
        self.caught.load(Relaxed)
    }

    pub(super) fn learn_that_it_is_caught(&self) {
        self.caught.store(true, Relaxed);
    }

    /// The values in the order of their numbers. Every parameter has a value, and every value a parameter.
    pub(super) fn values<'p>(&self, params: &'p Params) -> Result<Vec<(&str, &'p Value<'static>)>> {
        let refused = |why: String| Error::Params(format!("{why} in `{}`", self.sql));
        let given = self.names.iter().map(|name| params.get(name).map(|value| (name.as_str(), value)));
        let values: Vec<_> = given.flatten().collect();
        if values.len() == self.names.len() && params.len() == values.len() {
            return Ok(values);
        }
        let unknown = params.iter().find(|(name, _)| !self.names.iter().any(|known| known == name));
        if let Some((name, _)) = unknown {
            return Err(refused(format!("there is no `:{name}`")));
        }
        let missing = self.names.iter().filter(|name| params.get(name).is_none());
        let missing: Vec<_> = missing.map(|name| format!("`:{name}`")).collect();
        Err(refused(if missing.is_empty() {
            "a parameter is given twice".to_owned()
        } else {
            format!("no value for {}", missing.join(", "))
        }))
    }
}

/// The texts that are known, of all connections of an engine.
pub(super) struct Texts {
    known: Cache<Arc<str>, Arc<Text>>,
    most: usize,
}

impl Texts {
    /// Keeps `most` texts. What is forgotten is closed on every connection of the pool.
    pub(super) fn new(most: usize, pool: Pool) -> Self {
        let known = Cache::builder()
            .max_capacity(most as u64)
            .eviction_policy(EvictionPolicy::lru())
            .eviction_listener(move |_, text: Arc<Text>, _| {
                pool.manager().statement_caches.remove(&text.numbered, &[]);
            })
            .build();
        Self { known, most }
    }

    /// What is known of a statement.
    pub(super) fn of(&self, statement: &Statement) -> Result<Arc<Text>> {
        self.of_sql(&statement.sql)
    }

    pub(super) fn of_sql(&self, sql: &str) -> Result<Arc<Text>> {
        if let Some(text) = self.known.get(sql) {
            return Ok(text);
        }
        let text = Arc::new(Text::new(sql)?);
        self.known.insert(Arc::clone(&text.sql), Arc::clone(&text));
        // Now and not some time later, so that the bound is one.
        self.known.run_pending_tasks();
        Ok(text)
    }

    /// Prepares a statement on a connection, or finds it prepared.
    pub(super) async fn prepare(&self, client: &ClientWrapper, text: &Text) -> Result<Prepared, Theirs> {
        if !self.known.contains_key(&text.sql) {
            // Forgotten in the meantime; used once and closed.
            return client.prepare(&text.numbered).await;
        }
        let prepared = client.prepare_cached(&text.numbered).await?;
        // A text may be forgotten between the two lines above; then nobody else would close it. Counting takes a moment,
        // and only new texts make others be forgotten.
        if text.new.swap(false, Relaxed) && client.statement_cache.size() > self.most {
            client.statement_cache.clear();
        }
        Ok(prepared)
    }
}

/// The words that begin a statement which the database keeps for itself: transactions, and the state of a connection
/// that the next statement is not to inherit.
const KEPT: &[&str] = &[
    "abort",
    "begin",
    "close",
    "commit",
    "copy",
    "deallocate",
    "declare",
    "discard",
    "end",
    "execute",
    "fetch",
    "listen",
    "load",
    "move",
    "prepare",
    "release",
    "reset",
    "rollback",
    "savepoint",
    "start",
    "unlisten",
];

/// What of a statement is kept, if it is.
pub(super) fn denied(sql: &str) -> Option<String> {
    let mut words = words(sql, Dialect::Postgres);
    let first = words.next()?;
    match first.as_str() {
        kept if KEPT.contains(&kept) => Some(first),
        // `set local` ends with the transaction; `set local transaction` is none of it.
        "set" => match words.next()?.as_str() {
            "local" => None,
            second => Some(format!("set {second}")),
        },
        _ => None,
    }
}

/// Whether a statement reads and does not write, as far as its words tell. A function that writes is found out by the
/// server, because reads are run in read-only transactions.
fn looks_like_a_read(sql: &str) -> bool {
    let mut words = words(sql, Dialect::Postgres);
    let first = words.next().unwrap_or_default();
    matches!(first.as_str(), "select" | "values" | "table" | "show" | "with" | "explain")
        && !words
            .any(|word| matches!(word.as_str(), "insert" | "update" | "delete" | "merge" | "into" | "share"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_keeps_for_itself_is_known_by_its_first_word() {
        for sql in
            ["begin", "/* x */ COMMIT", "set transaction read only", "Set Session x = 1", "copy a from stdin"]
        {
            assert!(denied(sql).is_some(), "{sql}");
        }
        for sql in ["select 'begin'", "set local lock_timeout = 1", "update x set y = 1", ""] {
            assert_eq!(denied(sql), None, "{sql}");
        }
    }

    #[test]
    fn reads_are_known_by_their_words() {
        for sql in ["select 1", "(select 1)", "with a as (select 'insert') select * from a", "values (1)"] {
            assert!(looks_like_a_read(sql), "{sql}");
        }
        for sql in [
            "select 1 for update",
            "with a as (delete from b returning c) select * from a",
            "select 1 into a",
        ] {
            assert!(!looks_like_a_read(sql), "{sql}");
        }
    }
}
