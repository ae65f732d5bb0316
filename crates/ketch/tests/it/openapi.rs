//! The documents as they are served: goldens of the kitchen sink (which an outside validator reads too), what browsers are
//! told, and `ketch openapi --check`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use axum::body::Body;
use ketch::http::Method;
use ketch::test::{client, expect_file};
use serde_json::{Value, json};

use sink::server as sink;

#[tokio::test]
async fn the_documents_of_the_kitchen_sink_are_what_they_were() {
    let client = client(sink());
    let whole = client.get("/openapi.json").await;
    expect_file!["../golden/openapi.json"].assert_eq(&whole.text());
    expect_file!["../golden/openapi-v2.json"].assert_eq(&client.get("/openapi/v2.json").await.text());
    expect_file!["../golden/openapi-v2.1.json"].assert_eq(&client.get("/openapi/v2.1.json").await.text());
    assert!(!whole.text().contains("secret"), "what is hidden is not shown");
}

/// Every reference leads somewhere, and names are of the letters that OpenAPI allows.
#[tokio::test]
async fn references_lead_somewhere() {
    let document: Value = client(sink()).get("/openapi.json").await.json();
    let mut pending = vec![&document];
    let mut count = 0;
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    count += 1;
                    assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                }
                pending.extend(members.values());
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    assert!(count > 20, "{count}");
    let is_fine = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    assert!(document["components"]["schemas"].as_object().unwrap().keys().all(is_fine));
}

/// The error body is described in one place and written in another.
#[tokio::test]
async fn errors_are_as_the_document_says() {
    let client = client(sink());
    let document: Value = client.get("/openapi.json").await.json();
    let schema = &document["components"]["schemas"]["ProblemDetails"];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let required = |schema: &Value| {
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let bad_query: Value = client.get("/sink/shape/2/a/b?needed=x").await.json();
    let bad_body: Value = client.json(Method::PUT, "/sink/strict", &json!({})).await.json();
    for problem in [&bad_query, &bad_body] {
        assert!(keys(problem).is_subset(&keys(&schema["properties"])), "{problem}");
        let needed: BTreeSet<String> = required(schema);
        assert!(needed.is_subset(&keys(problem)), "{problem}");
    }
    let item = &schema["properties"]["errors"]["items"];
    let field = &bad_query["errors"][0];
    assert!(keys(field).is_subset(&keys(&item["properties"])), "{field}");
    assert!(item["properties"]["in"]["enum"].as_array().unwrap().contains(&field["in"]), "{field}");
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let client = client(sink());
    for path in ["/openapi.json", "/openapi/v2.json", "/docs", "/docs/page.css", "/docs/page.js"] {
        let first = client.get(path).await;
        assert_eq!(first.status, 200, "{path}");
        assert_eq!(first.header("cache-control"), Some("no-cache"), "{path}");
        let etag = first.header("etag").unwrap();
        let again = client.send(Method::GET, path, &[("if-none-match", etag)], Body::empty()).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(etag), "{path}");
    }
}

#[tokio::test]
async fn the_page_runs_nothing_but_its_own_files() {
    let client = client(sink());
    let page = client.get("/docs").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let text = page.text();
    for inline in ["<style", "style=", "onclick", "http://", "https://", "//cdn"] {
        assert!(!text.contains(inline), "{inline}");
    }
    assert_eq!(
        client.get("/docs/page.js").await.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(client.get("/docs/page.css").await.header("content-type"), Some("text/css; charset=utf-8"));
}

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ketch-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _left = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the stock binary: its exit code, and what it said on stdout and stderr.
#[expect(clippy::disallowed_methods, reason = "the command is what is tested")]
fn ketch(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ketch")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn check_says_what_breaks_and_its_exit_code_too() {
    let folder = Folder::new("check");
    let (code, present, _) = ketch(&["openapi"]);
    assert_eq!(code, Some(0));
    let stored = folder.file("same.json", &present);
    let (code, out, _) = ketch(&["openapi", "--check", &stored]);
    assert_eq!((code, out.as_str()), (Some(0), "0 breaking changes, 0 notes\n"));

    let mut more: Value = serde_json::from_str(&present).unwrap();
    more["paths"]["/boats/{id}"] = json!({ "get": { "responses": { "200": { "description": "A boat." } } } });
    let stored = folder.file("more.json", &more.to_string());
    let (code, out, _) = ketch(&["openapi", "--check", &stored]);
    assert_eq!(code, Some(1));
    assert_eq!(out, "breaking  GET /boats/{id}: is gone\n1 breaking change, 0 notes\n");
    let (code, out, _) = ketch(&["openapi", "--check", &stored, "--json"]);
    assert_eq!(code, Some(1));
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out, json!([{ "endpoint": "GET /boats/{id}", "breaking": true, "what": "is gone" }]));
}

#[test]
fn check_says_what_is_wrong_with_the_file() {
    let folder = Folder::new("unreadable");
    let cases = [
        (folder.0.join("missing.json").to_str().unwrap().to_owned(), "cannot read"),
        (folder.0.to_str().unwrap().to_owned(), "cannot read"),
        (folder.file("text.json", "openapi: 3.1.0"), "is not JSON"),
        (folder.file("other.json", "{}"), "is not an OpenAPI 3 document"),
        (folder.file("old.json", r#"{ "openapi": "2.0" }"#), "is not an OpenAPI 3 document"),
    ];
    for (file, expected) in cases {
        let (code, out, err) = ketch(&["openapi", "--check", &file]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{file}: {err}");
        assert!(err.contains(expected) && err.contains(&file), "{err}");
    }
    let (code, _, err) = ketch(&["openapi", "--json"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = ketch(&["openapi", "--version", "9"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no endpoint has the version `9`"), "{err}");
}

const ASKED: &str = "KETCH_TEST_OPENAPI";

/// Does nothing in an ordinary run; in the child it is the kitchen sink with a command line of its own.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
fn runs_when_asked() {
    let Some(asked) = std::env::var_os(ASKED) else { return };
    let asked = asked.into_string().unwrap();
    let code = ketch::main_from(["ketch", "openapi"].into_iter().chain(asked.split('\n')), sink());
    println!("success: {}", code == ExitCode::SUCCESS);
}

/// What `ketch openapi` of the kitchen sink says with these arguments, in a process of its own.
#[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
fn sink_says(arguments: &[&str]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "openapi::runs_when_asked", "--nocapture"])
        .env(ASKED, arguments.join("\n"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn check_knows_versions() {
    let (folder, client) = (Folder::new("versions"), client(sink()));
    let whole = folder.file("whole.json", &client.get("/openapi.json").await.text());
    let second = folder.file("v2.json", &client.get("/openapi/v2.json").await.text());
    let good = "0 breaking changes, 0 notes\nsuccess: true";
    assert!(sink_says(&["--check", &whole]).contains(good));
    assert!(sink_says(&["--check", &second, "--version", "2"]).contains(good));
    let said = sink_says(&["--check", &whole, "--version", "2"]);
    assert!(said.contains("breaking  DELETE /v2.1/sink/shape/{id}: is gone\n"), "{said}");
    assert!(said.contains("success: false"), "{said}");
    let said = sink_says(&["--check", &second]);
    assert!(said.contains("note      DELETE /v2.1/sink/shape/{id}: is new\n"), "{said}");
    assert!(said.contains("success: true"), "what is new breaks nobody: {said}");
}
