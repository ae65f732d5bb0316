//! Middlewares that the folder of a project gave, and that are gone when it is loaded anew: what they guard would stand open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ketch_manifest::Project;
use ketch_model::Problem;
use ketch_web::Middleware;

/// The middlewares of one project's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guards {
    /// The folder, below the project's root.
    folder: PathBuf,
    /// Whether it is there.
    is_there: bool,
    /// What they are called, in the order in which they run.
    names: Vec<String>,
}

/// The middlewares that are no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    folder: PathBuf,
    /// Whether their folder is gone too.
    with_folder: bool,
    pub(crate) names: Vec<String>,
}

impl Guards {
    /// Those that were found in a project's folder.
    pub(crate) fn of(project: &Project, middlewares: &BTreeMap<String, Middleware>) -> Self {
        let file = &project.file;
        let folder = file.folders.middlewares.clone();
        let is_there = file.root.join(&folder).is_dir();
        Self { folder, is_there, names: middlewares.keys().cloned().collect() }
    }

    /// What a later state of the same project has lost.
    pub(crate) fn lost(&self, later: &Self) -> Option<Lost> {
        let gone = |name: &&String| !later.names.contains(name);
        let names: Vec<String> = self.names.iter().filter(gone).cloned().collect();
        let with_folder = !later.is_there;
        (!names.is_empty()).then(|| Lost { folder: self.folder.clone(), with_folder, names })
    }
}

impl Lost {
    /// Why a state is not served that was only seen: whoever replaces files may not have written all of them yet.
    pub(crate) fn problem(&self) -> Problem {
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let (count, names) = (names.len(), names.join(", "));
        let (what, them) = match (self.with_folder, count) {
            (true, 1) => (format!("is gone, which held the middleware {names}"), "it"),
            (true, _) => (format!("is gone, which held {count} middlewares ({names})"), "them"),
            (false, 1) => (format!("the middleware {names} is gone from it"), "it"),
            (false, _) => (format!("{count} middlewares are gone from it ({names})"), "them"),
        };
        let message =
            format!("{what}: put {them} back; to serve without {them}, send SIGHUP or start the server anew");
        Problem::new(None, shown(&self.folder), message)
    }
}

fn shown(folder: &Path) -> String {
    folder.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards(is_there: bool, names: &[&str]) -> Guards {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Guards { folder: "middleware".into(), is_there, names }
    }

    fn told(before: &Guards, later: &Guards) -> Option<String> {
        before.lost(later).map(|lost| lost.problem().to_string())
    }

    #[test]
    fn what_is_gone_is_named_and_what_to_do_about_it_said() {
        let both = guards(true, &["1-auth", "2-csrf"]);
        assert_eq!(told(&both, &both), None);
        assert_eq!(told(&guards(false, &[]), &both), None, "more of them guard more");
        assert_eq!(
            told(&both, &guards(false, &[])).unwrap(),
            "middleware: is gone, which held 2 middlewares (`1-auth`, `2-csrf`): put them back; to serve without them, \
             send SIGHUP or start the server anew"
        );
        assert_eq!(
            told(&both, &guards(true, &["2-csrf"])).unwrap(),
            "middleware: the middleware `1-auth` is gone from it: put it back; to serve without it, send SIGHUP or start \
             the server anew"
        );
        assert!(
            told(&both, &guards(true, &["1-authentication", "2-csrf"])).is_some(),
            "another name is another one"
        );
    }
}
