//! The folder that a project's path leads to at the moment. Deploys make a new folder for each release, and let a link lead
//! to it; whoever reads on through the link while that changes has files of two releases.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::path::{Component, Path, PathBuf};

use fnv::FnvHasher;

use crate::footprint::Footprint;

/// Links that are followed; the system follows about as many.
const MOST_LINKS: usize = 40;

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The project's folder, with the links of its path followed; as it was written where there are none.
    pub folder: PathBuf,
    /// The links on the way.
    pub links: Vec<PathBuf>,
}

impl Release {
    /// That of a path, as of now. One that leads nowhere is as it was written.
    pub fn of(path: &Path) -> Self {
        let (folder, links) = followed(path);
        let folder = if links.is_empty() || !folder.is_dir() { path.to_owned() } else { folder };
        Self { folder, links }
    }

    /// The project's [revision](Footprint::revision), and a number that differs when the path leads to another folder too,
    /// whatever is in it.
    pub fn revision(&self) -> (u64, u64) {
        let revision = Footprint::of(&self.folder).revision();
        if self.links.is_empty() {
            return (revision, revision);
        }
        let mut hash = FnvHasher::default();
        hash.write_u64(revision);
        hash.write(self.folder.as_os_str().as_encoded_bytes());
        (revision, hash.finish())
    }
}

/// A path without links, and those that were followed. As far as they can be.
fn followed(path: &Path) -> (PathBuf, Vec<PathBuf>) {
    let parts =
        |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<VecDeque<_>>();
    let (mut open, mut at, mut links) = (parts(path), PathBuf::new(), Vec::new());
    while let Some(part) = open.pop_front() {
        match Path::new(&part).components().next() {
            // What is behind us has no links, so its parent is what is written before it.
            Some(Component::ParentDir)
                if matches!(at.components().next_back(), Some(Component::Normal(_))) =>
            {
                at.pop();
            }
            Some(Component::CurDir) | None => {}
            Some(_) => {
                let next = at.join(&part);
                match next.read_link() {
                    Ok(target) if links.len() < MOST_LINKS => {
                        links.push(next);
                        // One that is absolute begins anew, which joining does.
                        let mut before = parts(&target);
                        before.append(&mut open);
                        open = before;
                    }
                    _ => at = next,
                }
            }
        }
    }
    (at, links)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use ketch_testkit::Scratch;

    use super::*;

    #[test]
    fn the_links_of_a_path_are_followed_and_told() {
        let scratch = Scratch::new();
        let root = scratch.path().canonicalize().expect("it is there");
        fs::create_dir_all(root.join("all/r1/api")).expect("it can be made");
        for (to, at) in
            [("latest/api", "all/current"), ("r1", "all/latest"), ("nowhere", "lost"), ("loop", "loop")]
        {
            symlink(to, root.join(at)).expect("a link can be made");
        }
        symlink(root.join("all"), root.join("away")).expect("a link can be made");
        let of = |path: &str| Release::of(&root.join(path));
        let names = |release: &Release| -> Vec<String> {
            let below = |link: &PathBuf| link.strip_prefix(&root).expect("below").display().to_string();
            release.links.iter().map(below).collect()
        };
        let plain = of("all/r1/../r1/api");
        assert_eq!(
            (plain.folder.clone(), names(&plain)),
            (root.join("all/r1/../r1/api"), vec![]),
            "as written"
        );
        let through = of("away/current");
        assert_eq!(through.folder, root.join("all/r1/api"));
        assert_eq!(names(&through), ["away", "all/current", "all/latest"]);
        assert_eq!(
            of("all/current/../../r1/api").folder,
            root.join("all/r1/api"),
            "the parent of where it leads"
        );
        for lost in ["lost", "loop", "not/there"] {
            assert_eq!(of(lost).folder, root.join(lost), "{lost}");
        }
    }

    #[test]
    fn the_same_files_behind_another_link_are_another_state_of_the_same_revision() {
        let scratch = Scratch::new();
        for release in ["r1", "r2"] {
            fs::create_dir(scratch.path().join(release)).expect("it can be made");
            fs::write(scratch.path().join(release).join("api.json"), "{}").expect("it can be written");
        }
        let seen = ["r1", "r2"].map(|release| {
            let link = scratch.path().join("current");
            let _first = fs::remove_file(&link);
            symlink(release, &link).expect("a link can be made");
            Release::of(&link).revision()
        });
        assert_eq!(seen[0].0, seen[1].0);
        assert_ne!(seen[0].1, seen[1].1);
    }
}
