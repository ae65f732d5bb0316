//! The console log: everything that goes through `tracing`, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::arguments::{LogFormat, LogOptions};
use crate::log_text::{TextFields, Time};

/// Whether each request is logged that the application in this process answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requests {
    Logged,
    /// Unless the filter names them.
    Quiet,
}

/// Starts logging, and has panics logged as one line like everything else. A filter that cannot be read is told and
/// `info` taken instead, because a typo in it must not keep a server down.
pub(crate) fn start(options: &LogOptions, requests: Requests) {
    let text = match requests {
        Requests::Logged => options.log.clone(),
        // What comes later in a filter wins.
        Requests::Quiet => format!("ketch::request=warn,{}", options.log),
    };
    let (filter, fault) = match EnvFilter::try_new(text) {
        Ok(filter) => (filter, None),
        Err(fault) => (EnvFilter::new("info"), Some(fault)),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(true)
        .with_timer(Time);
    // A program that has its own subscriber keeps it.
    let _kept = match options.log_format {
        LogFormat::Text => {
            builder.fmt_fields(TextFields).with_ansi(std::io::stderr().is_terminal()).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Some(fault) = fault {
        tracing::warn!(filter = options.log, %fault, "the log filter cannot be read; using `info`");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(place, text, "panic");
    }));
}
