//! The admin endpoints: closed until somebody is let in, hidden, and strict about what they are asked. And what keeps a
//! server with jobs from starting.

use std::time::Duration;

use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Client, check, client, expect_file};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::jobs_cases::ROWS;
use crate::jobs_orders::{ADMIN, Receipt, closed, get, ids, orders, orders_client, post, prepared};

#[tokio::test]
async fn every_admin_endpoint_is_closed_until_a_middleware_grants_the_scope() {
    const ENDPOINTS: [(&str, &str); 9] = [
        ("GET", "/admin/jobs"),
        ("GET", "/admin/jobs/stats"),
        ("GET", "/admin/jobs/schedules"),
        ("GET", "/admin/jobs/1"),
        ("POST", "/admin/jobs"),
        ("POST", "/admin/jobs/1/retry"),
        ("POST", "/admin/jobs/1/cancel"),
        ("POST", "/admin/jobs/1/run"),
        ("POST", "/admin/jobs/purge"),
    ];
    let open = orders_client().await;
    // A middleware of the whole server does not reach them.
    let shut = prepared(closed().set(|s| s.middleware(["access"]))).await;
    type Case<'c> = (&'c Client, &'c [(&'c str, &'c str)], u16);
    let cases: [Case<'_>; 4] = [
        (&open, &[], 401),
        (&open, &[("x-scopes", "editor")], 403),
        (&shut, &[], 401),
        (&shut, &[ADMIN], 401),
    ];
    for (method, path) in ENDPOINTS {
        for (client, headers, status) in cases {
            let answer = client.send(method.parse().unwrap(), path, headers, "{}".into()).await;
            assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
        }
    }
    assert_eq!(ENDPOINTS.len(), endpoints(orders()).len(), "all of them");
}

/// The routes below `/admin`.
fn endpoints(server: Server) -> Vec<String> {
    let built = server.build().unwrap();
    let admin = |path: &String| path.starts_with("/admin");
    built.api().endpoints.iter().map(|endpoint| endpoint.path.to_string()).filter(admin).collect()
}

#[tokio::test]
async fn an_application_says_who_may_and_what_else_holds() {
    let other =
        prepared(closed().admin(|s| s.middleware(["access"]).scope(Scope::any_of([["operator"]])))).await;
    let ask = async |client: &Client, scopes: &str| {
        client.send(Method::GET, "/admin/jobs", &[("x-scopes", scopes)], "".into()).await.status.as_u16()
    };
    assert_eq!((ask(&other, "operator").await, ask(&other, "admin").await), (200, 403));
    let public = prepared(closed().admin(|s| s.public().rate("1/h"))).await;
    assert_eq!((ask(&public, "").await, ask(&public, "").await), (200, 429));

    assert_eq!(endpoints(Server::new()), [""; 0], "a server without a queue has none");
    assert_eq!(endpoints(closed().without_admin()), [""; 0]);
    assert_eq!(client(closed().without_admin()).get("/admin/jobs").await.status, 404);
}

struct Mine;

#[service(root = "admin")]
impl Mine {
    #[get]
    async fn jobs(&self) -> &'static str {
        "mine"
    }
}

#[tokio::test]
async fn what_cannot_be_is_told_with_its_place() {
    let moved = closed().admin(|s| s.prefix("internal")).build().unwrap_err().to_string();
    assert!(moved.contains("jobs_admin.rs:"), "{moved}");
    assert!(moved.contains("`prefix` cannot move the admin endpoints"), "{moved}");

    let twice = closed().add(Mine).build().unwrap_err().to_string();
    assert!(twice.contains("JobsService::list") && twice.contains("Mine::jobs"), "{twice}");
    assert_eq!(client(closed().without_admin().add(Mine)).get("/admin/jobs").await.text(), "mine");

    let nobody = closed().admin(|s| s.middleware(["acess"])).build().unwrap_err().to_string();
    assert!(nobody.contains("no middleware named `acess` is defined; did you mean `access`?"), "{nobody}");
}

/// Waits in a queue of its own.
#[derive(Serialize, Deserialize)]
struct Mail;

impl Job for Mail {
    const TYPE: &'static str = "mail";
    const QUEUE: &'static str = "mail";
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        Ok(())
    }
}

/// Is more urgent than can be, and is never begun.
#[derive(Serialize, Deserialize)]
struct Impossible;

impl Job for Impossible {
    const TYPE: &'static str = "impossible";
    const PRIORITY: u8 = 10;
    const MAX_ATTEMPTS: u32 = 0;
    type State = ();

    async fn run(self, _ctx: JobCtx) -> JobResult {
        Ok(())
    }
}

#[test]
fn what_is_wrong_with_jobs_is_told_with_the_line_that_says_it() {
    let problems = |server: Server| -> Vec<String> {
        let problems = server.build().unwrap_err();
        problems.0.iter().map(|problem| problem.to_string()).collect()
    };
    let line = line!() + 1;
    let all = problems(Server::new().job::<Receipt>(()).job::<Receipt>(()).job::<Mail>(()));
    assert_eq!(all.len(), 2, "{all:?}");
    for problem in &all {
        assert!(problem.contains(&format!("jobs_admin.rs:{line}:")), "{problem}");
    }
    assert!(all[0].contains("the job `receipt` is registered twice"), "{all:?}");
    assert!(all[1].contains("add `.queue(Queue::new(\"mail\"))`"), "{all:?}");
    assert!(Server::new().job::<Mail>(()).queue(Queue::new("mail")).build().is_ok());

    let all = problems(Server::new().job::<Impossible>(()));
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[0].contains("the job `impossible`: its priority is 10: it is 0 to 9"), "{all:?}");
    assert!(all[1].contains("its attempts are 0: they are 1 to"), "{all:?}");

    for (queue, why) in [
        (Queue::new("mail").limit(0), "is 0: it is 1 to 1024"),
        (Queue::new("mail").limit(1025), "is 1025: it is 1 to 1024"),
        (Queue::new(""), "the name of a queue is empty"),
    ] {
        let all = problems(Server::new().queue(queue));
        assert!(all.len() == 1 && all[0].contains(why) && all[0].contains("jobs_admin.rs:"), "{all:?}");
    }
    let all = problems(Server::new().queue(Queue::new("mail")).queue(Queue::new("mail")));
    assert!(all.len() == 1 && all[0].contains("the queue `mail` is given twice"), "{all:?}");

    let nightly = Schedule::cron("nightly", "61 * * * *", &Receipt { order: 1 });
    let all = problems(Server::new().job::<Receipt>(()).schedule(nightly));
    assert!(all.len() == 1 && all[0].contains("nightly") && all[0].contains("jobs_admin.rs:"), "{all:?}");
    let hourly = || Schedule::every("hourly", Duration::from_hours(1), &Mail);
    let all = problems(Server::new().schedule(hourly()).schedule(hourly()));
    let text = all.join("\n");
    for why in
        ["declared twice", "no job `mail` is registered", "the queue `mail`, which nobody here works on"]
    {
        assert!(text.contains(why), "{why}: {text}");
    }
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_one_by_one() {
    let client = orders_client().await;
    check(&client, ROWS).await;
    assert_eq!(ids(&get(&client, "/admin/jobs").await), [0; 0], "nothing of that was enqueued");

    let huge = json!({ "type": "receipt", "payload": { "order": 1, "filler": "x".repeat(10 << 20) } });
    assert_eq!(post(&client, "/admin/jobs", huge).await.status, 413);
    let deep =
        format!("{{\"type\":\"receipt\",\"payload\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let headers = [ADMIN, ("content-type", "application/json")];
    assert_eq!(client.send(Method::POST, "/admin/jobs", &headers, deep.into()).await.status, 400);
    let form = client.send(Method::POST, "/admin/jobs", &[ADMIN], "type=receipt".into()).await;
    assert_eq!(form.status, 415);
}

#[tokio::test]
async fn the_documents_leave_them_out_unless_they_are_told_not_to() {
    let left_out: Value = client(orders()).get("/openapi.json").await.json();
    assert!(!left_out.to_string().contains("/admin"), "{left_out}");
    let schemas = left_out["components"]["schemas"].as_object().unwrap();
    assert!(!schemas.contains_key("JobRow"), "nor what only they show");

    let shown = client(orders().admin(|s| s.hidden(false))).get("/openapi.json").await.text();
    expect_file!["../golden/openapi-admin.json"].assert_eq(&shown);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let responses = |path: &str, method: &str| -> Vec<String> {
        let responses = shown["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().filter(|status| !status.starts_with('5')).cloned().collect()
    };
    for status in ["200", "201", "401", "403", "422"] {
        assert!(responses("/admin/jobs", "post").contains(&status.to_owned()), "{status}");
    }
    for status in ["200", "404", "409"] {
        assert!(responses("/admin/jobs/{id}/retry", "post").contains(&status.to_owned()), "{status}");
    }
}
