//! A project in the form that aicra's projects have, served by `ketch serve` as it is: programs, sockets, bytes.
//!
//! The rules one by one are tested beside the crate `manifest`, whose project this is.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use ketch::test::Scratch;
use serde_json::{Value, json};

use crate::said::{Said, ask, say};

const PROJECT: &str = "../manifest/tests/it/seed/project";

/// Copies a folder; programs stay programs.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A form that is sent; the status, the head and the body.
fn form(addr: SocketAddr, path: &str, text: &str) -> (u16, String, Value) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    );
    let (status, head, body) = say(addr, &request).unwrap();
    (status, head, serde_json::from_str(&body).unwrap())
}

#[test]
fn a_project_of_aicra_is_served_unmodified() {
    let place = Scratch::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(PROJECT), place.path());
    let mut server = Said::start(place.path(), &["serve", ".", "--listen", "127.0.0.1:0"]);
    let addr = server.ready();
    let get = |path: &str| {
        let (status, body) = ask(addr, path).unwrap();
        (status, serde_json::from_str::<Value>(&body).unwrap())
    };

    let (status, root) = get("/");
    assert_eq!((status, &root["name"], &root["error"]), (200, &json!("articles"), &json!(0)), "{root}");
    assert_eq!(root["input"]["_SCOPE_"], json!(["csrf", "token"]), "both middlewares ran, in order");
    let (status, one) = get("/user/7?get-var=-3");
    assert_eq!(status, 200, "{one}");
    assert_eq!((&one["args"]["uri-param"], &one["args"]["get-param"]), (&json!(7), &json!(-3)));
    let (status, _, made) = form(addr, "/user", "mail=ada%40site.example&colour=red&age=4");
    assert_eq!((status, &made["args"]["favourite"]), (200, &json!("red")), "{made}");

    let (status, head, moved) = form(addr, "/article/new", "title=hello");
    assert_eq!((status, &moved["title"]), (308, &json!("hello")), "{moved}");
    assert!(head.to_lowercase().contains("\r\nlocation: /article/hello\r\n"), "{head}");
    let (status, _, refused) = form(addr, "/user", "mail=x&colour=blue&age=3");
    assert_eq!((status, &refused["error"]), (422, &json!(401)), "{refused}");
    assert_eq!(refused["arguments"], json!(["mail", "colour", "age"]), "type checkers were asked");
    for (path, status, number) in
        [("/nowhere", 404, 200), ("/article/fails/exit", 502, 202), ("/article/fails/number", 409, 3)]
    {
        let (answered, said) = get(path);
        assert_eq!((answered, &said["error"]), (status, &json!(number)), "{path}: {said}");
    }
    assert_eq!(
        get("/openapi.json").1["paths"]["/article/new"]["post"]["summary"],
        "uploads an article and goes on to it"
    );
    server.signal("TERM");
    assert!(server.wait().success());
}
