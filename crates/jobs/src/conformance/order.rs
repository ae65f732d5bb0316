//! What is due is found in order, and what is not due is not found.

use std::time::Duration;

use super::case::{Case, case};
use super::check::{Checked, same};
use super::setting::{Setting, say, words};
use crate::store;

pub(super) const CASES: &[Case] = &[
    case!("order", the_higher_priority_is_first),
    case!("order", of_one_priority_what_is_due_longest_is_first),
    case!("order", what_is_due_at_the_same_time_keeps_its_order),
    case!("order", what_is_not_due_is_not_found_whatever_its_priority),
    case!("order", a_queue_finds_its_own),
    case!("order", as_many_as_are_asked_for_the_first_ones),
    case!("order", the_next_moment_is_known),
];

async fn the_higher_priority_is_first(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for priority in [3, 9, 0, 7, 1, 8, 4, 6, 2, 5] {
        setting.jobs.add_raw(say(&priority.to_string()).priority(priority)).await?;
        setting.clock.advance(Duration::from_millis(1));
    }
    let claimed = setting.claim(&runner, 100).await?;
    same("order", &words(&claimed).join(""), &"9876543210".to_owned())
}

async fn of_one_priority_what_is_due_longest_is_first(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for (word, delay) in [("c", 30), ("a", 10), ("d", 40), ("b", 20)] {
        setting.jobs.add_raw(say(word).delay(Duration::from_millis(delay))).await?;
    }
    setting.clock.advance(Duration::from_millis(40));
    let claimed = setting.claim(&runner, 100).await?;
    same("order", &words(&claimed).join(""), &"abcd".to_owned())
}

async fn what_is_due_at_the_same_time_keeps_its_order(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for word in ["a", "b", "c", "d"] {
        setting.say(word).await?;
    }
    let mut order = String::new();
    for _ in 0..2 {
        order += &words(&setting.claim(&runner, 2).await?).join("");
    }
    same("order", &order, &"abcd".to_owned())
}

async fn what_is_not_due_is_not_found_whatever_its_priority(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for n in 0..50_i64 {
        setting.jobs.add_raw(say("later").priority(9 - n % 9).delay(Duration::from_secs(1))).await?;
    }
    setting.jobs.add_raw(say("now").priority(0)).await?;
    same("found", &words(&setting.claim(&runner, 100).await?), &vec!["now".to_owned()])?;
    setting.clock.advance(Duration::from_millis(999));
    same("a millisecond before", &setting.claim(&runner, 100).await?.len(), &0)?;
    setting.clock.advance(Duration::from_millis(1));
    same("on time", &setting.claim(&runner, 100).await?.len(), &50)
}

async fn a_queue_finds_its_own(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    setting.say("default").await?;
    setting.jobs.add_raw(say("voices").queue("voices")).await?;
    let claimed = setting.claim_from("voices", &runner, 10).await?;
    same("found", &words(&claimed), &vec!["voices".to_owned()])?;
    same("an unknown queue", &setting.claim_from("nobody", &runner, 10).await?.len(), &0)
}

async fn as_many_as_are_asked_for_the_first_ones(setting: Setting) -> Checked {
    let runner = setting.runner("a-0").await?;
    for n in 0..30_i64 {
        setting.jobs.add_raw(say(&format!("p{}", n % 3)).priority(n % 3)).await?;
    }
    let mut found = Vec::new();
    for most in [1, 12, 0, 100] {
        let claimed = setting.claim(&runner, most).await?;
        found.push(claimed.len());
        let mut sorted = words(&claimed);
        sorted.sort_by(|a, b| b.cmp(a));
        same("the highest first", &words(&claimed), &sorted)?;
    }
    same("how many", &found, &vec![1, 12, 0, 17])
}

async fn the_next_moment_is_known(setting: Setting) -> Checked {
    let now = setting.jobs.now();
    same("nothing waits", &store::next_due(&setting.db, "default").await?, &None)?;
    for (priority, delay) in [(9, 5_000), (0, 3_000), (5, 4_000)] {
        setting.jobs.add_raw(say("x").priority(priority).delay(Duration::from_millis(delay))).await?;
    }
    setting.jobs.add_raw(say("x").queue("voices")).await?;
    same("the first of all", &store::next_due(&setting.db, "default").await?, &Some(now + 3_000))?;
    let runner = setting.runner("a-0").await?;
    setting.clock.advance(Duration::from_millis(3_500));
    setting.claim_one(&runner).await?;
    same("once that runs", &store::next_due(&setting.db, "default").await?, &Some(now + 4_000))
}
