//! What the option `exec` says: how programs are run, and their limits. The reference is
//! `docs/reference/worker-protocol.md`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::thread::available_parallelism;
use std::time::Duration;

use ketch_model::Problem;

use crate::driver::Wanted;
use crate::environment::own;
use crate::fields::Fields;
use crate::keys::EXEC;
use crate::source::{Json, Spanned};

/// How a program is run. Two endpoints that say the same share its processes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Options {
    pub(super) mode: Mode,
    /// Processes of a worker's pool.
    pub(super) workers: usize,
    /// Oneshot processes at a time.
    pub(super) processes: usize,
    /// Requests that may wait for a process.
    pub(super) queue: usize,
    pub(super) wait: Duration,
    /// Calls after which a worker is replaced; 0 for never.
    pub(super) recycle: u64,
    pub(super) idle: Duration,
    pub(super) grace: Duration,
    pub(super) env: Environment,
    /// The largest output of a call, in bytes.
    pub(super) output: usize,
    /// Bytes of data for each process.
    pub(super) memory: Option<u64>,
    /// Seconds of processor time for each process.
    pub(super) cpu: Option<u64>,
    /// Open files of each process.
    pub(super) files: u64,
}

/// Whether processes outlive a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mode {
    /// A process for each call.
    Oneshot,
    /// A pool of processes.
    Worker,
}

/// Variables of a program's environment. Their values are not shown.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Environment(pub(super) BTreeMap<String, OsString>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Default for Options {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            mode: Mode::Oneshot,
            workers: processors.min(4),
            processes: (4 * processors).clamp(16, 256),
            queue: 64,
            wait: Duration::from_secs(1),
            recycle: 10_000,
            idle: Duration::from_secs(300),
            grace: Duration::from_secs(2),
            env: Environment::default(),
            output: 1 << 20,
            memory: Some(2 << 30),
            cpu: None,
            files: 256,
        }
    }
}

impl Options {
    /// What the project says, then the endpoint.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn of(wanted: &Wanted<'_>) -> Result<Self, Vec<Problem>> {
        let mut options = Self::default();
        let mut problems = Vec::new();
        let project = wanted.project.options.iter().filter(|(name, _)| name == "exec").map(|(_, said)| said);
        for said in project.chain(wanted.options) {
            options.read(said, &mut problems);
        }
        if problems.is_empty() { Ok(options) } else { Err(problems) }
    }

    fn read(&mut self, said: &Spanned, problems: &mut Vec<Problem>) {
        let Some(mut fields) = Fields::by(&EXEC, said, "exec", problems) else { return };
        match fields.text("mode", problems) {
            Some("oneshot") => self.mode = Mode::Oneshot,
            Some("worker") => self.mode = Mode::Worker,
            Some(other) => {
                let message = format!("`mode` is `{other}`, and must be `oneshot` or `worker`");
                problems.push(Problem::new(Some(fields.place().clone()), "exec", message));
            }
            None => {}
        }
        for (name, option, least, most) in [
            ("workers", &mut self.workers, 1, 64),
            ("processes", &mut self.processes, 1, 256),
            ("queue", &mut self.queue, 0, 4096),
        ] {
            if let Some(number) = within(&mut fields, name, least, most, problems) {
                *option = usize::try_from(number).unwrap_or(usize::MAX);
            }
        }
        let recycle = within(&mut fields, "recycle", 0, u64::MAX, problems);
        self.recycle = recycle.unwrap_or(self.recycle);
        self.files = within(&mut fields, "files", 16, 1 << 20, problems).unwrap_or(self.files);
        for (name, option) in [("wait", &mut self.wait), ("idle", &mut self.idle), ("grace", &mut self.grace)]
        {
            let read = fields.written(name, ketch_syntax::duration, problems);
            *option = read.unwrap_or(*option);
        }
        if let Some(size) = fields.written("output", ketch_syntax::size, problems) {
            self.output = usize::try_from(size).unwrap_or(usize::MAX);
        }
        let size = |text: &str| if text == "-" { Ok(None) } else { ketch_syntax::size(text).map(Some) };
        self.memory = fields.written("memory", size, problems).unwrap_or(self.memory);
        let seconds = |text: &str| {
            let seconds = if text == "-" { Ok(None) } else { ketch_syntax::duration(text).map(Some) }?;
            match seconds {
                Some(time) if time.subsec_millis() > 0 || time.is_zero() => {
                    Err("not whole seconds: write `\"10s\"`, at least one".to_owned())
                }
                time => Ok(time.map(|time| time.as_secs())),
            }
        };
        self.cpu = fields.written("cpu", seconds, problems).unwrap_or(self.cpu);
        if let Some(said) = fields.get("env") {
            self.env.read(said, problems);
        }
        fields.finish(problems);
    }
}

impl Environment {
    fn read(&mut self, said: &Spanned, problems: &mut Vec<Problem>) {
        let Some(mut fields) = Fields::of(said, "exec: `env`", problems) else { return };
        for (name, place, value) in fields.others() {
            let mut wrong = |message: String| {
                problems.push(Problem::new(Some(place.clone()), "exec: `env`", message));
            };
            if name.is_empty() || name.contains(['=', '\0']) {
                wrong(format!("`{}` is no name of a variable", name.escape_debug()));
                continue;
            }
            let value = match &value.value {
                Json::Text(text) if text.contains('\0') => {
                    wrong(format!("`{name}` has a zero byte"));
                    continue;
                }
                Json::Text(text) => text.into(),
                Json::Bool(true) => match own(name) {
                    Some(value) => value,
                    None => {
                        wrong(format!(
                            "`{name}` is passed on, but the server's environment has none: set it"
                        ));
                        continue;
                    }
                },
                _ => {
                    wrong(format!("`{name}` is {}, and must be text or `true`", value.kind()));
                    continue;
                }
            };
            self.0.insert(name.clone(), value);
        }
        fields.finish(problems);
    }
}

fn within(
    fields: &mut Fields<'_>,
    name: &'static str,
    least: u64,
    most: u64,
    problems: &mut Vec<Problem>,
) -> Option<u64> {
    let number = fields.number(name, problems)?;
    if (least..=most).contains(&number) {
        return Some(number);
    }
    let place = fields.get(name).map(|value| value.place.clone());
    problems.push(Problem::new(
        place,
        "exec",
        format!("`{name}` is {number}, and must be {least} to {most}"),
    ));
    None
}
