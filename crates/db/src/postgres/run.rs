//! Statements without a closure: a read in one round trip, a write in one too unless its rows are asked for.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{FutureExt, MaybeDone, join, maybe_done};
use tokio::time::Instant;
use tokio_postgres::Error as Theirs;
use tokio_postgres::Statement as Prepared;

use super::counts::Use;
use super::decode::Shown;
use super::encode::{Encoded, Unfit, encode};
use super::error::{is_lost, is_stale};
use super::fault::Fault;
use super::pool::{Held, Shared};
use super::retry::{Failed, Runs};
use super::texts::Text;
use crate::driver::{Sink, Statement};
use crate::error::{Error, Result};
use crate::params::Params;

/// What opens a transaction that writes.
pub(super) const BEGIN_WRITE: &str = "begin isolation level serializable read write";

/// The same for a closure that has this time, at this level. One whose process is frozen or cut off between two of its
/// statements must not keep its rows for long from those who wait for them: the server ends it soon after its time.
pub(super) fn begin_closure(level: &str, time: Duration) -> String {
    let soon = (time + LATE).as_millis().min(i32::MAX as u128);
    format!(
        "begin isolation level {level} read write; set local idle_in_transaction_session_timeout = {soon}"
    )
}

/// How long after its time it may say nothing.
const LATE: Duration = Duration::from_secs(2);

/// Rows that are passed over to keep a connection whose sink wants no more; beyond it a new connection is cheaper.
const PASSED_OVER: usize = 1_000;

/// A statement that is to be run: what is known of its text, and its values.
pub(super) struct Asked<'s> {
    pub(super) text: Arc<Text>,
    params: &'s Params,
}

impl<'s> Asked<'s> {
    /// Looks at a statement before anything is sent.
    pub(super) fn new(shared: &Shared, statement: &'s Statement) -> Result<Self> {
        let text = shared.texts.of(statement)?;
        text.values(&statement.params)?;
        Ok(Self { text, params: &statement.params })
    }

    /// Its values for the types that the server inferred.
    pub(super) fn encoded(&self, prepared: &Prepared) -> Result<Vec<Encoded<'s>>> {
        let values = self.text.values(self.params)?;
        let typed = values.iter().zip(prepared.params());
        typed
            .map(|((name, value), ty)| {
                encode(value, ty).map_err(|unfit| match unfit {
                    Unfit::Value(why) => Error::Check(format!("`:{name}`: {why}")),
                    Unfit::Kind(why) => Error::Params(format!(
                        "`:{name}`: {why} (say another type with a cast, as in `:{name}::text`) in `{}`",
                        self.text.sql
                    )),
                })
            })
            .collect()
    }
}

/// Runs a statement and gives its rows to a sink; how many rows it changed or has.
pub(super) async fn rows(held: &Held, asked: &Asked<'_>, sink: &mut dyn Sink) -> Result<u64, Fault> {
    let prepared = held.shared.texts.prepare(held, &asked.text).await?;
    let values = asked.encoded(&prepared)?;
    sink.begin();
    let mut rows = std::pin::pin!(held.query_raw(&prepared, &values).await?);
    let mut done = Ok(());
    // How many rows came after the last that was wanted.
    let mut passed_over = None;
    while let Some(row) = rows.next().await {
        let row = row?;
        match &mut passed_over {
            None => match sink.row(&Shown(&row)) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => passed_over = Some(0),
                Err(error) => (done, passed_over) = (Err(error), Some(0)),
            },
            Some(count) => {
                *count += 1;
                // A write has to come to its end, unless it is rolled back anyway.
                if *count > PASSED_OVER && (done.is_err() || !asked.text.writes()) {
                    held.leave_unfinished();
                    break;
                }
            }
        }
    }
    done?;
    Ok(rows.rows_affected().unwrap_or_default())
}

/// Runs a statement whose rows nobody wants; how many it changed.
pub(super) async fn changed(held: &Held, asked: &Asked<'_>) -> Result<u64, Fault> {
    let prepared = held.shared.texts.prepare(held, &asked.text).await?;
    let values = asked.encoded(&prepared)?;
    let rows = held.execute_raw(&prepared, &values).await?;
    // A read says how many rows it has, and has changed none.
    Ok(if asked.text.writes() { rows } else { 0 })
}

/// Runs one statement, a read or a write, and gives its rows to the sink.
pub(super) async fn query(shared: Arc<Shared>, statement: Statement, mut sink: Box<dyn Sink>) -> Result<()> {
    let asked = Asked::new(&shared, &statement)?;
    if !asked.text.writes() {
        let done = read(&shared, &asked, &mut *sink).await;
        // A function that writes: the server found it out, and from now on it is known.
        if !matches!(done, Err(Error::Denied(_))) {
            shared.counts.read(&done);
            return done;
        }
        asked.text.learn_that_it_writes();
    }
    write(&shared, &[asked], Some(&mut *sink)).await.map(drop)
}

/// A read; run once more on another connection when its own was lost or knew an old schema.
async fn read(shared: &Arc<Shared>, asked: &Asked<'_>, sink: &mut dyn Sink) -> Result<()> {
    let until = Instant::now() + shared.options.read_time;
    let mut again = true;
    loop {
        let mut held = shared.acquire(Use::Read, until).await?;
        held.begin();
        let answer = held.within(until, rows(&held, asked, sink)).await;
        let answer = answer.unwrap_or(Err(Fault::Silent));
        if !answer.as_ref().is_err_and(|fault| fault.lost() || matches!(fault, Fault::Silent)) {
            held.done();
        }
        let Err(fault) = answer else { return Ok(()) };
        if again && (fault.lost() || fault.is(is_stale)) {
            shared.forget_if_stale(&fault);
            again = false;
            continue;
        }
        return Err(fault.into_error(&asked.text.sql));
    }
}

/// Statements in one transaction, run again when they meet others.
pub(super) async fn write(
    shared: &Arc<Shared>,
    asked: &[Asked<'_>],
    mut sink: Option<&mut dyn Sink>,
) -> Result<Vec<u64>> {
    let mut runs = Runs::default();
    let done = loop {
        // The wait for a turn has a bound of its own.
        let turn = Instant::now() + shared.options.write_time;
        let mut held = match shared.acquire(Use::Write, turn).await {
            Ok(held) => held,
            Err(error) => break Err(error),
        };
        let until = runs.until(shared.options.write_time);
        held.begin();
        let outcome = match sink.as_deref_mut() {
            Some(sink) => with_rows(&mut held, &asked[0], sink, until).await,
            None => in_one_go(&mut held, asked, until).await,
        };
        match outcome {
            Ok(counts) => break Ok(counts),
            Err(failed) => {
                drop(held);
                if let Some(error) = runs.after(shared, failed).await {
                    break Err(error);
                }
            }
        }
    };
    shared.counts.write(&done, runs.begun);
    done
}

/// A write whose rows are asked for. They are looked at before the commit, so that rows which are not what was expected
/// roll it back.
async fn with_rows(
    held: &mut Held,
    asked: &Asked<'_>,
    sink: &mut dyn Sink,
    until: Instant,
) -> Result<Vec<u64>, Failed> {
    let run = async { both(join(held.batch_execute(BEGIN_WRITE), rows(held, asked, sink)).await) };
    let answer = held.within(until, run).await;
    match answer.unwrap_or(Err(Fault::Silent)) {
        Ok(count) => {
            let until = Instant::now() + held.shared.options.write_time;
            commit(held, until, &asked.text.sql).await?;
            Ok(vec![count])
        }
        Err(fault) => {
            roll_back(held, &fault).await;
            Err(Failed { fault, sql: Arc::clone(&asked.text.sql), unknown: false })
        }
    }
}

/// What comes of a statement and of what was sent before it.
pub(super) fn both<T>((before, run): (Result<(), Theirs>, Result<T, Fault>)) -> Result<T, Fault> {
    before?;
    run
}

/// Commits; the connection can be used again.
pub(super) async fn commit(held: &mut Held, until: Instant, sql: &Arc<str>) -> Result<(), Failed> {
    let begun = Instant::now();
    let answer = held.settle(until, held.batch_execute("commit")).await;
    match answer {
        Some(Ok(())) => {
            held.done();
            held.shared.counts.commit(begun.elapsed());
            Ok(())
        }
        Some(Err(error)) if !is_lost(&error) => {
            held.done();
            Err(Failed { fault: Fault::Server(error), sql: Arc::clone(sql), unknown: false })
        }
        _ => Err(Failed { fault: Fault::Silent, sql: Arc::clone(sql), unknown: true }),
    }
}

/// Rolls back what failed, if the connection lives; then it can be used again.
pub(super) async fn roll_back(held: &mut Held, fault: &Fault) {
    if matches!(fault, Fault::Silent) || fault.lost() {
        return;
    }
    let until = Instant::now() + held.shared.options.connect_time;
    if let Some(Ok(())) = held.within(until, held.batch_execute("rollback")).await {
        held.done();
    }
}

/// Statements whose rows nobody wants, sent together with their commit: one round trip for all.
async fn in_one_go(held: &mut Held, asked: &[Asked<'_>], until: Instant) -> Result<Vec<u64>, Failed> {
    let failed = |at: usize, fault, unknown| {
        let sql =
            asked.get(at).or(asked.last()).map_or_else(|| Arc::from("commit"), |it| Arc::clone(&it.text.sql));
        Failed { fault, sql, unknown }
    };
    let mut ready = Vec::with_capacity(asked.len());
    for it in asked {
        match held.within(until, held.shared.texts.prepare(held, &it.text)).await {
            Some(Ok(prepared)) => ready.push(prepared),
            // What an earlier one of them makes is not there yet.
            Some(Err(error)) if !is_lost(&error) && asked.len() > 1 => {
                return one_by_one(held, asked, until).await;
            }
            Some(Err(error)) => {
                if !is_lost(&error) {
                    held.done();
                }
                return Err(failed(ready.len(), Fault::Server(error), false));
            }
            None => return Err(failed(ready.len(), Fault::Silent, false)),
        }
    }
    let mut values = Vec::with_capacity(asked.len());
    for (at, (it, prepared)) in asked.iter().zip(&ready).enumerate() {
        match it.encoded(prepared) {
            Ok(encoded) => values.push(encoded),
            Err(error) => {
                held.done();
                return Err(failed(at, Fault::Ours(error), false));
            }
        }
    }
    if held.is_closed() {
        return Err(failed(0, Fault::Gone, false));
    }
    let begun = Instant::now();
    match held.settle(until, all(held, &ready, &values)).await {
        Some(Ok(mut counts)) => {
            held.done();
            held.shared.counts.commit(begun.elapsed());
            for (count, it) in counts.iter_mut().zip(asked) {
                if !it.text.writes() {
                    *count = 0;
                }
            }
            Ok(counts)
        }
        Some(Err((at, error))) => {
            // The commit that was sent along has rolled back: the server has answered it already, or will in turn.
            let lost = is_lost(&error);
            if !lost {
                held.done();
            }
            Err(failed(at, Fault::Server(error), lost))
        }
        None => Err(failed(0, Fault::Silent, true)),
    }
}

/// Sends everything, then takes the answers; which statement failed, if one did.
async fn all(
    held: &Held,
    ready: &[Prepared],
    values: &[Vec<Encoded<'_>>],
) -> Result<Vec<u64>, (usize, Theirs)> {
    let mut begin = sent(held.batch_execute(BEGIN_WRITE));
    let mut runs = Vec::with_capacity(ready.len());
    for (prepared, values) in ready.iter().zip(values) {
        runs.push(sent(held.execute_raw(prepared, values)));
    }
    let mut commit = sent(held.batch_execute("commit"));
    answer(&mut begin).await.map_err(|error| (0, error))?;
    let mut counts = Vec::with_capacity(ready.len());
    for (at, run) in runs.iter_mut().enumerate() {
        counts.push(answer(run).await.map_err(|error| (at, error))?);
    }
    answer(&mut commit).await.map_err(|error| (ready.len(), error))?;
    Ok(counts)
}

type Sent<F> = Pin<Box<MaybeDone<F>>>;

/// Sends a request, which its future does when it is polled first.
fn sent<F: Future>(request: F) -> Sent<F> {
    let mut request = Box::pin(maybe_done(request));
    let _not_yet = request.as_mut().now_or_never();
    request
}

/// The answer to a request that was sent.
async fn answer<F: Future>(request: &mut Sent<F>) -> F::Output {
    request.as_mut().await;
    request.as_mut().take_output().expect("each answer is taken once")
}

/// The same statement by statement.
async fn one_by_one(held: &mut Held, asked: &[Asked<'_>], until: Instant) -> Result<Vec<u64>, Failed> {
    let mut counts = Vec::with_capacity(asked.len());
    for (at, it) in asked.iter().enumerate() {
        let run = async {
            if at == 0 {
                held.batch_execute(BEGIN_WRITE).await?;
            }
            changed(held, it).await
        };
        match held.within(until, run).await.unwrap_or(Err(Fault::Silent)) {
            Ok(count) => counts.push(count),
            Err(fault) => {
                roll_back(held, &fault).await;
                return Err(Failed { fault, sql: Arc::clone(&it.text.sql), unknown: false });
            }
        }
    }
    let until = Instant::now() + held.shared.options.write_time;
    let sql = asked.last().map_or_else(|| Arc::from("commit"), |it| Arc::clone(&it.text.sql));
    commit(held, until, &sql).await?;
    Ok(counts)
}

/// Several statements, or one whose rows nobody wants.
pub(super) async fn execute(shared: Arc<Shared>, statements: Vec<Statement>) -> Result<Vec<u64>> {
    let asked = statements.iter().map(|it| Asked::new(&shared, it)).collect::<Result<Vec<_>>>()?;
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    write(&shared, &asked, None).await
}
