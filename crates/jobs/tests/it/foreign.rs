//! Rows that other programs insert, in plain SQL and with tools of their own, while a runner works on the same database:
//! Python with SQLite, `psql` with PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ketch_jobs::{Jobs, Runner};
use ketch_testkit::postgres::Postgres;
use tokio::sync::mpsc;

use crate::place::Place;
use crate::say::Say;

/// What a program needs to say, and no more.
const INSERT: &str = r#"insert into job_queue (job_type, payload) values ('say', '{"word": "hello"}')"#;

/// What a program may get wrong, and what its refusal speaks of.
const WRONG: &[(&str, &str)] = &[
    ("insert into job_queue (job_type, payload) values ('say', 'hello')", "json"),
    ("insert into job_queue (job_type, priority) values ('say', 12)", "priority"),
    ("insert into job_queue (job_type, run_at) values ('say', 1790000000)", "run_at"),
    ("insert into job_queue (job_type, status) values ('say', 'waiting')", "status"),
    ("insert into job_queue (job_type) values ('')", "job_type"),
    ("insert into job_queue (payload) values ('{}')", "job_type"),
];

/// A job that another program inserts is run within the interval; here ten of them, because the machine may be busy.
async fn is_run(jobs: Jobs, insert: impl FnOnce()) {
    let within = jobs.options().interval * 10;
    let (said, mut heard) = mpsc::unbounded_channel();
    let running = Runner::new(jobs).job::<Say>(said).start().await.expect("it starts");
    insert();
    let begun = Instant::now();
    let word = tokio::time::timeout(within, heard.recv()).await.expect("it is run in time");
    assert_eq!(word.as_deref(), Some("hello"), "after {:?}", begun.elapsed());
    running.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_inserts_into_sqlite() {
    let place = Place::sqlite().await;
    let file = place.file();
    is_run(place.jobs.clone(), || {
        let done = python(&file, INSERT);
        assert!(done.status.success(), "{}", said(&done));
    })
    .await;
    place.until("select count(*) from job_queue where status = 'done' and attempts = 1", 1).await;
    for (sql, about) in WRONG {
        let refused = python(&file, sql);
        assert!(!refused.status.success(), "`{sql}` was taken");
        assert!(said(&refused).to_lowercase().contains(about), "`{sql}`: {}", said(&refused));
    }
    assert_eq!(place.one::<i64>("select count(*) from job_queue").await, 1);
    place.db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_inserts_into_postgresql() {
    let server = Postgres::shared();
    let place = Place::postgres().await;
    let database = place.one::<String>("select current_database()::text").await;
    is_run(place.jobs.clone(), || {
        server.psql(&database, INSERT);
    })
    .await;
    place.until("select count(*) from job_queue where status = 'done' and attempts = 1", 1).await;
    for (sql, about) in WRONG {
        let refused = std::panic::catch_unwind(|| server.psql(&database, sql)).expect_err(sql);
        let text = refused.downcast_ref::<String>().expect("what psql said").to_lowercase();
        assert!(text.contains(about), "`{sql}`: {text}");
    }
    assert_eq!(place.one::<i64>("select count(*) from job_queue").await, 1);
    place.db.close().await;
}

/// Runs SQL with Python, as an application beside the server would.
fn python(file: &Path, sql: &str) -> Output {
    let script = "import apsw, sys\n\
                  connection = apsw.Connection(sys.argv[1])\n\
                  connection.set_busy_timeout(10_000)\n\
                  connection.execute(sys.argv[2])\n\
                  connection.close()\n";
    program(&with_apsw()).args(["-c", script]).arg(file).arg(sql).output().expect("Python runs")
}

#[expect(clippy::disallowed_methods, reason = "a test starts a program that is not the server's")]
fn program(path: &Path) -> Command {
    Command::new(path)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A Python that has an SQLite of its own, as new as a database wants that is in use: the one of `cargo xtask test`
/// beside the built tests, or that of the machine.
fn with_apsw() -> PathBuf {
    let built = std::env::current_exe().expect("a test knows where it is");
    let tools = built.ancestors().map(|folder| folder.join("tools/venv/bin/python"));
    let known = tools.filter(|path| path.exists()).chain([PathBuf::from("python3")]);
    let has = |path: &PathBuf| {
        let probe = program(path).args(["-c", "import apsw"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    known.into_iter().find(has).expect(
        "no Python has the package `apsw`, and tests insert with it: `cargo xtask test` installs it, or \
         `pip install apsw`",
    )
}
