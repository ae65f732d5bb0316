//! Middlewares and type checkers that are programs, by the driver itself.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use ketch_manifest::{Checker, Driver, Inspect, Inspector, Known, Project, Verdict, Wanted, shipped};
use ketch_model::Error;
use ketch_web::RequestId;
use serde_json::json;

use super::project::shell;
use crate::place::Place;

/// A project with one program, in the seed's form or ours.
fn place(program: &str, file: &str, options: &str) -> Place {
    let exec = if file == "ketch.json" { format!(r#"{{ "exec": {options} }}"#) } else { "{}".to_owned() };
    Place::new(&[("api.json", "{}"), (file, &exec), ("program", program)])
}

fn with<T>(place: &Place, make: impl Fn(&dyn Driver, &Wanted<'_>) -> T) -> T {
    let drivers = shipped();
    let driver = drivers.iter().find(|driver| driver.name() == "exec").expect("it ships");
    let mut problems = Vec::new();
    let project = Project::open(place.path(), &mut problems).expect("there is one");
    assert!(problems.is_empty(), "{problems:#?}");
    let file = Path::new("program");
    make(
        &**driver,
        &Wanted {
            project: &project.file,
            file,
            endpoint: None,
            options: None,
            db: None,
            known: &Known::default(),
        },
    )
}

fn middleware(place: &Place) -> Arc<dyn Inspector> {
    with(place, |driver, wanted| driver.middleware(wanted).expect("it is in order"))
}

fn checker(place: &Place) -> Arc<dyn Checker> {
    with(place, |driver, wanted| driver.checker(wanted).expect("it is in order"))
}

fn request() -> Inspect {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Inspect {
        method: Method::GET,
        target: "/boats/7?deep=1".to_owned(),
        headers: vec![header("authorization", "Bearer x"), header("cookie", "a=1"), header("cookie", "b=2")],
        peer: None,
        route: "/boats/{id}".to_owned(),
        required: vec![vec!["user".to_owned()]],
        scope: vec!["known".to_owned()],
        request_id: RequestId::next(),
        time_left: Duration::from_secs(30),
    }
}

async fn verdict(program: &str, file: &str) -> Result<Verdict, Error> {
    middleware(&place(program, file, "{}")).inspect(request()).await
}

#[tokio::test]
async fn a_middleware_sees_the_request_and_grants() {
    let place = place("#!/bin/sh\necho $1 > arg; cat > seen; echo '[\"user\"]'\n", "ketch.json", "{}");
    let said = middleware(&place).inspect(request()).await.expect("it says something");
    assert_eq!(said.scope, ["user"]);
    let read = |name: &str| fs::read_to_string(place.path().join(name)).expect("it was written");
    assert_eq!(read("arg"), "INSPECT\n");
    let seen: serde_json::Value = serde_json::from_str(&read("seen")).expect("it is JSON");
    assert_eq!((&seen["path"], &seen["query"]), (&json!("/boats/7"), &json!("deep=1")));
    assert_eq!(seen["headers"], json!({ "authorization": "Bearer x", "cookie": "a=1; b=2" }));
    assert_eq!((&seen["required"], &seen["scope"]), (&json!([["user"]]), &json!(["known"])));
    assert_eq!(seen["route"], "/boats/{id}");
}

#[tokio::test]
async fn in_a_project_of_the_seed_it_gets_the_scope_as_its_only_argument() {
    let program = "#!/bin/sh\n[ $# = 1 ] && [ \"$1\" = '[\"known\"]' ] && echo '[\"user\", 7]'\n";
    assert_eq!(verdict(program, "aicra.json").await.expect("it says something").scope, ["user"]);
}

#[tokio::test]
async fn a_middleware_that_fails_refuses() {
    let wrong =
        ["exit 1", "echo '[]'; exit 1", "echo no", "", "echo '{\"staus\":401}'", "echo 7", "kill -9 $$"];
    for script in wrong {
        for file in ["ketch.json", "aicra.json"] {
            let error = verdict(&format!("#!/bin/sh\n{script}\n"), file).await.expect_err(script);
            assert_eq!((error.status().as_u16(), error.code()), (502, "bad_middleware"), "{script}");
        }
    }
    let place = place("#!/bin/sh\nsleep 1000\n", "ketch.json", "{}");
    let short = Inspect { time_left: Duration::from_millis(100), ..request() };
    let error = middleware(&place).inspect(short).await.expect_err("it is late");
    assert_eq!(error.status(), 504);
}

#[tokio::test]
async fn a_middleware_can_be_a_worker() {
    let program = shell("*'\"method\":\"inspect\"'*) result='{\"status\":403,\"claims\":{\"id\":\"7\"}}';;");
    let place = place(&program, "ketch.json", r#"{ "mode": "worker" }"#);
    let middleware = middleware(&place);
    for _ in 0..2 {
        let said = middleware.inspect(request()).await.expect("it says something");
        assert_eq!((said.status, &said.claims["id"]), (Some(403), &json!("7")));
    }
    assert_eq!(super::project::numbers(&place, "pids").len(), 1);
}

/// Whether types are known and values are right.
async fn checks(place: &Place) {
    let checker = checker(place);
    assert_eq!(checker.matches("boat-id"), Ok(true));
    assert_eq!(checker.matches("other"), Ok(false));
    assert!(checker.check("boat-id", &json!(7)).await.expect("it answers"));
    assert!(!checker.check("boat-id", &json!(8)).await.expect("it answers"));
}

#[tokio::test]
async fn a_checker_answers_one_or_true() {
    let ours = "#!/bin/sh\ncase $1 in\nMATCH) [ \"$2\" = boat-id ] && echo 1 || echo 0;;\n\
        CHECK) [ \"$(cat)\" = '{\"name\":\"boat-id\",\"value\":7}' ] && echo TRUE || echo False;;\nesac\n";
    checks(&place(ours, "ketch.json", "{}")).await;
    let seed = "#!/bin/sh\ncase $1 in\nMATCH) [ \"$2\" = boat-id ] && echo True;;\n\
        CHECK) [ \"$2\" = '{\"value\":7}' ] && echo ' 1 ';;\nesac\n";
    checks(&place(seed, "aicra.json", "{}")).await;
    let worker = shell(
        "*'\"method\":\"match\",\"params\":{\"name\":\"boat-id\"}'*|*'\"method\":\"check\",\"params\":{\"name\":\"boat-id\",\"value\":7}'*) result=true;;\n\
        *) result=false;;",
    );
    checks(&place(&worker, "ketch.json", r#"{ "mode": "worker", "workers": 1 }"#)).await;
}

#[tokio::test]
async fn a_checker_that_fails_says_so_but_in_a_project_of_the_seed_it_is_a_no() {
    let fails = "#!/bin/sh\necho 1\nexit 1\n";
    let (our_place, seed_place) = (place(fails, "ketch.json", "{}"), place(fails, "aicra.json", "{}"));
    let ours = checker(&our_place);
    let why = ours.matches("boat-id").expect_err("it failed");
    assert!(why.contains("ended with exit status: 1"), "{why}");
    assert_eq!(ours.check("boat-id", &json!(7)).await.expect_err("it failed").status(), 502);
    let seed = checker(&seed_place);
    assert_eq!(seed.matches("boat-id"), Ok(false));
    assert!(!seed.check("boat-id", &json!(7)).await.expect("it is a no"));
}

#[tokio::test]
async fn a_checker_that_says_neither_yes_nor_no_is_broken_but_in_a_project_of_the_seed_that_is_a_no() {
    let said = |text: &str, file: &str| place(&format!("#!/bin/sh\nprintf '{text}'\n"), file, "{}");
    for text in ["maybe", "2", "{}", "true true", "null"] {
        let (our_place, seed_place) = (said(text, "ketch.json"), said(text, "aicra.json"));
        let ours = checker(&our_place);
        let why = ours.matches("boat-id").expect_err(text);
        assert!(why.contains("neither `true` nor `false`"), "{why}");
        assert_eq!(ours.check("boat-id", &json!(7)).await.expect_err(text).status(), 502);
        assert!(!checker(&seed_place).check("boat-id", &json!(7)).await.expect(text));
    }
    for text in ["", "0", " FALSE\\n"] {
        let place = said(text, "ketch.json");
        assert!(!checker(&place).check("boat-id", &json!(7)).await.expect(text));
    }
}

#[test]
fn a_load_without_a_runtime_asks_too() {
    let place = place("#!/bin/sh\necho 1\n", "ketch.json", "{}");
    assert_eq!(checker(&place).matches("boat-id"), Ok(true));
}
