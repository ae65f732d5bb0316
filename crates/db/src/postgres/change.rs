//! Changes of the schema, and the lock that lets one process make them at a time.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, Error as Theirs};

use super::counts::Use;
use super::error::{of_connect, of_statement};
use super::fault::Fault;
use super::pool::{Held, Shared};
use super::run::{Asked, changed, roll_back};
use super::texts::denied;
use crate::driver::{Change, Dialect};
use crate::error::{Error, Result};
use crate::tokens::split;

/// One change takes this long at most: an index of a large table takes its time.
const CHANGE_TIME: Duration = Duration::from_hours(1);
/// The key of the advisory lock: "ketch" in ASCII.
const LOCK: i64 = 0x6b_65_74_63_68;
/// How long after it was taken the lock is asked for again.
const AGAIN: Duration = Duration::from_millis(100);

/// Makes a change.
pub(super) async fn change(shared: Arc<Shared>, change: Change) -> Result<()> {
    let statements = split(&change.script, Dialect::Postgres);
    if let Some(denied) = statements.iter().find_map(|sql| denied(sql)) {
        return Err(Error::Denied(format!("`{denied}` in a change of the schema")));
    }
    let asked: Result<Vec<_>> = change.record.iter().map(|it| Asked::new(&shared, it)).collect();
    let asked = asked?;
    let turn = Instant::now() + shared.options.alone_time;
    let mut held = shared.acquire(Use::Write, turn).await?;
    let until = Instant::now() + CHANGE_TIME;
    held.begin();
    // What the server is asked at the moment: a position in an error counts from its beginning.
    let mut sent = &*change.script;
    let run = async {
        if change.in_transaction {
            held.batch_execute(BEGIN).await?;
            held.batch_execute(&change.script).await?;
        } else {
            // Several in one message would be one transaction.
            held.batch_execute("set default_transaction_read_only = off").await?;
            for sql in statements {
                sent = sql;
                held.batch_execute(sql).await?;
            }
            held.batch_execute("set default_transaction_read_only = on").await?;
            held.batch_execute(BEGIN).await?;
        }
        for it in &asked {
            sent = &it.text.sql;
            changed(&held, it).await?;
        }
        held.batch_execute("commit").await?;
        Ok(())
    };
    let done = held.settle(until, run).await.unwrap_or(Err(Fault::Silent));
    let result = finish(&mut held, done, change.in_transaction, sent).await;
    // A script may have left something in its session, as the `set_config` at the head of a dump does.
    held.discard();
    shared.forget_prepared();
    result
}

/// What opens the transaction of a change. It is not serializable: the lock on the schema lets no other run beside it,
/// and it has to see what was committed while it waited for the lock on a table.
const BEGIN: &str = "begin isolation level read committed read write";

async fn finish(held: &mut Held, done: Result<(), Fault>, in_transaction: bool, sent: &str) -> Result<()> {
    let Err(fault) = done else { return Ok(()) };
    if fault.lost() {
        let why =
            "the connection was lost while the schema was changed: whether it was is not known".to_owned();
        return Err(Error::Unavailable(why));
    }
    if in_transaction {
        roll_back(held, &fault).await;
    }
    Err(match fault {
        Fault::Server(error) => of_script(&error, sent),
        other => other.into_error(sent),
    })
}

/// An error in a script, with the line it is about instead of the whole text.
fn of_script(error: &Theirs, script: &str) -> Error {
    let position = error.as_db_error().and_then(|db| db.position());
    let line = match position {
        Some(tokio_postgres::error::ErrorPosition::Original(at)) => {
            let before = script.chars().take(*at as usize);
            let number = before.filter(|it| *it == '\n').count();
            script.lines().nth(number).map(str::trim)
        }
        _ => None,
    };
    of_statement(error, line.unwrap_or(script))
}

/// Keeps every process from changing the schema until the answer is dropped: a connection of its own holds the lock, so
/// that the change finds room in a pool of one.
pub(super) async fn lock_schema(shared: Arc<Shared>) -> Result<Box<dyn Any + Send>> {
    let target = &shared.target;
    let connect = timeout(shared.options.connect_time, target.config.connect(target.tls.clone())).await;
    let (client, connection) = match connect {
        Ok(connected) => connected.map_err(|error| of_connect(&error, &target.shown))?,
        Err(_) => {
            let why = format!("{}: no connection within {:?}", target.shown, shared.options.connect_time);
            return Err(Error::Unavailable(why));
        }
    };
    shared.handle.spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %super::error::explained(&error), "the lock on the schema is lost");
        }
    });
    let wait = shared.options.alone_time;
    let until = Instant::now() + wait;
    // Asked again and again: one that waits inside the server has a snapshot, for whose end `create index concurrently`
    // of the one that holds the lock would wait in turn.
    while !try_lock(&client, shared.options.connect_time).await? {
        if Instant::now() > until {
            return Err(Error::Locked(format!(
                "another process has been changing the schema for more than {wait:?}; \
                 `select * from pg_locks where locktype = 'advisory'` tells which connection does"
            )));
        }
        sleep(AGAIN).await;
    }
    Ok(Box::new(client))
}

async fn try_lock(client: &Client, time: Duration) -> Result<bool> {
    const TRY: &str = "select pg_try_advisory_lock($1)";
    let asked = client.query_one(TRY, &[&LOCK]);
    let row = timeout(time, asked).await.map_err(|_| Error::Deadline)?;
    row.and_then(|row| row.try_get(0)).map_err(|error| of_statement(&error, TRY))
}
