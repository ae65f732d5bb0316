//! Programs that `xtask` starts: shown before they run, and errors that say which program failed and how.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A program to run in `folder`.
pub(crate) fn program(name: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command.current_dir(folder);
    command
}

/// The cargo that started `xtask`, in `folder`.
pub(crate) fn cargo(folder: &Path) -> Command {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), folder)
}

/// Runs to the end, with its output on the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().with_context(|| cannot_start(command))?;
    succeeded(command, status)
}

/// Runs to the end, but no longer than `limit`; then it is killed and the run fails.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    println!("$ {}", shown(command));
    let mut child = command.spawn().with_context(|| cannot_start(command))?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return succeeded(command, status);
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!("`{}` did not end within {} s and was killed", shown(command), limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs to the end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed what is not UTF-8", shown(command)))
}

/// Whether it can be started and ends well; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{}` failed ({status})", shown(command))
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`: is it installed?", shown(command))
}

/// The command as one would type it, with the program's name but not its folder.
fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let mut text = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_program_its_arguments_and_its_exit() {
        let error = run(program("sh", Path::new(".")).args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` failed (exit status: 3)");
        let error = run(&mut program("no-such-program", Path::new("."))).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`: is it installed?");
    }

    #[test]
    fn an_error_of_a_quiet_program_carries_what_it_said() {
        let error = output(program("sh", Path::new(".")).args(["-c", "echo why >&2; exit 1"])).unwrap_err();
        assert!(error.to_string().ends_with("failed (exit status: 1): why"), "{error}");
    }

    #[test]
    fn a_program_that_overruns_is_killed() {
        let mut sleeper = program("sleep", Path::new("."));
        let error = run_within(sleeper.arg("60"), Duration::from_millis(100)).unwrap_err();
        assert!(error.to_string().contains("was killed"), "{error}");
        run_within(&mut program("true", Path::new(".")), Duration::from_secs(60)).unwrap();
    }
}
