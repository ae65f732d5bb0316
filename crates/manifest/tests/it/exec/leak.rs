//! Programs that look around: what they find, and which limits they have.

use std::process::Command;

use ketch_manifest::shipped;
use serde_json::Value;

use super::project::{client, once, project};

const LOOKS: &str = r#"#!/usr/bin/env python3
import json, os, resource, sys
fds = []
for fd in os.listdir("/proc/self/fd"):
    try:
        os.readlink("/proc/self/fd/" + fd)
        fds.append(int(fd))
    except OSError:
        pass  # The folder itself, which is closed again.
limit = lambda name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))[0]
json.dump({
    "environment": dict(os.environ), "fds": sorted(fds), "cwd": os.getcwd(), "argv": sys.argv[1:],
    "group": os.getpgrp() == os.getpid(), "stdin": json.load(sys.stdin),
    "limits": {name: limit(name) for name in ["CORE", "NOFILE", "DATA", "CPU"]},
}, sys.stdout)
"#;

#[tokio::test]
async fn only_what_is_listed_is_found() {
    let options = r#"{ "env": { "MODE": "fast", "CARGO_PKG_NAME": true } }"#;
    let place = project(LOOKS, options, "30s");
    let found: Value = client(&place, &shipped()).get("/run/it").await.json();
    let environment = found["environment"].as_object().expect("it has one");
    let known = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "MODE", "CARGO_PKG_NAME", "LC_CTYPE"];
    for name in environment.keys() {
        assert!(known.contains(&name.as_str()), "{name} was not asked for");
    }
    assert_eq!(environment["MODE"], "fast");
    assert_eq!(environment["CARGO_PKG_NAME"], "ketch-manifest", "it is passed on because it is named");
    assert_eq!(found["fds"], serde_json::json!([0, 1, 2]));
    assert_eq!(found["cwd"].as_str().map(std::path::PathBuf::from), place.path().canonicalize().ok());
    assert_eq!(found["argv"], serde_json::json!(["GET"]), "arguments are visible in ps, so JSON is none");
    assert_eq!(found["stdin"]["do"], "it");
    assert_eq!(found["group"], true);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the name of this program")]
fn a_secret_and_a_descriptor_of_the_server_are_not_found() {
    let program = std::env::current_exe().expect("it has a name");
    let name = "exec::leak::only_what_is_listed_is_found_by_a_server_with_a_secret";
    let ran = Command::new("sh")
        .args(["-c", "exec 7</etc/passwd; exec \"$@\"", "sh"])
        .arg(program)
        .args(["--exact", name, "--ignored"])
        .env("PLANTED_SECRET", "xyzzy")
        .output()
        .expect("it can be run");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process with a secret"]
#[expect(clippy::disallowed_methods, reason = "whether there is a secret to find")]
async fn only_what_is_listed_is_found_by_a_server_with_a_secret() {
    assert!(std::env::var_os("PLANTED_SECRET").is_some() && std::path::Path::new("/proc/self/fd/7").exists());
    let answer = once(LOOKS, "{}", "30s").await;
    let found: Value = answer.json();
    assert!(!answer.text().contains("xyzzy") && !answer.text().contains("PLANTED"), "{}", answer.text());
    assert_eq!(found["fds"], serde_json::json!([0, 1, 2]));
    let asks = "#!/bin/sh\nprintf '{\"secret\":\"%s\"}' \"$PLANTED_SECRET\"\n";
    assert_eq!(once(asks, "{}", "30s").await.json::<Value>()["secret"], "");
}

#[tokio::test]
async fn limits_are_set() {
    let options = r#"{ "memory": "512mb", "files": 40, "cpu": "7s" }"#;
    let found: Value = once(LOOKS, options, "30s").await.json();
    let limits = serde_json::json!({ "CORE": 0, "NOFILE": 40, "DATA": 512 << 20, "CPU": 7 });
    assert_eq!(found["limits"], limits);
}

#[tokio::test]
async fn memory_beyond_the_limit_is_not_had() {
    let script = "#!/usr/bin/env python3\nx = bytearray(300 << 20)\nprint('{}')\n";
    assert_eq!(once(script, "{}", "30s").await.status, 200);
    assert_eq!(once(script, r#"{ "memory": "200mb" }"#, "30s").await.status, 502);
}
