//! R3: what falls over in a controller, a middleware or a type checker is one request's misfortune.
//!
//! It is done in a process of its own, because its memory is looked at: the test starts itself again.

use std::panic;
use std::process::Command;

use axum::body::Body;
use http::Method;
use ketch_manifest::{Call, Native};
use ketch_model::Error;
use ketch_testkit::soak_factor;
use serde_json::{Map, Value};

use crate::place::Place;

const ASKED: &str = "KETCH_TEST_PANICS";

const API: &str = r#"{ "middleware": ["-"], "/": {
    "native": { "GET": { "run": "native:falls" }, "POST": { "run": "native:falls" } },
    "controller": { "GET": {} },
    "inspected": { "GET": { "middleware": ["1-shaky"] }, "POST": { "middleware": ["1-shaky"] } },
    "checked": { "GET": { "in": { "GET@a": { "type": "odd" } } } },
    "fine": { "GET": {} }
} }"#;

const REQUESTS: [&str; 6] = [
    "GET /native",
    "POST /native",
    "GET /controller",
    "GET /inspected",
    "POST /inspected",
    "GET /checked?a=1",
];

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is a process of its own")]
fn r3_every_panic_is_a_500_and_nothing_more() {
    let this = std::env::current_exe().expect("the test has a file");
    let mut child = Command::new(this);
    child.args(["panics::falls_over_when_asked", "--exact", "--nocapture"]);
    let output = child.env(ASKED, "1").env("RUST_BACKTRACE", "0").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let told = said.lines().find(|line| line.starts_with("R3: ")).expect("it was done");
    println!("{told}");
}

/// What the process of its own does.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "whoever starts it says so")]
async fn falls_over_when_asked() {
    if std::env::var_os(ASKED).is_none() {
        return;
    }
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&"it fell over") {
            usual(info);
        }
    }));
    let mut native = Native::default();
    native.add("falls", |_: Call| async { falls() });
    let place = Place::new(&[
        ("api.json", API),
        ("controller/controller.said", "\"panic\""),
        ("controller/inspected.said", "{}"),
        ("controller/checked.said", "{}"),
        ("controller/fine.said", "{}"),
        ("middleware/1-shaky.said", "\"panic\""),
        ("type/odd.said", r#"{ "type": "odd", "panic": true }"#),
    ]);
    let client = place.client_with(&native);
    let count = 500 * soak_factor();
    let mut before = None;
    for round in 0..count {
        for request in REQUESTS {
            let (method, path) = request.split_once(' ').expect("a method and a path");
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let answer = client.send(method, path, &[], Body::empty()).await;
            assert_eq!(answer.status, 500, "{request}: {}", answer.text());
            assert!(answer.text().contains("internal_error"), "{request}: {}", answer.text());
            assert!(!answer.text().contains("fell over"), "the cause stays in the log: {}", answer.text());
        }
        if round == count / 2 {
            before = Some(resident());
        }
    }
    assert_eq!(client.get("/fine").await.status, 200);
    let grown = resident().saturating_sub(before.unwrap_or_default());
    assert!(grown < 4 << 20, "memory grew by {grown} bytes over the second half");
    let panics = count * REQUESTS.len() as u64;
    println!("\nR3: {panics} panics in parts of a manifest, memory +{grown} bytes over the second half");
}

fn falls() -> Result<Map<String, Value>, Error> {
    panic!("it fell over")
}

/// Bytes of memory in use by this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
