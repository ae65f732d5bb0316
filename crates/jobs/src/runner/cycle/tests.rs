//! What the loop does when nothing goes on.

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Error};
use ketch_testkit::Scratch;

use super::*;
use crate::context::Told;
use crate::runner::ending::Attempt;
use crate::runner::slots::Begun;
use crate::store::Claim;

/// A runner of no queue, which is one whose queues are all full.
async fn full(folder: &Scratch) -> Cycle {
    let options = ketch_db::Options::default();
    let driver = ketch_db::connect(&folder.url().parse().expect("a URL"), &options).await.expect("it opens");
    let db = Db::unconnected();
    db.connect(driver, &options).expect("a new handle");
    let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
    ketch_db::migrate::up(&db, &[crate::migrations()], &wanted).await.expect("the tables are made");
    let jobs = Jobs::new(db);
    let membership = Membership::begin(&jobs).await.expect("it is there");
    let (_tell, told) = watch::channel(Phase::Working);
    Cycle::new(jobs, Registry::default(), Vec::new(), membership, told, Scope::Everything)
}

#[tokio::test]
async fn after_trouble_it_asks_again_or_sleeps_and_does_not_spin() {
    let folder = Scratch::new();
    let mut cycle = full(&folder).await;
    for doubt in [true, false] {
        cycle.trouble(&Error::Busy);
        // Somebody enqueues, and there is no slot.
        (cycle.wants.turn, cycle.doubt) = (true, doubt);
        cycle.next_look = after(Duration::from_secs(60));
        sleep_until(cycle.outage.until().expect("there is trouble")).await;
        cycle.ask();
        let (asks, wakes) = (cycle.question.is_some(), cycle.next_wake());
        assert!(asks || wakes > Instant::now(), "doubt: {doubt}");
        cycle.question = None;
    }
}

#[tokio::test]
async fn a_job_that_is_cancelled_again_and_again_costs_one_look() {
    let folder = Scratch::new();
    let mut cycle = full(&folder).await;
    cycle.slots = Slots::of_queues(1);
    let attempt =
        Attempt { id: 7, job_type: "do".to_owned(), number: 1, most: 1, backoff: crate::job::backoff };
    let claim = Claim { id: 7, runner: Arc::clone(&cycle.id), token: 1 };
    let (told, _hears) = watch::channel(Told::Nothing);
    let abort = cycle.runs.spawn(std::future::pending());
    let says = Arc::new(Says::new(Arc::default()));
    let deadline = Duration::from_secs(60);
    cycle.slots.begin(Begun { claim, attempt, queue: 0, deadline, says, told, abort });
    cycle.cancelled(Some(8));
    assert!(!cycle.wants.cancels, "nobody here runs it");
    cycle.cancelled(Some(7));
    assert!(cycle.wants.cancels, "the table knows whether it is so");
    cycle.wants.cancels = false;
    cycle.slots.end_job(7, Why::Cancelled, Duration::from_secs(60));
    cycle.cancelled(Some(7));
    assert!(!cycle.wants.cancels, "it was told");
}
