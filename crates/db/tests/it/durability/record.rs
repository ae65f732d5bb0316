//! What a process did to its files, as `strace -f -y -xx` wrote it down.
//!
//! Calls that overlap are kept apart: a call has begun at one line and ended at another, and what it did happened in
//! between. Calls that change files in a way that is not known here fail the reading, so that nothing goes unseen.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a call did.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// Opened a file that is made if it is not there.
    Create {
        path: PathBuf,
        empties: bool,
    },
    /// Wrote to a file; without a place at its end.
    Write {
        path: PathBuf,
        at: Option<u64>,
        bytes: Vec<u8>,
    },
    /// Cut a file, or made it longer.
    SetLength {
        path: PathBuf,
        length: u64,
    },
    /// Waited until a file, or the names in a folder, are on the disk.
    Sync {
        path: PathBuf,
    },
    /// The same, in vain.
    SyncFailed {
        path: PathBuf,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Unlink {
        path: PathBuf,
    },
    MakeFolder {
        path: PathBuf,
    },
    /// Wrote to the standard output.
    Said {
        text: String,
    },
}

/// A call and when it was.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The line of the record at which it had begun and done nothing yet.
    pub(super) begun: usize,
    /// The line at which it had ended.
    pub(super) ended: usize,
    pub(super) call: Call,
}

impl Event {
    /// The same, in a record that follows on one of so many lines.
    pub(super) fn after(&self, lines: usize) -> Self {
        Self { begun: self.begun + lines, ended: self.ended + lines, call: self.call.clone() }
    }
}

/// Reads a record: the calls that concern files below `root` and standard output, by when they ended.
pub(super) fn read(record: &Path, root: &Path) -> Vec<Event> {
    let text = fs::read_to_string(record).expect("strace wrote a record");
    let mut reader = Reader { root: root.to_owned(), offsets: HashMap::new() };
    let mut open: HashMap<&str, (usize, String)> = HashMap::new();
    let mut events = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (process, rest) = line.split_once(' ').expect("a line begins with a process");
        let rest = rest.trim_start();
        if rest.starts_with("+++") || rest.starts_with("---") {
            continue;
        }
        let (begun, whole) = if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            open.insert(process, (at, start.trim_end().to_owned()));
            continue;
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (begun, mut start) = open.remove(process).expect("what goes on has begun");
            start.push_str(resumed.split_once(" resumed>").expect("strace says what goes on").1);
            (begun, start)
        } else {
            (at, rest.to_owned())
        };
        if let Some(call) = reader.call(&whole) {
            events.push(Event { begun, ended: at, call });
        }
    }
    events
}

struct Reader {
    root: PathBuf,
    /// Where a descriptor reads and writes next.
    offsets: HashMap<u32, u64>,
}

impl Reader {
    fn call(&mut self, text: &str) -> Option<Call> {
        let (name, rest) = text.split_once('(').expect("a call has arguments");
        let (arguments, result) = rest.rsplit_once(") = ").or_else(|| rest.rsplit_once(" = "))?;
        let arguments: Vec<&str> = arguments.trim_end_matches([')', ' ']).split(", ").collect();
        let failed = result.starts_with('-') || result.starts_with('?');
        if failed {
            let sync = matches!(name, "fsync" | "fdatasync");
            return (sync && result.starts_with('-'))
                .then(|| self.path(arguments[0]))
                .flatten()
                .map(|path| Call::SyncFailed { path });
        }
        let done = result.split([' ', '<']).next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        match name {
            "openat" | "open" | "creat" => self.opened(&arguments, result),
            "close" => None,
            "lseek" => {
                self.offsets.insert(descriptor(arguments[0]), done);
                None
            }
            "read" => {
                *self.offsets.entry(descriptor(arguments[0])).or_default() += done;
                None
            }
            "write" => self.wrote(&arguments, done),
            "pwrite64" => {
                let path = self.path(arguments[0])?;
                let at = Some(arguments[3].parse().expect("an offset"));
                Some(Call::Write { path, at, bytes: bytes(arguments[1], done) })
            }
            "ftruncate" => {
                let path = self.path(arguments[0])?;
                Some(Call::SetLength { path, length: arguments[1].parse().expect("a length") })
            }
            "fsync" | "fdatasync" => Some(Call::Sync { path: self.path(arguments[0])? }),
            "unlink" | "unlinkat" | "rmdir" | "mkdir" | "mkdirat" => self.one_name(name, &arguments),
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => self.two_names(name, text),
            _ => {
                let ours = arguments.iter().any(|argument| self.path(argument).is_some());
                assert!(!ours, "the model of the disk does not know this call: {name}");
                None
            }
        }
    }

    fn opened(&mut self, arguments: &[&str], result: &str) -> Option<Call> {
        self.offsets.insert(descriptor(result), 0);
        let flags = arguments.iter().find(|argument| argument.starts_with("O_"))?;
        let path = self.path(result)?;
        let makes = flags.contains("O_CREAT") || flags.contains("O_TRUNC");
        assert!(
            !flags.contains("O_APPEND"),
            "files that grow at their end are not modelled: {}",
            path.display()
        );
        makes.then(|| Call::Create { path, empties: flags.contains("O_TRUNC") })
    }

    fn wrote(&mut self, arguments: &[&str], done: u64) -> Option<Call> {
        let to = descriptor(arguments[0]);
        if to == 1 {
            return Some(Call::Said {
                text: String::from_utf8_lossy(&bytes(arguments[1], done)).into_owned(),
            });
        }
        let path = self.path(arguments[0])?;
        let offset = self.offsets.entry(to).or_default();
        let at = Some(*offset);
        *offset += done;
        Some(Call::Write { path, at, bytes: bytes(arguments[1], done) })
    }

    fn one_name(&self, name: &str, arguments: &[&str]) -> Option<Call> {
        let path = arguments.iter().find(|argument| argument.starts_with('"'))?;
        let path = self.below(PathBuf::from(text_of(path)))?;
        let removes_folder = name == "rmdir" || arguments.contains(&"AT_REMOVEDIR");
        assert!(!removes_folder, "folders that go are not modelled: {}", path.display());
        Some(if name.starts_with("mkdir") { Call::MakeFolder { path } } else { Call::Unlink { path } })
    }

    fn two_names(&self, name: &str, text: &str) -> Option<Call> {
        let mut names = text.split('"').skip(1).step_by(2).map(|name| {
            String::from_utf8(unescaped(name).collect()).expect("the tests use no strange names")
        });
        let from = self.below(PathBuf::from(names.next()?))?;
        let to = self.below(PathBuf::from(names.next()?)).expect("nothing leaves the folder");
        Some(if name.starts_with("link") { Call::Link { from, to } } else { Call::Rename { from, to } })
    }

    /// The file that a descriptor is of, if it is one of ours that is still there. `-shm` is memory: it is not kept.
    fn path(&self, descriptor: &str) -> Option<PathBuf> {
        let (_, rest) = descriptor.split_once('<')?;
        if rest.ends_with("(deleted)") {
            return None;
        }
        let (path, _) = rest.split_once('>')?;
        self.below(PathBuf::from(String::from_utf8(unescaped(path).collect()).ok()?))
    }

    fn below(&self, path: PathBuf) -> Option<PathBuf> {
        let ours = path.starts_with(&self.root) && !path.to_string_lossy().ends_with("-shm");
        ours.then_some(path)
    }
}

fn descriptor(argument: &str) -> u32 {
    argument.split('<').next().and_then(|number| number.trim().parse().ok()).unwrap_or(u32::MAX)
}

fn bytes(argument: &str, done: u64) -> Vec<u8> {
    assert!(!argument.ends_with("..."), "strace has cut a buffer short");
    let mut bytes: Vec<u8> = unescaped(argument.trim_matches('"')).collect();
    bytes.truncate(usize::try_from(done).expect("a length"));
    bytes
}

fn text_of(argument: &str) -> String {
    String::from_utf8(unescaped(argument.trim_matches('"')).collect())
        .expect("the tests use no strange names")
}

/// `\x68\x69` as bytes.
fn unescaped(text: &str) -> impl Iterator<Item = u8> {
    text.as_bytes().chunks(4).filter(|chunk| chunk.starts_with(b"\\x") && chunk.len() == 4).map(|chunk| {
        let digit = |at: usize| char::from(chunk[at]).to_digit(16).expect("a hexadecimal digit");
        u8::try_from(digit(2) * 16 + digit(3)).expect("two digits are a byte")
    })
}
