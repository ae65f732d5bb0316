//! The driver `exec`: any executable, as controller, middleware or type checker. A process for each call, or a pool of
//! workers; what is said between them is in `docs/reference/worker-protocol.md`.

mod checker;
mod controller;
mod errors;
mod file;
mod fuzz;
mod gate;
mod middleware;
mod oneshot;
mod options;
mod pool;
mod program;
mod protocol;
mod spawn;
mod stderr;
#[cfg(target_os = "linux")]
mod sweep;
mod worker;

use std::path::Path;
use std::sync::Arc;

use ketch_model::Problem;

pub use self::fuzz::worker;

use self::checker::Checking;
use self::controller::Called;
use self::middleware::Inspecting;
use self::options::{Mode, Options};
use self::program::{Program, Programs};
use crate::driver::{Bound, Checker, Driver, Inspector, Pending, Wanted};

/// The driver. It knows the programs that are in use, so that a reload finds their workers again.
#[derive(Debug, Default)]
pub(crate) struct Exec {
    programs: Arc<Programs>,
}

impl Driver for Exec {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn claims(&self, file: &Path) -> bool {
        !file.extension().is_some_and(|extension| extension == "sql" || extension == "wasm")
    }

    fn controller(&self, wanted: &Wanted<'_>) -> Result<Bound, Vec<Problem>> {
        let (program, seed) = (self.program(wanted)?, wanted.project.seed);
        Ok(Bound::Controller(Arc::new(Called { program, seed })))
    }

    fn middleware(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Inspector>, Vec<Problem>> {
        let (program, seed) = (self.program(wanted)?, wanted.project.seed);
        Ok(Arc::new(Inspecting { program, seed }))
    }

    fn checker(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Checker>, Vec<Problem>> {
        let (program, seed) = (self.program(wanted)?, wanted.project.seed);
        Ok(Arc::new(Checking { program, seed }))
    }

    fn stop(&self) -> Pending<()> {
        let programs = Arc::clone(&self.programs);
        Box::pin(async move { programs.close().await })
    }
}

impl Exec {
    fn program(&self, wanted: &Wanted<'_>) -> Result<Arc<Program>, Vec<Problem>> {
        let mut problems = Vec::new();
        let options = Options::of(wanted).map_err(|found| problems.extend(found)).ok();
        let root = &wanted.project.root;
        let found = file::program(root, wanted.file).map_err(|why| problems.push(wanted.problem(why))).ok();
        let folder = std::path::absolute(root)
            .map_err(|error| problems.push(wanted.problem(format!("has no folder: {error}"))))
            .ok();
        let (Some(options), Some((path, metadata)), Some(folder)) = (options, found, folder) else {
            return Err(problems);
        };
        // A process for each call reads everything anew.
        let sources = if options.mode == Mode::Worker { wanted.project.sources() } else { 0 };
        Ok(self.programs.get(path, (&metadata, sources), folder, options))
    }
}
