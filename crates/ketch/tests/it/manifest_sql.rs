//! Controllers of SQL, on both engines.

use std::sync::Arc;

use ketch::test::postgres::Postgres;
use ketch::test::{Client, Scratch, client};
use serde_json::{Value, json};

use crate::manifest_place::{Place, Served};

const MIGRATION: &str = "\
create table boats (
    id bigint primary key,
    name text not null unique,
    length double precision check (length > 0),
    afloat boolean not null default false,
    crew text,
    owner text,
    harbour bigint references harbours (id)
);
";
const HARBOURS: &str = "create table harbours (id bigint primary key, name text not null);\n
insert into harbours (id, name) values (1, 'Brest');";

/// One project for most of the tests below.
fn boats() -> Place {
    Place::new(&[
        ("migrations/001_harbours.sql", HARBOURS),
        ("migrations/002_boats.up.sql", MIGRATION),
        ("migrations/002_boats.down.sql", "drop table boats;"),
        ("api.json", API),
        (
            "controller/boats.POST.sql",
            "insert into boats (id, name, length, afloat, crew, owner, harbour)\nvalues (:id, :name, :length, :afloat, :crew, :caller_id, :harbour)\nreturning id, name, length, afloat, crew;\n",
        ),
        (
            "controller/boats.GET.sql",
            "select id, name, afloat from boats where id > :after order by id limit :limit",
        ),
        (
            "controller/boats/{id}.GET.sql",
            "-- One boat, by its number.\nselect id, name, length, afloat, crew, owner from boats where id = :id;",
        ),
        ("controller/boats/{id}.DELETE.sql", "delete from boats where id = :id and owner = :caller_id"),
        (
            "controller/rename.sql",
            "update boats set name = :a where id = 1;\nupdate boats set name = :b where id = 2",
        ),
        ("controller/all.sql", "select id from boats"),
        ("controller/named.sql", "select id, name from boats where name = :name"),
    ])
}

const API: &str = r#"{ "/": {
    "boats": {
        "POST": {
            "info": "Adds a boat.",
            "status": 201,
            "in": {
                "id": { "type": "int" }, "name": { "type": "string" }, "length": { "type": "?float" },
                "afloat": { "type": "bool" }, "crew": { "type": "?[string]" }, "harbour": { "type": "?int" }
            },
            "out": {
                "id": { "type": "int" }, "name": { "type": "string" }, "length": { "type": "?float" },
                "afloat": { "type": "bool" }, "crew": { "type": "?[string]" }
            },
            "sql": { "anonymous": true }
        },
        "GET": {
            "info": "Lists boats.",
            "in": { "GET@after": { "type": "?int", "default": 0 }, "GET@limit": { "type": "?int" } },
            "sql": { "page": 50 }
        },
        "/": { "{id}": {
            "GET": {
                "info": "One boat.", "in": { "id": { "type": "int" } },
                "out": {
                    "number": { "type": "int", "name": "id" }, "name": { "type": "string" }, "length": { "type": "?float" },
                    "afloat": { "type": "bool" }, "crew": { "type": "?[string]" }, "owner": { "type": "?string" }
                }
            },
            "DELETE": { "info": "Sinks a boat.", "in": { "id": { "type": "int" } } }
        } }
    },
    "rename": { "POST": { "info": "Renames two.", "in": { "a": { "type": "string" }, "b": { "type": "string" } } } },
    "all": { "GET": { "info": "All.", "sql": { "page": 3 } } },
    "named": { "GET": { "info": "Those of a name.", "in": { "GET@name": { "type": "string" } } } }
} }"#;

fn boat(id: i64, name: &str) -> Value {
    json!({ "id": id, "name": name, "length": 11.2, "afloat": true, "crew": ["Ann", "Bob"] })
}

#[tokio::test]
async fn columns_become_the_output_as_it_is_declared() {
    for served in boats().served() {
        let engine = served.engine;
        let (status, new) = served.json("POST", "/boats", "ann", boat(1, "Spray")).await;
        assert_eq!((status, &new), (201, &boat(1, "Spray")), "{engine}");
        let (status, one) = served.json("GET", "/boats/1", "", Value::Null).await;
        let expected = json!({
            "number": 1, "name": "Spray", "length": 11.2, "afloat": true, "crew": ["Ann", "Bob"], "owner": "ann"
        });
        assert_eq!((status, one), (200, expected), "{engine}");
        let bare = json!({ "id": i64::MAX, "name": "Big", "afloat": false });
        let (status, new) = served.json("POST", "/boats", "", bare).await;
        let expected =
            json!({ "id": i64::MAX, "name": "Big", "length": null, "afloat": false, "crew": null });
        assert_eq!((status, new), (201, expected), "{engine}: numbers are exact");
    }
}

#[tokio::test]
async fn no_row_is_404_and_broken_rules_are_409_and_422_without_a_word_of_sql() {
    for served in boats().served() {
        let engine = served.engine;
        assert_eq!(served.ask("GET", "/boats/7", "", Value::Null).await.status, 404, "{engine}");
        served.json("POST", "/boats", "ann", boat(1, "Spray")).await;
        let mut short = boat(3, "Short");
        short["length"] = json!(-1.0);
        let mut lost = boat(4, "Lost");
        lost["harbour"] = json!(9);
        for (body, expected) in [(boat(2, "Spray"), 409), (boat(1, "Other"), 409), (short, 422), (lost, 422)]
        {
            let answer = served.ask("POST", "/boats", "ann", body).await;
            assert_eq!(answer.status, expected, "{engine}: {}", answer.text());
            let text = answer.text().to_lowercase();
            assert!(
                !text.contains("insert") && !text.contains("boats.") && !text.contains("constraint"),
                "{text}"
            );
        }
        let page = served.json("GET", "/boats", "", Value::Null).await.1;
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "{engine}: {page}");
    }
}

#[tokio::test]
async fn several_statements_are_one_transaction() {
    for served in boats().served() {
        let engine = served.engine;
        served.json("POST", "/boats", "ann", boat(1, "One")).await;
        served.json("POST", "/boats", "ann", boat(2, "Two")).await;
        let (status, renamed) = served.json("POST", "/rename", "", json!({ "a": "Eins", "b": "Zwei" })).await;
        assert_eq!((status, renamed), (200, json!({ "count": 1 })), "{engine}");
        let clash = served.ask("POST", "/rename", "", json!({ "a": "Uno", "b": "Uno" })).await;
        assert_eq!(clash.status, 409, "{engine}: {}", clash.text());
        let one = served.json("GET", "/boats/1", "", Value::Null).await.1;
        assert_eq!(one["name"], "Eins", "{engine}: the first is rolled back with the second");
    }
}

#[tokio::test]
async fn a_statement_that_asks_who_calls_is_not_run_for_nobody() {
    for served in boats().served() {
        let engine = served.engine;
        served.json("POST", "/boats", "ann", boat(1, "Spray")).await;
        let nobody = served.ask("DELETE", "/boats/1", "", Value::Null).await;
        assert_eq!(nobody.status, 401, "{engine}");
        assert!(nobody.header("www-authenticate").is_some(), "{engine}");
        let other = served.json("DELETE", "/boats/1", "bob", Value::Null).await;
        assert_eq!(other, (200, json!({ "count": 0 })), "{engine}");
        let own = served.json("DELETE", "/boats/1", "ann", Value::Null).await;
        assert_eq!(own, (200, json!({ "count": 1 })), "{engine}");
    }
}

#[tokio::test]
async fn a_value_is_never_sql() {
    for served in boats().served() {
        let engine = served.engine;
        let names = [
            "'; drop table boats; --",
            "\" or 1=1 --",
            ":id",
            "?1",
            "$1",
            "\\'; select 1",
            "x' || (select 1) || '",
            "%",
            "\u{1}",
        ];
        for (id, name) in (1..).zip(names) {
            let (status, new) = served.json("POST", "/boats", "ann", boat(id, name)).await;
            assert_eq!((status, &new["name"]), (201, &json!(name)), "{engine}");
            let asked: String = url_encoded(name);
            let (_, found) = served.json("GET", &format!("/named?name={asked}"), "", Value::Null).await;
            assert_eq!(found, json!({ "items": [{ "id": id, "name": name }], "next": null }), "{engine}");
        }
    }
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Ten thousand boats, as both engines can make them.
const MANY: &str = "\
insert into boats (id, name)
with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000)
select i * 3, 'boat ' || i from n;
";

#[tokio::test]
async fn a_cursor_leads_through_all_rows_once() {
    let place = boats();
    place.write("migrations/003_many.sql", MANY);
    for served in place.served() {
        let engine = served.engine;
        for limit in [1_000, 50, 17] {
            let (mut after, mut seen) = (String::from("0"), Vec::new());
            loop {
                let path = format!("/boats?after={after}&limit={limit}");
                let (status, page) = served.json("GET", &path, "", Value::Null).await;
                assert_eq!(status, 200, "{engine}: {page}");
                let items = page["items"].as_array().unwrap();
                assert!(items.len() <= limit.min(50), "{engine}: the page is bounded");
                seen.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
                if page["next"].is_null() {
                    break;
                }
                after = page["next"].to_string();
            }
            let all: Vec<i64> = (1..=10_000).map(|id| id * 3).collect();
            assert_eq!(seen, all, "{engine}: pages of {limit}");
        }
        let empty = served.json("GET", "/boats?after=100000", "", Value::Null).await;
        assert_eq!(empty, (200, json!({ "items": [], "next": null })), "{engine}");
        assert_eq!(served.ask("GET", "/boats?limit=-1", "", Value::Null).await.status, 422, "{engine}");
    }
}

#[tokio::test]
async fn a_reload_applies_new_migrations_before_it_serves() {
    let scratch = Scratch::new();
    for url in [scratch.url(), Postgres::shared().fresh()] {
        let place = boats();
        let built = place.server().database_from(url, "the test").build().unwrap();
        built.connect().await.unwrap();
        let client = Client::new(Arc::clone(built.app()));
        let reloader = built.reloader().unwrap().clone();

        place.write("migrations/003_ports.sql", "create table ports (id bigint primary key)");
        place.write("controller/all.sql", "select id from ports");
        reloader.reload().await.unwrap();
        assert_eq!(client.get("/all").await.text(), "{\"items\":[],\"next\":null}");

        place.write("controller/all.sql", "select id from prots");
        assert!(reloader.reload().await.is_err());
        assert_eq!(client.get("/all").await.status, 200, "the last good state serves on");
        place.write("controller/all.sql", "select id from boats");
        place.write("migrations/003_ports.sql", "create table ports (id bigint)");
        let told = reloader.reload().await.unwrap_err().to_string();
        assert!(told.contains("003_ports.sql") && told.contains("is not what was applied"), "{told}");
        assert_eq!(client.get("/all").await.text(), "{\"items\":[],\"next\":null}");
    }
}

#[tokio::test]
async fn a_list_without_a_limit_is_never_cut_in_silence() {
    for served in boats().served() {
        let engine = served.engine;
        for id in 1..=3 {
            served.json("POST", "/boats", "ann", boat(id, &format!("boat {id}"))).await;
        }
        let (status, all) = served.json("GET", "/all", "", Value::Null).await;
        assert_eq!((status, all["items"].as_array().unwrap().len()), (200, 3), "{engine}");
        served.json("POST", "/boats", "ann", boat(4, "boat 4")).await;
        let (status, many) = served.json("GET", "/all", "", Value::Null).await;
        assert_eq!((status, &many["code"]), (500, &json!("too_many_rows")), "{engine}");
    }
}

#[tokio::test]
async fn writes_at_the_same_time_are_all_kept() {
    for served in boats().served() {
        let served = Arc::new(served);
        let engine = served.engine;
        let writes = (1..=64).map(|id| {
            let served = Arc::clone(&served);
            tokio::spawn(async move {
                // Every name comes twice: one of each pair is told that it is there already.
                let body = json!({ "id": id, "name": format!("boat {}", id % 32), "afloat": true });
                served.ask("POST", "/boats", "ann", body).await.status.as_u16()
            })
        });
        let mut statuses = Vec::new();
        for write in writes.collect::<Vec<_>>() {
            statuses.push(write.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [[201; 32], [409; 32]].concat(), "{engine}");
        let page = served.json("GET", "/boats", "", Value::Null).await.1;
        assert_eq!(page["items"].as_array().unwrap().len(), 32, "{engine}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_in_the_file() {
    let place = boats();
    place.write("controller/all.sql", "select id\nfrom boots");
    place.write("controller/named.sql", "select id, nmae\nfrom boats where name = :nam");
    place.write("controller/rename.sql", "update boats set name = :a where id = 1;\n\nselekt 1");
    let told = place.told();
    for expected in [
        "controller/all.sql:2:6: GET /all: no such table: boots; did you mean `boats`?",
        "controller/named.sql:1:12: GET /named: no such column: nmae; did you mean `name`?",
        "controller/named.sql:2:25: GET /named: `:nam` is no argument; did you mean `name`?",
        "controller/rename.sql:3:1: POST /rename: near \"selekt\": syntax error",
    ] {
        assert!(told.iter().any(|it| it == expected), "{expected} is not among {told:#?}");
    }
    assert_eq!(told.len(), 4, "{told:#?}");
}

#[test]
fn a_client_cannot_say_who_calls() {
    let place = boats();
    place.write(
        "api.json",
        r#"{ "/": { "all": { "GET": { "in": { "GET@caller_id": { "type": "string" } } } } } }"#,
    );
    place.write("controller/all.sql", "select id from boats where owner = :caller_id");
    let problem = "controller/all.sql:1:36: GET /all: `:caller_id` is who calls, and an argument is called so too: give that another `name`";
    assert!(place.told().iter().any(|it| it == problem), "{:#?}", place.told());
}

#[test]
fn a_declared_output_must_be_a_column_of_its_kind() {
    let place = boats();
    place.write(
        "controller/boats/{id}.GET.sql",
        "select id, name, length as afloat, crew, owner from boats where id = :id",
    );
    let told = place.told();
    assert!(told.iter().any(|it| it.contains("`length` is no column of the statement")), "{told:#?}");
    assert!(
        told.iter()
            .any(|it| it.contains("`afloat` is declared as true or false, and its column holds a number")),
        "{told:#?}"
    );
    assert!(told.iter().all(|it| it.starts_with("api.json:")), "{told:#?}");
}

#[test]
fn a_migration_that_cannot_be_applied_is_told_with_its_line() {
    let place = boats();
    place.write(
        "migrations/003_more.sql",
        "create table more (id integer);\ncreate tabel again (id integer);",
    );
    let told = place.told();
    assert_eq!(
        told,
        ["migrations/003_more.sql:2:8: migrations: cannot be applied: near \"tabel\": syntax error"]
    );
}

#[test]
fn a_list_that_continues_says_how() {
    let place = boats();
    place.write("controller/boats.GET.sql", "select id, name from boats where id > :after");
    let told = place.told();
    assert!(told.iter().any(|it| it.contains("add `limit :limit`")), "{told:#?}");
    assert!(told.iter().any(|it| it.contains("says no order")), "{told:#?}");
    place.write(
        "controller/boats.GET.sql",
        "select name from boats where id > :after order by id limit :limit",
    );
    let told = place.told();
    assert!(told.iter().any(|it| it.contains("goes on after `id`, which is no column")), "{told:#?}");
}

#[test]
fn transactions_and_pragmas_are_kept_from_files() {
    let place = boats();
    for text in ["begin; select 1; commit", "pragma journal_mode = off", "attach 'x' as y", "savepoint a"] {
        place.write("controller/all.sql", text);
        let told = place.told();
        assert!(told.iter().any(|it| it.starts_with("controller/all.sql:1:")), "{text}: {told:#?}");
    }
}

#[tokio::test]
async fn what_only_the_database_can_say_keeps_the_server_from_starting() {
    let place = boats();
    place.write("controller/all.sql", "select id from boats");
    place.write("controller/all.postgres.sql", "select id,\n  now()::texxt as at from boats");
    assert!(place.problems().is_empty(), "SQLite has a file of its own");
    let url = Postgres::shared().fresh();
    let built = place.server().database_from(url, "the test").build().unwrap();
    let told = built.connect().await.unwrap_err().to_string();
    assert!(
        told.contains("controller/all.postgres.sql:2:10: GET /all: type \"texxt\" does not exist"),
        "{told}"
    );
}

/// What SQLite lets a column hold is not always what its type says, so it is only seen when it comes.
#[tokio::test]
async fn in_development_rows_that_are_not_what_is_declared_are_an_error() {
    const OUT: &str =
        r#""out": { "id": { "info": "i", "type": "id" }, "berths": { "info": "i", "type": "int" } }"#;
    let one = format!(
        r#"{{ "info": "One.", "returns": "row", "in": {{ "id": {{ "info": "i", "type": "id" }} }}, {OUT} }}"#
    );
    let api = format!(
        r#"{{ "/": {{ "boats": {{ "GET": {{ "info": "All.", "returns": "rows", {OUT} }}, "/": {{ "{{id}}": {{ "GET": {one} }} }} }},
            "pages": {{ "GET": {{ "info": "As a page.", "out": {{ "items": {{ "info": "i", "type": "[any]" }} }} }} }},
            "none": {{ "DELETE": {{ "info": "How many.", "out": {{ "count": {{ "info": "i", "type": "uint" }} }} }} }} }} }}"#
    );
    let place = Place::new(&[
        ("api.json", &api),
        (
            "migrations/001_boats.sql",
            "create table boats (id integer primary key, berths integer);
             insert into boats values (1, 4), (2, 'secret'), (3, null);",
        ),
        ("controller/boats.GET.sql", "select id, berths from boats order by id"),
        ("controller/boats/{id}.GET.sql", "select id, berths from boats where id = :id"),
        ("controller/pages.GET.sql", "select id, berths from boats order by id"),
        ("controller/none.DELETE.sql", "delete from boats where id > 99"),
    ]);
    for (server, is_checked) in [(place.server().development(), true), (place.server(), false)] {
        let served = Served { client: client(server), engine: "sqlite" };
        for (method, path, fits) in [
            ("GET", "/boats/1", true),
            ("GET", "/boats/2", false),
            ("GET", "/boats/3", false),
            ("GET", "/boats", false),
            ("GET", "/pages", true),
            ("DELETE", "/none", true),
        ] {
            let (status, body) = served.json(method, path, "", json!(null)).await;
            if fits || !is_checked {
                assert_eq!(status, 200, "{path}: {body}");
            } else {
                assert_eq!((status, &body["code"]), (500, &json!("bad_output")), "{path}");
                assert!(!body.to_string().contains("secret"), "the log says what, and nobody else: {body}");
            }
        }
    }
}
