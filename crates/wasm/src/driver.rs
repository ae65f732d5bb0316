//! The driver: which components there are, and what each is for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use ketch_manifest::{Bound, Checker, Driver, Inspector, Wanted};
use ketch_model::Problem;
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::checker::Checking;
use crate::component::{Compiled, Stamp};
use crate::controller::Controlled;
use crate::engine::Host;
use crate::fault;
use crate::guest::Guest;
use crate::middleware::Inspecting;
use crate::options::Options;
use crate::proxy::Proxied;

/// What a server says of its components.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setup {
    /// The folder where compiled components are kept. None is where the operating system keeps such files. Whoever may
    /// write to it may have the server run anything.
    pub cache: Option<PathBuf>,
    /// How many instances run at a time, of all components together; as many more may be kept for their next call.
    pub slots: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { cache: None, slots: 128 }
    }
}

/// The driver. Its engine starts with the first component.
#[derive(Debug, Default)]
pub struct Wasm {
    setup: Setup,
    host: OnceLock<Result<Arc<Host>, String>>,
    registry: Mutex<Registry>,
}

/// What is in use: a reload that changes nothing finds it here.
#[derive(Debug, Default)]
struct Registry {
    compiled: HashMap<(PathBuf, Granted), (Stamp, Weak<Compiled>)>,
    guests: Vec<Weak<Guest>>,
}

/// Whether a component was linked with the database.
type Granted = bool;

impl Wasm {
    /// A driver.
    pub fn new(setup: Setup) -> Self {
        Self { setup, ..Self::default() }
    }

    fn host(&self) -> Result<Arc<Host>, String> {
        let start = || {
            let started = Host::start(self.setup.cache.clone(), self.setup.slots);
            started
                .map(Arc::new)
                .map_err(|error| format!("components cannot be run: {}", fault::cause(&error)))
        };
        self.host.get_or_init(start).clone()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guest that is wanted: the one that there is, if neither its file nor what is said of it has changed.
    fn guest(&self, wanted: &Wanted<'_>) -> Result<Arc<Guest>, Vec<Problem>> {
        let file = wanted.file.display().to_string();
        let problem = |message: String| wanted.problem(format!("{file} {message}"));
        let mut problems = Vec::new();
        let project = wanted.project.options.iter().find(|(name, _)| name == "wasm").map(|(_, value)| value);
        let subject = wanted.problem(String::new()).subject;
        let said = project.into_iter().chain(wanted.options);
        let options = Options::read(&wanted.project.root, said, &subject, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let host = self.host().map_err(|message| vec![problem(message)])?;
        let path = wanted.project.root.join(wanted.file);
        let compiled = self.compiled(&host, &path, options.database);
        let compiled = compiled.map_err(|wrong| wrong.into_iter().map(problem).collect::<Vec<_>>())?;
        let mut registry = self.registry();
        registry.guests.retain(|guest| guest.strong_count() > 0);
        let same = |guest: &Arc<Guest>| Arc::ptr_eq(&guest.compiled, &compiled) && guest.options == options;
        let known = registry.guests.iter().filter_map(Weak::upgrade).find(same);
        Ok(known.unwrap_or_else(|| {
            let guest = Arc::new(Guest::new(host, compiled, options, &file, wanted.db.cloned()));
            registry.guests.push(Arc::downgrade(&guest));
            guest
        }))
    }

    fn compiled(&self, host: &Host, path: &Path, database: bool) -> Result<Arc<Compiled>, Vec<String>> {
        let stamp = Stamp::of(path).map_err(|message| vec![message])?;
        let key = (path.to_owned(), database);
        let known = self.registry().compiled.get(&key).cloned();
        if let Some((was, known)) = known
            && was == stamp
            && let Some(compiled) = known.upgrade()
        {
            return Ok(compiled);
        }
        let compiled = Arc::new(Compiled::read(host, path, database)?);
        let mut registry = self.registry();
        registry.compiled.retain(|_, (_, compiled)| compiled.strong_count() > 0);
        registry.compiled.insert(key, (stamp, Arc::downgrade(&compiled)));
        Ok(compiled)
    }
}

impl Driver for Wasm {
    fn name(&self) -> &'static str {
        "wasm"
    }

    fn claims(&self, file: &Path) -> bool {
        file.extension().is_some_and(|extension| extension == "wasm")
    }

    fn controller(&self, wanted: &Wanted<'_>) -> Result<Bound, Vec<Problem>> {
        let guest = self.guest(wanted)?;
        if let Some(call) = guest.compiled.call {
            return Ok(Bound::Controller(Arc::new(Controlled { guest, call })));
        }
        if guest.compiled.http {
            let pre = ProxyPre::new(guest.compiled.pre.clone());
            let pre = pre.map_err(|error| vec![wanted.problem(fault::cause(&error))])?;
            return Ok(Bound::Whole(Arc::new(Proxied { guest, pre })));
        }
        Err(lacks(wanted, "`call` (the world `controller` of `ketch:api`) or `wasi:http/incoming-handler`"))
    }

    fn middleware(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Inspector>, Vec<Problem>> {
        let guest = self.guest(wanted)?;
        match guest.compiled.inspect {
            Some(inspect) => Ok(Arc::new(Inspecting { guest, inspect })),
            None => Err(lacks(wanted, "`inspect` (the world `middleware` of `ketch:api`)")),
        }
    }

    fn checker(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Checker>, Vec<Problem>> {
        let guest = self.guest(wanted)?;
        match (guest.compiled.matches, guest.compiled.check) {
            (Some(matches), Some(check)) => Ok(Arc::new(Checking { guest, matches, check })),
            _ => Err(lacks(wanted, "`matches` and `check` (the world `type-checker` of `ketch:api`)")),
        }
    }
}

fn lacks(wanted: &Wanted<'_>, what: &str) -> Vec<Problem> {
    vec![wanted.problem(format!("{} does not export {what}", wanted.file.display()))]
}
