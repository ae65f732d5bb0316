//! What the harbour knows: its boats and where they lie.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::boats::{Boat, Kind};
use crate::stays::Stay;

/// Boats that are remembered at most: memory is not endless.
pub(crate) const MOST_BOATS: usize = 10_000;
/// Berths are numbered from 1.
pub(crate) const BERTHS: u16 = 40;

#[derive(Debug)]
pub(crate) struct Harbour {
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) boats: BTreeMap<u32, Boat>,
    /// By berth.
    pub(crate) stays: BTreeMap<u16, Stay>,
    last_id: u32,
}

impl Harbour {
    pub(crate) fn with_three_boats() -> Self {
        let mut books = Books::default();
        for (name, kind, length) in
            [("Suhaili", Kind::Ketch, 9.8), ("Gipsy Moth IV", Kind::Ketch, 16.5), ("Spray", Kind::Yawl, 11.2)]
        {
            let id = books.next_id();
            books.boats.insert(id, Boat { id, name: name.to_owned(), kind, length });
        }
        Self { books: Mutex::new(books) }
    }

    /// The books, for reading and writing. They are whole even if somebody panicked over them: every change is one step.
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    pub(crate) fn next_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }
}
