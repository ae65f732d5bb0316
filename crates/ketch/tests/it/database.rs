//! The server's database: said in code or by flags, connected before anything is asked of it, closed last.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::BoxStream;
use ketch::db::driver::{Change, Company, Decode, Driver, Now, Pending, Sink, Work};
use ketch::db::sqlite::Sqlite;
use ketch::db::{self, Dialect, Heard, Options, Statement, Stats};
use ketch::prelude::*;
use ketch::test::{Scratch, TestServer, client, client_on};
use ketch::{Limits, Stopped};

use crate::raw::{Connection, Pace};

struct Notes(Db);

#[derive(Debug, ApiError)]
enum NoteError {
    /// It is empty.
    #[api(status = 422)]
    Empty,
    #[api(from)]
    Db(db::Error),
}

const TABLE: &str = "create table notes (id integer primary key, text text not null unique, parent integer \
                     references notes (id), check (length(text) < 10)) strict";

#[service]
impl Notes {
    #[post("/")]
    async fn write(&self, text: Json<String>, parent: Option<i64>) -> Result<Created<i64>, NoteError> {
        let text = text.into_inner();
        let write = move |tx: &mut Tx<'_>| {
            if text.is_empty() {
                return Err(NoteError::Empty);
            }
            let sql = "insert into notes (text, parent) values (:text, :parent) returning id";
            Ok(tx.query_one(sql, params! { text: &text, parent })?)
        };
        Ok(Created(self.0.try_write(write).await?))
    }

    #[get("{id:[0-9]+}")]
    async fn read(&self, id: i64) -> Result<String> {
        Ok(self.0.query_one("select text from notes where id = :id", params! { id }).await?)
    }

    #[get]
    async fn mistaken(&self) -> Result<Json<i64>, NoteError> {
        Ok(Json(self.0.query_one("select secret from nowhere", params! {}).await?))
    }
}

/// A server whose start hook makes the table.
fn notes() -> Server {
    on_a_table(Server::new())
}

fn on_a_table(server: Server) -> Server {
    let db = server.db();
    let make = db.clone();
    server
        .add(Notes(db))
        .on_start(move |_| async move { Ok(make.execute(TABLE, params! {}).await.map(drop)?) })
}

/// A client of a server without start hooks, whose table is there.
async fn notes_client() -> ketch::test::Client {
    let server = Server::new();
    let db = server.db();
    let client = client(server.add(Notes(db.clone())));
    client.ready().await;
    db.execute(TABLE, params! {}).await.unwrap();
    client
}

#[tokio::test]
async fn errors_of_the_database_are_answers_and_their_details_are_not() {
    let client = notes_client().await;
    assert_eq!(client.post("/notes", &"one").await.json::<i64>(), 1);
    assert_eq!(client.get("/notes/1").await.text(), "one");
    let cases = [
        ("/notes", "one", 409, "already_exists"),
        ("/notes", "much too long", 422, "rule_broken"),
        ("/notes?parent=9", "two", 422, "no_such_reference"),
        ("/notes", "", 422, "empty"),
    ];
    for (path, text, status, code) in cases {
        let answer = client.post(path, &text).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json::<Problem>().code.as_str()),
            (status, code),
            "{path}"
        );
        assert!(!answer.text().contains("notes."), "names of tables stay here: {}", answer.text());
    }
    let gone = client.get("/notes/77").await;
    assert_eq!((gone.status.as_u16(), gone.json::<Problem>().code.as_str()), (404, "not_found"));
    let wrong = client.get("/notes/mistaken").await;
    assert_eq!(wrong.status, 500);
    assert!(!wrong.text().contains("nowhere"), "{}", wrong.text());
}

#[derive(serde::Deserialize)]
struct Problem {
    code: String,
}

#[tokio::test]
async fn what_a_variant_carries_is_not_listed_and_what_is_declared_is() {
    let document: serde_json::Value = client(notes()).get("/openapi.json").await.json();
    let responses = document["paths"]["/notes"]["post"]["responses"].as_object().unwrap();
    let mut statuses: Vec<&str> = responses.keys().map(String::as_str).collect();
    statuses.retain(|status| status.starts_with('5'));
    assert_eq!(statuses, [""; 0], "what the database may say is `default`");
    assert!(responses["422"].to_string().contains("\"empty\""), "{}", responses["422"]);
}

#[tokio::test]
async fn hooks_at_start_and_stop_find_the_database_open_and_after_that_it_is_closed() {
    let server = notes();
    let db = server.db();
    let last = Arc::new(AtomicUsize::new(0));
    let (inside, counted) = (db.clone(), Arc::clone(&last));
    assert!(matches!(db.execute("select 1", params! {}).await, Err(db::Error::NotConnected)));
    let server = TestServer::start(server.on_stop(move || async move {
        let count: usize = inside.query_one("select count(*) from notes", params! {}).await.unwrap();
        counted.store(count + 10, Ordering::Relaxed);
    }))
    .await;
    db.execute("insert into notes (text) values ('kept')", params! {}).await.unwrap();
    assert_eq!(server.stop().await, Stopped::Drained);
    assert_eq!(last.load(Ordering::Relaxed), 11);
    let late = db.execute("insert into notes (text) values ('late')", params! {}).await;
    assert!(late.is_err(), "nothing is written once the server has stopped: {late:?}");
}

#[tokio::test]
async fn data_outlives_its_server() {
    let data = Scratch::new();
    let server = TestServer::start_on(notes(), data.url()).await;
    let mut connection = Connection::open(server.addr()).await;
    let request = b"POST /notes HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n\"kept\"";
    assert!(connection.send(request, Pace::Whole).await);
    assert!(connection.reply(false).await.is_some());
    server.stop().await;
    let server = Server::new();
    let db = server.db();
    let client = client_on(server.add(Notes(db)), data.url());
    assert_eq!(client.get("/notes/1").await.text(), "kept");
}

#[tokio::test]
async fn a_test_never_opens_what_the_code_names() {
    let data = Scratch::new();
    let url = data.url();
    let server = Server::new().database(url);
    let db = server.db();
    let client = client(server.add(Notes(db.clone())));
    client.ready().await;
    db.execute(TABLE, params! {}).await.unwrap();
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "it was made elsewhere");
}

#[tokio::test]
async fn a_server_that_stores_nothing_opens_nothing() {
    let data = Scratch::new();
    let built = Server::new().database(data.url()).data_folder(data.path()).build().unwrap();
    assert!(built.database().is_none());
    built.connect().await.unwrap();
    let server = TestServer::start(Server::new().database(data.url())).await;
    server.stop().await;
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn nothing_is_opened_before_everything_is_checked() {
    let data = Scratch::new();
    let server = Server::new().database(data.url()).define_cache("-", MemoryCache::new("1mb"));
    let _asked = server.db();
    assert!(server.build().is_err());
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn a_url_that_is_none_is_a_problem_with_its_place() {
    let problems =
        Server::new().database("mysql://root:hidden@localhost/app").build().unwrap_err().to_string();
    assert!(
        problems.contains("tests/it/database.rs:") && problems.contains("sqlite:data/app.db"),
        "{problems}"
    );
    assert!(!problems.contains("hidden"), "{problems}");
    let problems = Server::new().database_from("app.db", "--database").build().unwrap_err().to_string();
    assert!(problems.contains("--database: not the URL of a database"), "{problems}");
}

#[test]
fn a_url_cannot_choose_another_engine_than_the_one_that_was_given() {
    let sick = Sick::new();
    let problems = Server::new().driver(sick).database_from("sqlite:a.db", "--database").build().unwrap_err();
    assert!(
        problems.to_string().contains("--database: this server was given an engine of its own"),
        "{problems}"
    );
}

#[test]
fn the_folder_moves_the_default_database_and_not_one_that_is_named() {
    let shown = |server: Server| {
        let _asked = server.db();
        server.build().unwrap().database().unwrap().shown()
    };
    assert_eq!(shown(Server::new()), "sqlite:data/app.db");
    assert_eq!(shown(Server::new().data_folder("/srv/harbour")), "sqlite:/srv/harbour/app.db");
    assert_eq!(shown(Server::new().data_folder("/srv").database("sqlite:b.db")), "sqlite:b.db");
    assert_eq!(shown(Server::new().database("postgres://me:hidden@db/app")), "postgres://db/app");
}

#[tokio::test]
async fn connecting_twice_is_connecting_once() {
    let data = Scratch::new();
    let server = Server::new().database(data.url());
    let db = server.db();
    let built = server.build().unwrap();
    let (one, other) = tokio::join!(built.connect(), built.connect());
    one.unwrap();
    other.unwrap();
    assert_eq!(db.query_one::<i64>("select 1", params! {}).await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_in_use_keeps_a_second_server_from_starting() {
    let data = Scratch::new();
    let first = TestServer::start_on(notes(), data.url()).await;
    let second = notes().database(data.url()).listen("127.0.0.1:0").build().unwrap();
    let outcome = second.run(|_| panic!("it is not ready")).await.unwrap_err().to_string();
    assert!(outcome.contains("is in use") && outcome.contains(&std::process::id().to_string()), "{outcome}");
    first.stop().await;
}

#[tokio::test]
async fn notices_are_heard_by_hooks_even_after_one_that_panicked() {
    let heard = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&heard);
    let server = Server::new().on_notice("bell", move |notice| {
        if notice == Heard::Notice("panic".to_owned()) {
            panic!("the hook fell over");
        }
        assert_eq!(notice, Heard::Notice("ding".to_owned()));
        inside.fetch_add(1, Ordering::Relaxed);
    });
    let db = server.db();
    let client = client(server);
    client.ready().await;
    for payload in ["panic", "ding", "ding"] {
        db.write(move |tx| tx.notify("bell", payload)).await.unwrap();
    }
    let until = Instant::now() + Duration::from_secs(10);
    while heard.load(Ordering::Relaxed) < 2 {
        assert!(Instant::now() < until, "{heard:?} of 2 were heard");
        tokio::task::yield_now().await;
    }
}

/// A database that can fall ill, and that takes its time to close.
#[derive(Clone, Debug)]
struct Sick {
    inner: Arc<dyn Driver>,
    state: Arc<State>,
    _data: Arc<Scratch>,
}

#[derive(Debug, Default)]
struct State {
    ill: AtomicBool,
    hangs: AtomicBool,
    asked: AtomicUsize,
    closing: AtomicBool,
}

impl Sick {
    fn new() -> Self {
        let data = Arc::new(Scratch::new());
        let inner = Sqlite::open(data.path().join("app.db"), &Options::default()).unwrap();
        Self { inner: Arc::new(inner), state: Arc::default(), _data: data }
    }
}

impl Driver for Sick {
    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }
    fn query_now(&self, statement: &Statement, sink: &mut dyn Sink) -> Now {
        self.inner.query_now(statement, sink)
    }
    fn query(&self, statement: Statement, sink: Box<dyn Sink>) -> Pending<db::Result<()>> {
        self.inner.query(statement, sink)
    }
    fn execute(&self, statements: Vec<Statement>) -> Pending<db::Result<Vec<u64>>> {
        self.inner.execute(statements)
    }
    fn read(&self, work: Work) -> Pending<db::Result<()>> {
        self.inner.read(work)
    }
    fn write(&self, work: Work, company: Company) -> Pending<db::Result<()>> {
        self.inner.write(work, company)
    }
    fn stream(
        &self,
        statement: Statement,
        decode: Decode,
    ) -> BoxStream<'static, db::Result<Box<dyn Any + Send>>> {
        self.inner.stream(statement, decode)
    }
    fn notify(&self, channel: String, payload: String) -> Pending<db::Result<()>> {
        self.inner.notify(channel, payload)
    }
    fn listen(&self, channel: String) -> Pending<db::Result<BoxStream<'static, Heard>>> {
        self.inner.listen(channel)
    }
    fn change(&self, change: Change) -> Pending<db::Result<()>> {
        self.inner.change(change)
    }
    fn backup(&self, to: PathBuf) -> Pending<db::Result<()>> {
        self.inner.backup(to)
    }
    fn health(&self) -> Pending<db::Result<()>> {
        let state = Arc::clone(&self.state);
        Box::pin(async move {
            state.asked.fetch_add(1, Ordering::Relaxed);
            if state.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let ill = state.ill.load(Ordering::Relaxed);
            if ill { Err(db::Error::Broken("the disk is gone".to_owned())) } else { Ok(()) }
        })
    }
    fn stats(&self) -> Stats {
        self.inner.stats()
    }
    fn close(&self) -> Pending<()> {
        self.state.closing.store(true, Ordering::Relaxed);
        Box::pin(std::future::pending())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The status of `/health/ready`.
async fn ready(connection: &mut Connection) -> u16 {
    assert!(connection.send(b"GET /health/ready HTTP/1.1\r\nHost: test\r\n\r\n", Pace::Whole).await);
    connection.reply(false).await.unwrap().status
}

/// Asks until readiness is this.
async fn becomes(connection: &mut Connection, status: u16) {
    let until = Instant::now() + Duration::from_secs(20);
    while ready(connection).await != status {
        assert!(Instant::now() < until, "readiness never became {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn readiness_follows_the_health_of_the_database_and_does_not_wear_it_out() {
    let sick = Sick::new();
    let server = Server::new()
        .driver(sick.clone())
        .limits(Limits { drain: Duration::from_millis(200), ..Limits::default() });
    let _asked = server.db();
    let server = TestServer::start(server).await;
    let mut connection = Connection::open(server.addr()).await;
    let began = Instant::now();
    for _ in 0..500 {
        assert_eq!(ready(&mut connection).await, 200);
    }
    let (asked, seconds) = (sick.state.asked.load(Ordering::Relaxed), began.elapsed().as_secs() as usize);
    assert!((1..=seconds + 2).contains(&asked), "asked {asked} times in {seconds} s for 500 requests");
    sick.state.ill.store(true, Ordering::Relaxed);
    becomes(&mut connection, 503).await;
    sick.state.ill.store(false, Ordering::Relaxed);
    becomes(&mut connection, 200).await;
    sick.state.hangs.store(true, Ordering::Relaxed);
    becomes(&mut connection, 503).await;
    assert!(!sick.state.closing.load(Ordering::Relaxed));
    drop(connection);
    // Its close never ends: the server does not wait for it longer than for requests.
    let stopped = tokio::time::timeout(Duration::from_secs(10), server.stop()).await;
    assert_eq!(stopped, Ok(Stopped::Drained));
    assert!(sick.state.closing.load(Ordering::Relaxed));
}
