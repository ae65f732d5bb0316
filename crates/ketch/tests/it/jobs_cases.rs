//! What the admin endpoints are asked that makes no sense, and what they say to it.

use ketch::test::Scenario;

use crate::jobs_orders::ADMIN;

const AS_ADMIN: &[(&str, &str)] = &[ADMIN];
const AS_JSON: &[(&str, &str)] = &[ADMIN, ("content-type", "application/json")];
const ROW: Scenario = Scenario { headers: AS_ADMIN, lacks: &["panicked", "job_queue"], ..Scenario::BLANK };
const ADD: Scenario = Scenario { request: "POST /admin/jobs", headers: AS_JSON, status: 422, ..ROW };
pub(crate) const ROWS: &[Scenario] = &[
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
