//! `recipes <name> [flags]`: runs one recipe, with the flags and commands that every Ketch program has.

use std::io::Write;
use std::process::ExitCode;

use recipes::RECIPES;

fn main() -> ExitCode {
    let mut line = std::env::args_os();
    let program = line.next().unwrap_or_else(|| "recipes".into());
    let name = line.next().unwrap_or_default();
    match RECIPES.iter().find(|(known, _)| name == *known) {
        Some((_, server)) => ketch::main_from(std::iter::once(program).chain(line), server()),
        None => {
            let names: Vec<&str> = RECIPES.iter().map(|(name, _)| *name).collect();
            let _unheard =
                writeln!(std::io::stderr(), "say which: `recipes <name>`, one of {}", names.join(", "));
            ExitCode::from(2)
        }
    }
}
