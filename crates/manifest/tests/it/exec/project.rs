//! Projects of one program, and what becomes of its processes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ketch_manifest::{Driver, Native, Project, Stored, Surroundings, shipped};
use ketch_model::Settings;
use ketch_testkit::{Answer, Client};
use ketch_web::App;

use crate::place::Place;

/// As long as a promised time of 200 ms may take here: ten times as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// A project whose `GET /run/{do}` is answered by this program, with these options of `exec` and this time-out.
pub(crate) fn project(program: &str, exec: &str, timeout: &str) -> Place {
    let api = format!(
        r#"{{ "/": {{ "run": {{ "/": {{ "{{do}}": {{ "GET": {{
            "info": "Runs it.", "timeout": "{timeout}", "run": "program", "exec": {exec},
            "in": {{ "do": {{ "info": "what to do", "type": "string" }} }}
        }} }} }} }} }} }}"#
    );
    Place::new(&[("api.json", &api), ("program", program)])
}

/// A client, with drivers that may have been used before.
pub(crate) fn client(place: &Place, drivers: &[Arc<dyn Driver>]) -> Client {
    let mut problems = Vec::new();
    let project = Project::open(place.path(), &mut problems).expect("there is one");
    let (server, native) = (Settings::new(), Native::default());
    let around = Surroundings {
        server: &server,
        native: &native,
        drivers,
        db: None,
        stored: Stored::default(),
        mode: ketch_web::Mode::Development,
    };
    let lowered = project.lower(&around, &mut problems);
    assert!(problems.is_empty(), "{problems:#?}");
    let mut app = App::builder();
    (app.routes, app.middlewares) = (lowered.routes, lowered.middlewares);
    Client::new(app.build().map(Arc::new).expect("it is in order"))
}

/// One request to a program of its own.
pub(crate) async fn once(program: &str, exec: &str, timeout: &str) -> Answer {
    client(&project(program, exec, timeout), &shipped()).get("/run/it").await
}

/// The numbers that a program wrote into a file, one a line.
pub(crate) fn numbers(place: &Place, file: &str) -> Vec<u32> {
    let text = fs::read_to_string(place.path().join(file)).unwrap_or_default();
    text.lines().map(|line| line.trim().parse().expect("it is a number")).collect()
}

/// Waits until these processes are gone, zombies too: but what has ended and has no parent any more is reaped by the
/// system's first process, whenever that does so.
pub(crate) async fn gone(pids: &[u32]) {
    assert!(!pids.is_empty(), "the program wrote down its processes");
    let ended_orphan = |pid: &u32| {
        let stat = state(*pid);
        let mut after_name = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        (after_name.next(), after_name.next()) == (Some("Z"), Some("1"))
    };
    let there = |pid: &&u32| Path::new("/proc").join(pid.to_string()).exists() && !ended_orphan(pid);
    let all = async {
        while pids.iter().any(|pid| there(&pid)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let left = tokio::time::timeout(PATIENCE, all).await;
    assert!(
        left.is_ok(),
        "these are left: {:?}",
        pids.iter().filter(there).map(|pid| state(*pid)).collect::<Vec<_>>()
    );
}

/// Waits until no process works in this project's folder, whatever it is called and whoever started it.
pub(crate) async fn deserted(place: &Place) {
    let folder = place.path().canonicalize().expect("it is there");
    let works_there =
        |entry: fs::DirEntry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder);
    let all = || fs::read_dir("/proc").expect("it is Linux").flatten();
    until("the folder is deserted", || !all().any(works_there)).await;
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not within {PATIENCE:?}: {what}");
}

/// Asks, hangs up when it runs, and waits until what ran is gone.
pub(crate) async fn hung_up(client: &Client, place: &Place) {
    {
        let request = client.get("/run/it");
        tokio::pin!(request);
        tokio::select! {
            answer = &mut request => panic!("it answered {}", answer.status),
            () = until("it runs", || !numbers(place, "pids").is_empty()) => {}
        }
    }
    gone(&numbers(place, "pids")).await;
}

fn state(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

/// Runs an ignored test in a process of its own, so that what the others do is not measured with it.
#[expect(clippy::disallowed_methods, reason = "the name of this program")]
pub(crate) fn alone(test: &str) {
    let program = std::env::current_exe().expect("it has a name");
    let ran = Command::new(program).args(["--exact", test, "--ignored"]).output().expect("it can be run");
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

/// The memory of this process that is in use, in bytes.
pub(crate) fn memory() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("it is Linux");
    let pages: usize =
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("it has two numbers");
    pages * 4096
}

/// A worker in shell. `on` is what stands in `case $line in … esac` before the reply, which has its process and the line.
pub(crate) fn shell(on: &str) -> String {
    format!(
        r#"#!/bin/sh
echo $$ >> pids
while read -r line; do
    id=${{line#*'"id":'}}
    id=${{id%%,*}}
    result="{{\"pid\":$$}}"
    case $line in
{on}
    esac
    printf '{{"jsonrpc":"2.0","id":%s,"result":%s}}\n' "$id" "$result"
done
echo $$ >> ended
"#
    )
}
