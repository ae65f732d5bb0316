//! The manifests of a server: projects whose endpoints stand beside its services.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ketch_manifest::{Api, Controller, Driver, Footprint, Native, NativeFunction, Project, Surroundings};
use ketch_model::{Place, Problem};
use ketch_web::{Middleware, Named, Route};

use crate::caches::ProjectCaches;
use crate::guards::Guards;
use crate::reload::{Around, Own};
use crate::server::{DEFAULT_TITLE, DEFAULT_VERSION, Server, bad_name};

/// What an application says of manifests.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    folders: Vec<(PathBuf, Place)>,
    native: Native,
}

/// What the projects of a server come to.
#[derive(Debug, Default)]
pub(crate) struct Lowered {
    pub(crate) routes: Vec<Route>,
    pub(crate) middlewares: BTreeMap<String, Middleware>,
    /// To be asked once more when the database is connected.
    pub(crate) controllers: Vec<Arc<dyn Controller>>,
    pub(crate) own: Own,
}

impl Server {
    /// Adds the endpoints of a project: the folder of an `api.json`. One with SQL or migrations has them in the server's
    /// [database](Self::db).
    #[must_use]
    #[track_caller]
    pub fn manifest(mut self, folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        // Known before the server is built, so that a test can give it a database of its own.
        if Project::open(&folder, &mut Vec::new()).is_some_and(|project| project.needs_database()) {
            let _needed = self.db();
        }
        self.manifest.folders.push((folder, Place::caller()));
        self
    }

    /// Gives manifests a function that they call by name: `"run": "native:greet"`. What it takes and gives is compared
    /// with the manifest when that is loaded.
    ///
    /// ```
    /// use ketch_model::Result;
    /// use ketch_server::Server;
    /// use schemars::JsonSchema;
    ///
    /// #[derive(serde::Deserialize, JsonSchema)]
    /// struct Greeting { name: String, times: Option<u64> }
    ///
    /// #[derive(serde::Serialize, JsonSchema)]
    /// struct Greeted { text: String }
    ///
    /// async fn greet(greeting: Greeting) -> Result<Greeted> {
    ///     Ok(Greeted { text: format!("Hello {}", greeting.name) })
    /// }
    ///
    /// let server = Server::new().native("greet", greet);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn native<M: 'static>(mut self, name: impl Into<String>, function: impl NativeFunction<M>) -> Self {
        let name = name.into();
        let taken = !self.manifest.native.add(name.as_str(), function);
        self.problems.extend(bad_name(&name, "native function", taken));
        self
    }

    /// Whether there is anything to serve but what every server has: services, mounts or manifests.
    pub fn has_endpoints(&self) -> bool {
        !self.services.is_empty() || !self.app.mounts.is_empty() || !self.manifest.is_empty()
    }

    /// Takes what projects say of the API as a whole, where the program says nothing. The first that says it wins.
    pub(crate) fn describe_as<'a>(&mut self, projects: impl Iterator<Item = &'a Api>) {
        for api in projects {
            let said = |own: &mut String, default: &str, said: &Option<String>| {
                if let (true, Some(said)) = (own == default, said) {
                    said.clone_into(own);
                }
            };
            said(&mut self.title, DEFAULT_TITLE, &api.title);
            said(&mut self.version, DEFAULT_VERSION, &api.version);
            self.description = self.description.take().or_else(|| api.description.clone());
        }
    }
}

impl Declared {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    /// The folders of the projects.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|(folder, _)| folder.as_path())
    }

    /// Reads the projects; their revisions are taken before, so that what changes meanwhile is of later ones.
    pub(crate) fn open(&self, problems: &mut Vec<Problem>) -> (Vec<u64>, Vec<(u64, Project)>) {
        let revisions: Vec<u64> = self.folders().map(|folder| Footprint::of(folder).revision()).collect();
        let all = revisions.iter().zip(self.folders());
        let projects =
            all.filter_map(|(revision, folder)| Some((*revision, Project::open(folder, problems)?)));
        let projects = projects.collect();
        (revisions, projects)
    }

    /// Makes their routes, middlewares and caches, beside what the program has. `before` are the caches that serve until
    /// now.
    pub(crate) fn lower(
        &self,
        projects: &[(u64, Project)],
        around: &Around,
        (program, before): (&Named, &ProjectCaches),
        problems: &mut Vec<Problem>,
    ) -> Lowered {
        let Around { settings: server, drivers, stored, mode } = around;
        let mut all = Lowered::default();
        all.own.caches = ProjectCaches::of(projects, &program.stores, before, problems);
        for (revision, project) in projects {
            problems.extend(stored.problem(project));
            let (db, stored) = (stored.db.as_ref(), stored.surroundings());
            let around = Surroundings { server, native: &self.native, drivers, db, stored, mode: *mode };
            let mut lowered = project.lower(&around, problems);
            lowered.routes.iter_mut().for_each(|route| route.revision = Some(*revision));
            all.own.guards.push(Guards::of(project, &lowered.middlewares));
            for (name, middleware) in lowered.middlewares {
                // Endpoints name them, so two of one name would leave one project without its own.
                if all.middlewares.insert(name.clone(), middleware).is_some()
                    || program.middlewares.contains_key(&name)
                {
                    let folder = project.file.root.display();
                    let message =
                        format!("a middleware `{name}` stands elsewhere too: rename the one of {folder}");
                    problems.push(Problem::new(None, folder.to_string(), message));
                }
            }
            all.routes.extend(lowered.routes);
            all.controllers.extend(lowered.controllers);
        }
        all
    }
}

/// The drivers that ship, and those that have crates of their own. They are made once, so that what they keep running
/// outlives a reload. Compiled components are kept in the folder of the data once that is there: before, and for commands
/// that only look at a project, where the operating system keeps such files.
pub(crate) fn drivers(data: &Path) -> Vec<Arc<dyn Driver>> {
    #[cfg(feature = "wasm")]
    let more: [Arc<dyn Driver>; 1] = {
        let mut setup = ketch_wasm::Setup::default();
        setup.cache = data.is_dir().then(|| data.join("wasm"));
        [Arc::new(ketch_wasm::Wasm::new(setup))]
    };
    #[cfg(not(feature = "wasm"))]
    let (more, _unused): ([Arc<dyn Driver>; 0], _) = ([], data);
    ketch_manifest::shipped().into_iter().chain(more).collect()
}
