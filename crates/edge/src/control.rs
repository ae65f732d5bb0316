//! The control socket: how commands reach a server that runs.
//!
//! It is a Unix socket in the folder of the data, for the user whom the server runs as, and it speaks HTTP/1. Whoever
//! comes in by it is the [operator](ketch_model::Caller::operator); the system says who that is, not the request.
//! [`ClosedControl`] says when there is none. Where there are no Unix sockets there never is one: commands then work
//! while the server is down.

#[cfg_attr(unix, path = "control/unix.rs")]
#[cfg_attr(not(unix), path = "control/elsewhere.rs")]
mod system;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use system::accept;
pub use system::{Control, open_control};

/// Its name in the folder of the data.
pub const CONTROL_SOCKET: &str = "ketch.sock";

/// The header of every reply that comes through it: which database the server has, as [`open_control`] was told.
pub const DATABASE_HEADER: &str = "ketch-database";

/// Connections at a time; more wait in the kernel's backlog.
pub const CONTROL_CONNECTIONS: usize = 16;

/// Who has come in by it and is still there.
pub(crate) struct Guests(Arc<Semaphore>);

impl Default for Guests {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CONTROL_CONNECTIONS)))
    }
}

impl Guests {
    /// Waits for a seat; it is taken until the permit is dropped.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nobody comes in"))]
    async fn sit(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.0).acquire_owned().await.expect("the seats are never closed")
    }

    /// Connections that are open. The one that is waited for while accepting does not count.
    pub(crate) fn count(&self) -> usize {
        CONTROL_CONNECTIONS - self.0.available_permits()
    }

    /// Waits until all are gone.
    pub(crate) async fn gone(&self) {
        let all = u32::try_from(CONTROL_CONNECTIONS).expect("there are few");
        let _all = self.0.acquire_many(all).await;
    }
}

/// Why a server has no control socket. It serves all the same.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClosedControl {
    /// The path is longer than the system takes for a socket.
    TooLong(PathBuf),
    /// Another server has it, and lives.
    Taken(PathBuf),
    /// Something that is no socket has its name.
    NoSocket(PathBuf),
    /// The system refuses.
    Refused(PathBuf, io::Error),
    /// This system has no such sockets.
    Unsupported,
}

impl fmt::Display for ClosedControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(path) => {
                write!(
                    f,
                    "{} is longer than a socket's path may be (about 100 bytes): choose a shorter `--data`, or one that \
                     is relative to where the server is started",
                    path.display()
                )
            }
            Self::Taken(path) => {
                write!(
                    f,
                    "another server has {}: give each a folder of its own with `--data`",
                    path.display()
                )
            }
            Self::NoSocket(path) => {
                write!(f, "{} is there and is no socket: move it away", path.display())
            }
            Self::Refused(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Unsupported => f.write_str("this system has no Unix sockets"),
        }
    }
}

impl std::error::Error for ClosedControl {}
