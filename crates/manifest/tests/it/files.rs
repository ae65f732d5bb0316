//! Files of forms: on the disk while their call is answered, and never after.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::Method;
use ketch_manifest::{Call, Native};
use ketch_model::Error;
use ketch_testkit::{Answer, Client};
use serde_json::{Map, Value, json};

use crate::place::Place;

const API: &str = r#"{ "/": { "up": { "POST": { "info": "Takes files.", "limit": "1mb", "timeout": "2s",
    "in": {
        "title": { "info": "a title", "type": "?varchar(0,5)" },
        "file": { "info": "a file", "type": "FILE", "name": "upload" },
        "more": { "info": "more of them", "type": "?[FILE]" }
    }, "run": "native:up" } } } }"#;

/// What a call saw: its folder, and what its files held.
type Seen = Arc<Mutex<Vec<(PathBuf, Vec<Vec<u8>>)>>>;

/// A function that notes its files, then does what the title says.
fn client() -> (Client, Seen) {
    let (mut native, seen) = (Native::default(), Seen::default());
    let notes = Arc::clone(&seen);
    native.add("up", move |call: Call| {
        let notes = Arc::clone(&notes);
        async move {
            let folder =
                call.files.folder.as_ref().map(|folder| folder.path().to_owned()).unwrap_or_default();
            let data =
                call.files.by_name.values().map(|path| std::fs::read(path).expect("it is there")).collect();
            notes.lock().expect("nobody panics").push((folder, data));
            match call.args["title"].as_str() {
                Some("panic") => panic!("as asked"),
                Some("fail") => Err(Error::new(409, "no", "no")),
                Some("hang") => std::future::pending().await,
                _ => Ok(call.args.clone()) as Result<Map<String, Value>, Error>,
            }
        }
    });
    (Place::new(&[("api.json", API)]).client_with(&native), seen)
}

fn part(disposition: &str, data: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{data}\r\n")
}

async fn send(client: &Client, parts: &[String]) -> Answer {
    let body = parts.concat() + "--b--";
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    client.send(Method::POST, "/up", &headers, Body::from(body)).await
}

fn told(answer: &Answer) -> Vec<String> {
    let body: Value = answer.json();
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| format!("{} {}", error["pointer"], error["code"])).collect()
}

#[tokio::test]
async fn a_file_comes_with_all_that_is_known_of_it() {
    let (client, seen) = client();
    let typed = "--b\r\nContent-Disposition: form-data; name=more; filename=\"b.csv\"\r\nContent-Type: text/csv\r\n\r\na,b\r\n";
    let parts = [
        part("name=file; filename=\"../../etc/passwd\"", "\r\n\r\n--b \u{e9}"),
        part("name=title", "12"),
        typed.to_owned(),
        part("name=other; filename=x", "passed over"),
        part("name=more; filename=c", ""),
    ];
    let answer = send(&client, &parts).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = answer.json();
    let (folder, data) = seen.lock().unwrap()[0].clone();
    assert_eq!(body["title"], "12");
    let file = &body["upload"];
    assert_eq!(file["path"], json!(folder.join("0")), "the name on the disk is not the sender's");
    assert_eq!(
        (&file["name"], &file["type"], &file["size"]),
        (&json!("passwd"), &json!("application/octet-stream"), &json!(10))
    );
    assert_eq!(body["more"][0]["type"], "text/csv");
    assert_eq!(body["more"][0]["sha256"], "1eb7c54d52831bbfe8942af0b1c56b7409523a59ed6ca99c1174fef7eb32c1b5");
    assert_eq!(
        body["more"][1]["sha256"], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "of nothing"
    );
    assert_eq!(
        data,
        [b"a,b".to_vec(), b"".to_vec(), "\r\n\r\n--b \u{e9}".as_bytes().to_vec()],
        "more/0, more/1, upload"
    );
    assert!(!folder.exists(), "they are gone with the call");
}

#[tokio::test]
async fn files_are_gone_however_a_call_ends() {
    let (client, seen) = client();
    for (title, status) in [("fail", 409), ("panic", 500), ("hang", 504)] {
        let answer = send(&client, &[part("name=title", title), part("name=file; filename=f", "x")]).await;
        assert_eq!(answer.status, status, "{title}: {}", answer.text());
        let (folder, data) = seen.lock().unwrap().pop().expect("it was called");
        assert_eq!(data, [b"x".to_vec()], "{title}");
        assert!(!folder.exists(), "{title}");
    }
}

#[tokio::test]
async fn what_is_not_the_file_that_is_wanted_is_told() {
    let (client, seen) = client();
    let file = || part("name=file; filename=f", "x");
    let rows: &[(&str, Vec<String>, &[&str])] = &[
        ("none", vec![], &["\"#/file\" \"missing\""]),
        ("none chosen", vec![part("name=file; filename=\"\"", "")], &["\"#/file\" \"missing\""]),
        ("text", vec![part("name=file", "x")], &["\"#/file\" \"invalid\""]),
        ("twice", vec![file(), file()], &["\"#/file\" \"repeated\""]),
        ("text and file", vec![part("name=file", "x"), file()], &["\"#/file\" \"invalid\""]),
        ("file and text", vec![file(), part("name=file", "x")], &["\"#/file\" \"invalid\""]),
        ("a file for text", vec![file(), part("name=title; filename=f", "x")], &["\"#/title\" \"invalid\""]),
        ("long text", vec![file(), part("name=title", "123456")], &["\"#/title\" \"rule\""]),
    ];
    for (name, parts, wanted) in rows {
        assert_eq!(told(&send(&client, parts).await), *wanted, "{name}");
    }
    let answer = client.post("/up", &json!({ "file": { "path": "/etc/passwd" } })).await;
    assert_eq!(told(&answer), ["\"#/file\" \"invalid\""], "no JSON can name a file of ours");
    let answer = client.send(Method::POST, "/up", &[("content-type", "text/plain")], "x".into()).await;
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("multipart/form-data"), "{}", answer.text());
    assert!(seen.lock().unwrap().is_empty(), "nobody was called");
}

#[tokio::test]
async fn a_form_is_bounded() {
    let (client, seen) = client();
    let file = |data: &str| part("name=file; filename=f", data);
    assert_eq!(send(&client, &[file(&"x".repeat(1 << 20))]).await.status, 413, "the limit is for all of it");
    assert_eq!(send(&client, &vec![part("name=more; filename=f", "x"); 129]).await.status, 413, "128 parts");
    let cut = client
        .send(Method::POST, "/up", &[("content-type", "multipart/form-data; boundary=b")], file("x").into())
        .await;
    assert_eq!(cut.status, 400, "its end is missing");
    assert!(seen.lock().unwrap().is_empty(), "nobody was called");
}
