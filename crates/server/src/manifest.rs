//! The manifests of a server: projects whose endpoints stand beside its services.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use ketch_manifest::{Call, Driver, Native, Project, Surroundings};
use ketch_model::{Error, Place, Problem};
use ketch_web::Route;
use serde_json::{Map, Value};

use crate::database::Database;
use crate::server::{Server, bad_name};

/// What an application says of manifests.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    folders: Vec<(PathBuf, Place)>,
    native: Native,
    /// Kept from load to load, with what they hold.
    drivers: Vec<Arc<dyn Driver>>,
}

impl Server {
    /// Adds the endpoints of a project: the folder of an `api.json`.
    #[must_use]
    #[track_caller]
    pub fn manifest(mut self, folder: impl Into<PathBuf>) -> Self {
        self.manifest.folders.push((folder.into(), Place::caller()));
        self
    }

    /// Gives manifests a function that they call by name: `"run": "native:resize"`.
    #[must_use]
    #[track_caller]
    pub fn native<F, Fut>(mut self, name: impl Into<String>, function: F) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Map<String, Value>, Error>> + Send + 'static,
    {
        let name = name.into();
        let taken = !self.manifest.native.add(name.as_str(), function);
        self.problems.extend(bad_name(&name, "native function", taken));
        self
    }

    /// Reads the projects.
    pub(crate) fn open_projects(&self, problems: &mut Vec<Problem>) -> Vec<Project> {
        self.manifest.folders.iter().filter_map(|(folder, _)| Project::open(folder, problems)).collect()
    }

    /// Makes their routes, and adds their middlewares to those that are defined.
    pub(crate) fn lower_projects(
        &mut self,
        projects: &[Project],
        database: Option<&Database>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Route> {
        if self.manifest.drivers.is_empty() {
            self.manifest.drivers = drivers();
        }
        let db = database.map(Database::db);
        let mut routes = Vec::new();
        for project in projects {
            let native = &self.manifest.native;
            let around = Surroundings { server: &self.settings, native, drivers: &self.manifest.drivers, db };
            let lowered = project.lower(&around, problems);
            self.app.middlewares.extend(lowered.middlewares);
            routes.extend(lowered.routes);
        }
        routes
    }
}

/// The drivers that ship, and those that have crates of their own.
fn drivers() -> Vec<Arc<dyn Driver>> {
    ketch_manifest::shipped()
}
