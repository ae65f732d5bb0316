//! How many requests are answered at a time.
//!
//! A request holds a place while it works, and gives it back while it waits for its body: otherwise as many slow uploads
//! as there are places would shut everybody else out.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use http::header::RETRY_AFTER;
use ketch_model::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::lower::Shed;

/// One request's place.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    shed: Shed,
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Admission {
    /// Takes a place.
    ///
    /// # Errors
    /// 503 when there is none, unless the endpoint is one that always answers.
    pub(crate) fn take(places: &Arc<Semaphore>, shed: Shed) -> Result<Self, Error> {
        let admission = Self { places: Arc::clone(places), shed, place: Mutex::new(None) };
        admission.resume()?;
        Ok(admission)
    }

    /// Gives the place back, for good or for a while.
    pub(crate) fn pause(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Takes a place again.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(crate) fn resume(&self) -> Result<(), Error> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place),
            Err(_) if self.shed == Shed::Never => {}
            Err(_) => {
                let message = "the server is as busy as it may be: try again in a moment";
                let error = Error::new(503, "overloaded", message);
                return Err(error.header(RETRY_AFTER, HeaderValue::from_static("1")));
            }
        }
        Ok(())
    }
}
