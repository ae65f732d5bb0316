//! The command line, as it is written.

use clap::{Args, Parser, Subcommand};

use crate::commands::{build, check, dev, jobs, kit, migrate, new, openapi, routes, serve};

/// An API server in one process.
#[derive(Debug, Parser)]
#[command(
    name = "ketch",
    version,
    about = "An API server in one process",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Without a command, the flags of `serve`.
    #[command(flatten)]
    pub(crate) serve: serve::Options,
    #[command(flatten)]
    pub(crate) log: LogOptions,
}

/// What is logged, whatever the command.
#[derive(Args, Clone, Debug)]
pub(crate) struct LogOptions {
    /// What to log: a level, or a filter like `info,ketch::request=off`
    #[arg(
        long,
        global = true,
        env = "KETCH_LOG",
        hide_env_values = true,
        default_value = "info",
        value_name = "FILTER"
    )]
    pub(crate) log: String,
    /// How to log
    #[arg(
        long,
        global = true,
        env = "KETCH_LOG_FORMAT",
        hide_env_values = true,
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or Ctrl-C (what happens without a command)
    Serve(serve::Options),
    /// Serve a project while it is written: what changes is loaded or built anew
    ///
    /// In the folder of an `api.json` the manifest is served, and what has sources is built as by `build`. In the folder of a `Cargo.toml` the program is built and run;
    /// when its sources change it is built anew while the old one serves, and then takes over its socket, so that no
    /// connection is refused. What is wrong is shown, and the last good state serves on.
    Dev(dev::Options),
    /// Look after background jobs, whether the server runs or not
    ///
    /// While a server runs, it is asked: the socket `ketch.sock` in the folder of its data leads to it, for the user whom
    /// it runs as and for root. Otherwise this command opens the database; it applies no migration and runs no jobs but
    /// those that `run` is for. What is there goes to stdout, words go to stderr.
    ///
    /// The exit code is 0 when all went well, 1 when something failed, and 2 when the command line could not be read.
    Jobs(jobs::Options),
    /// Look after the schema of the database
    Migrate(migrate::Options),
    /// Find everything that would keep the server from starting, each problem at its line
    ///
    /// The manifest's files, its types and settings, what answers its endpoints, and the program's own services. Nothing is
    /// started and no database is opened. The exit code is 0 when all is well and 1 when there are problems.
    Check(check::Options),
    /// List the endpoints
    Routes(routes::Options),
    /// Print the OpenAPI document
    Openapi(openapi::Options),
    /// Compile the controllers, middlewares and types of a manifest that have sources
    ///
    /// A folder such as `controller/user/` with a main.go becomes a program, one with a main.c, main.js, main.ts or main.py
    /// a WASM component, and one with a Cargo.toml either. They are put below `.build/`, where `serve` finds them. What has
    /// not changed is not built again. The exit code is 1 when something could not be built.
    Build(build::Options),
    /// Write a new project: of Rust, or of a manifest that needs no compiler
    New(new::Options),
    /// Write the kit of a language, with which a controller of a manifest is one function
    Kit(kit::Options),
}
