//! What clients send to controllers of SQL and to tables, and what both engines make of it.

use std::path::Path;

use ketch::prelude::*;
use ketch::test::{Client, client, client_on, postgres::Postgres};
use serde_json::{Value, json};

use crate::manifest_place::{Place, Served};

/// Ids that SQLite compares with 7 as if they were 7, and that PostgreSQL reads as 7.
const SEVENS: [&str; 6] = ["07", "+7", "7.0", "7e0", "007", "-07"];

#[tokio::test]
async fn a_caller_whose_id_looks_like_another_s_gets_nothing_of_it() {
    let place = Place::new(&[
        (
            "migrations/001_purses.sql",
            "create table purses (name text primary key, owner bigint not null, keeper text not null);
             insert into purses values ('red', 7, '7'), ('blue', 8, '07');",
        ),
        (
            "api.json",
            r#"{ "/": {
                "mine": { "GET": { "info": "Mine." }, "POST": { "info": "Adds.", "in": { "name": { "type": "string" } } } },
                "kept": { "GET": { "info": "Kept." } }
            } }"#,
        ),
        ("controller/mine.GET.sql", "select name from purses where owner = :caller_id"),
        (
            "controller/mine.POST.sql",
            "insert into purses (name, owner, keeper) values (:name, :caller_id, 'x') returning name",
        ),
        ("controller/kept.GET.sql", "select name from purses where keeper = :caller_id"),
    ]);
    for served in place.served() {
        let engine = served.engine;
        let own = served.json("GET", "/mine", "7", Value::Null).await;
        assert_eq!(own, (200, json!({ "items": [{ "name": "red" }], "next": null })), "{engine}");
        for id in SEVENS {
            let (status, body) = served.json("GET", "/mine", id, Value::Null).await;
            assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{engine}: {id}: {body}");
            let (status, _) = served.json("POST", "/mine", id, json!({ "name": "stolen" })).await;
            assert_eq!(status, 403, "{engine}: {id}");
        }
        let kept = served.json("GET", "/kept", "07", Value::Null).await;
        assert_eq!(
            kept,
            (200, json!({ "items": [{ "name": "blue" }], "next": null })),
            "{engine}: text is text"
        );
        let added = served.json("POST", "/mine", "9", json!({ "name": "green" })).await.0;
        assert_eq!(added, 200, "{engine}");
    }
}

#[tokio::test]
async fn what_a_client_sends_to_a_search_is_its_own_fault() {
    let place = Place::new(&[
        (
            "migrations/001_boats.up.sql",
            "create virtual table boats using fts5(name);\ninsert into boats values ('Spray');",
        ),
        (
            "migrations/001_boats.up.postgres.sql",
            "create table boats (name text);\ninsert into boats values ('Spray');",
        ),
        (
            "api.json",
            r#"{ "/": {
                "find": { "GET": { "info": "Finds.", "in": { "GET@q": { "type": "string" } } } },
                "broken": { "GET": { "info": "A wrong statement." } }
            } }"#,
        ),
        ("controller/find.GET.sql", "select name from boats where boats match :q"),
        ("controller/find.GET.postgres.sql", "select name from boats where name ~ :q"),
        ("controller/broken.GET.sql", "select json_extract('(', '$.a') as a"),
        ("controller/broken.GET.postgres.sql", "select 10 / count(*) as a from boats where name = 'none'"),
    ]);
    for served in place.served() {
        let engine = served.engine;
        let found = served.json("GET", "/find?q=Spray", "", Value::Null).await;
        assert_eq!(found, (200, json!({ "items": [{ "name": "Spray" }], "next": null })), "{engine}");
        let bad: &[&str] =
            if engine == "sqlite" { &["%22", "a*b%20AND", "hunter:x"] } else { &["%28hunter", "%5B"] };
        for q in bad {
            let (status, body) = served.json("GET", &format!("/find?q={q}"), "", Value::Null).await;
            assert_eq!((status, &body["code"]), (422, &json!("bad_value")), "{engine}: {q}: {body}");
            let text = body.to_string().to_lowercase();
            assert!(!["fts5", "hunter", "select", "column"].iter().any(|it| text.contains(it)), "{text}");
        }
        let (status, body) = served.json("GET", "/broken", "", Value::Null).await;
        assert_eq!(status, 500, "{engine}: {body}");
    }
}

#[tokio::test]
async fn the_example_of_todos_is_the_same_on_both_engines() {
    let server = || {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/todos");
        Server::new().manifest(example)
    };
    for (client, engine) in
        [(client(server()), "sqlite"), (client_on(server(), Postgres::shared().fresh()), "postgres")]
    {
        let ask = async |method: &str, path: &str, body: Value| ask(&client, method, path, body).await;
        for (number, title) in [(1, "Buy milk"), (2, "Drink it")] {
            let made = ask("POST", "/todos", json!({ "title": title })).await;
            assert_eq!(made, (201, json!({ "id": number, "title": title, "done": false })), "{engine}");
        }
        let done = ask("PATCH", "/todos/1", json!({ "done": true })).await;
        assert_eq!(done, (200, json!({ "id": 1, "title": "Buy milk", "done": true })), "{engine}");
        for (path, numbers) in
            [("/todos", vec![1, 2]), ("/todos?done=true", vec![1]), ("/todos?done=false", vec![2])]
        {
            let (status, page) = ask("GET", path, Value::Null).await;
            let found: Vec<_> = page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
            assert_eq!(
                (status, found),
                (200, numbers.into_iter().map(Value::from).collect()),
                "{engine}: {path}"
            );
        }
        assert_eq!(ask("DELETE", "/todos/1", Value::Null).await, (200, json!({ "count": 1 })), "{engine}");
    }
}

async fn ask(client: &Client, method: &str, path: &str, body: Value) -> (u16, Value) {
    let headers = [("x-api-key", "ada-key"), ("content-type", "application/json")];
    let headers = if body.is_null() { &headers[..1] } else { &headers[..] };
    let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let answer = client.send(method.parse().unwrap(), path, headers, bytes.into()).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn a_table_is_the_same_on_both_engines() {
    let place = Place::new(&[
        (
            "migrations/001_items.up.sql",
            "create table items (id integer primary key, price numeric(6, 2) not null, amount integer not null default 3);
             create table tags (tag text primary key, note text);",
        ),
        (
            "migrations/001_items.up.postgres.sql",
            "create table items (id integer generated by default as identity primary key, price numeric(6, 2) not null,
                 amount integer not null default 3);
             create table tags (tag text primary key, note text);",
        ),
        ("api.json", r#"{ "/": { "items": { "table": "items" }, "tags": { "table": "tags" } } }"#),
    ]);
    for served in place.served() {
        let engine = served.engine;
        let (status, made) = served.json("POST", "/items", "", json!({ "price": 1.5 })).await;
        assert_eq!(
            (status, made["price"].as_f64(), &made["amount"]),
            (201, Some(1.5), &json!(3)),
            "{engine}: {made}"
        );
        for path in ["/items/99999999999", "/items/2"] {
            assert_eq!(served.json("GET", path, "", Value::Null).await.0, 404, "{engine}: {path}");
        }
        assert_eq!(served.json("GET", "/items?after=99999999999", "", Value::Null).await.0, 200, "{engine}");
        for tag in ["", ".", ".."] {
            let (status, body) = served.json("POST", "/tags", "", json!({ "tag": tag })).await;
            assert_eq!(status, 422, "{engine}: {tag}: {body}");
        }
        assert_eq!(served.json("POST", "/tags", "", json!({ "tag": "..." })).await.0, 201, "{engine}");
    }
}

#[tokio::test]
async fn a_key_that_only_sqlite_counts_up_is_told_at_the_start() {
    let place = Place::new(&[
        ("migrations/001_items.sql", "create table items (id integer primary key, name text)"),
        ("api.json", r#"{ "/": { "items": { "table": "items" } } }"#),
    ]);
    let built = place.server().database_from(Postgres::shared().fresh(), "the test").build().unwrap();
    let told = built.connect().await.unwrap_err().to_string();
    assert!(told.contains("`items.id` is counted up by SQLite") && told.contains("api.json:1:"), "{told}");
}

#[test]
fn a_get_that_writes_and_a_page_that_loses_rows_are_told() {
    let place = Place::new(&[
        ("migrations/001_boats.sql", "create table boats (id bigint primary key, name text not null)"),
        (
            "api.json",
            r#"{ "/": {
                "add": { "GET": { "info": "Adds." } },
                "all": { "GET": { "info": "All.", "in": {
                    "GET@after": { "type": "?string", "default": "" }, "GET@limit": { "type": "?int" } } } }
            } }"#,
        ),
        (
            "controller/add.GET.sql",
            "select 1 as a;\ninsert into boats (id, name) values (1, 'Spray') returning id",
        ),
        (
            "controller/all.GET.sql",
            "select id, name from boats where name > :after order by id, name limit :limit",
        ),
    ]);
    let told = place.told();
    for expected in [
        "controller/add.GET.sql:2:1: GET /add: writes, and GET is a read",
        "controller/all.GET.sql:1:1: GET /all: goes on after `name` and is ordered by `id` first",
    ] {
        assert!(told.iter().any(|it| it.starts_with(expected)), "{expected} is not among {told:#?}");
    }
    assert_eq!(told.len(), 2, "{told:#?}");
}

#[tokio::test]
async fn what_counts_answers_204_without_a_body() {
    let place = Place::new(&[
        (
            "migrations/001_boats.sql",
            "create table boats (id bigint primary key);\ninsert into boats values (1);",
        ),
        ("api.json", r#"{ "/": { "boats": { "DELETE": { "info": "All.", "status": 204 } } } }"#),
        ("controller/boats.DELETE.sql", "delete from boats"),
    ]);
    let served = Served { client: client(place.server()), engine: "sqlite" };
    let answer = served.ask("DELETE", "/boats", "", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (204, ""));
    let api: Value = served.client.get("/openapi.json").await.json();
    let replies = &api["paths"]["/boats"]["delete"]["responses"];
    assert!(replies.get("200").is_none() && replies["204"].get("content").is_none(), "{replies:#}");
    place.write("controller/boats.DELETE.sql", "delete from boats returning id");
    let told = place.told();
    assert!(told.iter().any(|it| it.contains("SQL that returns `count`")), "{told:#?}");
}
