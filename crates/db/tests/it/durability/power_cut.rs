//! D3: the power is cut. What was acknowledged before is there afterwards, whatever the disk had not written yet; with
//! `Durability::Normal` the same judge finds what is lost.

use std::fs;
use std::path::{Path, PathBuf};

use super::child::{Started, Task, Under, database};
use super::disk::{Cut, Disk};
use super::ledger::{Answered, Found, Run, check};
use super::record::{self, Call, Event};
use super::{Chance, times};
use crate::scratch::Scratch;

/// What a child did, call by call.
struct Recorded {
    scratch: Scratch,
    root: PathBuf,
    events: Vec<Event>,
}

fn recorded(change: impl FnOnce(&mut Run)) -> Recorded {
    let scratch = Scratch::new();
    let (root, file) = (scratch.path("disk"), scratch.path("record"));
    fs::create_dir(&root).expect("a folder");
    let mut run = Run::new(database(&root), 1, 16, 24);
    change(&mut run);
    let lines = Started::under(&Under::record(&file), &Task::Ledger(run.clone())).finish();
    let writes = usize::try_from(run.tasks * run.steps).expect("few");
    assert_eq!(Answered::of(&lines).len(), writes, "a healthy disk takes every write: {lines:#?}");
    let events = record::read(&file, &root);
    Recorded { scratch, root, events }
}

/// What a power cut left, in words, and what was found in it.
async fn cut_once(recorded: &Recorded, seed: u64) -> (String, Found) {
    let mut chance = Chance::of(seed);
    let first = recorded
        .events
        .iter()
        .position(|it| matches!(it.call, Call::MakeFolder { .. }))
        .expect("the child makes its folder");
    let now = first + chance.up_to(recorded.events.len() - 1 - first);
    let cut = [Cut::Nothing, Cut::Everything, Cut::InOrder, Cut::InOrder, Cut::Shuffled, Cut::Shuffled];
    let cut = cut[chance.up_to(cut.len() - 1)];
    let mut disk = Disk::new(&recorded.root);
    recorded.events[..=now].iter().for_each(|event| disk.apply(event));
    let answered = answered_by(&recorded.events, recorded.events[now].ended);
    let image = recorded.scratch.path(&format!("image-{seed}"));
    disk.cut(cut, &mut chance, &image);
    let what = format!("seed {seed}: cut after call {now} of {}, {cut:?}", recorded.events.len());
    let found = check(&database(&image), &answered).await;
    fs::remove_dir_all(&image).expect("an image can go");
    (what, found)
}

/// What had been acknowledged at a moment: the answer may be out as soon as its call has begun.
fn answered_by(events: &[Event], moment: usize) -> Answered {
    let mut answered = Answered::default();
    for event in events.iter().filter(|event| event.begun <= moment) {
        if let Call::Said { text } = &event.call {
            answered.note(text.trim_end());
        }
    }
    answered
}

/// A failed cut's record stays, so that it can be cut again.
fn keep(recorded: &Recorded) -> PathBuf {
    let kept = std::env::temp_dir().join(format!("ketch-db-{}.record", std::process::id()));
    let _reported_anyway = fs::copy(recorded.scratch.path("record"), &kept);
    kept
}

#[tokio::test]
async fn d3_a_power_cut_takes_nothing_that_was_acknowledged() {
    let (cuts, mut rows) = (times(100, 1_000), 0);
    let recorded = recorded(|_| {});
    for seed in 0..cuts {
        let (what, found) = cut_once(&recorded, seed).await;
        if !found.lost.is_empty() || !found.faults.is_empty() {
            found.expect_all(&format!("{what}; record kept: {}", keep(&recorded).display()));
            unreachable!("it was not all there");
        }
        rows += found.rows;
    }
    println!(
        "D3: {cuts} power cuts, seeds 0 to {}, in {} calls, {rows} rows found, 0 acknowledged lost",
        cuts - 1,
        recorded.events.len()
    );
}

#[tokio::test]
async fn d3_with_normal_the_same_judge_finds_the_last_moments_lost_and_nothing_broken() {
    let cuts = times(100, 1_000);
    let recorded = recorded(|run| run.normal = true);
    let (mut lossy, mut lost) = (0, 0);
    for seed in 0..cuts {
        let (what, found) = cut_once(&recorded, seed).await;
        assert!(found.faults.is_empty(), "{what}: {:#?}", found.faults);
        lossy += u64::from(!found.lost.is_empty());
        lost += found.lost.len();
    }
    assert!(lossy > 0, "a judge that finds nothing where something must be lost proves nothing");
    println!("D3 at NORMAL: {cuts} power cuts, {lossy} lost acknowledged writes ({lost}), all whole");
}

/// At the moment an answer begins to leave, what it answers is on the disk, if nothing else is.
#[tokio::test]
async fn no_answer_leaves_before_its_fsync() {
    let recorded = recorded(|_| {});
    let mut disk = Disk::new(&recorded.root);
    let mut pending = recorded.events.iter().collect::<Vec<_>>();
    pending.sort_by_key(|event| event.begun);
    let (mut next, mut stale, mut images, mut answers) = (0, true, 0, 0);
    for answer in pending {
        let Call::Said { text } = &answer.call else { continue };
        let text = text.trim_end();
        if !Answered::default().note(text) {
            continue;
        }
        answers += 1;
        while recorded.events[next].ended < answer.begun {
            stale |= matches!(recorded.events[next].call, Call::Sync { .. });
            disk.apply(&recorded.events[next]);
            next += 1;
        }
        assert_synced_before(&recorded.events, text, answer.begun);
        if stale {
            let image = recorded.scratch.path(&format!("image-{images}"));
            disk.cut(Cut::Nothing, &mut Chance::of(0), &image);
            let answered = answered_by(&recorded.events, answer.begun);
            check(&database(&image), &answered).await.expect_all(&format!("when `{text}` left"));
            (stale, images) = (false, images + 1);
        }
    }
    assert!(images > 1, "there is more than one commit");
    println!("fsync before answer: {answers} answers, {images} states of the disk, 0 too early");
}

/// The same without the model: the row's text was written to the log, and the log was synced, before the answer.
fn assert_synced_before(events: &[Event], answer: &str, begun: usize) {
    let Some(mark) = answer.strip_prefix("mark ") else { return };
    let word = format!("<{mark}>");
    let is_log = |path: &Path| path.to_string_lossy().ends_with("-wal");
    let written = events.iter().find(|event| match &event.call {
        Call::Write { path, bytes, .. } => is_log(path) && holds(bytes, word.as_bytes()),
        _ => false,
    });
    let written = written.unwrap_or_else(|| panic!("`{answer}` was answered and never written"));
    let synced = events.iter().any(|event| match &event.call {
        Call::Sync { path } => is_log(path) && event.begun > written.ended && event.ended < begun,
        _ => false,
    });
    assert!(synced, "`{answer}` was answered before its log was synced");
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
