//! The control socket, seen from outside: a Unix socket, where there are such.

use std::path::PathBuf;

use ketch_edge::CONTROL_SOCKET;
use ketch_server::Database;

pub(super) use system::connect;

/// Where the server listens that has this database.
pub(super) fn path(database: &Database) -> PathBuf {
    database.control_folder().join(CONTROL_SOCKET)
}

#[cfg(unix)]
mod system {
    use std::io::{Error, ErrorKind, Result};
    use std::path::Path;

    use tokio::net::UnixStream;

    /// Connects; nothing when nobody listens there. Whoever listens must be who asks, or root, or root must ask: a
    /// stranger who made a socket there would be told what is nobody's business.
    pub(crate) async fn connect(path: &Path) -> Result<Option<UnixStream>> {
        let stream = match UnixStream::connect(path).await {
            Ok(stream) => stream,
            // No socket, a socket that nobody has any more, or a path that can be none.
            Err(error) => {
                return match error.kind() {
                    ErrorKind::NotFound
                    | ErrorKind::NotADirectory
                    | ErrorKind::ConnectionRefused
                    | ErrorKind::InvalidInput => Ok(None),
                    _ => Err(error),
                };
            }
        };
        let (me, _) = UnixStream::pair()?;
        let (me, there) = (me.peer_cred()?.uid(), stream.peer_cred()?.uid());
        if me != there && me != 0 && there != 0 {
            let message = format!("the user {there} listens there, and you are {me}");
            return Err(Error::new(ErrorKind::PermissionDenied, message));
        }
        Ok(Some(stream))
    }
}

/// Without Unix sockets nobody is reached: commands work while the server is down.
#[cfg(not(unix))]
mod system {
    use std::io::Result;
    use std::path::Path;

    pub(crate) async fn connect(_: &Path) -> Result<Option<tokio::io::DuplexStream>> {
        Ok(None)
    }
}
