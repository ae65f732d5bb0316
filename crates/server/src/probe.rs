//! Looks at the health of the database, for the readiness of the server.

use std::time::Duration;

use ketch_db::Db;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long one look at the health of the database may take, and how long its answer is told again.
const HEALTH: Duration = Duration::from_secs(1);

/// Asks for the health of the database, but not more often than once in [`HEALTH`], however many ask.
#[derive(Debug)]
pub(crate) struct Probe {
    db: Db,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Probe {
    pub(crate) fn new(db: Db) -> Self {
        Self { db, last: Mutex::default() }
    }

    pub(crate) async fn look(&self) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, usable)) = *last
            && at.elapsed() < HEALTH
        {
            return usable;
        }
        let found = timeout(HEALTH, self.db.health()).await.unwrap_or(Err(ketch_db::Error::Deadline));
        // Many who wait are no reason to send nobody here: those beyond the queue are told so one by one.
        let usable = matches!(found, Ok(()) | Err(ketch_db::Error::Busy));
        let was = last.is_none_or(|(_, usable)| usable);
        match found {
            Err(error) if was && !usable => tracing::error!(%error, "the database cannot be used: not ready"),
            _ if usable && !was => tracing::info!("the database can be used again: ready"),
            _ => {}
        }
        *last = Some((Instant::now(), usable));
        usable
    }
}
