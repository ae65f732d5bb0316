//! The control socket on Unix.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout_at};

use super::{CONTROL_SOCKET, ClosedControl, Guests};
use crate::connection::{Peer, Shared, http1};
use crate::listen::{Phase, Phases, is_of_one_connection};
use crate::sniff::{Spoken, sniff};

/// A control socket that nobody has come to yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// Whom the server runs as.
    user: u32,
    database: HeaderValue,
    /// While it is held, no other server takes the name. The system lets it go however the process ends.
    _lock: File,
}

/// Where a socket is made before it gets its name: not longer than that, so that it fits when the name does.
const FRESH: &str = "ketch.new";

/// Opens the control socket in a folder, for this process's user alone. What was left there by a server that was killed is
/// replaced. `database` says which one the server has, in ASCII without control characters.
///
/// # Errors
/// [`ClosedControl`]. Nothing has been changed then, but that the lock beside it may have been made.
pub fn open_control(folder: &Path, database: &str) -> Result<Control, ClosedControl> {
    let path = folder.join(CONTROL_SOCKET);
    if std::os::unix::net::SocketAddr::from_pathname(&path).is_err() {
        return Err(ClosedControl::TooLong(path));
    }
    let lock = lock(&path)?;
    let fresh = folder.join(FRESH);
    remove_socket(&fresh)?;
    is_left(&path)?;
    match listen(&fresh, &path, database) {
        Ok((listener, user, database)) => Ok(Control { listener, path, user, database, _lock: lock }),
        Err(error) => Err(ClosedControl::Refused(path, error)),
    }
}

/// `data/ketch.sock` is locked by `data/ketch.sock-lock`. Nothing is written to it, no link is followed to it, and what
/// is no file is not waited for.
fn lock(path: &Path) -> Result<File, ClosedControl> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let name = PathBuf::from(name);
    let refused = |error| ClosedControl::Refused(name.clone(), error);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(&name)
        .map_err(refused)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ClosedControl::Taken(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

/// Whether a socket was left at a path. What is no socket is somebody else's.
fn is_left(path: &Path) -> Result<bool, ClosedControl> {
    match path.symlink_metadata() {
        Ok(there) if there.file_type().is_socket() => Ok(true),
        Ok(_) => Err(ClosedControl::NoSocket(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(ClosedControl::Refused(path.to_owned(), error)),
    }
}

/// Removes a socket that was left.
fn remove_socket(path: &Path) -> Result<(), ClosedControl> {
    if is_left(path)? {
        fs::remove_file(path).map_err(|error| ClosedControl::Refused(path.to_owned(), error))?;
    }
    Ok(())
}

/// The socket gets its name when it is for its user alone, and the name is never without a socket meanwhile.
fn listen(fresh: &Path, path: &Path, database: &str) -> io::Result<(UnixListener, u32, HeaderValue)> {
    let database = HeaderValue::from_str(database).map_err(io::Error::other)?;
    let listener = UnixListener::bind(fresh)?;
    fs::set_permissions(fresh, Permissions::from_mode(0o600))?;
    fs::rename(fresh, path)?;
    let (me, _) = UnixStream::pair()?;
    Ok((listener, me.peer_cred()?.uid(), database))
}

impl Control {
    /// The next connection of somebody who may come in.
    async fn next(&self) -> UnixStream {
        let mut pause = Duration::from_millis(5);
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) if self.admits(&stream) => return stream,
                Ok(_) => {}
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections of commands; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }

    /// Whether it is the user whom the server runs as, or root, who could become that. The mode of the socket says the
    /// same, where the file system knows modes.
    fn admits(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if peer.uid() == self.user || peer.uid() == 0 => true,
            Ok(peer) => {
                tracing::warn!(
                    user = peer.uid(),
                    "somebody else came to the control socket and was sent away"
                );
                false
            }
            Err(error) => {
                tracing::warn!(%error, "cannot tell who came to the control socket; sent away");
                false
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::debug!(path = %self.path.display(), %error, "the control socket was not removed");
        }
    }
}

/// Lets in whoever may come, until it is dropped.
pub(crate) async fn accept(control: Option<(Control, Arc<Shared>)>, guests: &Guests, phases: &Phases) {
    let Some((control, shared)) = control else { return std::future::pending().await };
    loop {
        let seat = guests.sit().await;
        let stream = control.next().await;
        let (peer, shared, phases) =
            (Peer::Operator(control.database.clone()), Arc::clone(&shared), phases.clone());
        tokio::spawn(async move {
            run(stream, peer, shared, phases).await;
            drop(seat);
        });
    }
}

/// Serves one connection, which speaks HTTP/1 and nothing else.
async fn run(mut stream: UnixStream, peer: Peer, shared: Arc<Shared>, mut phases: Phases) {
    let deadline = Instant::now() + shared.limits.head_time;
    let spoken = tokio::select! {
        spoken = timeout_at(deadline, sniff(&mut stream)) => spoken,
        _ = phases.wait_for(|phase| *phase != Phase::Serving) => return,
    };
    if let Ok(Ok(Some(Spoken::Http1(early)))) = spoken {
        http1(stream, early, deadline, peer, shared, phases).await;
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream as Plain;

    use super::*;

    /// A folder of its own, removed when it is dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ketch-control-{}-{name}", std::process::id()));
            let _left = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _left = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn it_is_there_for_its_user_alone_while_it_is_held() {
        let folder = Folder::new("mode");
        let path = folder.0.join(CONTROL_SOCKET);
        let control = open_control(&folder.0, "sqlite:/a").unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(control.user, path.metadata().unwrap().uid());
        Plain::connect(&path).unwrap();
        assert!(!folder.0.join(FRESH).exists());
        drop(control);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_second_server_leaves_it_to_the_first() {
        let folder = Folder::new("two");
        let first = open_control(&folder.0, "sqlite:/a").unwrap();
        let second = open_control(&folder.0, "sqlite:/b").unwrap_err();
        assert!(matches!(second, ClosedControl::Taken(_)), "{second}");
        Plain::connect(folder.0.join(CONTROL_SOCKET)).unwrap();
        drop(first);
        open_control(&folder.0, "sqlite:/b").unwrap();
    }

    #[tokio::test]
    async fn what_a_killed_server_left_is_replaced_and_what_is_no_socket_is_not() {
        let folder = Folder::new("stale");
        let path = folder.0.join(CONTROL_SOCKET);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        drop(std::os::unix::net::UnixListener::bind(folder.0.join(FRESH)).unwrap());
        assert!(path.exists() && Plain::connect(&path).is_err(), "nobody listens there any more");
        drop(open_control(&folder.0, "sqlite:/a").unwrap());

        for mine in [path, folder.0.join(FRESH)] {
            fs::write(&mine, "mine").unwrap();
            let refused = open_control(&folder.0, "sqlite:/a").unwrap_err();
            assert!(matches!(&refused, ClosedControl::NoSocket(it) if *it == mine), "{refused}");
            assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
            fs::remove_file(&mine).unwrap();
        }
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let folder = Folder::new("lock-link");
        let (lock, mine) = (folder.0.join("ketch.sock-lock"), folder.0.join("mine"));
        std::os::unix::fs::symlink(&mine, &lock).unwrap();
        let refused = open_control(&folder.0, "sqlite:/a").unwrap_err();
        assert!(matches!(refused, ClosedControl::Refused(..)), "{refused}");
        assert!(refused.to_string().contains("ketch.sock-lock"), "what is in the way is named: {refused}");
        assert!(!mine.exists(), "nothing was made where it leads to");
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_told_as_such() {
        let folder = Folder::new(&"long".repeat(30));
        let refused = open_control(&folder.0, "sqlite:/a").unwrap_err();
        assert!(matches!(refused, ClosedControl::TooLong(_)), "{refused}");
        assert!(refused.to_string().contains("choose a shorter `--data`"), "{refused}");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_not_made() {
        let folder = Folder::new("none");
        let refused = open_control(&folder.0.join("none"), "sqlite:/a").unwrap_err();
        assert!(matches!(refused, ClosedControl::Refused(..)), "{refused}");
        assert!(!folder.0.join("none").exists());
    }
}
