//! Stubs: files that answer in place of code, put there by the fifth level or in the place of a body.

use std::fs;
use std::time::{Duration, Instant};

use axum::body::Body;
use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Client, Scenario, check, client};

use crate::scratch::Scratch;

struct MockService;

#[service]
impl MockService {
    #[get]
    async fn yet_to_code(&self) -> &'static str {
        "code"
    }

    #[get("boats/{id}")]
    async fn boat(&self, id: u32) -> String {
        id.to_string()
    }

    #[post]
    async fn order(&self, new: Json<u32>) -> Created<u32> {
        Created(new.into_inner())
    }
}

fn stubbed(stub: &str) -> Client {
    let mock = configure(MockService).endpoint(MockService::YET_TO_CODE, |e| e.stub(stub));
    client(Server::new().add(mock))
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

/// FUEL's own example, found beside the executable.
#[tokio::test]
async fn a_relative_stub_stands_beside_the_executable() {
    let beside = std::env::current_exe().unwrap().parent().unwrap().join("sub/directory");
    fs::create_dir_all(&beside).unwrap();
    fs::write(beside.join("stub_file.txt"), "file data").unwrap();
    let client = stubbed("sub/directory/stub_file.txt");
    let answer = client.get("/mock/yet-to-code").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "file data"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    fs::remove_file(beside.join("stub_file.txt")).unwrap();
    assert_eq!(client.get("/mock/yet-to-code").await.status, 404);
}

/// Tests run in the folder of their package.
#[tokio::test]
async fn or_in_the_working_directory() {
    let answer = stubbed("Cargo.toml").get("/mock/yet-to-code").await;
    assert!(answer.text().contains("name = \"ketch\""), "{}", answer.text());
}

#[tokio::test]
async fn a_stub_has_a_type_a_status_and_a_delay() {
    let scratch = Scratch::new("stub-settings");
    let order = scratch.write("order.json", "{}");
    let mock = configure(MockService)
        .endpoint(MockService::ORDER, |e| e.stub(text(&order)).status(202).delay("200ms"))
        .endpoint(MockService::YET_TO_CODE, |e| e.stub(text(&order)).delay("60s").timeout("100ms"))
        .endpoint(MockService::BOAT, |e| e.stub(text(&order)).status(204));
    let client = client(Server::new().add(mock));
    let asked = Instant::now();
    let answer = client.post("/mock/order", &()).await;
    assert!(asked.elapsed() >= Duration::from_millis(200));
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (202, "{}"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(client.get("/mock/yet-to-code").await.status, 504, "the delay ends with the deadline");
    let nothing = client.get("/mock/boats/7").await;
    assert_eq!((nothing.status.as_u16(), nothing.text().as_str()), (204, ""));
}

#[tokio::test]
async fn each_value_of_a_parameter_has_a_file() {
    let scratch = Scratch::new("stub-params");
    scratch.write("boats/7.json", r#"{"name":"Vela"}"#);
    scratch.write("boats/caf\u{e9}.json", "coffee");
    scratch.write("boats/8", "a file of another name");
    let mock = configure(MockService)
        .endpoint(MockService::BOAT, |e| e.stub(text(&scratch.path("boats/{id}.json"))));
    let row = |request, status, contains| Scenario { request, status, contains, ..Scenario::default() };
    let rows = [
        row("GET /mock/boats/7", 200, &["Vela"] as &[_]),
        row("GET /mock/boats/%37", 200, &["Vela"]),
        row("GET /mock/boats/caf%C3%A9", 200, &["coffee"]),
        row("GET /mock/boats/8", 404, &["no_stub"]),
        row("GET /mock/boats/..%2fboats%2f7", 404, &["no_stub"]),
    ];
    check(&client(Server::new().add(mock)), &rows).await;
}

#[tokio::test]
async fn a_missing_stub_is_404_and_says_nothing_of_where() {
    let scratch = Scratch::new("stub-missing");
    let path = scratch.path("later/stub.json");
    let client = stubbed(text(&path));
    let answer = client.get("/mock/yet-to-code").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("no_stub"), "{}", answer.text());
    assert!(!answer.text().contains("stub.json") && !answer.text().contains("os error"), "{}", answer.text());
    scratch.write("later/stub.json", "here now");
    assert_eq!(client.get("/mock/yet-to-code").await.text(), "here now");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(client.get("/mock/yet-to-code").await.status, 404, "a folder is no file");
}

/// Same length, same time of change, other content.
#[tokio::test]
async fn a_change_is_seen_at_once_even_within_one_tick() {
    let scratch = Scratch::new("stub-changes");
    let path = scratch.write("stub.txt", "0");
    let client = stubbed(text(&path));
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    for round in 0..50 {
        let content = (round % 10).to_string();
        fs::write(&path, &content).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        assert_eq!(client.get("/mock/yet-to-code").await.text(), content);
    }
}

#[tokio::test]
async fn a_stub_is_as_large_as_16_mib_and_no_larger() {
    let scratch = Scratch::new("stub-large");
    let path = scratch.write("stub.bin", "");
    let client = stubbed(text(&path));
    for (length, status) in [(0, 200), (65_536, 200), (65_537, 200), (16 << 20, 200), ((16 << 20) + 1, 500)] {
        fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        // Tests of memory run beside this one, so the largest is not taken in whole.
        let method = if length < 1 << 20 { Method::GET } else { Method::HEAD };
        let answer = client.send(method.clone(), "/mock/yet-to-code", &[], Body::empty()).await;
        assert_eq!(answer.status, status, "{length}");
        if status == 200 && method == Method::GET {
            assert_eq!(answer.body.len() as u64, length);
        } else if status == 200 {
            assert_eq!(answer.header("content-length"), Some(length.to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn a_stub_that_is_taken_away_again_leaves_the_code() {
    let mock = configure(MockService)
        .endpoint(MockService::YET_TO_CODE, |e| e.stub("stub.txt"))
        .endpoint(MockService::YET_TO_CODE, ketch::Settings::no_stub);
    let answer = client(Server::new().add(mock)).get("/mock/yet-to-code").await;
    assert_eq!(answer.text(), "code");
}

#[test]
fn stubs_that_can_never_be_are_told_of_when_the_server_is_built() {
    let problems = |stub: &str| {
        let mock = configure(MockService).endpoint(MockService::BOAT, |e| e.stub(stub));
        Server::new().add(mock).build().unwrap_err().to_string()
    };
    let up = problems("stubs/../boat.json");
    assert!(up.contains("has a `..`") && up.contains("stubs.rs"), "{up}");
    let unknown = problems("stubs/{ids}.json");
    assert!(unknown.contains("no parameter") && unknown.contains("did you mean `id`?"), "{unknown}");
}

/// What a front end is built against should be what the code will answer.
#[tokio::test]
async fn a_stub_over_code_keeps_the_promise_of_its_type() {
    let scratch = Scratch::new("stub-promise");
    let order = scratch.write("order.json", "3");
    let served = |status: Option<u16>| {
        let mock = configure(MockService).endpoint(MockService::ORDER, |e| match status {
            Some(status) => e.stub(text(&order)).status(status),
            None => e.stub(text(&order)),
        });
        Server::new().add(mock)
    };
    for (said, status) in [(None, 201), (Some(202), 202)] {
        let built = served(said).build().unwrap();
        let mut endpoints = built.api().endpoints.iter();
        let endpoint = endpoints.find(|endpoint| endpoint.names.endpoint == "order").unwrap();
        assert_eq!(endpoint.answer.name(), "stub");
        let replies: Vec<u16> = endpoint.replies.iter().map(|reply| reply.status.as_u16()).collect();
        let errors: Vec<&str> = endpoint.errors.iter().map(|error| error.code).collect();
        assert_eq!((replies, errors), (vec![status], vec!["no_stub"]));
        assert_eq!(client(served(said)).post("/mock/order", &()).await.status, status);
    }
}

struct Unwritten;

#[service(root = "-")]
impl Unwritten {
    /// Will answer a boat.
    #[get("boats/{id}", stub = "stubs/boats/{id}.json", status = 203, delay = "1ms")]
    fn later(&self, #[arg(min = 1, max = 9)] id: u8);

    #[get("words", stub = "stubs/words.txt")]
    async fn typed(&self) -> Json<Vec<String>>;
}

#[tokio::test]
async fn a_method_without_a_body_reads_its_arguments_and_answers_from_its_file() {
    let scratch = Scratch::new("unwritten");
    scratch.write("boats/7.json", r#"{"id":7}"#);
    let path = scratch.path("boats/{id}.json").to_str().unwrap().to_owned();
    let server = Server::new().add(configure(Unwritten).endpoint(Unwritten::LATER, |e| e.stub(path)));
    let built = server.build().unwrap();
    let later = built.api().endpoints.iter().find(|endpoint| endpoint.names.endpoint == "later").unwrap();
    assert_eq!(later.replies[0].status, 203);
    assert_eq!(later.replies[0].content.as_ref().unwrap().media_type, "application/json");
    let typed = built.api().endpoints.iter().find(|endpoint| endpoint.names.endpoint == "typed").unwrap();
    assert_eq!(typed.replies[0].content.as_ref().unwrap().schema["type"], "array");
    let client = Client::new(built.app().clone());
    let seven = client.get("/boats/7").await;
    assert_eq!((seven.status.as_u16(), seven.text().as_str()), (203, r#"{"id":7}"#));
    assert_eq!(client.get("/boats/8").await.status, 404);
    assert_eq!(client.get("/boats/10").await.status, 422);
    assert_eq!(client.get("/boats/x").await.status, 400);
}
