//! Guards: what every request passes before it is routed, 404s included.

use std::fmt;

use http::request::Parts;
use ketch_model::Error;

/// Lets a request pass or refuses it, by its head alone. Guards run for every request, so they are quick and keep
/// no unbounded memory.
pub trait Guard: fmt::Debug + Send + Sync + 'static {
    /// Its name, in the log and in metrics.
    fn name(&self) -> &'static str;

    /// Lets the request pass.
    ///
    /// # Errors
    /// The error that the client gets.
    fn check(&self, head: &Parts) -> Result<(), Error>;
}
