//! What the harbour does by itself: follow-ups of an arrival, the nightly round, and who looks after them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ketch::prelude::Server;
use ketch::test::postgres::Postgres;
use ketch::test::{Client, ManualClock, Scenario, check, client, client_on, run_jobs};

use crate::{BOAT_2, MASTER};

const DAY: Duration = Duration::from_hours(24);

const ARRIVALS: &[Scenario] = &[
    Scenario { name: "arrives", request: "PUT /v2/berths/7/stay", body: BOAT_2, ..Scenario::BLANK },
    Scenario { name: "says it again", request: "PUT /v2/berths/7/stay", body: BOAT_2, ..Scenario::BLANK },
    Scenario {
        name: "no such boat",
        request: "PUT /v2/berths/9/stay",
        body: r#"{ "boat": 77 }"#,
        status: 422,
        ..Scenario::BLANK
    },
    Scenario { name: "a stranger looks", request: "GET /admin/jobs", status: 401, ..Scenario::BLANK },
    Scenario {
        name: "the master does: there is nothing for the boat that is not",
        request: "GET /admin/jobs?status=pending",
        headers: MASTER,
        contains: &["\"welcome\"", "\"reminder\"", "\"boat\":2"],
        lacks: &["\"boat\":77"],
        ..Scenario::BLANK
    },
    Scenario {
        name: "a stranger asks how full it is",
        request: "GET /v2/occupancy",
        status: 401,
        ..Scenario::BLANK
    },
];

/// How many notices a boat's skipper has with this word.
async fn notices(client: &Client, word: &str) -> usize {
    client.get("/v2/boats/2/notices").await.text().matches(word).count()
}

async fn nights(client: &Client) -> usize {
    let answer = client.send(ketch::http::Method::GET, "/v2/occupancy", MASTER, Default::default()).await;
    answer.text().matches("berths\":1").count()
}

async fn what_an_arrival_leads_to(client: Client, clock: Arc<ManualClock>) {
    run_jobs(&client).await;
    check(&client, ARRIVALS).await;
    assert_eq!(notices(&client, "Welcome!").await, 0, "it is a job's to write");
    assert_eq!(run_jobs(&client).await.done, 1, "the reminder has time");
    assert_eq!(notices(&client, "berth 7").await, 1);

    let mut counted = 0;
    for day in 1..=7 {
        assert_eq!(notices(&client, "a week").await, 0, "on day {day}");
        clock.advance(DAY);
        counted += run_jobs(&client).await.done;
    }
    assert_eq!(counted, 7 + 1, "seven nights, and the reminder");
    assert_eq!(nights(&client).await, 7);
    assert_eq!(notices(&client, "a week").await, 1);
}

async fn a_boat_that_has_left_is_not_reminded(client: Client, clock: Arc<ManualClock>) {
    let arrive =
        Scenario { name: "arrives", request: "PUT /v2/berths/7/stay", body: BOAT_2, ..Scenario::BLANK };
    let leave =
        Scenario { name: "leaves", request: "DELETE /v2/berths/7/stay", status: 204, ..Scenario::BLANK };
    check(&client, &[arrive, leave]).await;
    clock.advance(DAY);
    check(&client, &[arrive]).await;
    clock.advance(DAY * 6);
    run_jobs(&client).await;
    assert_eq!(notices(&client, "a week").await, 0, "the week of the first stay");
    clock.advance(DAY);
    run_jobs(&client).await;
    assert_eq!(notices(&client, "a week").await, 1, "that of the second");
}

/// A clock at noon of 1 May 2027, in UTC, and a server that goes by it.
fn by_clock() -> (Arc<ManualClock>, impl Fn() -> Server) {
    const NOON: Duration = Duration::from_secs(1_809_172_800);
    let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + NOON));
    (Arc::clone(&clock), move || harbour::server().clock(Arc::clone(&clock) as _))
}

fn on_sqlite() -> (Client, Arc<ManualClock>) {
    let (clock, server) = by_clock();
    (client(server()), clock)
}

fn on_postgres_in_turns() -> (Client, Arc<ManualClock>) {
    let (clock, server) = by_clock();
    let url = Postgres::shared().fresh();
    (Client::in_turns([client_on(server(), &url), client_on(server(), &url)]), clock)
}

#[tokio::test]
async fn an_arrival_leads_to_notices_and_every_night_is_counted() {
    let (client, clock) = on_sqlite();
    what_an_arrival_leads_to(client, clock).await;
}

#[tokio::test]
async fn the_same_on_two_servers() {
    let (client, clock) = on_postgres_in_turns();
    what_an_arrival_leads_to(client, clock).await;
}

#[tokio::test]
async fn only_a_stay_that_lasts_is_reminded_of() {
    let (client, clock) = on_sqlite();
    a_boat_that_has_left_is_not_reminded(client, clock).await;
    let (client, clock) = on_postgres_in_turns();
    a_boat_that_has_left_is_not_reminded(client, clock).await;
}
