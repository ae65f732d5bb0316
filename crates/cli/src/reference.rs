//! The reference pages that follow from the source: commands and settings. A test compares them with `docs/reference/`.

use std::fmt::Write;

use clap::CommandFactory;
use ketch_syntax::{KEYS, Kind};

use crate::arguments::Arguments;

/// The pages, by file name.
pub fn reference() -> Vec<(&'static str, String)> {
    vec![("cli.md", commands()), ("settings.md", settings())]
}

/// `--help` of every command, at a fixed width.
fn commands() -> String {
    let mut out =
        String::from("# Commands\n\nGenerated from the source; `UPDATE_EXPECT=1` writes it anew.\n");
    let mut root = Arguments::command().term_width(100);
    root.build();
    let mut one = |command: &mut clap::Command, name: &str| {
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(out, "\n## `{name}`\n\n```text\n{}\n```\n", help.join("\n").trim_end())
            .expect("a String takes everything");
    };
    one(&mut root, "ketch");
    below(&mut root, "ketch", &mut one);
    out
}

/// Every command of a command, and theirs.
fn below(command: &mut clap::Command, name: &str, one: &mut impl FnMut(&mut clap::Command, &str)) {
    for command in command.get_subcommands_mut() {
        let name = format!("{name} {}", command.get_name());
        one(command, &name);
        below(command, &name, one);
    }
}

fn settings() -> String {
    let mut out = String::from(
        "# Settings\n\nGenerated from the source; `UPDATE_EXPECT=1` writes it anew.\n\n\
         The same keys exist at every level; a later level wins: server code, service attribute, service code, endpoint \
         attribute, endpoint code. `\"-\"` means none.\n\n\
         | key | aliases | value | where nobody says | what it does |\n|---|---|---|---|---|\n",
    );
    for spec in KEYS {
        let aliases: Vec<String> = spec.names[1..].iter().map(|name| format!("`{name}`")).collect();
        let only = if spec.inherited { "" } else { " One endpoint only." };
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {}{only} |",
            spec.names[0],
            aliases.join(", "),
            form(spec.kind),
            spec.default,
            spec.about
        )
        .expect("a String takes everything");
    }
    out
}

/// How a value is written.
fn form(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "`\"text\"`",
        Kind::Version => "`\"2.1\"`",
        Kind::Names => "`[\"a\", \"b\"]`",
        Kind::Scope => "`[[\"admin\"], [\"editor\", \"verified\"]]`",
        Kind::Size => "`\"512b\"`, `\"64kb\"`, `\"10mb\"`",
        Kind::Duration => "`\"250ms\"`, `\"30s\"`, `\"5m\"`",
        Kind::Flag => "`true`, or the key alone",
        Kind::Date => "day: `\"2027-01-31\"`",
        Kind::FlagOrDate => "flag: `true`, `false`; or a day: `\"2027-01-31\"`",
        Kind::Rate => "rate: `\"100/m\"`, `\"10/s burst 20\"`",
        Kind::Status => "status: `201`",
    }
}
