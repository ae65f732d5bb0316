//! Where the process meets the network: the accept loop, its deadlines and limits, and the guards before routing.
//!
//! Everything a stranger can send passes here first, so everything here is bounded; [`Limits`] lists the bounds. What
//! a request means is not decided here but in `web`.

mod body;
mod connection;
mod control;
mod fuzz;
mod guards;
mod health;
mod limits;
mod listen;
mod scan;
mod signal;
mod sniff;
mod wire;

pub use control::{
    CONTROL_CONNECTIONS, CONTROL_SOCKET, ClosedControl, Control, DATABASE_HEADER, open_control,
};
pub use guards::{Framing, Host, Sizes, Target, shipped};
pub use health::{Health, Readiness};
pub use limits::Limits;
pub use listen::{Stopped, bind, inherited, serve};
pub use signal::{ReloadSignal, StopSignal, reload_signal, stop_signal};

/// What the fuzz targets of this repository call. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::fuzz::first_bad;
}
