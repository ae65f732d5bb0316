//! A Cargo project: built by Cargo, and run.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use ketch_edge::StopSignal;
use process_wrap::tokio::{CommandWrap, KillOnDrop, ProcessGroup};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use super::Options;
use super::supervisor::{Made, Project, Runnable, State, run_to_end};
use crate::follow::real;
use crate::terminal::say;
use crate::watch::Watched;

/// The longest that Cargo may say on stdout, in bytes: a line for each crate.
const SAID: u64 = 256 << 20;

/// Folders that are watched at most.
const FOLDERS: usize = 10_000;

/// Folders at the root of a project that are not its sources.
const NO_SOURCES: &[&str] = &["data", "node_modules", "target"];

/// A package and its program.
pub(super) struct Program {
    folder: PathBuf,
    bin: Option<String>,
    flags: Vec<String>,
    sources: Arc<Sources>,
    /// The program that was run last, as it was.
    last: Option<(PathBuf, Option<Stamp>)>,
}

type Stamp = (u64, SystemTime);

impl Program {
    pub(super) fn new(options: &Options) -> Self {
        let sources = Sources { root: real(&options.dir), more: Mutex::default(), seen: Mutex::default() };
        sources.has_changed();
        Self {
            folder: options.dir.clone(),
            bin: options.bin.clone(),
            flags: options.cargo.clone(),
            sources: Arc::new(sources),
            last: None,
        }
    }

    fn build(&self) -> CommandWrap {
        let mut command = CommandWrap::with_new("cargo", |command| {
            command.args(["build", "--message-format", "json-render-diagnostics"]);
            if let Some(bin) = &self.bin {
                command.args(["--bin", bin]);
            }
            if std::io::stderr().is_terminal() {
                command.args(["--color", "always"]);
            }
            command.args(&self.flags).current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::piped());
        });
        command.wrap(KillOnDrop).wrap(ProcessGroup::leader());
        command
    }
}

impl Project for Program {
    fn watched(&self) -> Arc<dyn Watched> {
        Arc::clone(&self.sources) as _
    }

    async fn ready(&mut self, stop: &mut StopSignal) -> Result<Made> {
        let mut cargo = self.build().spawn().context("cannot run `cargo`: is it in PATH?")?;
        let stdout = cargo.stdout().take().context("its output is read")?;
        // It ends with Cargo, or when that is killed.
        let programs = tokio::spawn(programs(BufReader::new(stdout.take(SAID))));
        let Some(status) = run_to_end(cargo, stop).await? else { return Ok(Made::Stopped) };
        let programs = programs.await.context("what Cargo says is read")??;
        if !status.success() {
            return Ok(Made::Failed);
        }
        let program = match programs.as_slice() {
            [one] => one.clone(),
            [] => bail!("this package has no program: `dev` runs one"),
            _ => bail!("this package has several programs: choose one with `--bin NAME`"),
        };
        self.sources.add(&program);
        let now = (program.clone(), stamp(&program));
        if self.last.as_ref() == Some(&now) {
            return Ok(Made::Same);
        }
        if self.last.is_some() {
            say("Built; the new program takes over.");
        }
        self.last = Some(now);
        Ok(Made::Ready(Runnable {
            program,
            arguments: vec!["serve".to_owned()],
            folder: Some(self.folder.clone()),
        }))
    }

    fn runs(&mut self, state: State) {
        if state == State::Down {
            // It is run again even when only a file changed that it reads at its start.
            self.last = None;
        }
    }
}

/// The programs that Cargo has built, from its messages (one JSON object a line).
async fn programs(mut lines: impl tokio::io::AsyncBufRead + Unpin) -> Result<Vec<PathBuf>> {
    let (mut found, mut line) = (Vec::new(), String::new());
    while lines.read_line(&mut line).await? > 0 {
        let message: Value = serde_json::from_str(&line).unwrap_or_default();
        let is_program =
            message["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|it| it == "bin"));
        if let (true, Some(program)) = (is_program, message["executable"].as_str()) {
            found.push(PathBuf::from(program));
        }
        line.clear();
    }
    Ok(found)
}

fn stamp(path: &Path) -> Option<Stamp> {
    let known = fs::metadata(path).ok()?;
    Some((known.len(), known.modified().ok()?))
}

/// What a program is built from.
struct Sources {
    root: PathBuf,
    /// Folders elsewhere: of packages that it depends on by path.
    more: Mutex<BTreeSet<PathBuf>>,
    seen: Mutex<u64>,
}

impl Sources {
    /// Adds the folders of sources elsewhere, as Cargo lists them beside the program.
    fn add(&self, program: &Path) {
        let Ok(listed) = fs::read_to_string(program.with_extension("d")) else { return };
        // `program: source source`, where a space within a name has a backslash before it.
        let sources = listed.lines().filter_map(|line| line.split_once(": ")).flat_map(|(_, files)| {
            let files = files.replace("\\ ", "\0");
            files.split(' ').map(|file| file.replace('\0', " ")).collect::<Vec<_>>()
        });
        let folders = sources.filter_map(|file| Path::new(&file).parent().map(real));
        let elsewhere = folders.filter(|folder| !folder.starts_with(&self.root)).take(FOLDERS).collect();
        *self.more.lock().unwrap_or_else(PoisonError::into_inner) = elsewhere;
    }

    /// Every folder of sources.
    fn all(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            self.more.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let mut open = vec![self.root.clone()];
        while let Some(folder) = open.pop() {
            if found.len() >= FOLDERS {
                break;
            }
            let entries = folder.read_dir().into_iter().flatten().flatten();
            open.extend(
                entries
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|entry| entry.path())
                    .filter(|path| self.covers(path)),
            );
            found.push(folder);
        }
        found
    }
}

impl Watched for Sources {
    fn folders(&self) -> Vec<PathBuf> {
        self.all()
    }

    fn covers(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') || name == "4913" {
            return false;
        }
        let Ok(below) = path.strip_prefix(&self.root) else {
            return path.extension().is_some_and(|extension| extension == "rs");
        };
        let first = below.components().next().map(|part| part.as_os_str().to_string_lossy());
        !first.is_some_and(|first| NO_SOURCES.contains(&&*first))
    }

    fn has_changed(&self) -> bool {
        let mut hash = DefaultHasher::new();
        for folder in self.all() {
            let files = folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
            let mut files: Vec<PathBuf> = files.filter(|path| path.is_file() && self.covers(path)).collect();
            files.sort();
            for file in files {
                (&file, stamp(&file)).hash(&mut hash);
            }
        }
        let now = hash.finish();
        std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), now) != now
    }
}
