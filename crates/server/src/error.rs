//! Why a server does not run.

use std::fmt;
use std::net::SocketAddr;

use ketch_model::Problems;

/// Why a server does not run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// What was declared does not fit together; every problem is in the list.
    Problems(Problems),
    /// The address cannot be listened on.
    Bind(SocketAddr, std::io::Error),
    /// The database cannot be used: which, and why.
    Database(String, ketch_db::Error),
    /// The schema of the database cannot be brought up to date: which database, and why.
    Migrate(String, ketch_db::MigrateError),
    /// A hook of the application's did not let it start.
    Start(Box<dyn std::error::Error + Send + Sync>),
    /// Signals cannot be watched.
    Signals(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => problems.fmt(f),
            Self::Bind(address, error) => {
                write!(f, "cannot listen on {address}: {error}")?;
                match error.kind() {
                    std::io::ErrorKind::AddrInUse => {
                        write!(f, "; another program listens there: stop it, or choose another with --listen")
                    }
                    std::io::ErrorKind::PermissionDenied => {
                        write!(
                            f,
                            "; ports below 1024 need the right to bind them: choose another with --listen"
                        )
                    }
                    std::io::ErrorKind::AddrNotAvailable => {
                        write!(
                            f,
                            "; this machine has no such address: try 127.0.0.1 or 0.0.0.0 with --listen"
                        )
                    }
                    _ => Ok(()),
                }
            }
            Self::Database(which, error) => write!(f, "the database {which}: {error}"),
            Self::Migrate(which, error) => write!(f, "the database {which}: {error}"),
            Self::Start(error) => write!(f, "a start hook failed: {error}"),
            Self::Signals(error) => write!(f, "cannot watch for SIGTERM and SIGINT: {error}"),
        }
    }
}

// No `source`: what the message says already holds the cause, and would be printed twice.
impl std::error::Error for Error {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}
