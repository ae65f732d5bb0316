//! Opening files so that nothing outside of a folder is reached, and nothing hangs.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use cap_fs_ext::OpenOptionsSyncExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};

/// A regular file, and what was known of it when it was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: fs::File,
    pub(crate) length: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// The longest name of a file, in bytes.
const LONGEST: usize = 255;

/// Opens a file wherever its path leads.
///
/// # Errors
/// What the system says; "not found" for what is no regular file.
pub(crate) fn trusted(path: &Path) -> io::Result<Opened> {
    regular(File::open_ambient_with(path, &options(), ambient_authority())?)
}

/// Opens a file below a folder. Neither `..` nor a symbolic link leads out of it, whoever changes it meanwhile: on Linux
/// the kernel sees to that (`openat2`, `RESOLVE_BENEATH`), elsewhere every step is checked.
///
/// # Errors
/// What the system says; "not found" for what is no regular file.
pub(crate) fn beneath(folder: &Path, path: &Path) -> io::Result<Opened> {
    below(&Dir::open_ambient_dir(folder, ambient_authority())?, path)
}

/// The same of a folder that is itself below another, and leads out of that no more than the file does.
///
/// # Errors
/// As [`beneath`].
pub(crate) fn beneath_both(root: &Path, folder: &Path, path: &Path) -> io::Result<Opened> {
    let root = Dir::open_ambient_dir(root, ambient_authority())?;
    if folder.as_os_str().is_empty() { below(&root, path) } else { below(&root.open_dir(folder)?, path) }
}

fn below(folder: &Dir, path: &Path) -> io::Result<Opened> {
    // To open a device may have effects, so its kind is looked at before; and again after, because it may change.
    if !folder.metadata(path)?.is_file() {
        return Err(irregular());
    }
    regular(folder.open_with(path, &options())?)
}

/// Whether a text can be nothing but the name of a visible file or folder.
pub(crate) fn is_plain(name: &str) -> bool {
    let odd = |letter: char| {
        letter.is_control() || matches!(letter, '/' | '\\') || (cfg!(windows) && letter == ':')
    };
    !name.is_empty() && name.len() <= LONGEST && !name.starts_with('.') && !name.contains(odd)
}

/// Whether a file could not be opened because of the machine. Otherwise there is none to be had at that path.
pub(crate) fn server_failed(fault: &io::Error) -> bool {
    // EIO, ENOMEM, ENFILE, EMFILE: the same numbers on every Unix.
    cfg!(unix) && matches!(fault.raw_os_error(), Some(5 | 12 | 23 | 24))
        || matches!(fault.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::TimedOut)
}

/// Without waiting: a FIFO would otherwise be waited for until somebody writes to it.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).nonblock(true);
    options
}

fn regular(file: File) -> io::Result<Opened> {
    let file = file.into_std();
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(irregular());
    }
    Ok(Opened { file, length: about.len(), modified: about.modified().ok() })
}

fn irregular() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "it is no regular file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_mean_something_else_are_not_plain() {
        let long = "a".repeat(LONGEST + 1);
        for name in ["", ".", "..", ".hidden", "a/b", "/", "a\\b", "a\0b", "a\nb", long.as_str()] {
            assert!(!is_plain(name), "{name:?}");
        }
        for name in ["a", "a.b", "a..b", "a b", "%2e%2e", "caf\u{e9}", &long[1..]] {
            assert!(is_plain(name), "{name:?}");
        }
    }
}
