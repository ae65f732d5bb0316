//! The commands that look at a manifest and serve nothing: what `check`, `routes` and `openapi` print, and their exit codes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::scratch::Scratch;

/// A project that is right.
const GOOD: &str = r#"{
    "timeout": "3s",
    "/": { "boats": { "version": "2", "GET": { "info": "Lists boats.", "stub": "boats.json" } } }
}"#;

/// One with three things wrong, in two files.
const WRONG: &str = r#"{
    "timeout": "5",
    "/": { "boats": { "GET": { "stubb": "boats.json" } } }
}"#;

/// The exit code of `ketch` in a folder, what it printed, and what it said beside that.
#[expect(clippy::disallowed_methods, reason = "the commands are what is tested")]
pub(crate) fn ketch(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ketch")).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn project(name: &str, api: &str) -> Scratch {
    let scratch = Scratch::new(name);
    scratch.write("shop/api.json", api);
    scratch.write("shop/boats.json", "[]");
    scratch
}

#[test]
fn check_of_a_good_project_says_how_much_there_is() {
    let scratch = project("check-good", GOOD);
    for (folder, arguments) in
        [(scratch.path("shop"), vec!["check"]), (scratch.path(""), vec!["check", "shop"])]
    {
        let (code, out, err) = ketch(&folder, &arguments);
        let good = out.ends_with(" endpoints, no problems\n") && out.lines().count() == 1;
        assert!(code == Some(0) && good && err.is_empty(), "{code:?} {out} {err}");
    }
    let (code, out, _) = ketch(&scratch.path("shop"), &["check", "--json"]);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &out["problems"]), (Some(0), &json!([])));
    assert!(out["endpoints"].as_u64().is_some_and(|many| many >= 1), "{out}");
    assert!(!scratch.path("shop/data").exists(), "to look at a project leaves nothing behind");
}

#[test]
fn check_lists_every_problem_at_its_place() {
    let scratch = project("check-wrong", WRONG);
    scratch.write("shop/ketch.json", "{ \"drivr\": \"exec\" }");
    let (code, out, err) = ketch(&scratch.path("shop"), &["check"]);
    assert_eq!((code, err.as_str()), (Some(1), ""), "problems are what was asked for");
    let told: Vec<&str> = out.lines().collect();
    let expected = [
        "api.json:2:16: /: `timeout` cannot be `\"5\"`: not a duration: ",
        "api.json:3:32: GET /boats: `stubb` is no key here; did you mean `stub`?",
        "ketch.json:1:3: ketch.json: `drivr` is no key here; did you mean `driver`?",
    ];
    for (told, expected) in told.iter().filter(|line| !line.contains("has no controller")).zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
    let (code, json, _) = ketch(&scratch.path("shop"), &["check", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let problems = json["problems"].as_array().unwrap();
    assert_eq!((code, &json["endpoints"]), (Some(1), &json!(0)));
    let line = |problem: &Value| {
        let place = ["file", "line", "column"].map(|part| problem[part].to_string().replace('"', ""));
        let said = ["subject", "message"].map(|part| problem[part].as_str().unwrap());
        format!("{}: {}", place.join(":"), said.join(": "))
    };
    let listed: Vec<String> = problems.iter().map(line).collect();
    assert_eq!(listed, told[..told.len() - 1], "JSON and text are the same problems in the same order");
    assert_eq!(told[told.len() - 1], format!("{} problems in 2 files", problems.len()));
}

#[test]
fn check_of_what_is_no_project_fails_without_a_place() {
    let scratch = Scratch::new("check-none");
    for folder in ["", "nowhere"] {
        let (code, out, _) =
            ketch(&scratch.path(""), &["check", &scratch.path(folder).display().to_string()]);
        assert!(code == Some(1) && out.ends_with("\n1 problem\n") && out.contains("`api.json`"), "{out}");
    }
    let (code, out, _) = ketch(&scratch.path(""), &["check", "--json"]);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &out["problems"][0]["file"]), (Some(1), &Value::Null));
    assert_eq!(ketch(&scratch.path(""), &["check", "--nope"]).0, Some(2));
}

#[test]
fn check_prints_the_schemas_of_both_files() {
    let scratch = Scratch::new("check-schema");
    for (name, member) in [("manifest", "GET"), ("project", "driver")] {
        let (code, out, _) = ketch(&scratch.path(""), &["check", "--schema", name]);
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(code, Some(0));
        assert!(schema["$schema"].is_string() && out.contains(&format!("\"{member}\"")), "{name}");
    }
}

#[test]
fn routes_and_openapi_read_the_manifest_of_a_folder() {
    let scratch = project("routes", GOOD);
    for (folder, dir) in [(scratch.path("shop"), None), (scratch.path(""), Some("shop"))] {
        let said = |arguments: &[&str]| {
            let (code, out, err) = ketch(&folder, &[arguments, dir.as_slice()].concat());
            assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
            out
        };
        assert!(said(&["routes"]).contains("GET     /v2/boats "), "{}", said(&["routes"]));
        let explained = said(&["routes", "--explain"]);
        assert!(explained.contains("api.json:2:16"), "who said the `timeout` is told: {explained}");
        let document: Value = serde_json::from_str(&said(&["openapi", "--version", "2"])).unwrap();
        assert_eq!(document["paths"]["/v2/boats"]["get"]["summary"], "Lists boats.");
    }
    let (code, _, err) = ketch(&scratch.path(""), &["routes", "nowhere"]);
    assert!(code == Some(1) && err.contains("there is no folder nowhere"), "{err}");
    scratch.write("shop/api.json", WRONG);
    let (code, out, err) = ketch(&scratch.path("shop"), &["openapi"]);
    assert!(code == Some(1) && out.is_empty() && err.contains("api.json:2:16"), "{err}");
}
