//! What the example answers, and its goldens.

use ketch::test::{Scenario, check, client};

#[tokio::test]
async fn boats_come_and_go() {
    let rows = [
        Scenario {
            name: "three boats",
            request: "GET /v1/boats",
            contains: &["Suhaili", "Spray"],
            ..Scenario::default()
        },
        Scenario {
            name: "one boat",
            request: "GET /v1/boats/2",
            contains: &["Gipsy Moth IV"],
            ..Scenario::default()
        },
    ];
    check(&client(harbour::server()), &rows).await;
}
