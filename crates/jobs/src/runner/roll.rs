//! Who runs jobs at the moment, for whoever looks after the queue.

use std::collections::BTreeMap;

use ketch_db::{Db, Dialect, Result};

use super::membership::alive_now;
use crate::store;

/// The runners by name, and how many jobs each has. With SQLite those of this process; of a great many only a part.
pub(crate) async fn runners_now(db: &Db) -> Result<BTreeMap<String, u64>> {
    let mut all: BTreeMap<String, u64> = store::running(db).await?.into_iter().collect();
    let alive: Vec<String> = match db.dialect()? {
        Dialect::Sqlite => {
            let alive = alive_now().iter().map(ToString::to_string).collect::<Vec<_>>();
            // A process that was killed left claims, and they stay until somebody runs jobs here.
            all.retain(|id, _| alive.contains(id));
            alive
        }
        Dialect::Postgres => store::observe(db).await?.into_iter().map(|seen| seen.id).collect(),
    };
    for id in alive {
        all.entry(id).or_default();
    }
    Ok(all)
}
