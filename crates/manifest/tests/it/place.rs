//! A project in a folder of its own, and a client of its endpoints.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ketch_manifest::{CacheDefinition, Driver, Lowered, Native, Project, Stored, Surroundings};
use ketch_model::{Endpoint, Problem, Problems, Settings};
use ketch_testkit::{Client, Scratch};
use ketch_web::{App, CacheStore, Mode};

use crate::said::Said;

/// A project of a test. Files whose text begins with `#!` can be executed.
pub(crate) struct Place {
    scratch: Option<Scratch>,
    folder: PathBuf,
}

impl Place {
    /// A project of these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let scratch = Scratch::new();
        let place = Self { folder: scratch.path().to_owned(), scratch: Some(scratch) };
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    /// The project in a folder, which stays as it is.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { scratch: None, folder: folder.to_owned() }
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes a file, or writes it anew.
    pub(crate) fn write(&self, name: &str, text: &str) {
        assert!(self.scratch.is_some(), "only a test's own folder is written to");
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
        fs::write(&path, text).expect("the file can be written");
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
        }
    }

    /// What is wrong with it, as `ketch check` lists it.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.app(Mode::Development, &Native::default()).err().unwrap_or_default()
    }

    /// What is wrong with it, with functions of the program's.
    pub(crate) fn problems_with(&self, native: &Native) -> Vec<Problem> {
        self.lowered(Mode::Development, native).err().unwrap_or_default()
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        self.client_with(&Native::default())
    }

    /// A client of it, with functions of the program's.
    pub(crate) fn client_with(&self, native: &Native) -> Client {
        self.client_in(Mode::Development, native)
    }

    /// Its endpoints, as data.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let lowered = self.lowered(Mode::Development, &Native::default());
        let routes = lowered.unwrap_or_else(|problems| panic!("{problems:#?}")).routes;
        routes.into_iter().map(|route| route.endpoint).collect()
    }

    /// A client of it, in a mode.
    pub(crate) fn client_in(&self, mode: Mode, native: &Native) -> Client {
        Client::new(self.app(mode, native).unwrap_or_else(|problems| panic!("{problems:#?}")))
    }

    fn app(&self, mode: Mode, native: &Native) -> Result<Arc<App>, Vec<Problem>> {
        let mut app = App::builder();
        let (lowered, mut problems) = self.tried(mode, native);
        (app.routes, app.middlewares) = (lowered.routes, lowered.middlewares);
        app.caches.stores = self.caches();
        let app = app.build().map_err(|found| problems.extend(found));
        match app {
            Ok(app) if problems.is_empty() => Ok(Arc::new(app)),
            _ => Err(Problems::sorted(problems).0),
        }
    }

    /// The caches that it defines, and the one that it has in any case.
    fn caches(&self) -> BTreeMap<String, Arc<dyn CacheStore>> {
        let project = Project::open(self.path(), &mut Vec::new());
        let defined = project.map(|project| project.file.caches).unwrap_or_default();
        let all = [CacheDefinition::usual()].into_iter().chain(defined);
        all.map(|cache| (cache.name.clone(), cache.make())).collect()
    }

    fn lowered(&self, mode: Mode, native: &Native) -> Result<Lowered, Vec<Problem>> {
        let (lowered, problems) = self.tried(mode, native);
        if problems.is_empty() { Ok(lowered) } else { Err(Problems::sorted(problems).0) }
    }

    fn tried(&self, mode: Mode, native: &Native) -> (Lowered, Vec<Problem>) {
        let mut problems = Vec::new();
        let project = Project::open(self.path(), &mut problems);
        let server = Settings::new();
        let drivers: [Arc<dyn Driver>; 1] = [Arc::new(Said)];
        let stored = Stored::default();
        let around = Surroundings { server: &server, native, drivers: &drivers, db: None, stored, mode };
        let lowered = project.map(|project| project.lower(&around, &mut problems)).unwrap_or_default();
        (lowered, problems)
    }
}
