//! Reloads: workers of a program that has not changed go on.

use ketch_manifest::shipped;
use serde_json::Value;

use super::project::{client, gone, numbers, project, shell};

const ONE: &str = r#"{ "mode": "worker", "workers": 1 }"#;

#[tokio::test]
async fn workers_of_a_program_that_did_not_change_survive() {
    let place = project(&shell(""), ONE, "30s");
    let drivers = shipped();
    let old = client(&place, &drivers);
    let first = old.get("/run/it").await.json::<Value>();
    let new = client(&place, &drivers);
    drop(old);
    assert_eq!(new.get("/run/it").await.json::<Value>(), first);
    assert_eq!(numbers(&place, "pids").len(), 1);
}

#[tokio::test]
async fn workers_of_one_that_did_are_replaced_and_those_of_before_end() {
    let place = project(&shell(""), ONE, "30s");
    let drivers = shipped();
    let old = client(&place, &drivers);
    assert_eq!(old.get("/run/it").await.status, 200);
    place.write("program", &shell("*) result='{\"new\":true}';;"));
    let new = client(&place, &drivers);
    let before = numbers(&place, "pids");
    assert_eq!(old.get("/run/it").await.status, 200, "who is served by the old still is");
    assert_eq!(new.get("/run/it").await.json::<Value>()["new"], true);
    drop(old);
    gone(&before).await;
    assert_eq!(numbers(&place, "ended"), before, "they saw the end of their input");
}

#[tokio::test]
async fn endpoints_with_one_program_and_the_same_options_share_its_workers() {
    let method = format!(r#"{{ "info": "Runs it.", "run": "program", "exec": {ONE} }}"#);
    let other = method.replace("\"workers\": 1", "\"workers\": 1, \"recycle\": 5");
    let api =
        format!(r#"{{ "GET": {method}, "DELETE": {method}, "/": {{ "other": {{ "GET": {other} }} }} }}"#);
    let place = crate::place::Place::new(&[("api.json", &api), ("program", &shell(""))]);
    let client = client(&place, &shipped());
    let pid = |answer: ketch_testkit::Answer| answer.json::<Value>()["pid"].clone();
    let first = pid(client.get("/").await);
    let nothing = serde_json::json!({});
    assert_eq!(pid(client.json(http::Method::DELETE, "/", &nothing).await), first);
    assert_ne!(pid(client.get("/other").await), first, "other options, other processes");
}

/// Loads a project again after a change, and says whether the worker of before answers.
async fn survives(place: &crate::place::Place, change: impl FnOnce()) -> bool {
    let drivers = shipped();
    let old = client(place, &drivers);
    let before = old.get("/run/it").await.json::<Value>();
    change();
    client(place, &drivers).get("/run/it").await.json::<Value>() == before
}

#[tokio::test]
async fn workers_are_replaced_when_what_they_may_import_changes() {
    let place = project(&shell(""), ONE, "30s");
    for file in
        ["lib/shared.py", "controller/_boats.py", "middleware/_known/names.py", ".build/controller/x/main"]
    {
        assert!(!survives(&place, || place.write(file, "new")).await, "{file} is new");
        assert!(!survives(&place, || place.write(file, "changed")).await, "{file} has changed");
        assert!(survives(&place, || place.write(file, "changed")).await, "{file} was only touched");
        let gone = || std::fs::remove_file(place.path().join(file)).expect("it was there");
        assert!(!survives(&place, gone).await, "{file} is gone");
    }
}

#[tokio::test]
async fn workers_survive_changes_of_what_no_program_imports() {
    let place = project(&shell(""), ONE, "30s");
    let files = [
        "controller/_boats.sql",
        "controller/README.md",
        "migrations/0001_boats.sql",
        "lib/notes.txt",
        "lib/__pycache__/shared.pyc",
        "lib/kept.db-wal",
        "data/boats.json",
        "stub.json",
    ];
    for file in files {
        assert!(survives(&place, || place.write(file, "create table boats (id int);")).await, "{file}");
    }
    let api = std::fs::read_to_string(place.path().join("api.json")).expect("it is there");
    assert!(survives(&place, || place.write("api.json", &api.replace("Runs it.", "Runs."))).await);
}
