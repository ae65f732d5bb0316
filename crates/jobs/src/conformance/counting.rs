//! Counts are those of the table.

use std::time::Duration;

use super::case::{Case, case};
use super::check::{Checked, same};
use super::setting::{Setting, failed, over, say};
use crate::manage::Counts;
use crate::row::Status;
use crate::store::Fate;

pub(super) const CASES: &[Case] = &[
    case!("counting", nothing_is_counted_in_an_empty_queue),
    case!("counting", every_state_is_counted),
    case!("counting", the_one_that_is_due_longest_is_found_in_any_queue),
];

async fn nothing_is_counted_in_an_empty_queue(setting: Setting) -> Checked {
    same("counts", &setting.jobs.counts().await?, &Counts::default())
}

async fn every_state_is_counted(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for n in 0..10 {
        setting.say(&n.to_string()).await?;
    }
    let mut claimed = setting.claim(&runner, 10).await?.into_iter().map(|one| one.claim);
    let then = setting.jobs.now() + 60_000;
    let mut endings = Vec::new();
    endings.extend(claimed.by_ref().take(4).map(|claim| (claim, over(Status::Done))));
    endings.extend(claimed.by_ref().take(2).map(|claim| (claim, failed(Fate::Over(Status::Dead), "no"))));
    endings.extend(claimed.by_ref().take(1).map(|claim| (claim, over(Status::Cancelled))));
    endings.extend(claimed.by_ref().take(2).map(|claim| (claim, failed(Fate::Again(then), "later"))));
    setting.settle(endings).await?;
    for _ in 0..3 {
        setting.say("due").await?;
    }
    setting.clock.advance(Duration::from_millis(1_500));
    let expected = Counts {
        pending: 5,
        due: 3,
        waiting: 2,
        retrying: 2,
        running: 1,
        done: 4,
        dead: 2,
        cancelled: 1,
        oldest_due: Some(Duration::from_millis(1_500)),
    };
    same("counts", &setting.jobs.counts().await?, &expected)
}

async fn the_one_that_is_due_longest_is_found_in_any_queue(setting: Setting) -> Checked {
    for (queue, priority, delay) in
        [("c", 9, 30), ("a", 5, 20), ("b", 0, 10), ("b", 9, 40), ("z", 1, 3_600_000)]
    {
        let delay = Duration::from_millis(delay);
        setting.jobs.add_raw(say("x").queue(queue).priority(priority).delay(delay)).await?;
    }
    same("before", &setting.jobs.counts().await?.oldest_due, &None)?;
    setting.clock.advance(Duration::from_millis(50));
    let counts = setting.jobs.counts().await?;
    same("due and waiting", &(counts.due, counts.waiting), &(4, 1))?;
    same("the oldest", &counts.oldest_due, &Some(Duration::from_millis(40)))
}
