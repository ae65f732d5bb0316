//! The setting `purge`: what an endpoint that writes makes caches forget, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ketch::http::Method;
use ketch::prelude::*;
use ketch::test::{Client, client};

#[derive(Default)]
struct Boats {
    asked: Arc<AtomicU32>,
}

#[service(cache = "hot", ttl = "1h", purge = ["boats"])]
impl Boats {
    #[get]
    async fn all(&self) -> String {
        format!("{}", self.asked.fetch_add(1, Ordering::SeqCst))
    }

    #[get("{id}", tags = ["boat:{id}"])]
    async fn show(&self, id: u32) -> String {
        format!("{id}: {}", self.asked.fetch_add(1, Ordering::SeqCst))
    }

    #[post("sink/{status}")]
    async fn sink(&self, status: u16) -> Result<String> {
        if status < 400 { Ok("sunk".to_owned()) } else { Err(ketch::Error::new(status, "no", "it floats")) }
    }

    #[post("paint/{boat}", purge = ["boat:{boat}"])]
    async fn paint(&self, boat: u32) -> String {
        format!("{boat} is red")
    }

    #[post("hang", timeout = "50ms")]
    async fn hang(&self) {
        std::future::pending::<()>().await;
    }

    #[post("panic")]
    async fn panics(&self) {
        panic!("after it has written");
    }

    #[post("look", purge = ["-"])]
    async fn look(&self) {}
}

fn server() -> Server {
    Server::new().define_cache("hot", MemoryCache::new("1mb")).add(Boats::default())
}

/// Whether a reply is kept; it is from now on.
async fn kept(client: &Client, path: &str) -> bool {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path}");
    answer.header("cache-status") == Some("ketch; hit")
}

async fn post(client: &Client, path: &str) -> u16 {
    client.send(Method::POST, path, &[], "".into()).await.status.as_u16()
}

#[tokio::test]
async fn what_is_written_is_not_sent_as_it_was() {
    let client = client(server());
    for (path, status, keeps) in [
        ("sink/200", 200, false),
        // The request was at fault, so nothing has been written.
        ("sink/404", 404, true),
        ("sink/x", 400, true),
        // Nobody knows what it had written.
        ("sink/500", 500, false),
        ("panic", 500, false),
        ("look", 204, true),
    ] {
        kept(&client, "/boats/all").await;
        assert!(kept(&client, "/boats/all").await);
        assert_eq!(post(&client, &format!("/boats/{path}")).await, status, "{path}");
        assert_eq!(kept(&client, "/boats/all").await, keeps, "{path}");
    }
}

#[tokio::test]
async fn a_write_that_is_cut_off_at_its_deadline_purges_too() {
    let client = client(server());
    kept(&client, "/boats/all").await;
    assert_eq!(post(&client, "/boats/hang").await, 504);
    assert!(!kept(&client, "/boats/all").await);
}

#[tokio::test]
async fn a_tag_with_a_parameter_purges_that_one_alone() {
    let client = client(server());
    for path in ["/boats/7", "/boats/8"] {
        kept(&client, path).await;
        assert!(kept(&client, path).await);
    }
    assert_eq!(post(&client, "/boats/paint/7").await, 200);
    assert!(!kept(&client, "/boats/7").await);
    assert!(kept(&client, "/boats/8").await);
}

struct Wrong;

#[service(cache = "hot", ttl = "1m")]
impl Wrong {
    #[get(tags = ["boat:{id}"])]
    async fn show(&self, id: Option<u32>) {
        let _ = id;
    }

    #[get("{id}", tags = ["boat:{id}"], purge = ["wrong"])]
    async fn on_get(&self, id: u32) {
        let _ = id;
    }

    #[post("a/{id}", purge = ["boat:{idd}"])]
    async fn unknown_parameter(&self, id: u32) {
        let _ = id;
    }
}

struct Misspelt;

#[service(cache = "hot", ttl = "1m")]
impl Misspelt {
    #[get("{id}", tags = ["boat:{id}"])]
    async fn show(&self, id: u32) {
        let _ = id;
    }

    #[post("{id}", purge = ["boats:{id}", "misspelt", "misspelt.show", "harbour"])]
    async fn paint(&self, id: u32) {
        let _ = id;
    }
}

#[test]
fn what_cannot_be_purged_is_a_problem_before_the_server_starts() {
    let hot = || Server::new().define_cache("hot", MemoryCache::new("1mb"));
    let told = hot().add(Wrong).build().unwrap_err().to_string();
    assert!(told.contains("the tag `boat:{id}` names no parameter of"), "{told}");
    assert!(
        told.contains("`purge`: GET endpoints write nothing, so nothing is purged; drop `wrong`"),
        "{told}"
    );
    assert!(
        told.contains("the tag `boat:{idd}` names no parameter of `/wrong/a/{id}`; did you mean `id`?"),
        "{told}"
    );
    let told = hot().add(Misspelt).build().unwrap_err();
    let told: Vec<String> = told.0.iter().map(|problem| problem.message.clone()).collect();
    assert_eq!(
        told,
        [
            "`purge`: nothing is kept under the tag `boats:{id}`; did you mean `boat:{id}`?",
            "`purge`: nothing is kept under the tag `harbour`; name it in the `tags` of an endpoint that has a `cache`",
        ]
    );
}

#[test]
fn explain_says_who_purges_what_and_which_caches_there_are() {
    let text = server().explain().unwrap();
    let of =
        |path: &str| text.split("\n\n").find(|part| part.lines().next() == Some(path)).unwrap().to_owned();
    let row =
        |part: &str| part.lines().find(|line| line.trim_start().starts_with("purge ")).unwrap().to_owned();
    assert!(row(&of("GET /boats/all")).contains("- (GET endpoints write nothing)"), "{text}");
    assert!(row(&of("POST /boats/sink/{status}")).contains("boats"), "{text}");
    assert_eq!(of("cache hot"), "cache hot\n  in this process, 1048576 bytes");
}
