//! The guards that ship, in the order they run. One file each; CONTRIBUTING.md says how to add one.

mod framing;
mod host;
mod sizes;
mod target;

use std::sync::Arc;

use ketch_web::Guard;

pub(crate) use framing::Ambiguous;
pub use framing::Framing;
pub use host::Host;
pub use sizes::Sizes;
pub use target::Target;

use crate::limits::Limits;

/// The guards of a server with these limits.
pub fn shipped(limits: &Limits) -> Vec<Arc<dyn Guard>> {
    vec![Arc::new(Framing), Arc::new(Target), Arc::new(Host), Arc::new(Sizes::new(limits))]
}
