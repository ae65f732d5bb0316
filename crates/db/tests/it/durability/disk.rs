//! A disk that keeps only what was synced, and of the rest what chance lets it keep.
//!
//! What is written is on the disk for sure once an fsync of its file has ended that began after the write had ended. A
//! name (a file made, renamed, gone) is, once the same is true of its folder. Of what came later, each 512-byte sector
//! may be as it was at any moment since; names go in the order they were changed, as every journaling file system has
//! it. After an fsync that failed, what it was for may never reach the disk, whatever later ones say (as Linux does it:
//! <https://wiki.postgresql.org/wiki/Fsync_Errors>).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::Chance;
use super::record::{Call, Event};

const SECTOR: usize = 512;

/// A file's content, whatever it is called.
#[derive(Clone, Debug, Default)]
struct Content {
    synced: Vec<u8>,
    /// As the processes see it.
    seen: Vec<u8>,
    later: Vec<Change>,
}

#[derive(Clone, Debug)]
struct Change {
    ended: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

/// A change of names.
#[derive(Clone, Debug)]
enum Naming {
    Is(PathBuf, Node),
    Moved(PathBuf, PathBuf),
    Gone(PathBuf),
}

/// How much of what was not synced a cut leaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    /// All: the process died, and the machine did not.
    Everything,
    /// None.
    Nothing,
    /// What came before some moment, and of the write at that moment some sectors.
    InOrder,
    /// Each sector as it was at some moment.
    Shuffled,
}

/// The disk at a moment of a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    root: PathBuf,
    contents: Vec<Content>,
    seen: BTreeMap<PathBuf, Node>,
    synced: BTreeMap<PathBuf, Node>,
    later: Vec<(usize, Naming)>,
}

impl Disk {
    /// An empty folder.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), ..Self::default() }
    }

    /// What a call did, now that it has ended.
    pub(super) fn apply(&mut self, event: &Event) {
        match &event.call {
            Call::Create { path, empties } => {
                if !self.seen.contains_key(path) {
                    self.contents.push(Content::default());
                    let node = Node::File(self.contents.len() - 1);
                    self.name(event.ended, Naming::Is(path.clone(), node));
                } else if *empties {
                    self.change(path, event.ended, What::Length(0));
                }
            }
            Call::Write { path, at, bytes } => {
                let at = at.map_or_else(|| self.length(path), |at| usize::try_from(at).expect("an offset"));
                self.change(path, event.ended, What::Write { at, bytes: bytes.clone() });
            }
            Call::SetLength { path, length } => {
                self.change(path, event.ended, What::Length(usize::try_from(*length).expect("a length")));
            }
            Call::Sync { path } => self.sync(path, event.begun),
            Call::SyncFailed { path } => self.fail(path, event.begun),
            Call::Rename { from, to } => self.name(event.ended, Naming::Moved(from.clone(), to.clone())),
            Call::Link { from, to } => {
                let node = *self.seen.get(from).expect("what is linked is there");
                self.name(event.ended, Naming::Is(to.clone(), node));
            }
            Call::Unlink { path } => self.name(event.ended, Naming::Gone(path.clone())),
            Call::MakeFolder { path } => self.name(event.ended, Naming::Is(path.clone(), Node::Folder)),
            Call::Said { .. } => {}
        }
    }

    fn name(&mut self, ended: usize, naming: Naming) {
        rename(&mut self.seen, &naming);
        self.later.push((ended, naming));
    }

    fn file(&mut self, path: &Path) -> &mut Content {
        match self.seen.get(path) {
            Some(Node::File(at)) => &mut self.contents[*at],
            other => panic!("{} is written and is {other:?}", path.display()),
        }
    }

    fn length(&mut self, path: &Path) -> usize {
        self.file(path).seen.len()
    }

    fn change(&mut self, path: &Path, ended: usize, what: What) {
        let content = self.file(path);
        apply(&mut content.seen, &what, |_| true);
        content.later.push(Change { ended, what });
    }

    fn sync(&mut self, path: &Path, begun: usize) {
        let Some(Node::File(at)) = self.seen.get(path).copied() else {
            // A folder: its names.
            let (now, later) = std::mem::take(&mut self.later)
                .into_iter()
                .partition(|(ended, naming)| *ended < begun && naming.place().parent() == Some(path));
            self.later = later;
            let now: Vec<(usize, Naming)> = now;
            now.iter().for_each(|(_, naming)| rename(&mut self.synced, naming));
            return;
        };
        let content = &mut self.contents[at];
        let (now, later) = std::mem::take(&mut content.later).into_iter().partition(|it| it.ended < begun);
        content.later = later;
        let now: Vec<Change> = now;
        now.iter().for_each(|change| apply(&mut content.synced, &change.what, |_| true));
    }

    /// What was to be synced is taken for written by the system, and may not be. Only its length is kept: file systems
    /// journal that.
    fn fail(&mut self, path: &Path, begun: usize) {
        if let Some(Node::File(at)) = self.seen.get(path).copied() {
            let content = &mut self.contents[at];
            content.later.retain(|change| change.ended > begun);
            content.synced.resize(content.seen.len(), 0);
        }
    }

    /// Makes the folder `to` hold what the disk holds after a cut now.
    pub(super) fn cut(&self, cut: Cut, chance: &mut Chance, to: &Path) {
        let moment = self.moment(cut, chance);
        let kept = match cut {
            Cut::Everything => self.later.len(),
            Cut::Nothing => 0,
            Cut::InOrder => self.later.iter().take_while(|(ended, _)| *ended <= moment).count(),
            Cut::Shuffled => chance.up_to(self.later.len()),
        };
        let mut names = self.synced.clone();
        self.later[..kept].iter().for_each(|(_, naming)| rename(&mut names, naming));
        let _not_there = fs::remove_dir_all(to);
        fs::create_dir_all(to).expect("a folder for the image");
        // Folders come before what is in them.
        for (path, node) in &names {
            let place = to.join(path.strip_prefix(&self.root).expect("all is below the root"));
            // A file in a folder that is not there is not there.
            if place.parent().is_some_and(Path::is_dir) {
                match node {
                    Node::Folder => fs::create_dir(&place).expect("a folder"),
                    Node::File(at) => {
                        let bytes = self.contents[*at].after(cut, moment, chance);
                        fs::write(&place, bytes).expect("a file");
                    }
                }
            }
        }
    }

    /// A moment between the first change that is not synced and the last.
    fn moment(&self, cut: Cut, chance: &mut Chance) -> usize {
        if !matches!(cut, Cut::InOrder) {
            return usize::MAX;
        }
        let changes = self.contents.iter().flat_map(|content| &content.later).map(|change| change.ended);
        let mut moments: Vec<usize> = changes.chain(self.later.iter().map(|(ended, _)| *ended)).collect();
        moments.push(0);
        moments[chance.up_to(moments.len() - 1)]
    }
}

impl Content {
    fn after(&self, cut: Cut, moment: usize, chance: &mut Chance) -> Vec<u8> {
        let all = self.later.len();
        let mut sectors: HashMap<usize, usize> = HashMap::new();
        // How many of the changes a sector has seen.
        let mut seen = |sector: usize| match cut {
            Cut::Everything => all,
            Cut::Nothing => 0,
            Cut::InOrder => {
                let before = self.later.iter().take_while(|change| change.ended <= moment).count();
                let torn = *sectors.entry(sector).or_insert_with(|| chance.up_to(1));
                (before + torn).min(all)
            }
            Cut::Shuffled => *sectors.entry(sector).or_insert_with(|| match chance.up_to(3) {
                0 => 0,
                1 => all,
                _ => chance.up_to(all),
            }),
        };
        let seen_length = seen(usize::MAX);
        let mut bytes = self.synced.clone();
        let mut length = bytes.len();
        for (at, change) in self.later.iter().enumerate() {
            if at < seen_length {
                length = match &change.what {
                    What::Write { at, bytes } => length.max(at + bytes.len()),
                    What::Length(length) => *length,
                };
            }
            apply(&mut bytes, &change.what, |sector| at < seen(sector));
        }
        bytes.resize(length, 0);
        bytes
    }
}

impl Naming {
    /// The path whose folder has to be synced.
    fn place(&self) -> &Path {
        match self {
            Self::Is(path, _) | Self::Moved(_, path) | Self::Gone(path) => path,
        }
    }
}

fn rename(names: &mut BTreeMap<PathBuf, Node>, naming: &Naming) {
    match naming {
        Naming::Is(path, node) => {
            names.insert(path.clone(), *node);
        }
        Naming::Moved(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        Naming::Gone(path) => {
            names.remove(path);
        }
    }
}

/// Changes the sectors that `takes` says yes to. Never makes it shorter than a sector that says no.
fn apply(bytes: &mut Vec<u8>, what: &What, mut takes: impl FnMut(usize) -> bool) {
    let (start, end) = match what {
        What::Write { at, bytes } => (*at, at + bytes.len()),
        What::Length(length) => (*length, bytes.len().max(*length)),
    };
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    let mut all = true;
    let mut from = start;
    while from < end {
        let to = ((from / SECTOR + 1) * SECTOR).min(end);
        if takes(from / SECTOR) {
            match what {
                What::Write { bytes: new, .. } => {
                    bytes[from..to].copy_from_slice(&new[from - start..to - start]);
                }
                What::Length(_) => bytes[from..to].fill(0),
            }
        } else {
            all = false;
        }
        from = to;
    }
    if let (What::Length(length), true) = (what, all) {
        bytes.truncate(*length);
    }
}
