//! R6: the wall clock jumps under a real process. Each slot is run once, and when the clock is right again, all goes on.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ketch_db::params;
use ketch_testkit::Scratch;
use serde::{Deserialize, Serialize};

use super::open;
use super::processes::{Task, more, process, said, seconds, work};

/// Where the clock is put, by how many seconds that is off, and whether slots come then: what was due before a schedule
/// was first seen, and what was run, is not run.
const JUMPS: [(&str, i64, bool); 6] = [
    ("+1y", 365 * 86_400, true),
    ("-1h", -3_600, false),
    ("+0s", 0, true),
    ("+5s", 5, true),
    ("-5s", -5, false),
    ("+0s", 0, true),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Jumps {
    url: String,
    /// What `faketime` reads the clock's offset from.
    offset: PathBuf,
}

pub(super) async fn run(jumps: Jumps) {
    let db = open(&jumps.url).await;
    let running = work(&db).await;
    more(&db, "second", 2).await;
    let (wall, steady) = (now(), tokio::time::Instant::now());
    for (jump, seconds, runs) in JUMPS {
        // As a whole or not at all: it is read at any moment.
        let fresh = jumps.offset.with_extension("fresh");
        fs::write(&fresh, jump).and_then(|()| fs::rename(&fresh, &jumps.offset)).expect("the clock is set");
        let off = now() - wall - i64::try_from(steady.elapsed().as_secs()).expect("not that long");
        assert!((off - seconds).abs() <= 2, "the clock did not jump by {jump} but by {off} s");
        if runs {
            more(&db, "pulse", 3).await;
            more(&db, "second", 3).await;
        } else {
            // What would be run again has its time for that.
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
    running.stop(Duration::from_secs(10)).await;
    // Nothing that was enqueued hangs, though its time jumped too.
    let left: i64 = db
        .query_one("select count(*) from job_queue where status = 'running'", params! {})
        .await
        .expect("a number");
    assert_eq!(left, 0);
    db.close().await;
}

#[expect(clippy::disallowed_methods, reason = "the clock under test is the system's")]
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("not that late")
}

#[tokio::test]
async fn r6_a_wall_clock_that_jumps_runs_each_slot_once() {
    let folder = Scratch::new();
    let offset = folder.path().join("offset");
    fs::write(&offset, "+0s").expect("a folder of the test's own");
    // The steady clock stays what it is; `faketime` sets the library up, and its own offset gives way to the file's.
    let under = [
        ["faketime", "-m", "--exclude-monotonic", "-f", "+0s"].as_slice(),
        &["sh", "-c", r#"unset FAKETIME; exec "$0" "$@""#],
    ];
    let variables =
        [("FAKETIME_TIMESTAMP_FILE", offset.display().to_string()), ("FAKETIME_NO_CACHE", "1".to_owned())];
    let task = Task::Clock(Jumps { url: folder.url(), offset });
    let child = process(&under.concat(), &variables, &task);
    let (well, said) = tokio::task::spawn_blocking(|| said(child)).await.expect("it is waited for");
    assert!(well, "{said}");
    assert!(!said.contains("ERROR"), "{said}");
    let db = open(&folder.url()).await;
    for schedule in ["pulse", "second"] {
        let slots = seconds(&db, schedule).await;
        assert!(slots.is_sorted_by(|one, next| one < next), "a slot was run twice: {slots:?}");
        assert!(slots.len() > 12, "{slots:?}");
    }
}
