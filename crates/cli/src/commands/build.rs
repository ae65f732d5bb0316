//! `build`: compiles the controllers, middlewares and type checkers that have sources, with the toolchains that are here.
//!
//! What a folder is made into, and where that lies, says `ketch_manifest::SourceFolder`. Each language is a file of its own;
//! compilers run in the folder of the sources, several at a time, and what they say is shown when each has ended.

mod c;
mod cargo;
mod go;
mod javascript;
mod python;
mod stamp;
mod tool;

use std::collections::VecDeque;
use std::fs;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use ketch_manifest::{BUILD_FOLDER, Language, Part, Project, SourceFolder, source_folders};

use crate::project::require_manifest;
use crate::terminal::say;

/// What to build, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder of the project
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Build what has not changed as well
    #[arg(long)]
    force: bool,
    /// How many compilers run at a time [default: as many as there are processors]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Tell only of what was built, and of what could not be
    #[arg(long, short)]
    quiet: bool,
}

/// One folder to build.
struct Job<'a> {
    root: &'a Path,
    source: &'a SourceFolder,
    /// The world of a component: `controller`, `middleware-with-database`.
    world: String,
    /// A folder for what comes in between. It is on the disk of the project, so that results can be moved.
    scratch: tempfile::TempDir,
    /// What the compilers say.
    said: fs::File,
}

/// What a compiler has made.
enum Made {
    Program(PathBuf),
    Component(PathBuf),
}

/// How a build ended.
enum Ended {
    Built,
    Unchanged,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    require_manifest(&options.dir)?;
    let mut problems = Vec::new();
    let Some(project) = Project::open(&options.dir, &mut problems) else {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bail!("there is no project in {}: {}", options.dir.display(), told.join("\n"));
    };
    let root = project.file.root.canonicalize().context("cannot find the project's folder")?;
    let sources = source_folders(&project.file);
    if sources.is_empty() {
        say(
            "Nothing to build: no controller, middleware or type has sources (a folder with a main.go, main.c, main.js, main.ts, main.py or Cargo.toml).",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let workers =
        options.jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let waiting: Mutex<VecDeque<&SourceFolder>> = Mutex::new(sources.iter().collect());
    let failed = Mutex::new(0_usize);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(sources.len()) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(source) = next else { break };
                    if !told(&root, &project, source, options) {
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed > 0 {
        bail!("{failed} of {} could not be built", sources.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds one and tells how it went; whether it went well.
fn told(root: &Path, project: &Project, source: &SourceFolder, options: &Options) -> bool {
    let began = Instant::now();
    let mut said = String::new();
    let ended = one(root, project, source, options, &mut said);
    let name = source.folder.join(source.main).display().to_string();
    let line = match &ended {
        Ok((Ended::Built, output)) => {
            format!("built     {name} -> {} in {}", output.display(), seconds(began.elapsed()))
        }
        Ok((Ended::Unchanged, output)) => format!("unchanged {name} -> {}", output.display()),
        Err(error) => format!("FAILED    {name}: {error:#}"),
    };
    if options.quiet && matches!(ended, Ok((Ended::Unchanged, _))) {
        return true;
    }
    // In one piece, so that the words of two compilers do not mix.
    let said = said.trim_end();
    say(&if said.is_empty() { line } else { format!("{said}\n{line}") });
    ended.is_ok()
}

fn one(
    root: &Path,
    project: &Project,
    source: &SourceFolder,
    options: &Options,
    said: &mut String,
) -> Result<(Ended, PathBuf)> {
    let stamp = stamp::of(root, source)?;
    if !options.force
        && let Some(output) = source.built(root)
        && stamp.as_ref().is_some_and(|stamp| stamp::is(root, source, stamp))
    {
        return Ok((Ended::Unchanged, output));
    }
    let build = root.join(BUILD_FOLDER);
    fs::create_dir_all(&build).with_context(|| format!("cannot make {}", build.display()))?;
    let scratch = tempfile::Builder::new().prefix("tmp-").tempdir_in(&build)?;
    let mut job = Job { root, source, world: world(project, source), scratch, said: tempfile::tempfile()? };
    let made = match source.language {
        Language::Go => go::build(&job),
        Language::Rust => cargo::build(&job),
        Language::C => c::build(&job),
        Language::JavaScript => javascript::build(&job),
        Language::TypeScript => javascript::build_typed(&job),
        Language::Python => python::build(&job),
    };
    job.said.rewind()?;
    let mut bytes = Vec::new();
    Read::take(&job.said, 1 << 20).read_to_end(&mut bytes)?;
    *said = String::from_utf8_lossy(&bytes).into_owned();
    let ended = placed(root, source, made?)?;
    if let Some(stamp) = &stamp {
        stamp::write(root, source, stamp)?;
    }
    Ok(ended)
}

/// Moves what was made to where it is looked for, as one, so that a server never finds half of it.
fn placed(root: &Path, source: &SourceFolder, made: Made) -> Result<(Ended, PathBuf)> {
    let [program, component] = source.outputs();
    let (from, to, other) = match made {
        Made::Program(from) => (from, program, component),
        Made::Component(from) => (from, component, program),
    };
    let target = root.join(&to);
    let folder = target.parent().expect("it is below the folder of what is built");
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // What is the same is left as it is, so that a server that watches has nothing to load.
    let same = matches!((fs::read(&from), fs::read(&target)), (Ok(new), Ok(old)) if new == old);
    if !same {
        fs::rename(&from, &target).with_context(|| format!("cannot write {}", target.display()))?;
    }
    if root.join(&other).is_file() {
        fs::remove_file(root.join(&other)).with_context(|| format!("cannot delete {}", other.display()))?;
    }
    Ok((if same { Ended::Unchanged } else { Ended::Built }, to))
}

/// The world that a component is built for. One that is granted the database finds it there.
fn world(project: &Project, source: &SourceFolder) -> String {
    let name = match source.part {
        Part::Controller => "controller",
        Part::Middleware => "middleware",
        Part::Type => return "type-checker".to_owned(),
    };
    let of_wasm = |options: &[(String, ketch_manifest::Spanned)]| {
        options.iter().any(|(driver, value)| driver == "wasm" && value.plain()["database"] == true)
    };
    let controllers = &project.file.folders.controllers;
    let own = project.endpoints.iter().filter(|endpoint| {
        let folder = endpoint.path.iter().fold(controllers.clone(), |folder, segment| folder.join(segment));
        source.folder == folder || (endpoint.path.is_empty() && source.folder == controllers.join("ROOT"))
    });
    let granted =
        of_wasm(&project.file.options) || own.into_iter().any(|endpoint| of_wasm(&endpoint.options));
    if granted { format!("{name}-with-database") } else { name.to_owned() }
}

impl Job<'_> {
    /// The folder of the sources.
    fn folder(&self) -> PathBuf {
        self.root.join(&self.source.folder)
    }

    /// A file for what comes in between.
    fn between(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The files of the source's folder with this ending, by name.
    fn files(&self, extension: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            let path = entry?.path();
            if path.is_file() && path.extension().is_some_and(|it| it == extension) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// The interface of components.
#[cfg(feature = "wasm")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature there is none")]
fn wit() -> Result<&'static str> {
    Ok(ketch_server::WIT)
}

#[cfg(not(feature = "wasm"))]
fn wit() -> Result<&'static str> {
    bail!(
        "it becomes a WASM component, and this `ketch` was built without the feature `wasm`, so it could not run it"
    )
}
