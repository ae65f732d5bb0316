//! What `ketch jobs` makes of a server that answers at an odd moment, or is of another version: servers whose replies are
//! written down.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::program::{Program, socket};
use crate::scratch::Scratch;

/// What is asked for, and the reply: a status and a body.
type Line = (&'static str, u16, Value);

/// A server that has a database, gives these replies in this order, and hangs up. Joined, it fails if it was asked
/// something else.
fn scripted(data: &Path, lines: Vec<Line>) -> JoinHandle<()> {
    std::fs::create_dir_all(data).unwrap();
    let listener = UnixListener::bind(socket(data)).unwrap();
    let database = format!("sqlite:{}", data.join("app.db").display());
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut asked = BufReader::new(stream.try_clone().unwrap());
        let hello = ("OPTIONS *", 200, Value::Null);
        for (wanted, status, body) in std::iter::once(hello).chain(lines) {
            assert_eq!(read(&mut asked), wanted);
            reply(&stream, &database, status, &body.to_string());
        }
    })
}

/// Reads a request; its method and path.
fn read(asked: &mut BufReader<UnixStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(asked.read_line(&mut head).unwrap() > 0, "it hung up: {head}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    asked.read_exact(&mut body).unwrap();
    head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned()
}

fn reply(mut stream: &UnixStream, database: &str, status: u16, body: &str) {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} -\r\nKetch-Database: {database}\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
}

const STATS: Line = ("GET /admin/jobs/stats", 200, Value::Null);

/// A job as a server shows it.
fn job(status: &str, attempts: u32) -> Value {
    json!({
        "id": 7, "type": "errand", "payload": {}, "queue": "default", "priority": 5, "status": status,
        "run_at": "2026-01-01T00:00:00.000Z", "attempts": attempts, "max_attempts": 3,
        "created_at": "2026-01-01T00:00:00.000Z", "cancel_requested": false, "of_a_later_version": true,
    })
}

fn got(status: &str, attempts: u32) -> Line {
    ("GET /admin/jobs/7", 200, job(status, attempts))
}

fn begun() -> Line {
    let message = "job 7 is running: only a job that waits can be made due";
    ("POST /admin/jobs/7/run", 409, json!({ "code": "job_not_ready", "message": message }))
}

#[test]
fn a_job_that_the_server_begins_in_that_moment_is_waited_for() {
    let gone =
        || ("GET /admin/jobs/7", 404, json!({ "code": "no_such_job", "message": "there is no job 7" }));
    let purged = ("POST /admin/jobs/7/run", 404, gone().2);
    let cases: [(Vec<Line>, Result<&str, &str>); 4] = [
        (vec![begun(), got("running", 1), got("done", 1)], Ok("7  done  errand\n")),
        (vec![begun(), got("pending", 1)], Err("job 7 failed, and is tried again at 2026")),
        (vec![begun(), gone()], Ok("")),
        (vec![purged, gone()], Ok("")),
    ];
    for (lines, outcome) in cases {
        let scratch = Scratch::new("jobs-begun");
        let data = scratch.path("data");
        let server = scripted(&data, [got("pending", 0), STATS].into_iter().chain(lines).collect());
        let program = Program::with_data(&data);
        match outcome {
            Ok(printed) => assert_eq!(program.jobs(&["run", "7"]), printed),
            Err(said) => {
                let (_, stderr) = program.refused(&["run", "7"]);
                assert!(stderr.contains(said), "{stderr}");
            }
        }
        server.join().unwrap();
    }
}

#[test]
fn a_job_that_has_ended_is_not_waited_for() {
    let scratch = Scratch::new("jobs-ended");
    let data = scratch.path("data");
    let server = scripted(&data, vec![got("dead", 3), begun()]);
    let (_, stderr) = Program::with_data(&data).refused(&["run", "7"]);
    assert!(stderr.contains("only a job that waits can be made due"), "{stderr}");
    server.join().unwrap();
}

#[test]
fn a_server_of_another_version_is_told_as_such() {
    let other = json!({ "id": 7, "state": "new" });
    let cases = [
        (("GET /admin/jobs/7", 200, other), "the server is of another version: its reply cannot be read"),
        (
            ("GET /admin/jobs/7", 404, json!({ "code": "not_found" })),
            "of a version that does not know this command",
        ),
        (("GET /admin/jobs/7", 500, Value::Null), "the server answered 500"),
    ];
    for (line, why) in cases {
        let scratch = Scratch::new("jobs-version");
        let data = scratch.path("data");
        let server = scripted(&data, vec![line]);
        let (stdout, stderr) = Program::with_data(&data).refused(&["show", "7"]);
        assert!(stdout.is_empty() && stderr.contains(why), "{stderr}");
        server.join().unwrap();
    }
}

#[test]
fn what_was_changed_is_told_when_the_server_goes_away() {
    let scratch = Scratch::new("jobs-away");
    let data = scratch.path("data");
    let server = scripted(&data, vec![("POST /admin/jobs/7/cancel", 200, job("cancelled", 0))]);
    let (stdout, stderr) = Program::with_data(&data).refused(&["cancel", "7", "8", "9"]);
    assert_eq!(stdout, "7  cancelled  errand\n", "{stderr}");
    assert!(stderr.contains("8: the server at") && stderr.contains("went away"), "{stderr}");
    assert!(stderr.contains("2 of 3 failed"), "{stderr}");
    server.join().unwrap();
}
