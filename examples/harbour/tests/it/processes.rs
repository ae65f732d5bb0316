//! The example as whole processes: what it says when it starts, what it says when it cannot, and what is still there when
//! it starts again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ketch::db::sqlite::rusqlite;
use ketch::test::Scratch;
use ketch::test::postgres::Postgres;

/// Ten times what is promised: two seconds for an answer to a database that cannot be used.
const SOON: Duration = Duration::from_secs(20);

/// The example in a process of its own. Dropped, it is killed.
struct Process {
    child: Child,
    address: String,
    /// What it said until it was ready.
    greeting: String,
    rest: Option<JoinHandle<String>>,
}

#[expect(clippy::disallowed_methods, reason = "the tests start the example itself")]
fn example(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbour"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(more);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).env_remove("KETCH_DATABASE_URL");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Process {
    fn start(data: &Path, more: &[&str]) -> Self {
        let mut child = example(data, more).spawn().expect("the example was built");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C") {
            let read = stderr.read_line(&mut greeting).expect("the example writes text");
            assert!(read > 0, "the example did not start: {greeting}");
        }
        let address = greeting.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.expect("it says where it listens").to_owned();
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            stderr.read_to_string(&mut rest).expect("the example writes text");
            rest
        });
        Self { child, address, greeting, rest: Some(rest) }
    }

    /// Sends a request of the harbour master on a connection of its own; the whole reply.
    fn ask(&self, request: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("the example listens");
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Authorization: Bearer harbour-master\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the example reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("the example answers");
        reply
    }

    /// SIGTERM, and its end.
    #[expect(
        clippy::disallowed_methods,
        reason = "there is no safe call for kill(2) in the standard library"
    )]
    fn stop(mut self) -> (ExitStatus, String) {
        let sent = Command::new("kill").args(["-s", "TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("there is `kill`").success());
        let status = self.child.wait().expect("it ends");
        (status, self.rest.take().expect("it is read once").join().expect("it is text"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Starts the example where it cannot start; what it says.
fn refused(data: &Path, more: &[&str]) -> String {
    let began = Instant::now();
    let output = example(data, more).output().expect("the example was built");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(began.elapsed() < SOON, "{:?}: {said}", began.elapsed());
    assert!(!said.contains("is ready"), "{said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error: ")).collect();
    let [error] = errors[..] else { panic!("one message, not {}: {said}", errors.len()) };
    error.to_owned()
}

/// Waits for what is promised, at most ten times as long.
fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < until, "not within {SOON:?}: {what}");
        std::thread::yield_now();
    }
}

/// How many notices a boat's skipper has.
fn notices(process: &Process, boat: u32) -> usize {
    process.ask(&format!("GET /v2/boats/{boat}/notices"), "").matches("Welcome!").count()
}

const JOSHUA: &str = r#"{ "name": "Joshua", "kind": "ketch", "length": 12 }"#;

#[test]
fn what_was_registered_is_there_after_a_restart() {
    let data = Scratch::new();
    let folder = data.path().join("new").join("data");
    let first = Process::start(&folder, &[]);
    assert!(first.greeting.contains(&format!("sqlite:{}/app.db", folder.display())), "{}", first.greeting);
    assert!(first.ask("POST /v1/boats", JOSHUA).starts_with("HTTP/1.1 201"));
    let (status, said) = first.stop();
    assert!(status.success(), "{said}");
    let second = Process::start(&folder, &[]);
    let joshua = second.ask("GET /v1/boats/4", "");
    assert!(joshua.contains("Joshua"), "{joshua}");
    assert!(second.ask("GET /health/ready", "").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_second_process_on_the_same_data_is_told_who_has_it() {
    let data = Scratch::new();
    let first = Process::start(data.path(), &[]);
    let error = refused(data.path(), &[]);
    assert!(error.contains("is in use: process") && error.contains(&first.child.id().to_string()), "{error}");
    assert!(error.contains("app.db"), "{error}");
    assert!(first.ask("GET /v1/boats/1", "").starts_with("HTTP/1.1 200"), "the first one is not disturbed");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let data = Scratch::new();
    let file = data.path().join("file");
    std::fs::write(&file, "not a folder").expect("the scratch folder takes files");
    let error = refused(&file.join("data"), &[]);
    assert!(error.contains("cannot make the folder") && error.contains("file/data"), "{error}");
}

#[test]
fn what_is_no_database_is_left_as_it_is() {
    let data = Scratch::new();
    let file = data.path().join("app.db");
    let text = "dear diary, ".repeat(1_000);
    std::fs::write(&file, &text).expect("the scratch folder takes files");
    let error = refused(data.path(), &[]);
    assert!(error.contains("app.db") && error.contains("not a database"), "{error}");
    assert!(std::fs::read_to_string(&file).is_ok_and(|now| now == text));
}

#[test]
fn a_url_that_is_none_is_refused_before_anything_is_made() {
    let data = Scratch::new();
    let error = refused(data.path(), &["--database", "mysql://root:hidden@localhost/app"]);
    assert!(error.contains("1 problem to solve"), "{error}");
    assert_eq!(std::fs::read_dir(data.path()).map(Iterator::count).ok(), Some(0));
}

#[test]
fn a_postgresql_that_is_not_there_is_said_so_without_its_password() {
    let data = Scratch::new();
    let error = refused(data.path(), &["--database", "postgres://me:hidden@127.0.0.1:1/app"]);
    assert!(error.contains("postgres://127.0.0.1:1/app") && !error.contains("hidden"), "{error}");
    assert!(error.contains("cannot be reached"), "{error}");
}

#[test]
fn two_processes_on_one_postgresql_tell_each_other_what_no_longer_holds() {
    let (data, server) = (Scratch::new(), Postgres::shared());
    let url = server.fresh();
    let start = || Process::start(data.path(), &["--database", &url]);
    let (one, other) = (start(), start());
    assert!(!one.greeting.contains(server.password()), "{}", one.greeting);
    let list = |process: &Process| process.ask("GET /v2/boats?after=2", "");
    for process in [&one, &other] {
        assert!(list(process).contains("fwd=miss; stored"));
        assert!(list(process).contains("ketch; hit"));
    }
    assert!(one.ask("POST /v1/boats", JOSHUA).starts_with("HTTP/1.1 201"));
    assert!(list(&one).contains("Joshua"), "who writes sees it at once");
    soon("the other process hears of it", || list(&other).contains("Joshua"));
    for process in [one, other] {
        let (status, said) = process.stop();
        assert!(status.success(), "{said}");
    }
}

/// A night, in the words of any program, and one that is not yet.
const NIGHT: &str = "insert into job_queue (job_type) values ('round')";
const LATER_SQLITE: &str =
    "insert into job_queue (job_type, run_at) values ('round', (unixepoch() + 300) * 1000)";
const LATER_POSTGRES: &str = "insert into job_queue (job_type, run_at) \
     values ('round', (extract(epoch from now() + interval '5 minutes') * 1000)::bigint)";
const WAITING: &str = "GET /admin/jobs?type=round&status=pending";

#[test]
#[expect(clippy::disallowed_methods, reason = "another program opens the file by itself")]
fn what_an_arrival_leads_to_is_done_once_though_the_process_is_killed() {
    let data = Scratch::new();
    let first = Process::start(data.path(), &[]);
    for boat in 1..=3 {
        let arrived = first.ask(&format!("PUT /v2/berths/{boat}/stay"), &format!(r#"{{ "boat": {boat} }}"#));
        assert!(arrived.starts_with("HTTP/1.1 200"), "{arrived}");
    }
    drop(first); // SIGKILL, while the jobs run, or before, or after
    let second = Process::start(data.path(), &[]);
    for boat in 1..=3 {
        soon("the skipper is welcomed", || notices(&second, boat) > 0);
    }
    let beside =
        rusqlite::Connection::open(data.path().join("app.db")).expect("another program opens the file");
    for sql in [LATER_SQLITE, NIGHT] {
        beside.execute(sql, []).expect("it may enqueue");
    }
    soon("the round is made", || second.ask("GET /v2/occupancy", "").contains(r#""berths":3"#));
    for boat in 1..=3 {
        assert_eq!(notices(&second, boat), 1, "boat {boat}");
    }
    assert_eq!(second.ask(WAITING, "").matches("pending").count(), 1, "what is due later waits");
}

#[test]
fn two_processes_on_one_postgresql_share_the_jobs_and_do_each_once() {
    let (data, server) = (Scratch::new(), Postgres::shared());
    let database = server.database();
    let start = || Process::start(data.path(), &["--database", &server.url(&database)]);
    let processes = [start(), start()];
    for (boat, process) in (1..=3).zip(processes.iter().cycle()) {
        let arrived =
            process.ask(&format!("PUT /v2/berths/{boat}/stay"), &format!(r#"{{ "boat": {boat} }}"#));
        assert!(arrived.starts_with("HTTP/1.1 200"), "{arrived}");
    }
    server.psql(&database, LATER_POSTGRES);
    server.psql(&database, &format!("{NIGHT}; notify job_queue"));
    for process in &processes {
        for boat in 1..=3 {
            soon("the skipper is welcomed", || notices(process, boat) > 0);
        }
        soon("the round is made", || process.ask("GET /v2/occupancy", "").contains(r#""berths":3"#));
    }
    for boat in 1..=3 {
        assert_eq!(notices(&processes[0], boat), 1, "boat {boat}");
    }
    assert_eq!(processes[1].ask(WAITING, "").matches("pending").count(), 1, "what is due later waits");
}
