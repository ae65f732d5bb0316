//! How many requests are answered at a time, and how many bytes of their bodies are held meanwhile.
//!
//! A request holds a place while it works, and gives it back while it waits for its body: otherwise as many slow uploads
//! as there are places would shut everybody else out. What has come of a body is held all the same, so bodies have a
//! budget of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use http::header::RETRY_AFTER;
use ketch_model::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::Capacity;
use crate::lower::Shed;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Places {
    /// Requests being answered.
    in_flight: Arc<Semaphore>,
    /// KiB of bodies being read.
    bodies: Arc<Semaphore>,
    size: u32,
}

impl Places {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let size = u32::try_from(capacity.in_flight).unwrap_or(most).clamp(1, most);
        let bodies = u32::try_from(capacity.body_bytes >> 10).unwrap_or(most).clamp(1, most);
        Self {
            in_flight: Arc::new(Semaphore::new(size as usize)),
            bodies: Arc::new(Semaphore::new(bodies as usize)),
            size,
        }
    }

    /// Places that are taken.
    pub(crate) fn taken(&self) -> usize {
        self.size as usize - self.in_flight.available_permits()
    }

    /// Waits until none is taken.
    pub(crate) async fn idle(&self) {
        let _all = self.in_flight.acquire_many(self.size).await;
    }
}

/// One request's place.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Places>,
    shed: Shed,
    place: Mutex<Option<OwnedSemaphorePermit>>,
    waits_for_body: AtomicBool,
}

impl Admission {
    /// Takes a place.
    ///
    /// # Errors
    /// 503 when there is none, unless the endpoint is one that always answers.
    pub(crate) fn take(places: &Arc<Places>, shed: Shed) -> Result<Self, Error> {
        let (place, waits_for_body) = (Mutex::new(None), AtomicBool::new(false));
        let admission = Self { places: Arc::clone(places), shed, place, waits_for_body };
        admission.resume()?;
        Ok(admission)
    }

    /// Gives the place back for good.
    pub(crate) fn end(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Gives the place back while the body is waited for.
    pub(crate) fn pause(&self) {
        self.waits_for_body.store(true, Ordering::Release);
        self.end();
    }

    /// Takes a place again, if there is one, for work that goes on without the body it has waited for.
    pub(crate) fn regain(&self) {
        if let Ok(place) = Arc::clone(&self.places.in_flight).try_acquire_owned() {
            *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        }
    }

    /// Whether the body is being waited for.
    pub(crate) fn waits_for_body(&self) -> bool {
        self.waits_for_body.load(Ordering::Acquire)
    }

    /// Room for so many more bytes of a body, until the permit is dropped.
    ///
    /// # Errors
    /// 503 when all bodies together are at their bound.
    pub(crate) fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        Arc::clone(&self.places.bodies).try_acquire_many_owned(kib).map_err(|_| overloaded())
    }

    /// Takes a place again.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(crate) fn resume(&self) -> Result<(), Error> {
        self.waits_for_body.store(false, Ordering::Release);
        match Arc::clone(&self.places.in_flight).try_acquire_owned() {
            Ok(place) => *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place),
            Err(_) if self.shed == Shed::Never => {}
            Err(_) => return Err(overloaded()),
        }
        Ok(())
    }
}

fn overloaded() -> Error {
    let message = "the server is as busy as it may be: try again in a moment";
    Error::new(503, "overloaded", message).header(RETRY_AFTER, HeaderValue::from_static("1"))
}
