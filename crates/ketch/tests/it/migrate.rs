//! `ketch migrate`, as it is run: the stock binary, a folder, a file.

use std::process::{Command, Stdio};

use ketch::Migrations;

use crate::scratch::Scratch;

/// A run: exit code, stdout, stderr.
struct Ran(i32, String, String);

#[expect(clippy::disallowed_methods, reason = "the commands are what is tested")]
fn migrate(scratch: &Scratch, arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_ketch"))
        .arg("migrate")
        .args(arguments)
        .args(["--dir", "migrations", "--log", "error"])
        .env("KETCH_DATABASE_URL", "sqlite:data/app.db")
        .current_dir(scratch)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran(output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What a run printed; it must have gone well.
fn printed(scratch: &Scratch, arguments: &[&str]) -> String {
    let Ran(code, stdout, stderr) = migrate(scratch, arguments);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

fn boats(name: &str) -> Scratch {
    let scratch = Scratch::new(name);
    scratch.write("migrations/001_boats.up.sql", "create table boats (id integer primary key);");
    scratch.write("migrations/001_boats.down.sql", "drop table boats;");
    scratch.write("migrations/002_log.up.sql", "create table log (boat integer references boats (id));");
    scratch.write("migrations/002_log.down.sql", "drop table log;");
    scratch
}

#[test]
fn a_database_goes_up_and_down() {
    let scratch = boats("migrate-up-down");
    let pending = "part  number  name   state    applied\n\
                   app   1       boats  pending  -\n\
                   app   2       log    pending  -\n";
    assert_eq!(printed(&scratch, &["status"]), pending);
    assert!(!scratch.path("data").exists(), "to look makes nothing");

    assert_eq!(printed(&scratch, &["up", "--to", "1"]), "app  1  boats\n");
    assert_eq!(printed(&scratch, &["up"]), "app  2  log\n");
    assert_eq!(printed(&scratch, &["up"]), "", "nothing is left to do");
    let backups = std::fs::read_dir(scratch.path("data/backups")).unwrap().count();
    assert_eq!(backups, 1, "the first run had nothing to lose, the last did nothing");

    let status = printed(&scratch, &["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status[1]["name"], "log");
    assert_eq!(status[1]["state"], "applied");
    assert!(status[1]["applied_at"].as_str().unwrap().ends_with('Z'), "{status}");

    let Ran(code, stdout, stderr) = migrate(&scratch, &["down"]);
    assert_eq!((code, stdout.as_str()), (1, ""), "nobody was asked");
    assert!(stderr.contains("app 2 log, by migrations/002_log.down.sql"), "{stderr}");
    assert!(stderr.contains("say `--yes`"), "{stderr}");
    assert_eq!(printed(&scratch, &["down", "--yes"]), "app  2  log\n");
    assert_eq!(printed(&scratch, &["down", "--yes", "--to", "0", "--without-backup"]), "app  1  boats\n");
    assert_eq!(printed(&scratch, &["down", "--yes"]), "");
    assert_eq!(printed(&scratch, &["status"]), pending);
}

#[test]
fn what_does_not_fit_ends_with_a_code_and_a_reason() {
    let scratch = boats("migrate-refuse");
    printed(&scratch, &["up"]);
    scratch.write("migrations/001_boats.up.sql", "create table boats (id integer primary key, name text);");
    let Ran(code, stdout, stderr) = migrate(&scratch, &["status"]);
    assert_eq!(code, 1);
    assert!(stdout.contains("app   1       boats  changed") && stdout.contains("log    applied"), "{stdout}");
    let reason = "`migrations/001_boats.up.sql` is not what was applied to this database on";
    assert!(stderr.contains(reason), "{stderr}");
    let Ran(code, stdout, stderr) = migrate(&scratch, &["up"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(
        stderr.starts_with("error: the database sqlite:data/app.db") && stderr.contains(reason),
        "{stderr}"
    );

    scratch.write("migrations/boats.sql", "");
    let Ran(code, _, stderr) = migrate(&scratch, &["up"]);
    assert!(code == 1 && stderr.contains("`boats.sql` is no migration"), "{stderr}");
    let Ran(code, ..) = migrate(&scratch, &["sideways"]);
    assert_eq!(code, 2, "a command line that cannot be read");
}

#[test]
fn one_that_fails_keeps_what_was_before_it() {
    let scratch = boats("migrate-fail");
    scratch.write("migrations/003_bad.up.sql", "create table sails (id);\ncreate tabel oars (id);");
    let Ran(code, stdout, stderr) = migrate(&scratch, &["up"]);
    assert_eq!((code, stdout.as_str()), (1, "app  1  boats\napp  2  log\n"), "what was applied is told");
    assert!(stderr.contains("`migrations/003_bad.up.sql` failed") && stderr.contains("tabel"), "{stderr}");
    assert!(stderr.contains("; the 2 before it were applied"), "{stderr}");
    scratch.write("migrations/003_bad.up.sql", "create table sails (id);");
    assert_eq!(printed(&scratch, &["up"]), "app  3  bad\n", "of the first try nothing is in the way");
}

#[test]
fn a_folder_is_the_same_compiled_in_or_read() {
    let read = Migrations::from_folder(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/migrations")).unwrap();
    let compiled = ketch::migrations!("tests/migrations");
    assert_eq!((compiled.len(), compiled.part()), (1, "app"));
    assert_eq!(compiled.folder(), "tests/migrations");
    // Only the folder is written differently.
    let texts = |it: &Migrations| format!("{it:?}").split_once("list:").unwrap().1.to_owned();
    assert_eq!(texts(&compiled), texts(&read));
}
