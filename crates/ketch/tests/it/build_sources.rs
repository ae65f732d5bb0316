//! `ketch build`: what becomes of sources, what is told when that fails, and that a server finds it.
//!
//! Go is in `worker_kits`. Components need the feature `wasm` and tools of npm and PyPI: `cargo xtask soak` brings them.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
#[cfg(feature = "wasm")]
use std::path::PathBuf;
use std::process::Command;

#[cfg(feature = "wasm")]
use axum::body::Body;
use ketch::Server;
#[cfg(feature = "wasm")]
use ketch::http::Method;
use ketch::test::client;

use crate::scratch::Scratch;

const API: &str = r#"{ "/": { "hello": { "GET": { "info": "Says hello.", "in": {
    "GET@name": { "info": "to whom", "type": "?string" } } } } } }"#;

const GO: &str = "package main\n\nfunc main() { print(\"hello\") }\n";

/// A project of these files.
fn project(name: &str, files: &[(&str, &str)]) -> Scratch {
    let place = Scratch::new(name);
    place.write("api.json", API);
    for (name, text) in files {
        place.write(name, text);
    }
    place
}

/// Runs `ketch build`; whether all went well, and what was said.
#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn build_with(place: &Scratch, env: &[(&str, &Path)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ketch"));
    command.arg("build").arg(place.as_ref()).envs(env.iter().copied());
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The same, with programs from this folder only.
fn build(place: &Scratch, path: Option<&Path>) -> (bool, String) {
    let env: Vec<_> = path.map(|path| ("PATH", path)).into_iter().collect();
    build_with(place, &env)
}

#[test]
fn a_toolchain_that_is_missing_is_named_with_how_to_get_it() {
    let sources = [
        ("main.go", GO, "there is no `go` here: install Go from https://go.dev/dl/"),
        ("Cargo.toml", "", "there is no `cargo` here: install Rust from https://rustup.rs"),
    ];
    for (main, text, told) in sources {
        let place = project("build-missing", &[(&format!("controller/hello/{main}"), text)]);
        let empty = place.path("empty");
        std::fs::create_dir(&empty).unwrap();
        let (went_well, said) = build(&place, Some(&empty));
        assert!(!went_well, "{said}");
        assert!(said.contains(told), "{said}");
        assert!(said.contains("error: 1 of 1 could not be built"), "{said}");
    }
}

#[test]
fn what_a_compiler_says_is_shown_and_the_others_are_built() {
    let broken = "package main\n\nfunc main() { nonsense() }\n";
    let files = [("controller/hello/main.go", broken), ("controller/other/main.go", GO)];
    let place = project("build-broken", &files);
    let (went_well, said) = build(&place, None);
    assert!(!went_well, "{said}");
    assert!(said.contains("main.go:3:15: undefined: nonsense"), "{said}");
    assert!(said.contains("FAILED    controller/hello/main.go: go failed"), "{said}");
    assert!(said.contains("built     controller/other/main.go -> .build/controller/other"), "{said}");
    assert!(said.contains("error: 1 of 2 could not be built"), "{said}");
    assert!(place.path(".build/controller/other").is_file());
}

#[test]
fn sources_that_nobody_has_built_keep_a_server_from_starting() {
    let files = [("controller/hello/main.go", GO), ("middleware/1-who/main.c", "")];
    let place = project("build-not", &files);
    let problems = Server::new().manifest(place.as_ref()).build().expect_err("nothing answers").to_string();
    assert!(
        problems.contains("`controller/hello/main.go` has not been built: run `ketch build`"),
        "{problems}"
    );
    assert!(
        problems.contains("middleware/1-who/main.c: has not been built: run `ketch build`"),
        "{problems}"
    );
}

#[test]
fn nothing_to_build_is_no_failure() {
    let place = project("build-nothing", &[("controller/hello", "#!/bin/sh\n")]);
    let (went_well, said) = build(&place, None);
    assert!(went_well && said.contains("Nothing to build"), "{said}");
}

#[tokio::test]
async fn a_program_in_rust_answers() {
    let manifest = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
    let main = r#"fn main() { println!("{{\"text\": \"{}\"}}", std::env::args().nth(1).unwrap()) }"#;
    let files = [("controller/hello/Cargo.toml", manifest), ("controller/hello/src/main.rs", main)];
    let place = project("build-rust", &files);
    for word in ["built  ", "unchanged"] {
        let (went_well, said) = build(&place, None);
        assert!(went_well && said.contains(&format!("{word} ")), "{said}");
    }
    let answer = client(Server::new().manifest(place.as_ref())).get("/hello").await;
    assert_eq!(answer.text(), r#"{"text":"GET"}"#);
}

#[test]
fn the_target_of_components_is_named_when_rust_has_it_not() {
    let manifest = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n[workspace]\n";
    let files = [("controller/hello/Cargo.toml", manifest), ("controller/hello/src/lib.rs", "")];
    let place = project("build-target", &files);
    let rustc = place.write("bin/rustc", "#!/bin/sh\necho /there/is/no/such/folder\n");
    std::fs::set_permissions(&rustc, Permissions::from_mode(0o755)).unwrap();
    let (went_well, said) = build_with(&place, &[("RUSTC", &rustc)]);
    assert!(!went_well, "{said}");
    let told = "Rust cannot build components here yet: `rustup target add wasm32-wasip2`";
    assert!(said.contains(told), "{said}");
}

/// The project of `sdk/guest-rust`: a controller, a middleware and a type checker.
#[cfg(feature = "wasm")]
#[tokio::test]
#[ignore = "it needs Rust's target wasm32-wasip2: `cargo xtask soak` looks for it"]
#[expect(clippy::disallowed_methods, reason = "the test command says which compiler has the target")]
async fn components_in_rust_answer_in_each_part() {
    let place = Scratch::new("build-rust-components");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/guest-rust"), place.as_ref());
    let rustc = std::env::var_os("KETCH_GUEST_RUSTC").map(PathBuf::from);
    let env: Vec<_> = rustc.iter().map(|rustc| ("RUSTC", rustc.as_path())).collect();
    let build = || build_with(&place, &env);
    let (went_well, said) = build();
    assert!(went_well, "{said}");
    for part in ["controller/add", "middleware/1-who", "type/numbers"] {
        assert!(said.contains(&format!("built     {part}/Cargo.toml -> .build/{part}.wasm")), "{said}");
    }
    let asks = client(Server::new().manifest(place.as_ref()));
    let ask = async |path: &str, token: &str| {
        asks.send(Method::GET, path, &[("authorization", token)], Body::empty()).await
    };
    for _ in 0..20 {
        assert_eq!(ask("/add?a=4", "Bearer eve").await.status, 401);
        let answer = ask("/add?a=4", "Bearer ada").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-seen")),
            (201, Some("yes")),
            "{}",
            answer.text()
        );
        assert_eq!(answer.text(), r#"{"sum":8}"#);
        assert_eq!(ask("/add?a=5", "Bearer ada").await.status, 422, "it is no even number");
        let missing = ask("/add?a=404", "Bearer ada").await;
        assert!(missing.status == 404 && missing.text().contains("no_such_number"), "{}", missing.text());
        assert_eq!(ask("/add?a=14", "Bearer ada").await.status, 502, "it fails for a reason of its own");
        assert_eq!(ask("/add?a=666", "Bearer ada").await.status, 500, "it panics");
    }
    let (went_well, said) = build();
    assert!(went_well && said.matches("unchanged").count() == 3, "{said}");
    place.write("controller/add/src/lib.rs", "nonsense");
    let (went_well, said) = build();
    assert!(!went_well && said.contains("src/lib.rs:1") && said.contains("error: 1 of 3"), "{said}");
}

/// Copies a folder, with what links in it lead to.
#[cfg(feature = "wasm")]
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(path, to).unwrap();
        }
    }
}

/// One function in each language that becomes a component.
#[cfg(feature = "wasm")]
#[tokio::test]
#[ignore = "it needs zig, npx and componentize-py: `cargo xtask soak` brings them"]
async fn components_of_every_language_answer() {
    let languages = [
        (
            "main.js",
            "export function call(request) { return JSON.stringify({ text: 'Hello, ' + JSON.parse(request).args.name }) }\n",
        ),
        (
            "main.ts",
            "export function call(request: string): string { const name: string = JSON.parse(request).args.name; return JSON.stringify({ text: 'Hello, ' + name }) }\n",
        ),
        (
            "main.c",
            "#include \"ketch.h\"\nketch_result ketch_call(ketch_text request) { (void)request; ketch_log(KETCH_INFO, KETCH_TEXT(\"called\")); return ketch_ok(KETCH_TEXT(\"{\\\"text\\\":\\\"Hello, Ada\\\"}\")); }\n",
        ),
        (
            "main.py",
            "import json\nimport wit_world\n\nclass WitWorld(wit_world.WitWorld):\n    def call(self, request: str) -> str:\n        return json.dumps({\"text\": \"Hello, \" + json.loads(request)[\"args\"][\"name\"]})\n",
        ),
    ];
    for (main, text) in languages {
        let place = project("build-component", &[(&format!("controller/hello/{main}"), text)]);
        let (went_well, said) = build(&place, None);
        assert!(went_well && said.contains(".build/controller/hello.wasm"), "{main}: {said}");
        let answer = client(Server::new().manifest(place.as_ref())).get("/hello?name=Ada").await;
        // A guest's JSON is its own, spaces too.
        let answer: serde_json::Value = answer.json();
        assert_eq!(answer, serde_json::json!({ "text": "Hello, Ada" }), "{main}");
        let (went_well, said) = build(&place, None);
        assert!(went_well && said.contains("unchanged"), "{main}: {said}");
    }
}
