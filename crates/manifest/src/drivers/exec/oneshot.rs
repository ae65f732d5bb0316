//! A process for each call: JSON on standard input, one document on standard output.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use ketch_model::Error;
use ketch_web::RequestId;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::errors::{Part, late, shown};
use super::gate::Gate;
use super::spawn::{Launch, Running};
use super::stderr::{self, Current};

/// The largest JSON that is an argument as well, in projects with an `aicra.json`. Linux takes 128 KiB for one.
pub(super) const LARGEST_ARGUMENT: usize = 64 << 10;

/// How long one waits for the end of standard output once the process has ended: another may hold it.
const LINGERS: Duration = Duration::from_millis(100);

/// What is asked of a process.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) part: Part,
    pub(super) args: Vec<OsString>,
    pub(super) input: Vec<u8>,
    pub(super) time: Duration,
    pub(super) id: Option<RequestId>,
}

/// Why output cannot be had.
enum Unreadable {
    TooMuch,
    Failed(io::Error),
}

/// Runs a process to its end and gives what it wrote.
///
/// # Errors
/// 503 when none may be started, 504 when it is killed at the deadline, 502 for all that it does wrong.
pub(super) async fn output(launch: &Launch, gate: &Gate, asked: Asked) -> Result<Vec<u8>, Error> {
    let Asked { part, args, input, time, id } = asked;
    let program = &launch.program;
    let work = async {
        let _seat = gate.enter().await?;
        let mut running = launch.start(&args).await.map_err(|why| part.not_started(program, why))?;
        let current = Current::default();
        current.set(id);
        stderr::log(running.stderr.take(), program, current, running.ended.clone());
        let (status, output) = talk(&mut running, input, launch.options.output).await.map_err(|why| {
            let most = launch.options.output;
            match why {
                Unreadable::TooMuch => part.bad(program, format_args!("wrote more than {most} bytes")),
                Unreadable::Failed(error) => part.bad(program, format_args!("cannot be read: {error}")),
            }
        })?;
        match status {
            Some(status) if status.success() => Ok(output),
            Some(status) => Err(part.bad(program, format_args!("ended with {status}"))),
            None => Err(part.bad(program, "ended, and nobody knows how")),
        }
    };
    // Dropping the work ends the process.
    timeout(time, work).await.unwrap_or_else(|_| Err(late(program, time)))
}

/// Reads output as one JSON document.
///
/// # Errors
/// 502 when it is none; the log has its beginning.
pub(super) fn document(launch: &Launch, part: Part, output: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(output).map_err(|error| {
        part.bad(&launch.program, format_args!("wrote no JSON document ({error}): {}", shown(output)))
    })
}

/// Writes and reads until the process has ended.
async fn talk(
    running: &mut Running,
    input: Vec<u8>,
    most: usize,
) -> Result<(Option<ExitStatus>, Vec<u8>), Unreadable> {
    let Running { stdin, stdout, ended, .. } = running;
    let (stdin, mut stdout) = (stdin.take(), stdout.take());
    let mut output = Vec::new();
    let gather = async {
        let first = tokio::select! {
            read = drain(stdout.as_mut(), &mut output, most) => { read?; None }
            status = ended.status() => Some(status),
        };
        if let Some(status) = first {
            // Its group has been killed; what it wrote is in the pipe.
            if let Ok(read) = timeout(LINGERS, drain(stdout.as_mut(), &mut output, most)).await {
                read?;
            }
            return Ok(status);
        }
        Ok(ended.status().await)
    };
    let status = tokio::select! {
        never = feed(stdin, input) => match never {},
        status = gather => status?,
    };
    Ok((status, output))
}

/// Writes the input, and closes the pipe. A program that does not read it is none the worse.
async fn feed(stdin: Option<ChildStdin>, input: Vec<u8>) -> Infallible {
    if let Some(mut stdin) = stdin {
        let _unread = stdin.write_all(&input).await;
    }
    std::future::pending().await
}

async fn drain(
    stdout: Option<&mut ChildStdout>,
    output: &mut Vec<u8>,
    most: usize,
) -> Result<(), Unreadable> {
    let Some(stdout) = stdout else { return Ok(()) };
    loop {
        match stdout.read_buf(output).await {
            Ok(0) => return Ok(()),
            Ok(_) if output.len() > most => return Err(Unreadable::TooMuch),
            Ok(_) => {}
            Err(error) => return Err(Unreadable::Failed(error)),
        }
    }
}
