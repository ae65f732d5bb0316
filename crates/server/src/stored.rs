//! What manifests store: the database, and the migrations beside their own.

use std::sync::Arc;

use ketch_db::migrate::{self, Wanted};
use ketch_db::{Db, Dialect, Migrations};
use ketch_manifest::{Controller, Project};
use ketch_model::Problem;

use crate::database::Database;
use crate::server::Server;

/// What a reload does with migrations that are new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// It applies them.
    Apply,
    /// It is refused.
    Refuse,
}

/// The database of a server, as its manifests see it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) db: Option<Db>,
    dialect: Dialect,
    /// The migrations that are no project's.
    others: Vec<Migrations>,
    /// The projects', as they were when the server was built.
    own: Vec<Migrations>,
}

impl Server {
    /// The migrations of projects become the database's, which a project that needs one gets. What is wrong with them is
    /// told where projects are lowered.
    pub(crate) fn store(&mut self, projects: &[(u64, Project)]) -> Vec<Migrations> {
        if projects.iter().any(|(_, project)| project.needs_database()) {
            let _needed = self.db();
        }
        let own = migrations(projects);
        own.iter().for_each(|one| self.database.add_project(one.clone()));
        own
    }
}

/// What can be read of them.
fn migrations(projects: &[(u64, Project)]) -> Vec<Migrations> {
    projects.iter().filter_map(|(_, project)| project.migrations().ok().flatten()).collect()
}

impl Stored {
    pub(crate) fn new(database: Option<&Database>, own: Vec<Migrations>) -> Self {
        let all = database.map_or(&[][..], Database::migrations);
        let others = all.iter().filter(|one| !own.contains(one)).cloned().collect();
        let dialect = database.map_or(Dialect::Sqlite, Database::dialect);
        Self { db: database.map(|database| database.db().clone()), dialect, others, own }
    }

    /// What projects are lowered into.
    pub(crate) fn surroundings(&self) -> ketch_manifest::Stored<'_> {
        ketch_manifest::Stored { dialect: self.dialect, migrations: &self.others }
    }

    /// What stands against a project when there is no database.
    pub(crate) fn problem(&self, project: &Project) -> Option<Problem> {
        let message = "needs a database, which the server was started without: start it again";
        let missing = self.db.is_none() && project.needs_database();
        missing.then(|| Problem::new(None, project.file.root.display().to_string(), message))
    }

    /// Brings the database to what projects say now, and asks their controllers whether it fits. Only what is new is
    /// applied: a migration that was changed, or is gone, is refused, and nothing is undone.
    pub(crate) async fn follow(
        &self,
        projects: &[(u64, Project)],
        controllers: &[Arc<dyn Controller>],
        pending: Pending,
    ) -> Vec<Problem> {
        let Some(db) = self.db.as_ref().filter(|db| db.driver().is_ok()) else { return Vec::new() };
        let now = migrations(projects);
        if now != self.own {
            let all: Vec<Migrations> = self.others.iter().cloned().chain(now).collect();
            let done = match pending {
                Pending::Apply => migrate::up(db, &all, &Wanted::default()).await.map(|_| 0),
                Pending::Refuse => {
                    migrate::status(db, &all).await.map(|status| status.count(migrate::State::Pending))
                }
            };
            match done {
                Ok(0) => {}
                Ok(count) => {
                    let message =
                        format!("{count} new: applied at SIGHUP, or when the server is started again");
                    return vec![Problem::new(None, "migrations", message)];
                }
                Err(error) => return vec![Problem::new(None, "migrations", error.to_string())],
            }
        }
        begin(controllers).await
    }
}

/// Everything that controllers find wrong with the database.
pub(crate) async fn begin(controllers: &[Arc<dyn Controller>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for controller in controllers {
        problems.extend(controller.begin().await);
    }
    problems.sort_by(|a, b| (&a.place, &a.subject).cmp(&(&b.place, &b.subject)));
    problems
}
