//! The database, asked by guests as their caller.

use std::sync::Arc;

use ketch_db::{Db, Options, Params};
use ketch_testkit::Scratch;
use serde_json::Value;

use crate::guests::{component, data, module};
use crate::place::Place;

/// Sends this to the database, and answers `{"said": …}` with what it said, or what it failed with.
fn asks(function: &str, request: &str) -> Vec<u8> {
    let (data, length) = data(request);
    let import =
        format!(r#"(import "ketch:api/database@0.1.0" "{function}" (func $ask (param i32 i32 i32)))"#);
    let call = format!(
        r#"{data} (data (i32.const 512) "{{\"said\":") (data (i32.const 528) "{{\"fail\":\"failed\"}}")
        (func (export "call") (param i32 i32) (result i32) (local $length i32)
            (call $ask (i32.const 1024) (i32.const {length}) (i32.const 32))
            (if (i32.load8_u (i32.const 32)) (then (return (call $ok (i32.const 528) (i32.const 17)))))
            (local.set $length (i32.load (i32.const 40)))
            (memory.copy (i32.const 520) (i32.load (i32.const 36)) (local.get $length))
            (i32.store8 (i32.add (i32.const 520) (local.get $length)) (i32.const 125))
            (call $ok (i32.const 512) (i32.add (i32.const 9) (local.get $length))))"#
    );
    component(&module(&import, &call), "test:guests/controller")
}

#[tokio::test]
async fn a_guest_reads_and_writes_what_it_is_granted_and_never_as_somebody_else() {
    let data = Scratch::new();
    let db = Db::unconnected();
    let engine =
        ketch_db::sqlite::Sqlite::open(data.path().join("app.db"), &Options::default()).expect("it opens");
    db.connect(Arc::new(engine), &Options::default()).expect("it is the first");
    db.execute("CREATE TABLE boats (name TEXT, owner TEXT)", Params::new()).await.expect("a table");
    let guests = [
        (
            "write",
            asks(
                "execute",
                r#"[{"sql": "INSERT INTO boats VALUES (:name, :caller_id)", "params": {"name": "Ada"}}]"#,
            ),
        ),
        (
            "forge",
            asks(
                "execute",
                r#"[{"sql": "INSERT INTO boats VALUES ('Eve', :caller_id)", "params": {"caller_id": "root"}}]"#,
            ),
        ),
        (
            "half",
            asks(
                "execute",
                r#"[{"sql": "INSERT INTO boats VALUES ('Bob', NULL)"}, {"sql": "INSERT INTO nowhere VALUES (1)"}]"#,
            ),
        ),
        ("read", asks("query", r#"{"sql": "SELECT name, owner, 1.5 AS real, x'00ff' AS blob FROM boats"}"#)),
        ("sly", asks("query", r#"{"sql": "DELETE FROM boats"}"#)),
        ("attach", asks("execute", r#"[{"sql": "ATTACH DATABASE '/tmp/other.db' AS other"}]"#)),
        ("unbound", asks("query", r#"{"sql": "SELECT :what AS what"}"#)),
        ("surplus", asks("query", r#"{"sql": "SELECT 1 AS one", "params": {"what": 1}}"#)),
        (
            "many",
            asks(
                "query",
                r#"{"sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT i FROM n"}"#,
            ),
        ),
        ("long", asks("query", r#"{"sql": "SELECT hex(zeroblob(50000000)) AS long"}"#)),
    ];
    let place = Place::new(r#""database": true"#, &guests).with(db.clone());
    let client = place.client();
    let said = async |name: &str| client.get(&format!("/{name}")).await.text();
    assert_eq!(said("write").await, r#"{"said":[1]}"#);
    for refused in ["forge", "half", "sly", "attach", "unbound", "surplus", "many", "long"] {
        assert_eq!(said(refused).await, r#"{"fail":"failed"}"#, "{refused}");
    }
    let read: Value = client.get("/read").await.json();
    assert_eq!(
        read["said"],
        serde_json::json!([{"name": "Ada", "owner": null, "real": 1.5, "blob": "AP8="}])
    );
    db.close().await;
}
