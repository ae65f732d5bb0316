//! Programs that look around: what they find, and which limits they have.

use std::process::Command;

use ketch_manifest::shipped;
use serde_json::{Value, json};

use super::project::{client, once, project};

/// What a process finds: its environment, the descriptors of one that it starts (the last is the folder's that is listed),
/// and its limits.
const LOOKS: &str = r#"#!/bin/sh
list() { sed 's/.*/"&"/' | paste -sd, -; }
names=$(tr '\0' '\n' < /proc/$$/environ | sed 's/=.*//' | list)
values=$(tr '\0' '\n' < /proc/$$/environ | sed 's/.*=//' | list)
fds=$(ls /proc/self/fd | list)
limit() { sed -n "s/^Max $1  *unlimited.*/null/p; s/^Max $1  *\([0-9][0-9]*\).*/\1/p" /proc/$$/limits; }
printf '{"names":[%s],"values":[%s],"fds":[%s],"cwd":"%s","argv":"%s","group":%s,"stdin":%s,"limits":[%s,%s,%s,%s]}' \
    "$names" "$values" "$fds" "$(readlink /proc/$$/cwd)" "$*" "$(($(cut -d' ' -f5 /proc/$$/stat) == $$))" "$(cat)" \
    "$(limit 'core file size')" "$(limit 'open files')" "$(limit 'data size')" "$(limit 'cpu time')"
"#;

#[tokio::test]
async fn only_what_is_listed_is_found() {
    let options = r#"{ "env": { "MODE": "fast", "CARGO_PKG_NAME": true } }"#;
    let place = project(LOOKS, options, "30s");
    let found: Value = client(&place, &shipped()).get("/run/it").await.json();
    let names: Vec<&str> =
        found["names"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let known = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "MODE", "CARGO_PKG_NAME", "KETCH_PROCESS"];
    assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    let value = |wanted: &str| names.iter().position(|name| *name == wanted).map(|at| &found["values"][at]);
    assert_eq!(value("MODE"), Some(&"fast".into()));
    assert_eq!(
        value("CARGO_PKG_NAME"),
        Some(&"ketch-manifest".into()),
        "it is passed on because it is named"
    );
    assert_eq!(found["fds"], json!(["0", "1", "2", "3"]));
    assert_eq!(found["cwd"].as_str().map(std::path::PathBuf::from), place.path().canonicalize().ok());
    assert_eq!(found["argv"], json!("GET"), "arguments are visible in ps, so JSON is none");
    assert_eq!(found["stdin"]["do"], "it");
    assert_eq!(found["group"], 1);
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
    assert_eq!(found["fds"], json!(["0", "1", "2", "3"]));
    let asks = "#!/bin/sh\nprintf '{\"secret\":\"%s\"}' \"$PLANTED_SECRET\"\n";
    assert_eq!(once(asks, "{}", "30s").await.json::<Value>()["secret"], "");
}

#[tokio::test]
async fn limits_are_set() {
    let options = r#"{ "memory": "512mb", "files": 40, "cpu": "7s" }"#;
    let found: Value = once(LOOKS, options, "30s").await.json();
    assert_eq!(found["limits"], json!([0, 40, 512 << 20, 7]));
}

#[tokio::test]
async fn memory_beyond_the_limit_is_not_had() {
    let script = "#!/usr/bin/env python3\nx = bytearray(300 << 20)\nprint('{}')\n";
    assert_eq!(once(script, "{}", "30s").await.status, 200);
    assert_eq!(once(script, r#"{ "memory": "200mb" }"#, "30s").await.status, 502);
}
