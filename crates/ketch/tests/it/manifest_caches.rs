//! Caches of projects, without a line of Rust: how they are defined, what is wrong with them, what keeps and what purges,
//! and what becomes of them when the project is loaded anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ketch::prelude::*;
use ketch::test::{Scratch, TestServer, client};
use serde_json::json;

use crate::manifest_place::{Place, Served};
use crate::raw::{Connection, Pace};

const TABLE: (&str, &str) = (
    "migrations/001_todos.sql",
    "create table todos (id integer primary key, title text not null) strict;\n",
);

/// Todos that are kept, and forgotten when one is written.
const TODOS: &str = r#"{ "/": { "todos": {
    "cache": "memory", "ttl": "1h", "purge": ["todos"],
    "GET": { "info": "All." , "returns": "rows", "in": { "GET@like": { "info": "i", "type": "?string" } } },
    "POST": { "info": "Adds one.", "returns": "row", "status": 201,
        "in": { "title": { "info": "i", "type": "varchar(1, 9)" } } },
    "/": { "{id}": {
        "tags": ["todo:{id}"],
        "GET": { "info": "One.", "returns": "row", "in": { "id": { "info": "i", "type": "id" } } },
        "PATCH": { "info": "Renames one.", "returns": "row", "purge": ["todo:{id}"],
            "in": { "id": { "info": "i", "type": "id" }, "title": { "info": "i", "type": "string" } } }
    } }
} } }"#;

const FILES: [(&str, &str); 6] = [
    TABLE,
    ("api.json", TODOS),
    (
        "controller/todos.GET.sql",
        "select id, title from todos where :like is null or title like :like order by id",
    ),
    ("controller/todos.POST.sql", "insert into todos (title) values (:title) returning id, title"),
    ("controller/todos/{id}.GET.sql", "select id, title from todos where id = :id"),
    ("controller/todos/{id}.PATCH.sql", "update todos set title = :title where id = :id returning id, title"),
];

/// Asks for what may be kept: whether it was, and the text.
async fn kept(served: &Served, path: &str, caller: &str) -> (bool, String) {
    let answer = served.ask("GET", path, caller, json!(null)).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let hit = match answer.header("cache-status") {
        Some("ketch; hit") => true,
        Some("ketch; fwd=miss; stored") => false,
        other => panic!("{path}: {other:?}"),
    };
    (hit, answer.text())
}

fn served(files: &[(&str, &str)]) -> (Place, Served) {
    let place = Place::new(files);
    let served = Served { client: client(place.server()), engine: "sqlite" };
    (place, served)
}

#[tokio::test]
async fn one_line_on_a_node_keeps_what_is_read_and_forgets_it_when_something_is_written() {
    let (_place, served) = served(&FILES);
    assert!(!kept(&served, "/todos", "").await.0);
    assert!(kept(&served, "/todos", "").await.0);
    let (status, one) = served.json("POST", "/todos", "", json!({ "title": "milk" })).await;
    assert_eq!((status, &one["title"]), (201, &json!("milk")));
    let (hit, text) = kept(&served, "/todos", "").await;
    assert!(!hit && text.contains("milk"), "whoever has written sees it: {text}");
    assert!(!kept(&served, "/todos?like=m%25", "").await.0);
    assert!(kept(&served, "/todos?like=m%25", "").await.0);

    // What was refused has written nothing.
    assert_eq!(served.json("POST", "/todos", "", json!({ "title": "" })).await.0, 422);
    assert_eq!(served.json("PATCH", "/todos/99", "", json!({ "title": "x" })).await.0, 404);
    assert!(kept(&served, "/todos", "").await.0);

    // The method's own list takes the place of the node's.
    assert!(!kept(&served, "/todos/1", "").await.0);
    assert_eq!(served.json("PATCH", "/todos/1", "", json!({ "title": "bread" })).await.0, 200);
    let (hit, text) = kept(&served, "/todos/1", "").await;
    assert!(!hit && text.contains("bread"), "{text}");
    assert!(kept(&served, "/todos", "").await.0, "it purges `todo:{{id}}` alone");
}

#[tokio::test]
async fn callers_share_no_reply() {
    let (_place, served) = served(&FILES);
    for caller in ["ada", "grace", ""] {
        assert!(!kept(&served, "/todos", caller).await.0, "{caller}");
        assert!(kept(&served, "/todos", caller).await.0, "{caller}");
    }
}

fn told(files: &[(&str, &str)], change: impl FnOnce(Server) -> Server) -> Vec<String> {
    let place = Place::new(files);
    let problems = change(place.server()).build().err().map(|problems| problems.0).unwrap_or_default();
    problems.iter().map(ToString::to_string).collect()
}

fn with(project: &str, api: &str, change: impl FnOnce(Server) -> Server) -> Vec<String> {
    told(&[("ketch.json", project), ("api.json", api), ("a.json", "{}")], change)
}

#[test]
fn what_is_wrong_with_caches_is_told_where_it_stands() {
    const HOT: &str = r#"{ "cache": "hot", "ttl": "1m", "GET": { "info": "i", "stub": "a.json" } }"#;
    const HTO: &str = r#"{ "GET": { "info": "i", "stub": "a.json", "ttl": "1m", "cache": "hto" } }"#;
    let same = |server: Server| server;
    let define =
        |name: &'static str| move |server: Server| server.define_cache(name, MemoryCache::new("1mb"));
    assert_eq!(with(r#"{ "caches": { "hot": {} } }"#, HOT, same), [""; 0]);
    assert_eq!(with("{}", HOT, define("hot")), [""; 0], "the program may define it");
    assert_eq!(with("{}", &HOT.replace("hot", "memory"), define("memory")), [""; 0], "and the usual one");
    assert_eq!(
        with(r#"{ "caches": { "hot": {} } }"#, HTO, same),
        [
            "api.json:1:65: root::get: no cache named `hto` is defined in `caches` of the project file; did you mean `hot`?"
        ]
    );
    assert_eq!(
        with("{}", HOT, same),
        [
            "api.json:1:12: root::get: no cache named `hot` is defined in `caches` of the project file; there is: `memory`"
        ]
    );
    assert_eq!(
        with("{\n  \"caches\": { \"hot\": {} } }", HOT, define("hot")),
        ["ketch.json:2:15: caches: the cache `hot` is defined by the program too: rename one of them"]
    );
    let misspelt = HOT.replace(
        "\"GET\"",
        "\"POST\": { \"info\": \"i\", \"stub\": \"a.json\", \"purge\": [\"rot\"] }, \"GET\"",
    );
    assert_eq!(
        with(r#"{ "caches": { "hot": {} } }"#, &misspelt, same),
        ["api.json:1:82: root::post: `purge`: nothing is kept under the tag `rot`; did you mean `root`?"]
    );
}

#[test]
fn two_projects_share_a_server_and_no_name_of_a_cache() {
    let api =
        r#"{ "/": { "NAME": { "cache": "hot", "ttl": "1m", "GET": { "info": "i", "stub": "a.json" } } } }"#;
    let project = |name: &str| {
        let api = api.replace("NAME", name);
        Place::new(&[("ketch.json", r#"{ "caches": { "hot": {} } }"#), ("api.json", &api), ("a.json", "{}")])
    };
    let (one, other) = (project("one"), project("other"));
    let told = Server::new().manifest(one.path()).manifest(other.path()).build().unwrap_err().to_string();
    assert!(told.contains("the cache `hot` is defined at ketch.json:1:"), "{told}");
}

fn said(text: String) -> serde_json::Map<String, serde_json::Value> {
    [("text".to_owned(), text.into())].into_iter().collect()
}

/// A project whose only endpoint counts how often it was asked, and says it at some length.
fn counting(folder: &std::path::Path, project: &str) -> Server {
    let api = r#"{ "cache": "hot", "ttl": "1h", "GET": { "info": "Counts.", "run": "native:count" } }"#;
    std::fs::write(folder.join("api.json"), api).unwrap();
    std::fs::write(folder.join("ketch.json"), project).unwrap();
    let counted = Arc::new(AtomicU64::new(0));
    Server::new().manifest(folder).native("count", move |_: ketch::Call| {
        let text = format!("{:20000}", counted.fetch_add(1, Ordering::SeqCst));
        async { Ok::<_, ketch::Error>(said(text)) }
    })
}

async fn count(connection: &mut Connection) -> u64 {
    connection.send(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n", Pace::Whole).await;
    let reply = connection.reply(false).await.expect("the server answers");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    body["text"].as_str().unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_definition_that_changed_is_applied_and_one_that_did_not_keeps_its_entries() {
    let scratch = Scratch::new();
    let (small, large) =
        (r#"{ "caches": { "hot": { "size": "64kb" } } }"#, r#"{ "caches": { "hot": { "size": "1mb" } } }"#);
    let server = TestServer::start(counting(scratch.path(), large)).await;
    let mut connection = Connection::open(server.addr()).await;
    let say = |text: &str| std::fs::write(scratch.path().join("ketch.json"), text).unwrap();
    assert_eq!((count(&mut connection).await, count(&mut connection).await), (0, 0));
    server.reloader().reload().await.unwrap();
    assert_eq!(count(&mut connection).await, 0, "nothing has changed");

    // Another file, the same cache: what another state made is not sent, and is there when that state comes again.
    say(&format!("{large} // the same"));
    server.reloader().reload().await.unwrap();
    assert_eq!((count(&mut connection).await, count(&mut connection).await), (1, 1));
    say(large);
    server.reloader().reload().await.unwrap();
    assert_eq!(count(&mut connection).await, 0);

    // A cache of which an eighth is less than the reply.
    say(small);
    server.reloader().reload().await.unwrap();
    assert_eq!((count(&mut connection).await, count(&mut connection).await), (2, 3));
    let told = ketch::explain(&server.reloader().api());
    assert!(told.contains("cache hot\n  in this process, 65536 bytes  ketch.json:1:15\n"), "{told}");

    // One that is not defined any more, or badly: the last good state serves on.
    for (bad, message) in [
        ("{}", "no cache named `hot` is defined"),
        (
            r#"{ "caches": { "hot": { "size": "64 kb" } } }"#,
            "ketch.json:1:32: the cache `hot`: `size` is not a size",
        ),
    ] {
        say(bad);
        let told = server.reloader().reload().await.unwrap_err().to_string();
        assert!(told.contains(message), "{told}");
        assert!(ketch::explain(&server.reloader().api()).contains("65536 bytes"));
    }
    say(large);
    server.reloader().reload().await.unwrap();
    assert_eq!(
        (count(&mut connection).await, count(&mut connection).await),
        (4, 4),
        "made anew, it is empty"
    );
}

/// A write that began before a reload purges the caches that the reload brought.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_began_on_the_old_state_purges_the_new_one() {
    let scratch = Scratch::new();
    let folder = scratch.path();
    let api = r#"{ "/": { "a": { "cache": "hot", "ttl": "1h", "purge": ["a"],
        "GET": { "info": "i", "run": "native:get" }, "POST": { "info": "i", "run": "native:post" } } } }"#;
    std::fs::write(folder.join("api.json"), api).unwrap();
    std::fs::write(folder.join("ketch.json"), r#"{ "caches": { "hot": {} } }"#).unwrap();
    let (begun, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (begin, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
    let counted = Arc::new(AtomicU64::new(0));
    let server = Server::new()
        .manifest(folder)
        .native("get", move |_: ketch::Call| {
            let count = counted.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, ketch::Error>(said(count.to_string())) }
        })
        .native("post", move |_: ketch::Call| {
            let (begin, wait) = (Arc::clone(&begin), Arc::clone(&wait));
            async move {
                begin.notify_one();
                wait.notified().await;
                Ok::<_, ketch::Error>(said("written".to_owned()))
            }
        });
    let server = TestServer::start(server).await;
    let mut writer = Connection::open(server.addr()).await;
    writer.send(b"POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", Pace::Whole).await;
    begun.notified().await;
    std::fs::write(folder.join("ketch.json"), r#"{ "caches": { "hot": { "size": "1mb" } } }"#).unwrap();
    server.reloader().reload().await.unwrap();
    let mut reader = Connection::open(server.addr()).await;
    let mut get = async || {
        reader.send(b"GET /a HTTP/1.1\r\nHost: test\r\n\r\n", Pace::Whole).await;
        String::from_utf8(reader.reply(false).await.expect("the server answers").body).unwrap()
    };
    let first = get().await;
    assert_eq!(get().await, first, "it is kept in the new cache");
    go_on.notify_one();
    assert_eq!(writer.reply(false).await.expect("the server answers").status, 200);
    assert_ne!(get().await, first);
}

/// The files of the guide's section are a project, and it does what the section says.
#[tokio::test]
async fn the_guides_project_is_true() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/caching.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## Without Rust\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut files = Vec::new();
    for block in section.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap();
        files.push((info.split_once(' ').expect("each has the name of a file").1, text));
    }
    assert_eq!(files.len(), 5, "{files:?}");
    let (place, served) = served(&files);
    assert!(!kept(&served, "/todos", "").await.0);
    assert!(kept(&served, "/todos", "").await.0);
    assert_eq!(served.json("POST", "/todos", "", json!({ "title": "milk" })).await.0, 200);
    assert!(kept(&served, "/todos", "").await.1.contains("milk"));
    // What is a comment there is right, too.
    let (_, text) = files.iter().find(|(name, _)| *name == "ketch.json").unwrap();
    place.write(
        "ketch.json",
        &text.replace("// \"shared\"", "\"shared\"").replace("REDIS_URL", "KETCH_NO_SUCH_VARIABLE"),
    );
    let told = place.told();
    assert!(told.len() == 1 && told[0].contains("the server's environment has no variable"), "{told:?}");
}
