//! Jobs of a server as its services and those who look after it see them: enqueued, run, failed, tried again, purged.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ketch::prelude::*;
use ketch::test::{ManualClock, run_jobs};
use serde_json::{Value, json};

use crate::jobs_orders::{Receipt, get, ids, orders, orders_client, post, prepared};

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

    let recurrent = get(&client, "/admin/jobs?schedule=hourly").await;
    assert_eq!(ids(&recurrent).len(), 1, "{recurrent}");
    let schedules = get(&client, "/admin/jobs/schedules").await;
    let hourly = &schedules["schedules"][0];
    assert_eq!((&hourly["name"], &hourly["type"]), (&json!("hourly"), &json!("receipt")), "{schedules}");
    assert_eq!(hourly["last"], recurrent["jobs"][0]["slot"], "{schedules}");
}

#[tokio::test]
async fn before_the_start_the_queue_says_that_it_is_not_connected() {
    let server = orders();
    let jobs = server.jobs();
    let error = jobs.add(&Receipt { order: 1 }).await.unwrap_err();
    assert_eq!(error, ketch::db::Error::NotConnected);
    assert!(error.to_string().contains("not connected"), "{error}");
}
