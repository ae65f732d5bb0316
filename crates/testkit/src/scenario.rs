//! Tables of requests and what they should, and should not, bring.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use tokio::time::{Instant, sleep};

use crate::client::Client;

/// One row: a request and what is expected of its reply.
///
/// ```
/// use ketch_testkit::Scenario;
///
/// let row = Scenario {
///     name: "a boat that is not there",
///     request: "GET /boats/7",
///     status: 404,
///     contains: &["no_such_boat"],
///     lacks: &["panicked"],
///     ..Scenario::default()
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What the row shows.
    pub name: &'static str,
    /// Method and target: `GET /boats?flag=nl`.
    pub request: &'static str,
    /// Headers to send.
    pub headers: &'static [(&'static str, &'static str)],
    /// The body to send. A body that begins with `{` or `[` is sent as JSON unless `headers` say otherwise.
    pub body: &'static str,
    /// The status that is expected.
    pub status: u16,
    /// Texts that the reply's body must hold.
    pub contains: &'static [&'static str],
    /// Texts that neither the reply's body nor its headers may hold.
    pub lacks: &'static [&'static str],
    /// Headers that the reply must have, with their values.
    pub reply_headers: &'static [(&'static str, &'static str)],
}

impl Scenario {
    /// A row that says nothing: `GET /` is 200. For tables that are constants.
    pub const BLANK: Self = Self {
        name: "",
        request: "GET /",
        headers: &[],
        body: "",
        status: 200,
        contains: &[],
        lacks: &[],
        reply_headers: &[],
    };
}

impl Default for Scenario {
    fn default() -> Self {
        Self::BLANK
    }
}

/// How long several servers have to agree on what one of them was told.
const AGREEMENT: Duration = Duration::from_secs(10);

/// Runs the rows in order, against the same server. Panics with every row that failed and why.
///
/// A client that [asks several servers in turns](Client::in_turns) gives them a moment to hear of each other: a GET that
/// does not bring what is expected is asked again, for 10 s at most. Anything else is asked once.
pub async fn check(client: &Client, rows: &[Scenario]) {
    let mut failures = Vec::new();
    for row in rows {
        let faults = agreed(client, row).await;
        failures.extend(faults.into_iter().map(|fault| format!("{} ({}): {fault}", row.name, row.request)));
    }
    assert!(failures.is_empty(), "{} expectations failed:\n{}", failures.len(), failures.join("\n"));
}

async fn agreed(client: &Client, row: &Scenario) -> Vec<String> {
    let until = Instant::now() + AGREEMENT;
    loop {
        let faults = run(client, row).await;
        let again = client.takes_turns() && row.request.starts_with("GET ") && Instant::now() < until;
        if faults.is_empty() || !again {
            return faults;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn run(client: &Client, row: &Scenario) -> Vec<String> {
    let (method, target) = row.request.split_once(' ').expect("a request is written `GET /path`");
    let method: Method = method.parse().expect("the method is one");
    let mut headers = row.headers.to_vec();
    if row.body.starts_with(['{', '['])
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("content-type", "application/json"));
    }
    let answer = client.send(method, target, &headers, Body::from(row.body)).await;
    let body = answer.text();
    let everything = format!("{:?}\n{body}", answer.headers);
    let mut faults = Vec::new();
    if answer.status != row.status {
        faults.push(format!("expected {}, got {}: {body}", row.status, answer.status));
    }
    faults.extend(
        row.contains
            .iter()
            .filter(|text| !body.contains(**text))
            .map(|text| format!("lacks `{text}`: {body}")),
    );
    faults.extend(
        row.lacks
            .iter()
            .filter(|text| everything.contains(**text))
            .map(|text| format!("holds `{text}`: {everything}")),
    );
    for (name, value) in row.reply_headers {
        if answer.header(name) != Some(value) {
            faults.push(format!("expected `{name}: {value}`, got {:?}", answer.header(name)));
        }
    }
    faults
}
