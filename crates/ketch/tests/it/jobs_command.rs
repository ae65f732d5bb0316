//! `ketch jobs`, as it is run: with the server up, with it down, and on PostgreSQL.

use ketch_testkit::postgres::Postgres;
use serde_json::Value;

use crate::program::{Program, Ran, ended, socket};
use crate::scratch::Scratch;

/// Everything that is the same whoever answers. Nothing may run the jobs meanwhile, so they are due tomorrow.
fn look_after(program: &Program) {
    let later = &["--delay", "1d"];
    let first = program.add("succeed", later);
    let unique = &["--delay", "1d", "--unique", "only one", "--priority", "9", "--max-attempts", "7"];
    let second = program.add("succeed", unique);
    assert_eq!(program.add("succeed", unique), second, "the key is taken");
    let at = program.jobs_json(&["add", "errand", r#"{"do":"fail"}"#, "--at", "2199-01-01T00:00:00Z"]);
    assert_eq!(
        (at["run_at"].as_str(), at["status"].as_str()),
        (Some("2199-01-01T00:00:00.000Z"), Some("pending"))
    );
    let third = at["id"].to_string();

    let list = program.jobs(&["list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines[0].starts_with("id  status   type    queue    attempts  run at"), "{list}");
    assert_eq!(lines.len(), 4, "{list}");
    assert!(
        lines[1].starts_with(&format!("{third}   pending  errand  default  0/3")),
        "the newest first: {list}"
    );
    assert!(lines[2].contains("0/7") && lines[2].ends_with(r#"{"do":"succeed"}"#), "{list}");

    count_and_foresee(program);

    let page = program.jobs_json(&["list", "--limit", "2"]);
    assert_eq!((ids(&page), page["next"].to_string()), (vec![third.clone(), second.clone()], second.clone()));
    let page = program.jobs_json(&["list", "--limit", "2", "--after", &second]);
    assert_eq!((ids(&page), &page["next"]), (vec![first.clone()], &Value::Null));
    assert!(program.jobs(&["list", "--queue", "a&b"]).is_empty());

    let shown = program.jobs(&["show", &second]);
    assert!(shown.contains("unique key  only one\n") && shown.contains("priority    9\n"), "{shown}");
    assert!(shown.ends_with("\n{\n  \"do\": \"succeed\"\n}\n"), "{shown}");

    assert_eq!(program.jobs(&["cancel", &first]), format!("{first}  cancelled  errand\n"));
    let (stdout, stderr) = program.refused(&["cancel", &first, &second, "4711"]);
    assert_eq!(
        stdout,
        format!("{second}  cancelled  errand\n"),
        "one that is refused does not keep the others from it"
    );
    assert!(stderr.contains("there is no job 4711") && stderr.contains("2 of 3 failed"), "{stderr}");
    assert_eq!(ids(&program.jobs_json(&["list", "--status", "cancelled"])), [second, first]);

    let (stdout, stderr) = program.refused(&["purge"]);
    assert!(
        stdout.is_empty() && stderr.contains("nobody can be asked here, so nothing was deleted"),
        "{stderr}"
    );
    assert!(stderr.contains("all jobs that are done or dead or cancelled."), "{stderr}");
    assert_eq!(program.jobs(&["purge", "--yes", "--older-than", "1h"]), "0\n");
    assert_eq!(program.jobs(&["purge", "--yes", "--status", "done,dead"]), "0\n");
    assert_eq!(program.jobs(&["purge", "--yes", "--status", "cancelled", "--type", "errand"]), "2\n");
    assert_eq!(ids(&program.jobs_json(&["list"])), [third]);
    refuse(program);
}

/// Three jobs wait for tomorrow, and one recurs.
fn count_and_foresee(program: &Program) {
    let stats = program.jobs(&["stats"]);
    assert!(stats.starts_with("pending     3\ndue         0\nwaiting     3\n"), "{stats}");
    assert!(stats.contains("oldest due  nothing is due\n"), "{stats}");
    assert_eq!(program.jobs_json(&["stats"])["counts"]["pending"], 3);
    let schedules = program.jobs(&["schedules"]);
    assert!(schedules.contains("\nleap day  errand  default  0 0 29 2 * Europe/Paris  2"), "{schedules}");
    assert!(schedules.ends_with("-02-28T23:00:00.000Z  never\n"), "{schedules}");
    assert_eq!(program.jobs_json(&["schedules"])["schedules"][0]["name"], "leap day");
    assert!(program.jobs(&["list", "--schedule", "leap day"]).is_empty());
}

/// What makes no sense.
fn refuse(program: &Program) {
    for bad in [&["show", "4711"][..], &["add", "errand", "{"], &["add", "no_such_job"], &["retry", "4711"]] {
        let (stdout, stderr) = program.refused(bad);
        assert!(stdout.is_empty() && !stderr.is_empty(), "{bad:?}");
    }
    for bad in [
        &["list", "--status", "odd"][..],
        &["add"],
        &["add", "x", "--priority", "11"],
        &["add", "x", "--delay", "5x"],
        &["purge", "--status", "running"],
        &["purge", "--older-than", "long"],
    ] {
        let line: Vec<&str> = std::iter::once("jobs").chain(bad.iter().copied()).collect();
        assert_eq!(program.run(&line).0, 2, "{bad:?} cannot be read");
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["jobs"].as_array().unwrap().iter().map(|job| job["id"].to_string()).collect()
}

/// One job at a time, each to its end.
fn run_one_by_one(program: &Program) {
    let good = program.add("succeed", &["--delay", "1d"]);
    assert_eq!(program.jobs(&["run", &good]), format!("{good}  done  errand\n"));
    let bad = program.add("fail", &["--delay", "1d"]);
    let (stdout, stderr) = program.refused(&["run", &bad]);
    assert_eq!(stdout, format!("{bad}  pending  errand\n"));
    assert!(stderr.contains("failed, and is tried again at 2"), "{stderr}");
    assert!(stderr.contains(r"out of luck\u{1b}[2J") && !stderr.contains('\u{1b}'), "{stderr}");
    let worse = program.add("give_up", &["--delay", "1d"]);
    let (stdout, stderr) = program.refused(&["run", &worse, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&stdout).unwrap()["status"], "dead");
    assert!(stderr.contains("failed for good: no use"), "{stderr}");
    let (_, stderr) = program.refused(&["run", &worse]);
    assert!(stderr.contains("retr"), "what to do is said: {stderr}");
    assert_eq!(program.jobs_json(&["retry", &worse])[0]["status"], "pending");
    program.jobs(&["cancel", &bad]);
}

#[test]
fn a_server_that_runs_is_asked() {
    let scratch = Scratch::new("jobs-up");
    let program = Program::with_data(&scratch.path("data"));
    let server = program.serve();
    look_after(&program);
    run_one_by_one(&program);

    let waits = program.add("wait", &[]);
    let (_, stderr) = program.refused(&["run", &waits, "--timeout", "100ms"]);
    assert!(stderr.contains(&format!("job {waits} is running after 100ms")), "{stderr}");
    program.jobs(&["cancel", &waits]);
    let (_, stderr) = program.refused(&["run", &waits]);
    assert!(stderr.contains("cancelled"), "{stderr}");

    let Ran(code, stdout, stderr) = program.run(&["jobs", "run"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.contains("it works off what is due by itself"), "{stderr}");
    server.signal("TERM");
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    assert!(
        !said.contains("no use\u{1b}") && said.contains("/admin/jobs"),
        "the server logs what it was asked: {said}"
    );
}

/// As many as a queue has places, which is more than the threads that answer requests.
#[test]
fn jobs_that_block_their_threads_hold_up_neither_commands_nor_other_jobs_nor_the_stop() {
    let scratch = Scratch::new("jobs-block");
    let program = Program::with_data(&scratch.path("data"));
    let server = program.serve();
    let block = r#"{"do":"block","millis":600000}"#;
    let ids: Vec<String> =
        (0..15).map(|_| program.jobs(&["add", "errand", block]).trim_end().to_owned()).collect();
    while program.jobs_json(&["show", ids.last().unwrap()])["status"] != "running" {}
    let good = program.add("succeed", &["--delay", "1d"]);
    assert_eq!(program.jobs(&["run", &good]), format!("{good}  done  errand\n"));
    server.signal("TERM");
    while std::net::TcpStream::connect(server.addr).is_ok() {
        std::thread::yield_now();
    }
    server.signal("TERM");
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(130), "{said}");
}

#[test]
fn a_server_that_runs_no_jobs_is_not_waited_for() {
    let scratch = Scratch::new("jobs-none");
    let program = Program::with_data(&scratch.path("data"));
    let server = program.serve();
    let left = program.add("wait", &[]);
    while program.jobs_json(&["show", &left])["status"] != "running" {}
    server.kill();

    let server = program.serve_with(&["--no-jobs"]);
    let id = program.add("succeed", &[]);
    for run in [&["run", &id][..], &["run", &left], &["run"]] {
        let (stdout, stderr) = program.refused(run);
        assert!(stdout.is_empty() && stderr.contains("runs no jobs"), "{run:?}: {stderr}");
        assert!(stderr.contains("`--no-jobs`"), "{stderr}");
    }
    assert_eq!(program.jobs_json(&["show", &id])["attempts"], 0);
    server.signal("TERM");
    let (status, said) = server.wait();
    assert!(status.success() && said.contains("jobs are enqueued, but not run by this process"), "{said}");
    assert_eq!(program.jobs(&["run", &id]), format!("{id}  done  errand\n"));
}

#[test]
fn without_a_server_the_command_does_it() {
    let scratch = Scratch::new("jobs-down");
    let program = Program::with_data(&scratch.path("data"));
    let Ran(code, stdout, stderr) = program.run(&["jobs", "list"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.contains("is not there yet") && stderr.contains("`migrate up`"), "{stderr}");
    assert_eq!(program.jobs_json(&["list"])["jobs"], Value::Array(Vec::new()));
    let (_, stderr) = program.refused(&["add", "errand"]);
    assert!(stderr.contains("is not there yet"), "{stderr}");
    assert!(!scratch.path("data").exists(), "to look makes nothing");

    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    look_after(&program);
    run_one_by_one(&program);
    let Ran(_, _, stderr) = program.run(&["jobs", "list"]);
    assert!(!stderr.contains("ketch::request"), "requests in this process are nobody's business: {stderr}");
    assert!(!socket(&scratch.path("data")).exists());

    for errand in ["succeed", "fail", "give_up"] {
        program.add(errand, &[]);
    }
    let later = program.add("succeed", &["--delay", "1d"]);
    let (_, stderr) = program.refused(&["run", "--queue", "none"]);
    assert!(stderr.contains("this program works on no queue `none`; there is: default"), "{stderr}");
    program.jobs(&["run"]);
    let pending = program.jobs_json(&["list", "--status", "pending", "--type", "errand"]);
    assert!(ids(&pending).contains(&later), "what is not due waits");
    assert_eq!(program.jobs_json(&["list", "--status", "running"])["jobs"], Value::Array(Vec::new()));
}

#[test]
fn what_a_killed_server_was_at_can_be_run_by_hand() {
    let scratch = Scratch::new("jobs-killed");
    let program = Program::with_data(&scratch.path("data"));
    let server = program.serve();
    let id = program.jobs(&["add", "errand", r#"{"do":"sleep","millis":600000}"#]).trim_end().to_owned();
    while program.jobs_json(&["show", &id])["status"] != "running" {}
    server.kill();
    assert_eq!(program.jobs_json(&["show", &id])["status"], "running", "to look changes nothing");
    let done = program.add("succeed", &["--delay", "1d"]);
    assert_eq!(program.jobs(&["run", &done]), format!("{done}  done  errand\n"));
    let left = program.jobs_json(&["show", &id]);
    assert_eq!((left["status"].as_str(), left["attempts"].as_u64()), (Some("pending"), Some(1)));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "there is no safe call for kill(2) in the standard library")]
fn a_run_that_is_interrupted_gives_its_job_back() {
    let scratch = Scratch::new("jobs-interrupted");
    let program = Program::with_data(&scratch.path("data"));
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    let id = program.add("wait", &["--delay", "1d"]);
    let running = program.start(&["jobs", "run", &id]);
    // Before it has the database, this one is answered.
    let stderr = loop {
        if let Ran(1, _, stderr) = program.run(&["jobs", "show", &id]) {
            break stderr;
        }
    };
    assert!(stderr.contains("does not answer at") && stderr.contains("another command at work"), "{stderr}");
    let pid = running.id().to_string();
    assert!(stderr.contains(&format!("process {pid} has")), "who has it is told: {stderr}");
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let Ran(code, _, stderr) = ended(running);
    assert!(code == 1 && stderr.contains("stopping: what runs is given back"), "{stderr}");
    assert!(stderr.contains("was not run: it was interrupted"), "{stderr}");
    let job = program.jobs_json(&["show", &id]);
    assert_eq!((job["status"].as_str(), job["attempts"].as_u64()), (Some("pending"), Some(0)));
}

#[test]
fn commands_at_the_same_time_wait_for_one_another() {
    let scratch = Scratch::new("jobs-together");
    let program = Program::with_data(&scratch.path("data"));
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    let add = ["jobs", "add", "errand", r#"{"do": "succeed"}"#];
    let all: Vec<_> = (0..6).map(|_| program.start(&add)).collect();
    for one in all {
        let Ran(code, _, stderr) = ended(one);
        assert_eq!(code, 0, "{stderr}");
    }
    assert_eq!(ids(&program.jobs_json(&["list"])).len(), 6);
}

#[test]
fn a_schema_that_is_not_up_to_date_is_left_as_it_is() {
    let scratch = Scratch::new("jobs-schema");
    let data = scratch.path("data");
    let program = Program::with_data(&data);
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    assert_eq!(program.run(&["migrate", "down", "--to", "0", "--yes", "--part", "jobs"]).0, 0);
    let (stdout, stderr) = program.refused(&["list"]);
    assert!(stdout.is_empty() && stderr.contains("is not up to date: jobs 1"), "{stderr}");
    assert!(stderr.contains("`migrate up` applies it"), "{stderr}");
    let Ran(_, stdout, _) = program.run(&["migrate", "status"]);
    assert!(stdout.contains("pending"), "{stdout}");
}

#[test]
fn a_program_without_jobs_looks_after_those_of_others() {
    let scratch = Scratch::new("jobs-stock");
    let data = scratch.path("data");
    let program = Program::with_data(&data);
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    let id = program.add("succeed", &["--delay", "1d"]);
    let stock = |arguments: &[&str]| stock(&data, arguments);
    assert!(stock(&["list"]).1.contains(&format!("{id}   pending")));
    let Ran(code, _, stderr) = stock(&["run", &id]);
    assert!(code == 1 && stderr.contains("this program registers no jobs"), "{stderr}");
    let Ran(code, stdout, stderr) = stock(&["schedules"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    assert!(stderr.contains("no recurrent jobs are declared"), "{stderr}");
    assert_eq!(stock(&["cancel", &id]).1, format!("{id}  cancelled  errand\n"));
    let _server = program.serve();
    assert!(stock(&["list"]).1.contains(&format!("{id}   cancelled")), "the same by the server that runs");
}

/// The stock binary, which has no jobs.
#[expect(clippy::disallowed_methods, reason = "the commands are what is tested")]
fn stock(data: &std::path::Path, arguments: &[&str]) -> Ran {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ketch"));
    command.arg("jobs").args(arguments).arg("--data").arg(data).env_remove("KETCH_DATABASE_URL");
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran(output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn payloads_come_from_files_and_from_stdin() {
    let scratch = Scratch::new("jobs-payload");
    let program = Program::with_data(&scratch.path("data"));
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    let file = scratch.write("payload.json", r#"{"do": "give_up"}"#);
    let from = format!("@{}", file.display());
    assert_eq!(program.jobs_json(&["add", "errand", &from, "--delay", "1d"])["payload"]["do"], "give_up");
    let (_, stderr) = program.refused(&["add", "errand", "-"]);
    assert!(stderr.contains("stdin is not JSON"), "stdin is empty here: {stderr}");
    let (_, stderr) = program.refused(&["add", "errand", "@no-such-file"]);
    assert!(stderr.contains("cannot read `no-such-file`"), "{stderr}");
}

#[test]
fn a_queue_that_nobody_here_works_on_is_told() {
    let scratch = Scratch::new("jobs-unattended");
    let program = Program::with_data(&scratch.path("data"));
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    for (queue, told) in [("mial", true), ("default", false)] {
        let add = ["jobs", "add", "errand", r#"{"do": "succeed"}"#, "--queue", queue];
        let Ran(code, _, stderr) = program.run(&add);
        assert_eq!(code, 0, "another process may work on it: {stderr}");
        let words = format!("this program works on no queue `{queue}`");
        assert_eq!(stderr.contains(&words) && stderr.contains("there is: default"), told, "{stderr}");
    }
}

#[test]
fn postgres_is_asked_from_here_whether_a_server_runs_or_not() {
    let scratch = Scratch::new("jobs-postgres");
    let postgres = Postgres::shared();
    let url = postgres.url(&postgres.database());
    let program = Program::with_database(&url, &scratch.path("data"));
    let (_, stderr) = program.refused(&["list"]);
    assert!(stderr.contains("is not up to date") && !stderr.contains(postgres.password()), "{stderr}");
    assert_eq!(program.run(&["migrate", "up"]).0, 0);
    look_after(&program);
    run_one_by_one(&program);
    program.add("succeed", &[]);
    program.jobs(&["run"]);
    let server = program.serve();
    assert!(!scratch.path("data").exists(), "a folder is not made for a socket alone");
    let id = program.add("succeed", &["--delay", "1d"]);
    assert_eq!(program.jobs(&["run", &id]), format!("{id}  done  errand\n"), "beside the server");
    std::fs::create_dir_all(scratch.path("data")).unwrap();
    drop(server);
    let _with_a_folder = program.serve();
    assert!(socket(&scratch.path("data")).exists());
    let id = program.add("succeed", &["--delay", "1d"]);
    assert_eq!(program.jobs(&["run", &id]), format!("{id}  done  errand\n"), "by the server");
    program.jobs(&["run"]);
}
