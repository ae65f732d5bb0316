//! `ketch serve DIR` loads its manifest anew when files change, and at SIGHUP: as a process, with real files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ketch::test::Scratch;

use crate::said::{Said, ask, say};

pub(crate) const API: &str = r#"{ "/": { "hello": { "GET": { "info": "Says hello.", "out": {
    "text": { "info": "what it says", "type": "string" } } } } } }"#;

/// Writes a file, which can be executed if it says by what.
pub(crate) fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    if text.starts_with("#!") {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub(crate) fn script(text: &str) -> String {
    format!("#!/bin/sh\ncat >/dev/null\necho '{{\"text\": \"{text}\"}}'\n")
}

pub(crate) fn project() -> Scratch {
    let scratch = Scratch::new();
    write(scratch.path(), "api.json", API);
    write(scratch.path(), "controller/hello", &script("one"));
    scratch
}

const SERVE: &[&str] = &["serve", ".", "--listen", "127.0.0.1:0"];
const LOADED: &str = "the manifest was loaded anew";

#[test]
fn what_changes_is_served() {
    let scratch = project();
    let folder = scratch.path();
    let mut server = Said::start(folder, SERVE);
    let addr = server.ready();
    assert!(ask(addr, "/hello").unwrap().1.contains("one"));

    // A new folder with a controller in it, and a node for it.
    write(folder, "controller/deep/er/bye", &script("bye"));
    let deeper = r#", "deep": { "/": { "er": { "/": { "bye": { "GET": { "info": "Says bye." } } } } } } } }"#;
    let api = API.trim_end().strip_suffix("} }").unwrap().to_owned() + deeper;
    write(folder, "api.json", &api);
    server.until(LOADED);
    while ask(addr, "/deep/er/bye").unwrap().0 != 200 {
        server.until(LOADED);
    }

    // Saved as many editors do: written beside, then renamed onto it.
    write(folder, ".api.json.new", &api.replace("\"hello\"", "\"hallo\""));
    write(folder, "controller/hallo", &script("hallo"));
    fs::remove_file(folder.join("controller/hello")).unwrap();
    fs::rename(folder.join(".api.json.new"), folder.join("api.json")).unwrap();
    while ask(addr, "/hallo").unwrap().0 != 200 {
        server.until(LOADED);
    }
    assert_eq!(ask(addr, "/hello").unwrap().0, 404);

    // A folder that is replaced by another.
    write(folder, "next/hallo", &script("two"));
    write(folder, "next/deep/er/bye", &script("bye"));
    fs::rename(folder.join("controller"), folder.join("old")).unwrap();
    fs::rename(folder.join("next"), folder.join("controller")).unwrap();
    server.until(LOADED);
    assert!(ask(addr, "/hallo").unwrap().1.contains("two"));
    // In it, files are watched as before.
    fs::remove_file(folder.join("controller/hallo")).unwrap();
    server.until("controller/hallo");
    server.until("the last good manifest is served on");
    write(folder, "controller/hallo", &script("three"));
    server.until(LOADED);
    assert!(ask(addr, "/hallo").unwrap().1.contains("three"));
    server.signal("TERM");
    assert!(server.wait().success());
}

#[test]
fn what_cannot_be_loaded_is_told_and_the_last_good_state_serves_on() {
    let scratch = project();
    let mut server = Said::start(scratch.path(), SERVE);
    let addr = server.ready();
    write(scratch.path(), "api.json", &API.replace("string", "strong"));
    let problem = server.until("the manifest cannot be loaded");
    assert!(problem.contains("api.json:2:") && problem.contains("strong"), "{problem}");
    server.until("the last good manifest is served on");
    assert!(ask(addr, "/hello").unwrap().1.contains("one"));
    write(scratch.path(), "api.json", &API.replace("Says hello.", "Says it again."));
    server.until(LOADED);
    assert!(ask(addr, "/openapi.json").unwrap().1.contains("Says it again."));
}

#[test]
fn a_signal_loads_it_anew_where_nothing_is_watched() {
    let scratch = project();
    let mut server = Said::start(scratch.path(), &[SERVE, &["--no-watch"]].concat());
    let addr = server.ready();
    write(scratch.path(), "api.json", &API.replace("\"hello\"", "\"hallo\""));
    write(scratch.path(), "controller/hallo", &script("hallo"));
    fs::remove_file(scratch.path().join("controller/hello")).unwrap();
    assert_eq!(ask(addr, "/hallo").unwrap().0, 404);
    server.signal("HUP");
    server.until(LOADED);
    assert!(ask(addr, "/hallo").unwrap().1.contains("hallo"));
}

/// A file that is seen to change may be half written, and what a migration has done cannot be taken back.
#[test]
fn a_new_migration_waits_until_somebody_says_that_it_is_complete() {
    let scratch = project();
    let folder = scratch.path();
    write(folder, "migrations/0001_boats.sql", "CREATE TABLE boats (id INTEGER PRIMARY KEY) STRICT;\n");
    let mut server = Said::start(folder, SERVE);
    let addr = server.ready();
    write(folder, "migrations/0002_crews.sql", "CREATE TABLE crews (id INTEGER PRIMARY KEY) STRICT;\n");
    write(folder, "api.json", &API.replace("Says hello.", "Says it again."));
    server.until("1 new: applied at SIGHUP");
    assert!(!ask(addr, "/openapi.json").unwrap().1.contains("Says it again."));
    server.signal("HUP");
    server.until(LOADED);
    assert!(ask(addr, "/openapi.json").unwrap().1.contains("Says it again."));
    server.signal("TERM");
    assert!(server.wait().success());
}

/// A deploy makes a folder for each release and lets a link lead to it.
#[test]
fn a_link_that_leads_to_another_release_is_seen_and_nothing_is_of_two() {
    let scratch = Scratch::new();
    let folder = scratch.path();
    let api =
        API.replace("\"GET\"", "\"DELETE\": { \"info\": \"A stub.\", \"stub\": \"gone.json\" }, \"GET\"");
    for (release, says) in [("r1", "one"), ("r2", "two"), ("r3", "three")] {
        write(folder, &format!("{release}/api.json"), &api.replace("Says hello.", &format!("Says {says}.")));
        write(folder, &format!("{release}/controller/hello"), &script(says));
        write(folder, &format!("{release}/gone.json"), &format!("{{\"text\": \"{says}\"}}"));
    }
    let deploy = |release: &str| {
        std::os::unix::fs::symlink(release, folder.join("next")).unwrap();
        fs::rename(folder.join("next"), folder.join("current")).unwrap();
    };
    let all = |addr| {
        let request = "DELETE /hello HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
        let (_, _, stub) = say(addr, request).unwrap();
        [ask(addr, "/openapi.json").unwrap().1, ask(addr, "/hello").unwrap().1, stub]
    };
    let is_of = |addr, says: &str| {
        for part in all(addr) {
            assert!(part.contains(says), "not of {says}: {part}");
        }
    };
    deploy("r1");
    let mut server = Said::start(folder, &["serve", "current", "--listen", "127.0.0.1:0"]);
    let addr = server.ready();
    is_of(addr, "one");
    deploy("r2");
    server.until(LOADED);
    is_of(addr, "two");

    // Where nothing is watched, the first release serves until somebody says so.
    let mut still = Said::start(folder, &["serve", "current", "--listen", "127.0.0.1:0", "--no-watch"]);
    let there = still.ready();
    deploy("r3");
    is_of(there, "two");
    still.signal("HUP");
    still.until(LOADED);
    is_of(there, "three");
    server.until(LOADED);
    is_of(addr, "three");
}
