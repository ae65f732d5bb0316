//! What guests are granted, and what they are not. P4.

use serde_json::{Value, json};

use crate::guests::{answering, controller_of};
use crate::place::Place;

const WORLD: &str = "test:guests/controller";

/// Says how many variables and folders it sees, and whether it may have a socket: 1 is that access is denied.
fn looks_around() -> Vec<u8> {
    let imports = r#"
        (import "wasi:cli/environment@0.2.12" "get-environment" (func $env (param i32)))
        (import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $folders (param i32)))
        (import "wasi:sockets/tcp-create-socket@0.2.12" "create-tcp-socket" (func $tcp (param i32 i32)))"#;
    let digit = |at: usize| {
        format!("(i32.store8 (i32.const {}) (i32.add (i32.const 48) (i32.load (i32.const 36))))", 1024 + at)
    };
    let first = format!(
        "(call $env (i32.const 32)) {} (call $folders (i32.const 32)) {} (call $tcp (i32.const 0) (i32.const 32)) {}",
        digit(7),
        digit(19),
        digit(27)
    );
    answering(WORLD, imports, &first, r#"{"env":0,"folders":0,"tcp":0}"#)
}

#[tokio::test]
async fn nothing_is_granted_that_the_project_does_not_say() {
    let place = Place::new("", &[("look", looks_around())]);
    let seen: Value = place.client().get("/look").await.json();
    assert_eq!(seen, json!({"env": 0, "folders": 0, "tcp": 1}));
}

#[tokio::test]
async fn what_the_project_says_is_granted_and_a_method_may_say_otherwise() {
    let place =
        Place::new(r#""env": {"A": "b"}, "folders": {"controller": "ro"}"#, &[("look", looks_around())]);
    let seen: Value = place.client().get("/look").await.json();
    assert_eq!(seen, json!({"env": 1, "folders": 1, "tcp": 1}));
    let api = r#"{"/": {"look": {"GET": {"info": "-", "out": {}, "wasm": {"env": {}}}}}}"#;
    place.write("api.json", api.as_bytes());
    let seen: Value = place.client().get("/look").await.json();
    assert_eq!(seen, json!({"env": 0, "folders": 1, "tcp": 1}));
}

/// Opens a path in its first folder, and says 0 when it could. With `how` 1 the file is made.
fn opens(path: &str, how: u32) -> Vec<u8> {
    let imports = r#"
        (import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $folders (param i32)))
        (import "wasi:filesystem/types@0.2.12" "[method]descriptor.open-at"
            (func $open (param i32 i32 i32 i32 i32 i32 i32)))"#;
    let (flags, length) = (if how == 1 { 3 } else { 1 }, path.len());
    let body = format!(
        r#"(call $folders (i32.const 32))
        (call $open (i32.load (i32.load (i32.const 32))) (i32.const 1)
            (i32.const 2048) (i32.const {length}) (i32.const {how}) (i32.const {flags}) (i32.const 32))
        (i32.store8 (i32.const 1030) (i32.add (i32.const 48) (i32.load8_u (i32.const 32))))
        (call $ok (i32.const 1024) (i32.const 8)))
        (data (i32.const 1024) "{{\"no\": 0}}") (data (i32.const 2048) "{path}") (func"#
    );
    let body = body
        .replace("1030", "1031")
        .replace("(i32.const 1024) (i32.const 8))", "(i32.const 1024) (i32.const 9))");
    controller_of(WORLD, imports, &body)
}

#[tokio::test]
async fn a_folder_is_all_that_is_seen_of_the_disk_and_only_written_when_it_may_be() {
    let cases = [
        ("there", opens("there.txt", 0), [0, 0]),
        ("made", opens("made.txt", 1), [1, 0]),
        ("parent", opens("../secret.txt", 0), [1, 1]),
        ("deeper", opens("sub/../../secret.txt", 0), [1, 1]),
        ("absolute", opens("/etc/passwd", 0), [1, 1]),
        ("link", opens("out.txt", 0), [1, 1]),
        ("door", opens("door/secret.txt", 0), [1, 1]),
    ];
    for (at, how) in ["ro", "rw"].into_iter().enumerate() {
        let guests: Vec<_> = cases.iter().map(|(name, bytes, _)| (*name, bytes.clone())).collect();
        let place = Place::new("", &guests);
        place.write("assets/there.txt", b"there");
        place.write("assets/sub/a.txt", b"a");
        place.write("secret.txt", b"secret");
        std::os::unix::fs::symlink(place.path().join("secret.txt"), place.path().join("assets/out.txt"))
            .expect("a link");
        std::os::unix::fs::symlink(place.path(), place.path().join("assets/door")).expect("a link");
        place.write("ketch.json", format!(r#"{{"wasm": {{"folders": {{"assets": "{how}"}}}}}}"#).as_bytes());
        let client = place.client();
        for (name, _, wanted) in &cases {
            let answer = client.get(&format!("/{name}")).await;
            assert_eq!(answer.json::<Value>()["no"], wanted[at], "{name}, {how}: {}", answer.text());
        }
        assert_eq!(place.path().join("assets/made.txt").exists(), how == "rw");
    }
}
