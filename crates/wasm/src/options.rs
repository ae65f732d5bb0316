//! What the project file and a method say under `wasm`: limits, and what is granted. Nothing is granted by default.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ketch_manifest::{Fields, Json, Spanned, WASM};
use ketch_model::{Place, Problem};
use ketch_syntax::{duration, size};
use wasmtime_wasi::FsPerms;

use crate::addresses::HostRule;
use crate::roots::Roots;

/// The least memory that may be said.
const LEAST_MEMORY: u64 = 64 << 10;
/// The most memory that may be said: what 32 bits address.
const MOST_MEMORY: u64 = 4 << 30;

/// What is said, or follows when nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// For how many calls an instance is kept; 1 is a fresh one for each.
    pub(crate) reuse: u64,
    /// How long a call may take, if not as long as its endpoint.
    pub(crate) timeout: Option<Duration>,
    /// How many calls run at a time.
    pub(crate) instances: usize,
    /// How long a call waits for its turn.
    pub(crate) wait: Duration,
    /// The largest answer, in bytes.
    pub(crate) output: usize,
    /// Whether it may ask the database.
    pub(crate) database: bool,
    pub(crate) grants: Grants,
}

/// What an instance has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grants {
    /// The most memory, in bytes.
    pub(crate) memory: usize,
    pub(crate) hosts: Arc<[HostRule]>,
    /// Whose certificates are believed.
    pub(crate) roots: Roots,
    pub(crate) folders: Vec<Folder>,
    pub(crate) env: Vec<(String, String)>,
}

/// A folder that is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Where it is, all links followed.
    pub(crate) path: PathBuf,
    /// What the guest calls it: `/assets`.
    pub(crate) name: String,
    writable: Writable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writable {
    Yes,
    No,
}

impl Folder {
    pub(crate) fn perms(&self) -> FsPerms {
        match self.writable {
            Writable::Yes => FsPerms::ReadWrite,
            Writable::No => FsPerms::ReadOnly,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let (hosts, roots) = ([].into(), Roots::default());
        let grants = Grants { memory: 64 << 20, hosts, roots, folders: Vec::new(), env: Vec::new() };
        let (timeout, wait) = (None, Duration::from_secs(1));
        Self { reuse: 1, timeout, instances: 32, wait, output: 8 << 20, database: false, grants }
    }
}

impl Options {
    /// Reads what the project says and then what the method says: each key of the method's stands in place of the
    /// project's.
    pub(crate) fn read<'a>(
        root: &Path,
        said: impl IntoIterator<Item = &'a Spanned>,
        subject: &str,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut options = Self::default();
        for said in said {
            if let Some(fields) = Fields::by(&WASM, said, format!("{subject}: `wasm`"), problems) {
                options.take(root, fields, problems);
            }
        }
        options
    }

    fn take(&mut self, root: &Path, mut fields: Fields<'_>, problems: &mut Vec<Problem>) {
        let times = fields.number("reuse", problems);
        self.reuse = times.map_or(self.reuse, |times| times.max(1));
        if let Some(bytes) = read_size(&mut fields, "memory", LEAST_MEMORY..=MOST_MEMORY, problems) {
            self.grants.memory = bytes;
        }
        if let Some(bytes) = read_size(&mut fields, "output", 1..=(256 << 20), problems) {
            self.output = bytes;
        }
        self.timeout = read_duration(&mut fields, "timeout", problems).or(self.timeout);
        self.wait = read_duration(&mut fields, "wait", problems).unwrap_or(self.wait);
        if let Some(count) = fields.number("instances", problems) {
            self.instances = usize::try_from(count).unwrap_or(usize::MAX).clamp(1, 1_000);
        }
        self.database = fields.flag("database", problems).unwrap_or(self.database);
        if let Some(hosts) = fields.get("hosts") {
            self.grants.hosts = read_hosts(hosts, fields.subject(), problems);
        }
        if let Some(files) = fields.texts("roots", problems) {
            self.grants.roots = read_roots(root, &files, fields.subject(), problems);
        }
        if let Some(folders) = fields.get("folders") {
            self.grants.folders = read_folders(root, folders, fields.subject(), problems);
        }
        if let Some(env) = fields.get("env") {
            self.grants.env = read_env(env, fields.subject(), problems);
        }
        fields.finish(problems);
    }
}

fn read_size(
    fields: &mut Fields<'_>,
    name: &'static str,
    within: std::ops::RangeInclusive<u64>,
    problems: &mut Vec<Problem>,
) -> Option<usize> {
    let text = fields.text(name, problems)?;
    let message = match size(text) {
        Ok(bytes) if within.contains(&bytes) => return usize::try_from(bytes).ok(),
        Ok(_) => format!("`{name}` must be from {} to {} bytes", within.start(), within.end()),
        Err(why) => format!("`{name}` is `{text}`, {why}"),
    };
    problems.push(Problem::new(Some(fields.place().clone()), fields.subject(), message));
    None
}

fn read_duration(
    fields: &mut Fields<'_>,
    name: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<Duration> {
    let text = fields.text(name, problems)?;
    let read = duration(text).map_err(|why| {
        let message = format!("`{name}` is `{text}`, {why}");
        problems.push(Problem::new(Some(fields.place().clone()), fields.subject(), message));
    });
    read.ok()
}

fn read_hosts(value: &Spanned, subject: &str, problems: &mut Vec<Problem>) -> Arc<[HostRule]> {
    let Json::List(items) = &value.value else {
        let message = format!("`hosts` is {}, and must be a list: `[\"api.example.org:443\"]`", value.kind());
        problems.push(Problem::new(Some(value.place.clone()), subject, message));
        return [].into();
    };
    let mut rules = Vec::new();
    for item in items {
        let read = match &item.value {
            Json::Text(text) => HostRule::parse(text),
            _ => Err(format!("`hosts` has {}, and each must be text", item.kind())),
        };
        match read {
            Ok(rule) => rules.push(rule),
            Err(message) => problems.push(Problem::new(Some(item.place.clone()), subject, message)),
        }
    }
    rules.into()
}

fn read_roots(root: &Path, files: &[(&str, &Place)], subject: &str, problems: &mut Vec<Problem>) -> Roots {
    let mut added = Vec::new();
    for (file, place) in files {
        match Roots::read(&root.join(file)) {
            Ok(found) => added.extend(found),
            Err(why) => {
                let message = format!("the file `{file}` of `roots` {why}");
                problems.push(Problem::new(Some((*place).clone()), subject, message));
            }
        }
    }
    if added.is_empty() { Roots::default() } else { Roots::of(added) }
}

fn read_folders(root: &Path, value: &Spanned, subject: &str, problems: &mut Vec<Problem>) -> Vec<Folder> {
    let Some(mut fields) = Fields::of(value, format!("{subject}: `folders`"), problems) else {
        return Vec::new();
    };
    let mut folders = Vec::new();
    for (name, place, how) in fields.others() {
        let writable = match &how.value {
            Json::Text(text) if text == "ro" => Ok(Writable::No),
            Json::Text(text) if text == "rw" => Ok(Writable::Yes),
            _ => Err(format!("the folder `{name}` must be `\"ro\"` (read only) or `\"rw\"`")),
        };
        match writable.and_then(|writable| folder(root, name, writable)) {
            Ok(folder) => folders.push(folder),
            Err(message) => problems.push(Problem::new(Some(place.clone()), subject, message)),
        }
    }
    folders
}

/// A folder of the project. Links may lead about in it and not out of it.
fn folder(root: &Path, name: &str, writable: Writable) -> Result<Folder, String> {
    let failed = |error: std::io::Error| format!("the folder `{name}` cannot be opened: {error}");
    let path = root.join(name).canonicalize().map_err(failed)?;
    if !path.is_dir() {
        return Err(format!("`{name}` is no folder"));
    }
    let root = root.canonicalize().map_err(failed)?;
    if !path.starts_with(&root) {
        return Err(format!("the folder `{name}` is not in the project; only folders below it are granted"));
    }
    if path == root && writable == Writable::Yes {
        return Err("the project's own folder may be granted to read only: its manifest is in it".to_owned());
    }
    let name = format!("/{}", name.trim_matches('/').trim_start_matches("./"));
    Ok(Folder { path, name, writable })
}

fn read_env(value: &Spanned, subject: &str, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let Some(mut fields) = Fields::of(value, format!("{subject}: `env`"), problems) else {
        return Vec::new();
    };
    let mut env = Vec::new();
    for (name, _, value) in fields.others() {
        match &value.value {
            Json::Text(text) => env.push((name.clone(), text.clone())),
            _ => {
                let message = format!("`env` has {} for `{name}`, and each must be text", value.kind());
                problems.push(Problem::new(Some(value.place.clone()), subject, message));
            }
        }
    }
    env
}
