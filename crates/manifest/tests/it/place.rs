//! A project in a folder of its own, and a client of its endpoints.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use ketch_manifest::{Driver, Native, Project, Stored, Surroundings};
use ketch_model::{Problem, Settings};
use ketch_testkit::{Client, Scratch};
use ketch_web::{App, Mode};

use crate::said::Said;

/// A project of a test. Files whose text begins with `#!` can be executed.
pub(crate) struct Place {
    scratch: Scratch,
}

impl Place {
    /// A project of these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let place = Self { scratch: Scratch::new() };
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file, or writes it anew.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
        fs::write(&path, text).expect("the file can be written");
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
        }
    }

    /// What is wrong with it, as `ketch check` lists it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.lowered(&Native::default()).err().unwrap_or_default()
    }

    /// What is wrong with it, with functions of the program's.
    pub(crate) fn problems_with(&self, native: &Native) -> Vec<Problem> {
        self.lowered(native).err().unwrap_or_default()
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        self.client_with(&Native::default())
    }

    /// A client of it, with functions of the program's.
    pub(crate) fn client_with(&self, native: &Native) -> Client {
        Client::new(self.lowered(native).unwrap_or_else(|problems| panic!("{problems:#?}")))
    }

    /// A client of it, in a mode.
    pub(crate) fn client_in(&self, mode: Mode, native: &Native) -> Client {
        Client::new(self.lowered_in(mode, native).unwrap_or_else(|problems| panic!("{problems:#?}")))
    }

    /// What it comes to, or what is wrong with it.
    pub(crate) fn lowered(&self, native: &Native) -> Result<Arc<App>, Vec<Problem>> {
        self.lowered_in(Mode::Development, native)
    }

    fn lowered_in(&self, mode: Mode, native: &Native) -> Result<Arc<App>, Vec<Problem>> {
        let mut problems = Vec::new();
        let project = Project::open(self.path(), &mut problems);
        let mut app = App::builder();
        if let Some(project) = project {
            let server = Settings::new();
            let drivers: [Arc<dyn Driver>; 1] = [Arc::new(Said)];
            let around = Surroundings {
                server: &server,
                native,
                drivers: &drivers,
                db: None,
                stored: Stored::default(),
                mode,
            };
            let lowered = project.lower(&around, &mut problems);
            (app.routes, app.middlewares) = (lowered.routes, lowered.middlewares);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        app.build().map(Arc::new)
    }
}
