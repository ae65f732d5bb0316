//! Lists of boats that are kept, and when they no longer hold.

use ketch::db;
use ketch::prelude::*;

/// The tag of the lists in the cache, and the channel on which a change is told.
pub(crate) const LISTS: &str = "lists";

/// The lists that this process keeps. Other processes on the same database keep their own.
#[derive(Clone, Debug)]
pub(crate) struct Lists(MemoryCache);

impl Lists {
    pub(crate) fn new() -> Self {
        Self(MemoryCache::new("16mb"))
    }

    pub(crate) fn cache(&self) -> MemoryCache {
        self.0.clone()
    }

    /// Says in a write that the register changes: once it has, lists are purged here before the write is answered, and
    /// in other processes a moment later.
    pub(crate) fn change(&self, tx: &mut Tx<'_>) -> db::Result<()> {
        let lists = self.clone();
        tx.after_commit(move || lists.purge());
        tx.notify(LISTS, "")
    }

    pub(crate) fn purge(&self) {
        self.0.purge_tag(LISTS);
    }
}
