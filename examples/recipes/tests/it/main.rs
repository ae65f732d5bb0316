//! Every recipe does what it shows.

mod logged;
mod sockets;
mod uploads;

use axum::body::Body;
use ketch::http::Method;
use ketch::test::{Answer, Client, Scenario, check, client};
use recipes::RECIPES;

/// A client of a recipe. The working directory is the top of the workspace, as with `cargo run`.
fn recipe(name: &str) -> Client {
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).expect("the workspace is there");
    let (_, server) = RECIPES.iter().find(|(known, _)| *known == name).expect("the recipe is there");
    client(server())
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

async fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    client.send(Method::GET, path, headers, Body::empty()).await
}

#[test]
fn every_recipe_can_be_built() {
    for (name, server) in RECIPES {
        assert!(server().build().is_ok(), "{name}");
    }
    assert!(RECIPES.is_sorted_by_key(|(name, _)| *name));
}

#[tokio::test]
async fn what_is_cached_is_purged_when_it_changes() {
    let client = recipe("cached");
    let ask = async |path: &'static str| {
        let answer = client.get(path).await;
        let kept = answer.header("cache-status") == Some("ketch; hit");
        (answer.text(), kept)
    };
    for kept in [false, true] {
        assert_eq!(ask("/prices/oak").await, ("2400".to_owned(), kept));
        assert_eq!(ask("/prices/teak").await, ("5900".to_owned(), kept));
        assert_eq!(ask("/prices").await, (r#"{"oak":2400,"teak":5900}"#.to_owned(), kept));
    }
    assert_eq!(client.json(Method::PUT, "/prices/oak", &2_500).await.status, 204);
    assert_eq!(ask("/prices/oak").await, ("2500".to_owned(), false));
    assert_eq!(ask("/prices").await, (r#"{"oak":2500,"teak":5900}"#.to_owned(), false));
    assert_eq!(ask("/prices/teak").await, ("5900".to_owned(), true));
    assert_eq!(client.get("/prices/balsa").await.status, 404);
}

#[tokio::test]
async fn what_holds_no_secret_is_compressed() {
    let client = recipe("compression");
    let asks = [("accept-encoding", "gzip")];
    let (small, large) = (get(&client, "/log/entries", &asks).await, client.get("/log/entries").await);
    assert_eq!((small.header("content-encoding"), large.header("content-encoding")), (Some("gzip"), None));
    assert!(small.body.len() * 2 < large.body.len(), "{} {}", small.body.len(), large.body.len());
    assert_eq!(get(&client, "/log/search?word=storm", &asks).await.header("content-encoding"), None);
}

#[tokio::test]
async fn errors_have_the_status_and_the_code_of_their_variant() {
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "lifted", request: "POST /cranes/1/lift?load=40", status: 204, ..row },
        Scenario { name: "too heavy", request: "POST /cranes/1/lift?load=41", status: 422, contains: &["too_heavy", "crane 1 lifts 40 t, not 41 t"], ..row },
        Scenario { name: "out of service", request: "POST /cranes/2/lift?load=1", status: 503, contains: &["out_of_service", "being greased"], ..row },
        Scenario { name: "no crane", request: "POST /cranes/9/lift?load=1", status: 404, contains: &["no_such_crane"], ..row },
        Scenario { name: "no load", request: "POST /cranes/1/lift?load=0", status: 422, contains: &["rules_broken", "`load`"], ..row },
        Scenario { name: "the cause is ours", request: "GET /cranes/1/papers", status: 500, contains: &["internal_error"], lacks: &["papers", "os error"], ..row },
    ];
    check(&recipe("errors"), &rows).await;
}

#[tokio::test]
async fn endpoints_win_over_what_the_old_router_has() {
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "moved over", request: "GET /legacy/boats", contains: &["Suhaili"], lacks: &["old"], ..row },
        Scenario { name: "not yet", request: "GET /legacy/boats/7", contains: &["the old page of boat 7"], ..row },
        Scenario { name: "nowhere", request: "GET /legacy/ships", status: 404, ..row },
    ];
    check(&recipe("legacy"), &rows).await;
}

#[tokio::test]
async fn a_page_leads_to_the_next_until_the_last() {
    let client = recipe("pages");
    let (mut url, mut seen) = ("/squares?limit=99".to_owned(), Vec::new());
    loop {
        let page = client.get(&url).await;
        seen.extend(page.json::<Vec<u32>>());
        let links: Vec<&str> =
            page.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
        assert!(links[0].ends_with("rel=\"first\""), "{links:?}");
        match links.iter().find_map(|link| link.strip_suffix(">; rel=\"next\"")) {
            Some(next) => url = next.trim_start_matches('<').to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 1_000);
    assert_eq!(seen.last(), Some(&1_000_000));
    assert_eq!(client.get("/squares?limit=101").await.status, 422);
}

#[tokio::test]
async fn paths_are_found_whatever_their_case_and_parameters_keep_theirs() {
    let client = recipe("route-table");
    assert_eq!(client.get("/GREETINGS/Hello/McCoy").await.text(), "Hello McCoy");
    assert_eq!(client.get("/greetings/hello/McCoy").await.text(), "Hello McCoy");
    assert_eq!(client.get("/greetings/goodbye/McCoy").await.status, 404);
}

#[tokio::test]
async fn security_headers_are_where_they_belong() {
    let client = recipe("security-headers");
    let all = ["x-content-type-options", "strict-transport-security"];
    let (page, error) = (client.get("/site/page").await, client.get("/site/closed").await);
    assert_eq!((page.status.as_u16(), error.status.as_u16()), (200, 403));
    for name in all {
        assert!(page.header(name).is_some() && error.header(name).is_some(), "{name}");
    }
    for name in ["content-security-policy", "referrer-policy"] {
        assert!(page.header(name).is_some() && error.header(name).is_none(), "{name}");
    }
    let widget = client.get("/site/widget").await;
    assert_eq!(
        widget.header("content-security-policy"),
        Some("default-src 'none'; frame-ancestors *"),
        "an endpoint's own stays"
    );
}

#[tokio::test]
async fn files_answer_for_what_is_not_written_yet() {
    let row = Scenario::BLANK;
    #[rustfmt::skip]
    let rows = [
        Scenario { name: "a file for each boat", request: "GET /boat/2", contains: &["Spray"], reply_headers: &[("content-type", "application/json")], ..row },
        Scenario { name: "no file", request: "GET /boat/3", status: 404, contains: &["no_stub"], ..row },
        Scenario { name: "no number", request: "GET /boat/two", status: 400, contains: &["`id`"], ..row },
        Scenario { name: "registered", request: "POST /boat", headers: JSON, body: "\"Joshua\"", status: 201, contains: &["\"id\": 3"], ..row },
        Scenario { name: "not JSON", request: "POST /boat", headers: JSON, body: "Joshua", status: 400, ..row },
    ];
    check(&recipe("stubs"), &rows).await;
}
