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
