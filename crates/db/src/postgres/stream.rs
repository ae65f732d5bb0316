//! Large results, row by row: the server sends as fast as the rows are taken.

use std::any::Any;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::counts::Use;
use super::decode::Shown;
use super::error::of_statement;
use super::pool::Shared;
use super::run::Asked;
use crate::driver::{Decode, Statement};
use crate::error::{Error, Result};

/// Rows that wait for their consumer, beside what the socket holds.
const ROWS: usize = 32;

type Item = Box<dyn Any + Send>;

/// Runs a read in a task of its own, so that its deadline holds for a consumer who takes nothing as well.
pub(super) fn stream(
    shared: Arc<Shared>,
    statement: Statement,
    decode: Decode,
) -> BoxStream<'static, Result<Item>> {
    let (rows, taken) = mpsc::channel(ROWS);
    let (end, ended) = oneshot::channel();
    let start = (shared, statement, decode, rows, end);
    let state = (taken, Some(ended), Some(start));
    stream::unfold(state, |(mut taken, mut ended, mut start)| async move {
        if let Some((shared, statement, decode, rows, end)) = start.take() {
            shared.handle.clone().spawn(async move {
                let done = send(&shared, &statement, &decode, rows).await;
                shared.counts.read(&done);
                let _nobody_waits = end.send(done);
            });
        }
        if let Some(row) = taken.recv().await {
            return Some((Ok(row), (taken, ended, start)));
        }
        match ended.take()?.await.unwrap_or(Err(Error::Closed)) {
            Ok(()) => None,
            Err(error) => Some((Err(error), (taken, None, None))),
        }
    })
    .boxed()
}

async fn send(
    shared: &Arc<Shared>,
    statement: &Statement,
    decode: &Decode,
    rows: mpsc::Sender<Item>,
) -> Result<()> {
    let asked = Asked::new(shared, statement)?;
    let until = Instant::now() + shared.options.stream_time;
    let mut held = shared.acquire(Use::Read, until).await?;
    held.begin();
    let run = async {
        let of = |error| of_statement(&error, &asked.text.sql);
        let prepared = shared.texts.prepare(&held, &asked.text).await.map_err(of)?;
        let values = asked.encoded(&prepared)?;
        let mut found = std::pin::pin!(held.query_raw(&prepared, &values).await.map_err(of)?);
        while let Some(row) = found.next().await {
            let row = decode(&Shown(&row.map_err(of)?))?;
            if rows.send(row).await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    };
    // Dropped in the middle, the connection is cancelled and closed.
    let all = tokio::select! {
        all = timeout_at(until, run) => all.unwrap_or(Err(Error::Deadline)),
        () = rows.closed() => Ok(false),
    };
    if let Ok(true) = all {
        held.done();
    }
    all.map(drop)
}
