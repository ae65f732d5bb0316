//! Jobs of a server: enqueued by its services, looked after over `/admin/jobs`, run from its start to its stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{
    Answer, Client, ManualClock, Scenario, Scratch, TestServer, check, client, client_on, run_jobs,
};
use ketch::{Queue, Schedule, Scope, Stopped};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Says that an order was taken.
#[derive(Serialize, Deserialize)]
struct Receipt {
    order: i64,
}

impl Job for Receipt {
    const TYPE: &'static str = "receipt";
    const PRIORITY: u8 = 7;
    const MAX_ATTEMPTS: u32 = 3;
    type State = ();

    async fn run(self, ctx: JobCtx) -> JobResult {
        let order = self.order;
        if order < 0 {
            return Err(std::io::Error::other("there is no such order").into());
        }
        ctx.finish(move |tx| {
            tx.execute("insert into receipts (order_id) values (:order)", params! { order })
        })
        .await?;
        Ok(())
    }
}

struct Orders {
    db: Db,
    jobs: Jobs,
}

#[service]
impl Orders {
    /// Takes an order; a negative number cannot be stored.
    #[post("{number}")]
    async fn take(&self, number: i64) -> Result<Created<i64>> {
        let jobs = self.jobs.clone();
        let write = move |tx: &mut Tx<'_>| {
            let id = jobs.enqueue(tx, &Receipt { order: number })?.id();
            tx.execute("insert into orders (id) values (:number)", params! { number })?;
            Ok(id)
        };
        Ok(Created(self.db.write(write).await?))
    }

    #[get]
    async fn receipts(&self) -> Result<Json<Vec<i64>>> {
        let orders = self.db.query("select order_id from receipts order by order_id", params! {}).await?;
        Ok(Json(orders))
    }
}

/// Lets a caller have the scopes that it says it has.
async fn access(mut request: Request, next: Next) -> Response {
    let scopes = request.headers().get("x-scopes").and_then(|scopes| scopes.to_str().ok()).map(str::to_owned);
    for scope in scopes.iter().flat_map(|scopes| scopes.split(' ')) {
        caller_mut(request.extensions_mut()).grant(scope);
    }
    next.run(request).await
}

/// A server with orders, whose admin endpoints are as they come.
fn closed() -> Server {
    let server = Server::new();
    let (db, jobs) = (server.db(), server.jobs());
    let tables = db.clone();
    server
        .define_middleware("access", from_fn(access))
        .add(Orders { db, jobs })
        .job::<Receipt>(())
        .on_start(move |_| async move { Ok(make_tables(&tables).await?) })
}

/// The same, open for whoever holds the scope `admin`.
fn orders() -> Server {
    closed().admin(|s| s.middleware(["access"]))
}

async fn make_tables(db: &Db) -> ketch::db::Result<()> {
    db.execute("create table if not exists orders (id bigint primary key check (id > 0))", params! {})
        .await?;
    db.execute("create table if not exists receipts (order_id bigint not null)", params! {}).await.map(drop)
}

/// A client of such a server, whose tables are there. Start hooks do not run behind a client.
async fn orders_client() -> Client {
    prepared(orders()).await
}

async fn prepared(server: Server) -> Client {
    let db = server.db();
    let client = client(server);
    client.ready().await;
    make_tables(&db).await.unwrap();
    client
}

const ADMIN: (&str, &str) = ("x-scopes", "admin");

async fn admin(client: &Client, method: Method, path: &str, body: Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    client.send(method, path, &[ADMIN, ("content-type", "application/json")], body.into()).await
}

async fn get(client: &Client, path: &str) -> Value {
    let answer = admin(client, Method::GET, path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    admin(client, Method::POST, path, body).await
}

fn ids(page: &Value) -> Vec<i64> {
    page["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn what_a_service_enqueues_is_run_and_can_be_watched() {
    let client = orders_client().await;
    assert_eq!(client.post("/orders/7", &()).await.status, 201);
    let refused = client.post("/orders/-1", &()).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let waiting = get(&client, "/admin/jobs").await;
    assert_eq!(ids(&waiting).len(), 1, "what was rolled back is not there: {waiting}");
    let job = &waiting["jobs"][0];
    assert_eq!(
        (&job["type"], &job["status"], &job["priority"]),
        (&json!("receipt"), &json!("pending"), &json!(7))
    );
    assert_eq!(job["payload"], json!({ "order": 7 }));
    assert_eq!(client.get("/orders/receipts").await.text(), "[]", "behind a client nothing runs by itself");

    assert_eq!(run_jobs(&client).await.done, 1);
    assert_eq!(client.get("/orders/receipts").await.text(), "[7]");
    let done = get(&client, &format!("/admin/jobs/{}", job["id"])).await;
    assert_eq!((&done["status"], &done["attempts"]), (&json!("done"), &json!(1)), "{done}");
    assert_eq!(run_jobs(&client).await.all(), 0);

    let stats = get(&client, "/admin/jobs/stats").await;
    assert_eq!((&stats["counts"]["done"], &stats["counts"]["pending"]), (&json!(1), &json!(0)), "{stats}");
    assert_eq!(stats["oldest_due"], Value::Null, "{stats}");
    let seen = &stats["process"]["types"][0];
    assert_eq!((&seen["type"], &seen["done"]), (&json!("receipt"), &json!(1)), "{stats}");
    assert_eq!(seen["run_time"]["count"], json!(1), "{stats}");
}

#[tokio::test]
async fn every_admin_endpoint_is_closed_until_a_middleware_grants_the_scope() {
    const ENDPOINTS: [(&str, &str); 8] = [
        ("GET", "/admin/jobs"),
        ("GET", "/admin/jobs/stats"),
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
    let cases: [(&Client, &[(&str, &str)], u16); 4] = [
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
    assert!(moved.contains("jobs.rs:"), "{moved}");
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
        assert!(problem.contains(&format!("jobs.rs:{line}:")), "{problem}");
    }
    assert!(all[0].contains("the job `receipt` is registered twice"), "{all:?}");
    assert!(all[1].contains("add `.queue(Queue::new(\"mail\"))`"), "{all:?}");
    assert!(Server::new().job::<Mail>(()).queue(Queue::new("mail")).build().is_ok());

    for (queue, why) in [
        (Queue::new("mail").limit(0), "is 0: it is 1 to 1024"),
        (Queue::new("mail").limit(1025), "is 1025: it is 1 to 1024"),
        (Queue::new(""), "the name of a queue is empty"),
    ] {
        let all = problems(Server::new().queue(queue));
        assert!(all.len() == 1 && all[0].contains(why) && all[0].contains("jobs.rs:"), "{all:?}");
    }
    let all = problems(Server::new().queue(Queue::new("mail")).queue(Queue::new("mail")));
    assert!(all.len() == 1 && all[0].contains("the queue `mail` is given twice"), "{all:?}");

    let nightly = Schedule::cron("nightly", "61 * * * *", &Receipt { order: 1 });
    let all = problems(Server::new().job::<Receipt>(()).schedule(nightly));
    assert!(all.len() == 1 && all[0].contains("nightly") && all[0].contains("jobs.rs:"), "{all:?}");
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
    const AS_ADMIN: &[(&str, &str)] = &[ADMIN];
    const AS_JSON: &[(&str, &str)] = &[ADMIN, ("content-type", "application/json")];
    const ROW: Scenario =
        Scenario { headers: AS_ADMIN, lacks: &["panicked", "job_queue"], ..Scenario::BLANK };
    const ADD: Scenario = Scenario { request: "POST /admin/jobs", headers: AS_JSON, status: 422, ..ROW };
    const ROWS: &[Scenario] = &[
        Scenario {
            name: "no page",
            request: "GET /admin/jobs?limit=0",
            status: 422,
            contains: &["`limit`"],
            ..ROW
        },
        Scenario {
            name: "too much",
            request: "GET /admin/jobs?limit=1001",
            status: 422,
            contains: &["`limit`"],
            ..ROW
        },
        Scenario {
            name: "no number",
            request: "GET /admin/jobs?limit=all",
            status: 400,
            contains: &["`limit`"],
            ..ROW
        },
        Scenario {
            name: "before all",
            request: "GET /admin/jobs?after=0",
            status: 422,
            contains: &["`after`"],
            ..ROW
        },
        Scenario {
            name: "no status",
            request: "GET /admin/jobs?status=lost",
            status: 400,
            contains: &["`status`"],
            ..ROW
        },
        Scenario { name: "after all", request: "GET /admin/jobs?after=1", contains: &["[]", "null"], ..ROW },
        Scenario {
            name: "SQL in a type",
            request: "GET /admin/jobs?type='%20or%201=1--",
            contains: &["[]"],
            ..ROW
        },
        Scenario {
            name: "not there",
            request: "GET /admin/jobs/77",
            status: 404,
            contains: &["no_such_job"],
            ..ROW
        },
        Scenario {
            name: "negative",
            request: "GET /admin/jobs/-1",
            status: 404,
            contains: &["no_such_job"],
            ..ROW
        },
        Scenario { name: "no id", request: "GET /admin/jobs/seven", status: 400, contains: &["`id`"], ..ROW },
        Scenario {
            name: "huge",
            request: "GET /admin/jobs/9223372036854775808",
            status: 400,
            contains: &["`id`"],
            ..ROW
        },
        Scenario { name: "largest", request: "GET /admin/jobs/9223372036854775807", status: 404, ..ROW },
        Scenario {
            name: "retry nothing",
            request: "POST /admin/jobs/77/retry",
            status: 404,
            contains: &["no_such_job"],
            ..ROW
        },
        Scenario {
            name: "cancel nothing",
            request: "POST /admin/jobs/77/cancel",
            status: 404,
            contains: &["no_such_job"],
            ..ROW
        },
        Scenario {
            name: "run nothing",
            request: "POST /admin/jobs/77/run",
            status: 404,
            contains: &["no_such_job"],
            ..ROW
        },
        Scenario { name: "retry is no GET", request: "GET /admin/jobs/77/retry", status: 405, ..ROW },
        Scenario { name: "no body", body: "", status: 400, ..ADD },
        Scenario { name: "no JSON", body: "{\"type\":", status: 400, contains: &["invalid_json"], ..ADD },
        Scenario { name: "no type", body: "{}", status: 400, contains: &["type"], ..ADD },
        Scenario {
            name: "an unknown member",
            body: r#"{"type":"receipt","payload":{"order":1},"uniqueKey":"x"}"#,
            status: 400,
            contains: &["uniqueKey"],
            ..ADD
        },
        Scenario {
            name: "an unknown type",
            body: r#"{"type":"reciept"}"#,
            contains: &["did you mean `receipt`?"],
            ..ADD
        },
        Scenario { name: "an empty type", body: r#"{"type":""}"#, contains: &["invalid_job"], ..ADD },
        Scenario {
            name: "another payload",
            body: r#"{"type":"receipt","payload":{"order":"seven"}}"#,
            contains: &["invalid_job", "the payload is no `receipt`"],
            ..ADD
        },
        Scenario {
            name: "no priority",
            body: r#"{"type":"receipt","payload":{"order":1},"priority":10}"#,
            contains: &["priority"],
            ..ADD
        },
        Scenario {
            name: "no attempts",
            body: r#"{"type":"receipt","payload":{"order":1},"max_attempts":0}"#,
            contains: &["attempts"],
            ..ADD
        },
        Scenario {
            name: "no delay",
            body: r#"{"type":"receipt","payload":{"order":1},"delay":"5 minutes"}"#,
            contains: &["`delay` is not a duration"],
            ..ADD
        },
        Scenario {
            name: "a delay without end",
            body: r#"{"type":"receipt","payload":{"order":1},"delay":"99999999999999d"}"#,
            ..ADD
        },
        Scenario {
            name: "no moment",
            body: r#"{"type":"receipt","payload":{"order":1},"run_at":"tomorrow"}"#,
            contains: &["`run_at` is no moment"],
            ..ADD
        },
        Scenario {
            name: "long ago",
            body: r#"{"type":"receipt","payload":{"order":1},"run_at":"-000009-01-01T00:00:00Z"}"#,
            ..ADD
        },
        Scenario {
            name: "two moments",
            body: r#"{"type":"receipt","payload":{"order":1},"run_at":"2030-01-01T00:00:00Z","delay":"5m"}"#,
            contains: &["leave one out"],
            ..ADD
        },
        Scenario {
            name: "purge what runs",
            request: "POST /admin/jobs/purge",
            body: r#"{"status":["running"]}"#,
            contains: &["running"],
            ..ADD
        },
        Scenario {
            name: "purge the ages",
            request: "POST /admin/jobs/purge",
            body: r#"{"older_than":"a week"}"#,
            contains: &["`older_than` is not a duration"],
            ..ADD
        },
        Scenario {
            name: "purge nothing",
            request: "POST /admin/jobs/purge",
            body: "{}",
            status: 200,
            contains: &["0"],
            ..ADD
        },
    ];
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
async fn a_job_is_added_by_name_as_its_type_says() {
    let client = orders_client().await;
    let body =
        json!({ "type": "receipt", "payload": { "order": 1 }, "unique_key": "order 1", "delay": "1h" });
    let new = post(&client, "/admin/jobs", body.clone()).await;
    assert_eq!(new.status, 201, "{}", new.text());
    let job: Value = new.json();
    assert_eq!((&job["priority"], &job["max_attempts"]), (&json!(7), &json!(3)), "{job}");
    assert_eq!((&job["queue"], &job["unique_key"]), (&json!("default"), &json!("order 1")), "{job}");

    let again = post(&client, "/admin/jobs", body).await;
    assert_eq!((again.status.as_u16(), &again.json::<Value>()["id"]), (200, &job["id"]), "the key is taken");
    assert_eq!(run_jobs(&client).await.all(), 0, "it is not due");
    let path = format!("/admin/jobs/{}", job["id"]);
    assert_eq!(post(&client, &format!("{path}/run"), Value::Null).await.status, 200);
    assert_eq!(run_jobs(&client).await.done, 1);
    let over = post(&client, &format!("{path}/run"), Value::Null).await;
    assert_eq!((over.status.as_u16(), &over.json::<Value>()["code"]), (409, &json!("job_not_ready")));

    let other = json!({
        "type": "receipt", "payload": { "order": 2 }, "priority": 0, "max_attempts": 1, "queue": "slow",
        "run_at": "2100-01-01T00:00:00+01:00",
    });
    let job: Value = post(&client, "/admin/jobs", other).await.json();
    assert_eq!(job["run_at"], json!("2099-12-31T23:00:00.000Z"));
    assert_eq!(
        (&job["priority"], &job["max_attempts"], &job["queue"]),
        (&json!(0), &json!(1), &json!("slow"))
    );
}

#[tokio::test]
async fn a_job_that_failed_is_seen_tried_again_cancelled_and_purged() {
    let client = orders_client().await;
    let body = json!({ "type": "receipt", "payload": { "order": -5 }, "max_attempts": 1, "unique_key": "k" });
    let id = post(&client, "/admin/jobs", body.clone()).await.json::<Value>()["id"].clone();
    let path = format!("/admin/jobs/{id}");
    assert_eq!(run_jobs(&client).await.dead, 1);
    let dead = get(&client, &path).await;
    assert_eq!((&dead["status"], &dead["last_error"]), (&json!("dead"), &json!("there is no such order")));
    assert_eq!(ids(&get(&client, "/admin/jobs?status=dead&type=receipt&queue=default").await).len(), 1);
    for none in ["status=done", "type=other", "queue=other"] {
        assert_eq!(ids(&get(&client, &format!("/admin/jobs?{none}")).await), [0; 0], "{none}");
    }
    let cancel = post(&client, &format!("{path}/cancel"), Value::Null).await;
    assert_eq!((cancel.status.as_u16(), &cancel.json::<Value>()["code"]), (409, &json!("job_not_ready")));

    // Its key is free by now, and somebody else takes it.
    let rival = post(&client, "/admin/jobs", body).await;
    assert_eq!(rival.status, 201);
    let rival = rival.json::<Value>()["id"].clone();
    let taken = post(&client, &format!("{path}/retry"), Value::Null).await;
    assert_eq!((taken.status.as_u16(), &taken.json::<Value>()["code"]), (409, &json!("unique_key_taken")));
    let cancelled = post(&client, &format!("/admin/jobs/{rival}/cancel"), Value::Null).await;
    assert_eq!(cancelled.json::<Value>()["status"], json!("cancelled"));

    let retried = post(&client, &format!("{path}/retry"), Value::Null).await.json::<Value>();
    assert_eq!((&retried["status"], &retried["max_attempts"]), (&json!("pending"), &json!(2)), "{retried}");
    assert_eq!(run_jobs(&client).await.dead, 1, "one more attempt, and no more");

    let purged = post(&client, "/admin/jobs/purge", json!({ "older_than": "1h" })).await;
    assert_eq!(purged.json::<Value>(), json!({ "purged": 0 }));
    let purged = post(&client, "/admin/jobs/purge", json!({ "status": ["cancelled"] })).await;
    assert_eq!(purged.json::<Value>(), json!({ "purged": 1 }));
    let purged = post(&client, "/admin/jobs/purge", json!({ "type": "receipt" })).await;
    assert_eq!(purged.json::<Value>(), json!({ "purged": 1 }));
    assert_eq!(ids(&get(&client, "/admin/jobs").await), [0; 0]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_while_jobs_come_and_go() {
    let client = orders_client().await;
    for order in 1..=7 {
        post(
            &client,
            "/admin/jobs",
            json!({ "type": "receipt", "payload": { "order": order }, "delay": "1h" }),
        )
        .await;
    }
    let (mut after, mut seen, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let page = get(&client, &format!("/admin/jobs?limit=3{after}")).await;
        seen.extend(ids(&page));
        pages += 1;
        // What comes meanwhile is newer, and no business of this list.
        post(&client, "/admin/jobs", json!({ "type": "receipt", "payload": { "order": 9 } })).await;
        match page["next"].as_i64() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7, "{seen:?}");
    assert!(seen.is_sorted_by(|one, next| one > next), "newest first: {seen:?}");
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn delays_retries_and_what_recurs_go_by_the_clock_of_the_server() {
    let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)));
    let hourly = Schedule::every("hourly", Duration::from_hours(1), &Receipt { order: 3 });
    let client = prepared(orders().clock(clock.clone()).schedule(hourly)).await;
    post(&client, "/admin/jobs", json!({ "type": "receipt", "payload": { "order": -1 }, "delay": "10m" }))
        .await;
    assert_eq!(run_jobs(&client).await.all(), 0);
    clock.advance(Duration::from_mins(10));
    assert_eq!(run_jobs(&client).await.retried, 1);
    assert_eq!(run_jobs(&client).await.all(), 0, "it waits for its next attempt");
    clock.advance(Duration::from_secs(2));
    assert_eq!(run_jobs(&client).await.retried, 1);
    clock.advance(Duration::from_mins(50));
    let ran = run_jobs(&client).await;
    assert_eq!((ran.done, ran.dead), (1, 1), "the hour, and the last attempt");
    assert_eq!(client.get("/orders/receipts").await.text(), "[3]");
}

#[tokio::test]
async fn the_documents_leave_them_out_unless_they_are_told_not_to() {
    let left_out: Value = client(orders()).get("/openapi.json").await.json();
    assert!(!left_out.to_string().contains("/admin"), "{left_out}");
    let schemas = left_out["components"]["schemas"].as_object().unwrap();
    assert!(!schemas.contains_key("JobRow"), "nor what only they show");

    let shown = client(orders().admin(|s| s.hidden(false))).get("/openapi.json").await.text();
    ketch::test::expect_file!["../golden/openapi-admin.json"].assert_eq(&shown);
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

#[tokio::test]
async fn before_the_start_the_queue_says_that_it_is_not_connected() {
    let server = orders();
    let jobs = server.jobs();
    let error = jobs.add(&Receipt { order: 1 }).await.unwrap_err();
    assert_eq!(error, ketch::db::Error::NotConnected);
    assert!(error.to_string().contains("not connected"), "{error}");
}

/// Asks a server on a socket for a page of jobs until it is as wanted.
async fn eventually(jobs: &Jobs, id: i64, wanted: ketch::jobs::Status) -> ketch::jobs::JobRow {
    let looks = async {
        loop {
            match jobs.get(id).await.unwrap() {
                Some(row) if row.status == wanted => return row,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looks).await.expect("it comes to that")
}

/// Runs until it is told to end, and then fails or not.
#[derive(Serialize, Deserialize)]
struct Patient {
    done_in_time: bool,
}

impl Job for Patient {
    const TYPE: &'static str = "patient";
    type State = Arc<AtomicBool>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().store(true, Ordering::Release);
        ctx.ended().await;
        if self.done_in_time { Ok(()) } else { std::future::pending().await }
    }
}

#[tokio::test]
async fn jobs_are_not_begun_before_the_start_hooks_are_done() {
    let scratch = Scratch::new();
    let before = orders();
    let jobs = before.jobs();
    let client = client_on(before, scratch.url());
    client.ready().await;
    let id = jobs.add(&Receipt { order: 4 }).await.unwrap().id();
    jobs.db().close().await;
    drop(client);

    let server = orders();
    let (jobs, db) = (server.jobs(), server.db());
    let claimed = Arc::new(AtomicBool::new(false));
    let (found, look) = (claimed.clone(), jobs.clone());
    let server = server.on_start(move |_| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let row = look.get(id).await?.expect("it is kept");
        found.store(row.attempts > 0, Ordering::Release);
        Ok(())
    });
    let running = TestServer::start_on(server, scratch.url()).await;
    let row = eventually(&jobs, id, ketch::jobs::Status::Done).await;
    assert_eq!(row.attempts, 1);
    assert!(!claimed.load(Ordering::Acquire), "nothing was begun while the hook ran");
    assert_eq!(db.query_one::<i64>("select order_id from receipts", params! {}).await.unwrap(), 4);
    assert_eq!(running.stop().await, Stopped::Drained);
}

#[tokio::test]
async fn a_stop_lets_jobs_end_and_gives_back_those_that_do_not() {
    let scratch = Scratch::new();
    let begun = [Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false))];
    let limits = ketch::Limits { drain: Duration::from_millis(500), ..ketch::Limits::default() };
    let server = Server::new().limits(limits);
    let jobs = server.jobs();
    let server = server.job::<Patient>(begun[0].clone());
    let running = TestServer::start_on(server, scratch.url()).await;
    let ends = jobs.add(&Patient { done_in_time: true }).await.unwrap().id();
    let stays = jobs.add(&Patient { done_in_time: false }).await.unwrap().id();
    for id in [ends, stays] {
        eventually(&jobs, id, ketch::jobs::Status::Running).await;
    }
    assert_eq!(running.stop().await, Stopped::Drained, "jobs that were given back are no harm");

    let server = Server::new().without_runner();
    let jobs = server.jobs();
    let looks = client_on(server.job::<Patient>(begun[1].clone()), scratch.url());
    looks.ready().await;
    let (ended, given_back) =
        (jobs.get(ends).await.unwrap().unwrap(), jobs.get(stays).await.unwrap().unwrap());
    assert_eq!((ended.status, ended.attempts), (ketch::jobs::Status::Done, 1));
    assert_eq!((given_back.status, given_back.attempts), (ketch::jobs::Status::Pending, 0));
    assert_eq!(given_back.claimed_by, None);
    assert!(!begun[1].load(Ordering::Acquire), "a server without a runner leaves it");
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_server_without_a_runner_enqueues_another_one_runs() {
    let database = ketch::test::postgres::Postgres::shared().fresh();
    let runs = orders();
    let other = TestServer::start_on(runs, database.clone()).await;
    let front = orders().without_runner();
    let jobs = front.jobs();
    let front = TestServer::start_on(front, database.clone()).await;
    let id = jobs.add(&Receipt { order: 11 }).await.unwrap().id();
    eventually(&jobs, id, ketch::jobs::Status::Done).await;
    assert_eq!(jobs.stats().of("receipt").map(|of| of.claimed), Some(0), "the first one only enqueued it");
    assert_eq!(front.stop().await, Stopped::Drained);
    assert_eq!(other.stop().await, Stopped::Drained);
}

#[cfg(unix)]
mod signals {
    //! What a test cannot do to itself: a server in a process of its own that is told to stop while jobs run.

    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::process::{Command, ExitCode};
    use std::time::Instant;

    use ketch::jobs::{JobRow, Status};

    use super::*;
    use crate::child::Served;

    const FOLDER: &str = "KETCH_JOBS_CHILD";
    const DRAIN: &str = "KETCH_JOBS_DRAIN";

    /// Does nothing in an ordinary run; in the child it is a server that begins with two jobs.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
    fn runs_jobs_when_asked() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        let drain = std::env::var(DRAIN).unwrap().parse().unwrap();
        let limits = ketch::Limits { drain: Duration::from_millis(drain), ..ketch::Limits::default() };
        let server = Server::new().limits(limits).data_folder(folder).admin(|s| s.public());
        let jobs = server.jobs();
        let server = server.job::<Patient>(Arc::default()).on_start(move |_| async move {
            for done_in_time in [true, false] {
                jobs.add(&Patient { done_in_time }).await?;
            }
            Ok(())
        });
        let code = ketch::main_from(["ketch", "serve", "--listen", "127.0.0.1:0"], server);
        assert_eq!(code, ExitCode::SUCCESS);
    }

    /// Such a server, when it has begun both jobs.
    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    fn begun(scratch: &Scratch, drain: Duration) -> Served {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "jobs::signals::runs_jobs_when_asked", "--nocapture"]);
        command.env(FOLDER, scratch.path()).env(DRAIN, drain.as_millis().to_string());
        let served = Served::launch(command);
        let from = Instant::now();
        while !ask(&served, "/admin/jobs/stats").contains("\"running\":2,\"done\"") {
            assert!(from.elapsed().as_secs() < 30, "the jobs are begun");
            std::thread::sleep(Duration::from_millis(5));
        }
        served
    }

    fn ask(served: &Served, path: &str) -> String {
        let mut stream = TcpStream::connect(served.addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// The two jobs as they were left, seen by a server that runs none.
    async fn left(scratch: &Scratch) -> [JobRow; 2] {
        let server = Server::new().data_folder(scratch.path()).without_runner();
        let jobs = server.jobs();
        let looks = client_on(server, scratch.url());
        looks.ready().await;
        let get = async |id| jobs.get(id).await.unwrap().expect("it is kept");
        [get(1).await, get(2).await]
    }

    #[tokio::test]
    async fn sigterm_gives_jobs_the_drain_and_gives_back_the_rest() {
        let scratch = Scratch::new();
        let served = begun(&scratch, Duration::from_millis(500));
        served.signal("TERM");
        let (status, said) = served.wait();
        assert!(status.success(), "{status}: {said}");
        let [ended, given_back] = left(&scratch).await;
        assert_eq!((ended.status, ended.attempts), (Status::Done, 1), "{said}");
        assert_eq!((given_back.status, given_back.attempts), (Status::Pending, 0), "{said}");
    }

    #[tokio::test]
    async fn a_second_signal_leaves_them_and_the_next_start_runs_them_again() {
        let scratch = Scratch::new();
        let served = begun(&scratch, Duration::from_secs(600));
        let told = Instant::now();
        served.signal("TERM");
        while TcpStream::connect(served.addr).is_ok() {
            std::thread::yield_now();
        }
        served.signal("TERM");
        let (status, said) = served.wait();
        assert!(!status.success(), "{said}");
        assert!(told.elapsed().as_secs() < 10, "took {:?}", told.elapsed());
        assert!(said.contains("stopped before the jobs were given back"), "{said}");
        let [_, left_alone] = left(&scratch).await;
        assert_eq!((left_alone.status, left_alone.attempts), (Status::Running, 1), "nothing was given back");

        let again = begun_again(&scratch).await;
        assert_eq!((again.status, again.attempts), (Status::Running, 2), "that attempt counts");
    }

    /// The job that was left alone, once the next server has begun it.
    async fn begun_again(scratch: &Scratch) -> JobRow {
        let begun = Arc::new(AtomicBool::new(false));
        let limits = ketch::Limits { drain: Duration::from_millis(100), ..ketch::Limits::default() };
        let server = Server::new().limits(limits);
        let jobs = server.jobs();
        let server = TestServer::start_on(server.job::<Patient>(begun), scratch.url()).await;
        let row = eventually(&jobs, 2, Status::Running).await;
        assert_eq!(server.stop().await, Stopped::Drained);
        row
    }
}
