//! Where there are no Unix sockets: nothing listens, and commands work while the server is down.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use super::{ClosedControl, Guests};
use crate::connection::Shared;
use crate::listen::Phases;

/// A control socket, of which there is none here.
#[derive(Debug)]
pub struct Control(Infallible);

/// Says that there is none.
///
/// # Errors
/// [`ClosedControl::Unsupported`].
pub fn open_control(_: &Path, _: &str) -> Result<Control, ClosedControl> {
    Err(ClosedControl::Unsupported)
}

/// Nobody comes.
pub(crate) async fn accept(control: Option<(Control, Arc<Shared>)>, _: &Guests, _: &Phases) {
    match control {
        Some((control, _)) => match control.0 {},
        None => std::future::pending().await,
    }
}
