//! From the command line to an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use ketch_server::Server;

use crate::arguments::{Arguments, Command};
use crate::commands::{build, check, dev, jobs, kit, migrate, new, openapi, routes, serve};
use crate::log::{self, Requests};

/// Runs a Ketch program: reads flags and environment, then does what the command says; without one it serves.
///
/// The exit code is 0 when all went well, 1 when something failed (the message is on stderr), 2 when the command line
/// could not be read, and 130 when requests were cut off: by a second signal, or because draining took too long.
pub fn main(server: Server) -> ExitCode {
    main_from(std::env::args_os(), server)
}

/// The same with a command line of the caller's own; its first item is the program's name.
pub fn main_from<T: Into<OsString> + Clone>(line: impl IntoIterator<Item = T>, server: Server) -> ExitCode {
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => return print_usage(&error),
    };
    let command = arguments.command.unwrap_or(Command::Serve(arguments.serve));
    // A command that asks the application in this process is no server with a log of requests.
    let requests = if matches!(command, Command::Jobs(_)) { Requests::Quiet } else { Requests::Logged };
    log::start(&arguments.log, requests);
    let result = match command {
        Command::Serve(options) => serve::run(server, &options),
        Command::Dev(options) => dev::run(&options),
        Command::Jobs(options) => jobs::run(server, &options),
        Command::Migrate(options) => migrate::run(server, &options),
        Command::Check(options) => check::run(server, &options),
        Command::Routes(options) => routes::run(server, &options),
        Command::Openapi(options) => openapi::run(server, &options),
        Command::Build(options) => build::run(&options),
        Command::New(options) => new::run(&options),
        Command::Kit(options) => kit::run(&options),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Whoever cannot be told on stderr cannot be told at all.
            let _unheard = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Help and version are what was asked for; anything else is a mistake.
fn print_usage(error: &clap::Error) -> ExitCode {
    let _unheard = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}
