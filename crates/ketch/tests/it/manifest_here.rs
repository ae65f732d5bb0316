//! Commands in the folder of a manifest, where none is named: that one is meant, unless the program has services.

use std::path::Path;
use std::process::Command;

use ketch::test::Scratch;

use crate::manifest_watch::project;
use crate::said::{Said, ask};

/// Runs `ketch` to its end; whether it went well, stdout and stderr.
#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn ketch(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ketch"));
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn without_a_command_or_a_folder_the_manifest_here_is_served() {
    let place = project();
    for arguments in [["--listen", "127.0.0.1:0"].as_slice(), &["serve", "--listen", "127.0.0.1:0"]] {
        let mut server = Said::start(place.path(), arguments);
        let addr = server.ready();
        server.until("manifest 1 endpoint and no middlewares of .");
        assert!(ask(addr, "/hello").unwrap().1.contains("one"));
    }
}

#[test]
fn a_server_that_has_nothing_to_serve_says_so_and_what_to_type() {
    let place = Scratch::new();
    let mut server = Said::start(place.path(), &["--listen", "127.0.0.1:0"]);
    server.ready();
    let hint = server.until("Nothing is served");
    assert!(hint.contains("`ketch serve DIR`") && hint.contains("`ketch new --manifest DIR`"), "{hint}");
}

#[test]
fn routes_and_documents_are_those_of_the_manifest() {
    let (place, elsewhere) = (project(), Scratch::new());
    let folder = place.path().to_str().unwrap();
    for (cwd, more) in [(place.path(), None), (elsewhere.path(), Some(folder))] {
        let said = |arguments: &[&str]| {
            let arguments: Vec<&str> = arguments.iter().copied().chain(more).collect();
            let (went_well, said, problems) = ketch(cwd, &arguments);
            assert!(went_well, "{problems}");
            said
        };
        assert!(said(&["routes"]).contains("/hello"));
        let explained = said(&["routes", "--explain"]);
        let (_, hello) = explained.split_once("GET /hello").expect("it is explained");
        assert!(hello.contains("api.json:1:"), "{hello}");
        assert!(said(&["openapi"]).contains("Says hello."));
    }
    let (went_well, _, told) = ketch(elsewhere.path(), &["routes", "."]);
    assert!(!went_well && told.contains("has no api.json"), "{told}");
}
