//! Jobs and the life of their server: begun last, ended first, and run by somebody else when this process does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ketch::jobs::{JobRow, Status};
use ketch::prelude::*;
use ketch::test::{Scratch, TestServer, client_on};
use ketch::{Limits, Stopped};
use serde::{Deserialize, Serialize};

use crate::jobs_orders::{Receipt, orders};

/// Asks a server on a socket for a page of jobs until it is as wanted.
async fn eventually(jobs: &Jobs, id: i64, wanted: Status) -> JobRow {
    let looks = async {
        loop {
            match jobs.get(id).await.unwrap() {
                Some(row) if row.status == wanted => return row,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looks).await.expect("it comes to that")
}

/// Runs until it is told to end, and then fails or not.
#[derive(Serialize, Deserialize)]
struct Patient {
    done_in_time: bool,
}

impl Job for Patient {
    const TYPE: &'static str = "patient";
    /// How many have begun.
    type State = Arc<AtomicUsize>;

    async fn run(self, ctx: JobCtx<Self::State>) -> JobResult {
        ctx.state().fetch_add(1, Ordering::AcqRel);
        ctx.ended().await;
        if self.done_in_time { Ok(()) } else { std::future::pending().await }
    }
}

#[tokio::test]
async fn jobs_are_not_begun_before_the_start_hooks_are_done() {
    let scratch = Scratch::new();
    let before = orders();
    let jobs = before.jobs();
    let client = client_on(before, scratch.url());
    client.ready().await;
    let id = jobs.add(&Receipt { order: 4 }).await.unwrap().id();
    jobs.db().close().await;
    drop(client);

    let server = orders();
    let (jobs, db) = (server.jobs(), server.db());
    let claimed = Arc::new(AtomicBool::new(false));
    let (found, look) = (claimed.clone(), jobs.clone());
    let server = server.on_start(move |_| async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let row = look.get(id).await?.expect("it is kept");
        found.store(row.attempts > 0, Ordering::Release);
        Ok(())
    });
    let running = TestServer::start_on(server, scratch.url()).await;
    let row = eventually(&jobs, id, Status::Done).await;
    assert_eq!(row.attempts, 1);
    assert!(!claimed.load(Ordering::Acquire), "nothing was begun while the hook ran");
    assert_eq!(db.query_one::<i64>("select order_id from receipts", params! {}).await.unwrap(), 4);
    assert_eq!(running.stop().await, Stopped::Drained);
}

#[tokio::test]
async fn a_stop_lets_jobs_end_and_gives_back_those_that_do_not() {
    let scratch = Scratch::new();
    let begun = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let limits = Limits { drain: Duration::from_millis(500), ..Limits::default() };
    let server = Server::new().limits(limits);
    let jobs = server.jobs();
    let server = server.job::<Patient>(begun[0].clone());
    let running = TestServer::start_on(server, scratch.url()).await;
    let ends = jobs.add(&Patient { done_in_time: true }).await.unwrap().id();
    let stays = jobs.add(&Patient { done_in_time: false }).await.unwrap().id();
    for id in [ends, stays] {
        eventually(&jobs, id, Status::Running).await;
    }
    // A job that was claimed and had not begun is given back.
    let both = async {
        while begun[0].load(Ordering::Acquire) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("both begin");
    assert_eq!(running.stop().await, Stopped::Drained, "jobs that were given back are no harm");

    let server = Server::new().without_runner();
    let jobs = server.jobs();
    let looks = client_on(server.job::<Patient>(begun[1].clone()), scratch.url());
    looks.ready().await;
    let (ended, given_back) =
        (jobs.get(ends).await.unwrap().unwrap(), jobs.get(stays).await.unwrap().unwrap());
    assert_eq!((ended.status, ended.attempts), (Status::Done, 1));
    assert_eq!((given_back.status, given_back.attempts), (Status::Pending, 0));
    assert_eq!(given_back.claimed_by, None);
    assert_eq!(begun[1].load(Ordering::Acquire), 0, "a server without a runner leaves it");
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_server_without_a_runner_enqueues_another_one_runs() {
    let database = ketch::test::postgres::Postgres::shared().fresh();
    let runs = orders();
    let other = TestServer::start_on(runs, database.clone()).await;
    let front = orders().without_runner();
    let jobs = front.jobs();
    let front = TestServer::start_on(front, database.clone()).await;
    let id = jobs.add(&Receipt { order: 11 }).await.unwrap().id();
    eventually(&jobs, id, Status::Done).await;
    assert_eq!(jobs.stats().of("receipt").map(|of| of.claimed), Some(0), "the first one only enqueued it");
    assert_eq!(front.stop().await, Stopped::Drained);
    assert_eq!(other.stop().await, Stopped::Drained);
}

#[cfg(unix)]
mod signals {
    //! What a test cannot do to itself: a server in a process of its own that is told to stop while jobs run.

    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::process::{Command, ExitCode};
    use std::time::Instant;

    use super::*;
    use crate::child::Served;

    const FOLDER: &str = "KETCH_JOBS_CHILD";
    const DRAIN: &str = "KETCH_JOBS_DRAIN";

    /// Does nothing in an ordinary run; in the child it is a server that begins with two jobs.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the child is told what it is by its environment")]
    fn runs_jobs_when_asked() {
        let Some(folder) = std::env::var_os(FOLDER) else { return };
        let drain = std::env::var(DRAIN).unwrap().parse().unwrap();
        let limits = Limits { drain: Duration::from_millis(drain), ..Limits::default() };
        let server = Server::new().limits(limits).data_folder(folder).admin(|s| s.public());
        let jobs = server.jobs();
        let server = server.job::<Patient>(Arc::default()).on_start(move |_| async move {
            for done_in_time in [true, false] {
                jobs.add(&Patient { done_in_time }).await?;
            }
            Ok(())
        });
        let code = ketch::main_from(["ketch", "serve", "--listen", "127.0.0.1:0"], server);
        assert_eq!(code, ExitCode::SUCCESS);
    }

    /// Such a server, when it has begun both jobs.
    #[expect(clippy::disallowed_methods, reason = "the child is this test binary itself")]
    fn begun(scratch: &Scratch, drain: Duration) -> Served {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "jobs_stop::signals::runs_jobs_when_asked", "--nocapture"]);
        command.env(FOLDER, scratch.path()).env(DRAIN, drain.as_millis().to_string());
        let served = Served::launch(command);
        let from = Instant::now();
        while !ask(&served, "/admin/jobs/stats").contains("\"running\":2,\"done\"") {
            assert!(from.elapsed().as_secs() < 30, "the jobs are begun");
            std::thread::sleep(Duration::from_millis(5));
        }
        served
    }

    fn ask(served: &Served, path: &str) -> String {
        let mut stream = TcpStream::connect(served.addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    /// The two jobs as they were left, seen by a server that runs none.
    async fn left(scratch: &Scratch) -> [JobRow; 2] {
        let server = Server::new().data_folder(scratch.path()).without_runner();
        let jobs = server.jobs();
        let looks = client_on(server, scratch.url());
        looks.ready().await;
        let get = async |id| jobs.get(id).await.unwrap().expect("it is kept");
        [get(1).await, get(2).await]
    }

    #[tokio::test]
    async fn sigterm_gives_jobs_the_drain_and_gives_back_the_rest() {
        let scratch = Scratch::new();
        let served = begun(&scratch, Duration::from_millis(500));
        served.signal("TERM");
        let (status, said) = served.wait();
        assert!(status.success(), "{status}: {said}");
        let [ended, given_back] = left(&scratch).await;
        assert_eq!((ended.status, ended.attempts), (Status::Done, 1), "{said}");
        assert_eq!((given_back.status, given_back.attempts), (Status::Pending, 0), "{said}");
    }

    #[tokio::test]
    async fn a_second_signal_leaves_them_and_the_next_start_runs_them_again() {
        let scratch = Scratch::new();
        let served = begun(&scratch, Duration::from_secs(600));
        let told = Instant::now();
        served.signal("TERM");
        while TcpStream::connect(served.addr).is_ok() {
            std::thread::yield_now();
        }
        served.signal("TERM");
        let (status, said) = served.wait();
        assert!(!status.success(), "{said}");
        assert!(told.elapsed().as_secs() < 10, "took {:?}", told.elapsed());
        assert!(said.contains("stopped before the jobs were given back"), "{said}");
        let [_, left_alone] = left(&scratch).await;
        assert_eq!((left_alone.status, left_alone.attempts), (Status::Running, 1), "nothing was given back");

        let again = begun_again(&scratch).await;
        assert_eq!((again.status, again.attempts), (Status::Running, 2), "that attempt counts");
    }

    /// The job that was left alone, once the next server has begun it.
    async fn begun_again(scratch: &Scratch) -> JobRow {
        let begun = Arc::new(AtomicUsize::new(0));
        let limits = Limits { drain: Duration::from_millis(100), ..Limits::default() };
        let server = Server::new().limits(limits);
        let jobs = server.jobs();
        let server = TestServer::start_on(server.job::<Patient>(begun), scratch.url()).await;
        let row = eventually(&jobs, 2, Status::Running).await;
        assert_eq!(server.stop().await, Stopped::Drained);
        row
    }
}
