//! The sinks of [`Db`](crate::Db): rows into typed values.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;

use crate::driver::{Row, Sink};
use crate::error::{Error, Result};
use crate::row::from_row;

/// Rows that room is made for when the first of several comes.
const LIST: usize = 32;

/// Keeps rows, up to a bound.
#[derive(Debug)]
pub(crate) struct Collect<T> {
    pub(crate) rows: Vec<T>,
    most: usize,
}

impl<T> Collect<T> {
    /// Keeps `most` rows; one more is an error.
    pub(crate) fn up_to(most: usize) -> Self {
        Self { rows: Vec::new(), most }
    }

    /// The only row.
    pub(crate) fn one(self) -> Result<T> {
        self.opt()?.ok_or(Error::NoRow)
    }

    /// The only row, if there is one.
    pub(crate) fn opt(mut self) -> Result<Option<T>> {
        Ok(self.rows.pop())
    }
}

impl<T: DeserializeOwned + Send> Sink for Collect<T> {
    fn begin(&mut self) {
        self.rows.clear();
    }

    fn row(&mut self, row: &dyn Row) -> Result<ControlFlow<()>> {
        if self.rows.len() == self.most {
            return Err(Error::TooManyRows(self.most));
        }
        let row = from_row(row)?;
        if self.rows.is_empty() && self.most > 1 {
            // A list has more than one: most lists need no second allocation.
            self.rows.reserve_exact(self.most.min(LIST));
        }
        self.rows.push(row);
        Ok(ControlFlow::Continue(()))
    }
}

/// A sink that is given away and looked into afterwards.
#[derive(Debug)]
pub(crate) struct Lent<S>(Arc<Mutex<Option<S>>>);

impl<S> Lent<S> {
    pub(crate) fn new(sink: S) -> Self {
        Self(Arc::new(Mutex::new(Some(sink))))
    }

    /// One to give away.
    pub(crate) fn lend(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// What was given away. It is here while nobody else has taken it.
    pub(crate) fn take(self) -> Option<S> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<S: Sink> Sink for Lent<S> {
    fn begin(&mut self) {
        if let Some(sink) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            sink.begin();
        }
    }

    fn row(&mut self, row: &dyn Row) -> Result<ControlFlow<()>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(sink) => sink.row(row),
            None => Ok(ControlFlow::Break(())),
        }
    }
}
