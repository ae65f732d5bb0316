//! Who may have a process: so many at a time, so many waiting, for so long. The others are told to come again.

use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use ketch_model::Error;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Seats, and a line before them.
#[derive(Debug)]
pub(super) struct Gate {
    seats: Semaphore,
    /// Those who sit and those who wait.
    places: Semaphore,
    wait: Duration,
}

/// A seat that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    _seat: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Gate {
    pub(super) fn new(seats: usize, queue: usize, wait: Duration) -> Self {
        Self { seats: Semaphore::new(seats), places: Semaphore::new(seats + queue), wait }
    }

    /// Takes a seat.
    ///
    /// # Errors
    /// 503 at once when the line is full, and when no seat was free in time.
    pub(super) async fn enter(&self) -> Result<Seat<'_>, Error> {
        let place = self.places.try_acquire().map_err(|_| busy(Duration::ZERO))?;
        let seat = timeout(self.wait, self.seats.acquire()).await;
        let seat = seat.ok().and_then(Result::ok).ok_or_else(|| busy(Duration::ZERO))?;
        Ok(Seat { _seat: seat, _place: place })
    }
}

/// The error of a program that has no process to spare for this time.
pub(super) fn busy(time: Duration) -> Error {
    let seconds = HeaderValue::from(time.as_secs().max(1));
    Error::new(503, "busy", "every process that could answer is busy; try again").header(RETRY_AFTER, seconds)
}
