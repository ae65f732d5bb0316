//! Type checkers that are programs.

use std::sync::Arc;
use std::time::Duration;

use ketch_model::Error;
use serde_json::{Value, json};

use super::errors::{Part, shown};
use super::oneshot::Asked;
use super::program::{Program, args};
use super::protocol::{Ask, Checked, Named};
use super::worker::Worker;
use crate::driver::{Checker, Pending};

/// The longest that one check may take. The endpoint's own time may be over before.
const TIME: Duration = Duration::from_secs(5);

/// A type checker.
#[derive(Debug)]
pub(super) struct Checking {
    pub(super) program: Arc<Program>,
    pub(super) seed: bool,
}

impl Checker for Checking {
    fn matches(&self, name: &str) -> Result<bool, String> {
        // A load may happen with or without a runtime, and its processes must not outlive it.
        let (program, seed, name) = (Arc::clone(&self.program), self.seed, name.to_owned());
        let asked = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(knows(&program, seed, &name))
        });
        asked.join().unwrap_or_else(|_| Err("asking it failed".to_owned()))
    }

    fn check(&self, name: &str, value: &Value) -> Pending<Result<bool, Error>> {
        let (program, seed) = (Arc::clone(&self.program), self.seed);
        let (name, value) = (name.to_owned(), value.clone());
        Box::pin(async move {
            let part = Part::Checker;
            if let Some(pool) = program.workers() {
                let ask = Ask::Check(Checked { name: &name, value: &value });
                let result = program.result(pool, part, &ask, TIME, None).await?;
                return result.as_bool().ok_or_else(|| program.bad(part, "answered what is no boolean"));
            }
            let input =
                if seed { json!({ "value": value }) } else { json!({ "name": name, "value": value }) };
            let input = input.to_string().into_bytes();
            let args = args(&["CHECK"], &input, seed);
            match program.output(Asked { part, args, input, time: TIME, id: None }).await {
                Ok(output) => said(&output, seed).map_err(|why| program.bad(part, why)),
                // There, a failure was a no.
                Err(error) if seed && error.status() == 502 => {
                    let cause = error.cause().map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(%cause, "a type checker failed, which is a no in this project");
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        })
    }
}

async fn knows(program: &Program, seed: bool, name: &str) -> Result<bool, String> {
    let cause = |error: Error| error.cause().map_or_else(|| error.message().to_owned(), ToString::to_string);
    let part = Part::Checker;
    if program.workers().is_some() {
        // Not one of the pool: that lives in another runtime.
        let started = Worker::start(program.launch()).await;
        let mut worker = started.map_err(|why| cause(part.not_started(&program.launch().program, why)))?;
        let ask = Ask::Match(Named { name });
        let most = program.launch().options.output;
        let said = tokio::time::timeout(TIME, worker.ask(&ask, None, most)).await;
        worker.end().await;
        return match said {
            Err(_) => Err(format!("did not answer within {TIME:?}")),
            Ok(Err(broken)) => Err(format!("{broken}")),
            Ok(Ok(Err(failure))) => Err(format!("replied with the error {}", failure.code)),
            Ok(Ok(Ok(result))) => {
                result.as_bool().ok_or_else(|| "answered what is no boolean to `match`".to_owned())
            }
        };
    }
    let input = if seed { Vec::new() } else { json!({ "name": name }).to_string().into_bytes() };
    let args = args(&["MATCH", name], &[], false);
    match program.output(Asked { part, args, input, time: TIME, id: None }).await {
        Ok(output) => said(&output, seed).map_err(|why| format!("{why} to `MATCH`")),
        Err(error) if seed && error.status() == 502 => Ok(false),
        Err(error) => Err(cause(error)),
    }
}

/// `1` and `true` are a yes, whatever the case. `0`, `false` and nothing are a no; in a project of the seed all else is.
///
/// # Errors
/// What it said, when that is neither.
fn said(output: &[u8], seed: bool) -> Result<bool, String> {
    let word = output.trim_ascii();
    if word == b"1" || word.eq_ignore_ascii_case(b"true") {
        return Ok(true);
    }
    if seed || word.is_empty() || word == b"0" || word.eq_ignore_ascii_case(b"false") {
        return Ok(false);
    }
    Err(format!("answered neither `true` nor `false`: {}", shown(word)))
}
