//! What a runner asks of the database: one transaction that writes how runs ended and claims the next, and a look
//! whether there is something to do, which writes nothing.

use std::collections::HashSet;
use std::sync::Arc;

use ketch_db::{Db, Error, Result, Tx};

use crate::context::Progress;
use crate::store::{self, Claim, Claimed, Ending, Fate, Held};

/// How a run ended, until that is written.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) claim: Claim,
    pub(super) ending: Ending,
    /// How far it had come, if that is not written yet.
    pub(super) progress: Option<Progress>,
}

/// What is written and claimed.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) runner: Arc<str>,
    pub(super) now: i64,
    pub(super) ended: Vec<Ended>,
    /// Of those that go on.
    pub(super) progress: Vec<(Claim, Progress)>,
    /// The place of a queue, its name, and how many of its jobs may be begun.
    pub(super) free: Vec<(usize, String, usize)>,
    /// The job that alone may be begun.
    pub(super) only: Option<i64>,
    /// The runs that there are, when it is not sure that these are all claims of this runner.
    pub(super) doubt: Option<HashSet<(i64, i64)>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Turned {
    /// With the place of its queue.
    pub(super) claimed: Vec<(usize, Claimed)>,
    /// Endings whose claims did not stand any more.
    pub(super) lost: usize,
    /// Runs that go on and whose claims do not stand any more.
    pub(super) strayed: Vec<Claim>,
    /// Whether every queue gave as much as was wanted.
    pub(super) is_full: bool,
}

impl Turn {
    pub(super) async fn run(self, db: Db) -> Result<Turned> {
        db.write_read_committed(move |tx| self.write(tx)).await
    }

    fn write(&self, tx: &mut Tx<'_>) -> Result<Turned> {
        let mut turned = Turned { is_full: true, ..Turned::default() };
        if let Some(known) = &self.doubt {
            give_back_unknown(tx, &self.runner, known, self.now)?;
        }
        for (claim, progress) in &self.progress {
            if !store::progress(tx, claim, progress.part, &progress.note)? {
                turned.strayed.push(claim.clone());
            }
        }
        turned.lost = settle(tx, &self.ended, self.now)?;
        if let Some(id) = self.only {
            let claimed = store::claim_one(tx, &self.runner, id, self.now)?;
            let place =
                |name: &str| self.free.iter().find(|(_, queue, _)| queue == name).map_or(0, |it| it.0);
            turned.claimed.extend(claimed.map(|(queue, it)| (place(&queue), it)));
            return Ok(turned);
        }
        for (queue, name, free) in &self.free {
            let claimed = store::claim(tx, &self.runner, name, *free, self.now)?;
            turned.is_full &= claimed.len() >= *free;
            turned.claimed.extend(claimed.into_iter().map(|it| (*queue, it)));
        }
        Ok(turned)
    }
}

/// Writes how runs ended; how many claims did not stand any more.
fn settle(tx: &mut Tx<'_>, ended: &[Ended], now: i64) -> Result<usize> {
    for Ended { claim, progress, .. } in ended {
        if let Some(progress) = progress {
            store::progress(tx, claim, progress.part, &progress.note)?;
        }
    }
    let endings: Vec<(Claim, Ending)> =
        ended.iter().map(|it| (it.claim.clone(), it.ending.clone())).collect();
    store::settle(tx, &endings, now)
}

/// Gives back claims whose answer did not come: nothing of them was begun.
fn give_back_unknown(
    tx: &mut Tx<'_>,
    runner: &Arc<str>,
    known: &HashSet<(i64, i64)>,
    now: i64,
) -> Result<()> {
    let claims =
        store::claims(tx, runner)?.into_iter().filter(|claim| !known.contains(&(claim.id, claim.token)));
    let back = Ending { then: Fate::Back, error: None };
    let unknown: Vec<(Claim, Ending)> = claims.map(|claim| (claim, back.clone())).collect();
    if !unknown.is_empty() {
        let count = unknown.len();
        tracing::info!(
            count,
            "jobs are given back that were claimed when the answer of the database was lost"
        );
    }
    store::settle(tx, &unknown, now).map(drop)
}

/// What came of writing endings one by one.
#[derive(Debug, Default)]
pub(super) struct Sifted {
    pub(super) lost: usize,
    /// Those that were refused for good: job and claim.
    pub(super) refused: Vec<(i64, i64)>,
    /// Those that are still to be written, and why they are not.
    pub(super) left: Option<(Vec<Ended>, Error)>,
}

/// Writes how runs ended one by one, so that one which the database refuses does not keep the others from being written.
/// It is written without its words then; when that is refused too, the job stays as it is until this process ends.
pub(super) async fn sift(db: Db, ended: Vec<Ended>, now: i64) -> Sifted {
    let mut sifted = Sifted::default();
    let mut left = ended.into_iter();
    while let Some(one) = left.next() {
        match write_one(&db, &one, now).await {
            Ok(lost) => sifted.lost += lost,
            Err(error) if is_refusal(&error) => {
                let id = one.claim.id;
                tracing::error!(id, %error, "how a job ended cannot be written: it is claimed until this process ends");
                sifted.refused.push((id, one.claim.token));
            }
            Err(error) => {
                let left = std::iter::once(one).chain(left).collect();
                return Sifted { left: Some((left, error)), ..sifted };
            }
        }
    }
    sifted
}

async fn write_one(db: &Db, one: &Ended, now: i64) -> Result<usize> {
    let write = |one: Ended| db.write_read_committed(move |tx| settle(tx, std::slice::from_ref(&one), now));
    match write(one.clone()).await {
        Err(error) if is_refusal(&error) => {
            let why = format!("how it ended cannot be stored as it is: {error}");
            let ending = Ending { error: one.ending.error.as_ref().map(|_| why), ..one.ending.clone() };
            write(Ended { ending, progress: None, ..one.clone() }).await
        }
        other => other,
    }
}

/// Whether the database will say the same of the same question again, while others may go well.
pub(super) fn is_refusal(error: &Error) -> bool {
    !error.is_passing() && !matches!(error, Error::Closed | Error::NotConnected)
}

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) runner: Arc<str>,
    /// Queues of which jobs could be begun.
    pub(super) queues: Vec<String>,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// When the next job is due, or was.
    pub(super) next: Option<i64>,
    /// What the runner has claimed.
    pub(super) held: Vec<Held>,
}

impl Look {
    pub(super) async fn run(self, db: Db) -> Result<Looked> {
        let mut looked = Looked::default();
        for queue in &self.queues {
            let next = store::next_due(&db, queue).await?;
            looked.next = [looked.next, next].into_iter().flatten().min();
        }
        looked.held = store::held(&db, &self.runner).await?;
        Ok(looked)
    }
}
