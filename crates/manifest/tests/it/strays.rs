//! What was meant to guard and is passed over by no server in silence: the folder of middlewares and what is in it, and
//! project files, however they are not what they should be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::place::Place;

const API: &str = r#"{ "GET": { "info": "i" } }"#;

fn project() -> Place {
    let place = Place::new(&[("api.json", API)]);
    place.write("controller/ROOT.said", "{}");
    place
}

fn told(place: &Place) -> Vec<String> {
    place.problems().iter().map(ToString::to_string).collect()
}

/// One problem, which begins so.
#[track_caller]
fn refused(place: &Place, begins: &str) -> String {
    let told = told(place);
    assert!(told.len() == 1 && told[0].starts_with(begins), "{begins}: {told:#?}");
    told.into_iter().next().expect("there is one")
}

fn link(to: &str, at: &Path) {
    symlink(to, at).expect("a link can be made");
}

#[test]
fn a_folder_of_middlewares_that_is_no_folder_is_told() {
    let place = project();
    let at = place.path().join("middleware");
    link("nowhere", &at);
    refused(&place, "middleware: cannot be read: ");
    fs::remove_file(&at).expect("it is there");
    place.write("middleware", "a file");
    refused(&place, "middleware: cannot be read: ");
    fs::remove_file(&at).expect("it is there");
    assert_eq!(told(&place), Vec::<String>::new(), "none is needed");
}

#[test]
fn what_is_neither_a_file_nor_a_folder_is_told() {
    let place = project();
    fs::create_dir(place.path().join("middleware")).expect("it can be made");
    let _open = UnixListener::bind(place.path().join("middleware/1-door")).expect("a socket can be made");
    refused(&place, "middleware/1-door: is neither a file nor a folder");
}

#[test]
fn a_folder_among_the_middlewares_that_is_no_program_is_told() {
    let place = project();
    place.write("middleware/1-door/main", "echo '{}'");
    let why = refused(&place, "middleware/1-door: guards nothing: its program cannot be executed");
    assert!(why.ends_with("run `chmod +x 'middleware/1-door/main'`"), "{why}");
    let main = place.path().join("middleware/1-door/main");
    fs::remove_file(&main).expect("it is there");
    link("nowhere", &main);
    refused(&place, "middleware/1-door: guards nothing: `main` in it is no file");
    fs::remove_file(&main).expect("it is there");
    place.write("middleware/1-door/door.sh", "#!/bin/sh\necho '{}'\n");
    refused(&place, "middleware/1-door: is a folder without a program");
    place.write("middleware/1-door/main.sh", "#!/bin/sh\necho '{}'\n");
    assert_eq!(told(&place), Vec::<String>::new());
    // What says so by its name is none.
    place.write("middleware/_shared/door.sh", "");
    place.write("middleware/.hidden/door.sh", "");
    place.write("middleware/2-door~/door.sh", "");
    assert_eq!(told(&place), Vec::<String>::new());
}

/// As a user who has no rights by being somebody special; who has, reads it all.
#[test]
fn what_may_not_be_read_is_told() {
    let place = project();
    place.write("middleware/1-door/main.sh", "#!/bin/sh\necho '{}'\n");
    for (folder, mode) in [("middleware", 0o000), ("middleware", 0o311), ("middleware/1-door", 0o311)] {
        let at = place.path().join(folder);
        let allow = |mode| fs::set_permissions(&at, fs::Permissions::from_mode(mode)).expect("it is ours");
        allow(mode);
        let is_closed = at.read_dir().is_err();
        let told = told(&place);
        allow(0o755);
        if is_closed {
            let begins = format!("{folder}: cannot be read: ");
            assert!(told.len() == 1 && told[0].starts_with(&begins), "{folder} {mode:o}: {told:#?}");
        } else {
            assert_eq!(told, Vec::<String>::new(), "{folder} {mode:o}");
        }
    }
}

#[test]
fn a_folder_whose_name_is_a_slip_is_told() {
    for name in ["Middleware", "middlewares", "middelware", "middle-ware"] {
        let place = project();
        fs::create_dir(place.path().join(name)).expect("it can be made");
        assert_eq!(told(&place), Vec::<String>::new(), "{name}: nothing is in it");
        place.write(&format!("{name}/1-door"), "#!/bin/sh\necho '{\"status\": 403}'\n");
        let why = refused(&place, &format!("{name}: is not the folder of the middlewares"));
        assert!(why.contains("did you mean `middleware`?"), "{why}");
    }
    let place = project();
    place.write("middleware/1-door.said", "{}");
    place.write("middleware.old/1-door", "");
    place.write("_middleware/1-door", "");
    place.write("middle/1-door", "");
    assert_eq!(told(&place), Vec::<String>::new(), "these say by their names that they are others");
    place.write("Middleware/2-door", "");
    refused(&place, "Middleware: is not the folder");
    let place = project();
    place.write("ketch.json", r#"{ "middlewares": { "folder": "in/guards" } }"#);
    place.write("in/guards/1-door.said", "{}");
    place.write("in/boards/oak", "");
    place.write("middleware/unused", "");
    assert_eq!(told(&place), Vec::<String>::new(), "the project says which it is");
    place.write("in/Guards/2-door", "");
    refused(&place, "in/Guards: is not the folder of the middlewares");
}

/// Its scope would be gone with it.
#[test]
fn a_project_file_that_leads_nowhere_is_told() {
    for name in ["ketch.json", "aicra.json"] {
        let place = project();
        link("nowhere", &place.path().join(name));
        refused(&place, &format!("{name}: cannot be read: "));
    }
    let place = project();
    fs::remove_file(place.path().join("api.json")).expect("it is there");
    link("nowhere", &place.path().join("api.json"));
    refused(&place, "api.json: cannot be read: ");
}

#[test]
fn a_project_file_whose_name_is_a_slip_is_told() {
    for name in ["Ketch.json", "KETCH.JSON", "ketch.json.txt", "ketch.jsonc", "ketch.yaml", "kecth.json"] {
        let place = project();
        place.write(name, r#"{ "scope": [["user"]] }"#);
        let why = refused(&place, &format!("{name}: is not read: did you mean `ketch.json`?"));
        assert!(why.ends_with("Rename it, or take it away"), "{why}");
    }
    let place = project();
    for other in
        ["sketch.json", "tech.json", "package.json", "ketch.json.bak", "ketch.md", "ketch", "app.json"]
    {
        place.write(other, "{}");
    }
    assert_eq!(told(&place), Vec::<String>::new());
    place.write("ketch.json", "{}");
    place.write("Ketch.json", "{}");
    refused(&place, "Ketch.json: is not read: did you mean `ketch.json`?");
}
