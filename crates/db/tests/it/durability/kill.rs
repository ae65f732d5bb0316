//! D1: the process is killed at any moment of a burst of writes. Nothing that was acknowledged is lost, and the next
//! process soon answers.

use std::time::{Duration, Instant};

use super::child::{Started, Task, database};
use super::ledger::{Answered, Run, check};
use super::{Chance, promised, times};
use crate::scratch::Scratch;

/// From the start of the process to its first answered write.
const RESTART: Duration = Duration::from_secs(2);

#[tokio::test]
async fn d1_a_killed_process_loses_nothing_that_was_acknowledged() {
    let rounds = times(20, 200);
    let (mut writes, mut slowest) = (0, Duration::ZERO);
    let mut scratch = Scratch::new();
    let mut answered = Answered::default();
    for round in 0..rounds {
        // Some rounds meet what the ones before have left, and no round has to read too much.
        if round % 5 == 0 {
            (scratch, answered) = (Scratch::new(), Answered::default());
        }
        let mut chance = Chance::of(round);
        let run = Run::new(database(scratch.as_ref()), u32::try_from(round).unwrap(), 16, 63);
        let started = Instant::now();
        let mut child = Started::new(&Task::Ledger(run));
        let (mut left, before) = (chance.up_to(1_000), answered.len());
        if chance.up_to(4) == 0 {
            // While it opens, or soon after.
            std::thread::sleep(Duration::from_micros(chance.up_to(60_000) as u64));
            left = 0;
        }
        while left > 0 {
            let Some(line) = child.line() else { break };
            match line.as_str() {
                "ready" => slowest = slowest.max(started.elapsed()),
                "end" => break,
                line => left -= usize::from(answered.note(line)),
            }
            assert!(!line.starts_with("failed"), "round {round}: {line}");
        }
        child.kill();
        while let Some(line) = child.line() {
            answered.note(&line);
        }
        writes += answered.len() - before;
        let found = check(&database(scratch.as_ref()), &answered).await;
        found.expect_all(&format!("round {round}, killed after {} answers", answered.len() - before));
    }
    assert!(slowest < promised(RESTART), "the slowest start took {slowest:?}");
    println!("D1: {rounds} rounds, {writes} acknowledged writes, 0 lost, slowest start {slowest:?}");
}
