//! What is told of programs when the project is loaded, before anything runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::project::project;
use crate::place::Place;

/// The only problem.
fn told(program: &str, exec: &str) -> String {
    let problems = project(program, exec, "30s").problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].to_string()
}

#[test]
fn what_cannot_be_run_is_told_with_what_to_do() {
    let program = "#!/bin/sh\necho '{}'\n";
    assert!(project(program, "{}", "30s").problems().is_empty());
    assert!(told("#!/no/such/thing\n", "{}").contains("`/no/such/thing`, which is not there: install it"));
    assert!(
        told("#!/usr/bin/env no-such-thing -x\n", "{}").contains("`no-such-thing`, which is not in PATH")
    );
    assert!(told("#!/bin/sh\r\necho\r\n", "{}").contains("carriage return"));
    assert!(told("echo hello\n", "{}").contains("may not be executed: `chmod +x"));
    for (mode, wanted) in [(0o644, "chmod +x"), (0o4755, "chmod a-s"), (0o2755, "chmod a-s")] {
        let place = project(program, "{}", "30s");
        let file = place.path().join("program");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it can be set");
        let problems = place.problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].to_string().contains(wanted), "{}", problems[0]);
    }
    let place = project("echo hello\n", "{}", "30s");
    let file = place.path().join("program");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be set");
    assert!(
        place.problems()[0].to_string().contains("text without `#!` in its first line: write `#!/bin/sh`")
    );
}

#[test]
fn the_first_line_that_is_missing_is_that_of_the_language() {
    for (name, line) in
        [("x.py", "#!/usr/bin/env python3"), ("x.mjs", "#!/usr/bin/env node"), ("x", "#!/bin/sh")]
    {
        let name = format!("controller/{name}");
        let place = Place::new(&[
            ("api.json", r#"{ "/": { "x": { "GET": { "info": "i" } } } }"#),
            (&name, "print()\n"),
        ]);
        fs::set_permissions(place.path().join(&name), fs::Permissions::from_mode(0o755))
            .expect("it can be set");
        let told = place.problems()[0].to_string();
        assert!(told.contains(&format!("write `{line}`")), "{told}");
    }
}

#[test]
fn wrong_options_are_told_where_they_are() {
    let cases = [
        (r#"{ "mode": "workers" }"#, "must be `oneshot` or `worker`"),
        (r#"{ "worker": 3 }"#, "`worker` is no key here"),
        (r#"{ "workers": 0 }"#, "`workers` is 0, and must be 1 to 64"),
        (r#"{ "queue": 5000 }"#, "must be 0 to 4096"),
        (r#"{ "wait": "soon" }"#, "`wait` is not a duration"),
        (r#"{ "memory": 5 }"#, "`memory` is a number"),
        (r#"{ "cpu": "500ms" }"#, "not whole seconds"),
        (r#"{ "env": { "A": 5 } }"#, "`A` is a number, and must be text or `true`"),
        (r#"{ "env": { "NO_SUCH_VARIABLE": true } }"#, "the server's environment has none"),
        (r#"{ "env": { "A=B": "c" } }"#, "is no name of a variable"),
    ];
    for (options, message) in cases {
        let told = told("#!/bin/sh\n", options);
        assert!(told.contains(message), "{options}: {told}");
        assert!(told.contains("api.json:2:"), "{told}");
    }
}
