//! The server under test: it stores rows with names of their own, and fills and frees its disk when told to.
//!
//! It is this test binary, started again. Other programs (`strace`, `unshare`) become it, so that it keeps the process
//! id that the test knows.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use ketch::db::{Durability, Options};
use ketch::prelude::*;
use serde::{Deserialize, Serialize};

use crate::child::Served;
use crate::raw::{Connection, Pace, Reply};

const ASKED: &str = "KETCH_TEST_DATA_CHILD";

/// How long the writer is busy with a slow row: long beside what the rest of a request takes.
const SLOW: Duration = Duration::from_millis(20);

/// How the server is set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    data: PathBuf,
    /// Whether a power cut may take the last moments.
    pub(super) normal: bool,
    /// [`Options::write_queue`].
    pub(super) queue: usize,
}

impl Setup {
    pub(super) fn new(data: &Path) -> Self {
        Self { data: data.to_owned(), normal: false, queue: Options::default().write_queue }
    }

    pub(super) fn start(&self) -> Served {
        self.start_under(&[])
    }

    /// Starts it by a program that runs the rest of its arguments.
    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    pub(super) fn start_under(&self, words: &[String]) -> Served {
        let me = std::env::current_exe().unwrap();
        let mut command = match words {
            [] => Command::new(me),
            [program, rest @ ..] => {
                let mut command = Command::new(program);
                command.args(rest).arg(me);
                command
            }
        };
        command.args(["--exact", "database_faults::server::serves_when_asked", "--nocapture"]);
        command.env(ASKED, serde_json::to_string(self).unwrap()).env_remove("KETCH_DATABASE_URL");
        Served::launch(command)
    }
}

struct Rows {
    db: Db,
    data: PathBuf,
}

const TABLE: &str = "create table if not exists rows (name text primary key, filler text not null) strict";
const INSERT: &str = "insert into rows (name, filler) values (:name, :filler) returning name";

#[service]
impl Rows {
    /// One statement, without a closure.
    #[post("/")]
    async fn add(&self, name: Json<String>) -> Result<Created<String>> {
        let name = name.into_inner();
        let filler = filler(&name);
        Ok(Created(self.db.query_one(INSERT, params! { name, filler }).await?))
    }

    /// The same by a closure.
    #[post("closure")]
    async fn add_by_closure(&self, name: Json<String>) -> Result<Created<String>> {
        self.within(name.into_inner(), Duration::ZERO).await
    }

    /// The same, and the writer is kept busy.
    #[post("slow")]
    async fn add_slowly(&self, name: Json<String>) -> Result<Created<String>> {
        self.within(name.into_inner(), SLOW).await
    }

    #[get("{name}")]
    async fn read(&self, name: String) -> Result<Json<String>> {
        let sql = "select filler from rows where name = :name";
        Ok(Json(self.db.query_one(sql, params! { name }).await?))
    }

    /// Takes a megabyte of the disk.
    #[post("ballast")]
    async fn load_ballast(&self) -> &'static str {
        let mut file = std::fs::File::create(self.data.join("ballast")).expect("there is room for a name");
        file.write_all(&[1; 1 << 20]).expect("there is room for the ballast");
        "loaded"
    }

    /// Gives it back.
    #[delete("ballast")]
    async fn drop_ballast(&self) -> &'static str {
        std::fs::remove_file(self.data.join("ballast")).expect("it is there");
        "dropped"
    }
}

impl Rows {
    async fn within(&self, name: String, busy: Duration) -> Result<Created<String>> {
        let write = move |tx: &mut Tx<'_>| {
            std::thread::sleep(busy);
            tx.query_one(INSERT, params! { name: &name, filler: filler(&name) })
        };
        Ok(Created(self.db.write(write).await?))
    }
}

/// What is stored with a name: it follows from it, so that half a row shows.
fn filler(name: &str) -> String {
    name.repeat(20)
}

/// Does nothing in an ordinary run; in the child it is the server.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
fn serves_when_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let setup: Setup = serde_json::from_str(&asked).unwrap();
    let mut options = Options::default();
    options.durability = if setup.normal { Durability::Normal } else { Durability::Full };
    options.write_queue = setup.queue;
    let server = Server::new().database_options(options);
    let db = server.db();
    let make = db.clone();
    let server = server
        .add(Rows { db, data: setup.data.clone() })
        .on_start(move |_| async move { Ok(make.execute(TABLE, params! {}).await.map(drop)?) });
    let data = setup.data.to_str().unwrap();
    let code = ketch::main_from(["ketch", "serve", "--listen", "127.0.0.1:0", "--data", data], server);
    assert_eq!(code, ExitCode::SUCCESS);
}

/// A name that is part of no other one.
pub(super) fn name(round: u64, client: usize, step: usize) -> String {
    format!("row-{round}-{client}-{step}-end")
}

/// Asks on a kept connection. None when it ends before a reply begins.
pub(super) async fn ask(connection: &mut Connection, request: &str, body: &str) -> Option<Reply> {
    let request = format!(
        "{request} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if !connection.send(request.as_bytes(), Pace::Whole).await {
        return None;
    }
    connection.reply(false).await
}

/// Stores a row; by one statement and by a closure in turns.
pub(super) async fn add(connection: &mut Connection, name: &str, step: usize) -> Option<Reply> {
    let path = if step.is_multiple_of(2) { "POST /rows" } else { "POST /rows/closure" };
    ask(connection, path, &format!("{name:?}")).await
}

/// Stores a row on each of these connections at the same time; the names and what was replied.
pub(super) async fn add_several(
    connections: &mut [Connection],
    round: u64,
    step: usize,
) -> Vec<(String, Reply)> {
    let asked = connections.iter_mut().enumerate().map(async |(client, connection)| {
        let name = name(round, client, step);
        let reply = add(connection, &name, step + client).await.unwrap();
        (name, reply)
    });
    futures_util::future::join_all(asked).await
}

/// So many connections.
pub(super) async fn connections(addr: SocketAddr, count: usize) -> Vec<Connection> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Connection::open(addr).await);
    }
    all
}

/// Whether a reply says that this row is stored.
pub(super) fn is_stored(reply: &Reply, name: &str) -> bool {
    if reply.status == 201 {
        assert_eq!(String::from_utf8_lossy(&reply.body), format!("{name:?}"));
    }
    reply.status == 201
}

/// The code of a problem.
pub(super) fn code(reply: &Reply) -> String {
    assert!(reply.is_problem(), "not a problem: {reply:?}");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    body["code"].as_str().unwrap().to_owned()
}

/// Every one of these rows must be there, as a whole.
pub(super) async fn expect_all(addr: SocketAddr, names: &[String]) {
    let mut connection = Connection::open(addr).await;
    let mut lost = Vec::new();
    for name in names {
        let reply = ask(&mut connection, &format!("GET /rows/{name}"), "").await.unwrap();
        if reply.status == 200 {
            assert_eq!(String::from_utf8_lossy(&reply.body), format!("{:?}", filler(name)));
        } else {
            lost.push((name, reply.status));
        }
    }
    assert!(lost.is_empty(), "{} of {} acknowledged rows lost: {lost:?}", lost.len(), names.len());
}
