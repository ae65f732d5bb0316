//! A deep queue is not slower: what the planners make of the statements, whatever their statistics say, and what it
//! takes at a million rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ketch_db::migrate::{Backup, Wanted};
use ketch_db::{Db, Dialect, Options, Tx, params};
use ketch_testkit::Scratch;
use ketch_testkit::postgres::Postgres;

use super::claim::{NEXT_DUE, POSTGRES, SQLITE};
use super::{Claimed, Ending, Fate};
use crate::jobs::{Jobs, migrations};
use crate::manage::{Filter, Purge};
use crate::row::Status;

const NOW: i64 = 1_800_000_000_000;

async fn sqlite(folder: &Scratch) -> Db {
    open(&folder.url()).await
}

async fn open(url: &str) -> Db {
    let mut options = Options::default();
    options.alone_time = Duration::from_mins(10);
    let driver = ketch_db::connect(&url.parse().expect("a URL"), &options).await.expect("it opens");
    let db = Db::unconnected();
    db.connect(driver, &options).expect("a new handle");
    let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
    ketch_db::migrate::up(&db, &[migrations()], &wanted).await.expect("the tables are made");
    db
}

/// Adds `count` rows: `status`, a priority by its expression of `i`, due at an expression of `i` from [`NOW`] on.
fn rows(count: i64, status: &str, priority: &str, due: &str) -> String {
    let finished = if matches!(status, "pending" | "running") { "null" } else { "1799999000000 + i" };
    format!(
        "insert into job_queue (job_type, payload, status, priority, run_at, finished_at) \
         with recursive n (i) as (select 0 union all select i + 1 from n where i < {count} - 1) \
         select 'say', '{{\"word\": \"hello\"}}', '{status}', {priority}, {NOW} + ({due}), {finished} from n"
    )
}

async fn fill(db: &Db, sql: String) {
    db.write_alone(move |tx| tx.execute(sql.clone(), params! {})).await.expect("rows are inserted");
}

async fn plan(db: &Db, sql: &str, params: ketch_db::Params) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Line {
        detail: String,
    }
    let lines: Vec<Line> = db.query(format!("explain query plan {sql}"), params).await.expect("a plan");
    lines.into_iter().map(|line| line.detail).collect()
}

#[tokio::test]
async fn sqlite_reads_the_head_of_each_priority_whatever_its_statistics_say() {
    let folder = Scratch::new();
    let db = sqlite(&folder).await;
    for (what, sql) in [
        ("empty", None),
        ("all done", Some(rows(2_000, "done", "5", "0"))),
        ("all waiting for their time", Some(rows(5_000, "pending", "9", "60000 + i"))),
        ("all due", Some(rows(5_000, "pending", "5", "-i"))),
    ] {
        if let Some(sql) = sql {
            fill(&db, sql).await;
        }
        for analyzed in [false, true] {
            if analyzed {
                db.execute("analyze", params! {}).await.expect("statistics");
            }
            let claim = params! { runner: "a-0", queue: "default", most: 16, now: NOW };
            let heads = "SEARCH job_queue USING COVERING INDEX job_queue_pending \
                         (queue=? AND priority=? AND run_at<?)";
            let lines = plan(&db, &SQLITE, claim).await;
            let found = lines.iter().filter(|line| *line == heads).count();
            assert_eq!(found, 10, "{what}, analyzed: {analyzed}: {lines:#?}");
            let table = "SEARCH job_queue USING INTEGER PRIMARY KEY (rowid=?)";
            assert!(lines.iter().any(|line| line == table), "{what}, analyzed: {analyzed}: {lines:#?}");
            let bad = |line: &String| line.contains("SCAN job_queue") || line.contains("TEMP B-TREE");
            assert!(!lines.iter().any(bad), "{what}, analyzed: {analyzed}: {lines:#?}");
            let lines = plan(&db, &NEXT_DUE, params! { queue: "default" }).await;
            let next = "SEARCH job_queue USING COVERING INDEX job_queue_pending (queue=? AND priority=?)";
            let found = lines.iter().filter(|line| *line == next).count();
            assert_eq!(found, 10, "{what}, analyzed: {analyzed}: {lines:#?}");
            assert!(!lines.iter().any(bad), "{what}, analyzed: {analyzed}: {lines:#?}");
        }
    }
    db.close().await;
}

/// A statement as the server knows it, with numbers for names.
fn numbered(sql: &str, values: &[(&str, &str, &str)]) -> (String, String) {
    let mut text = sql.to_owned();
    for (at, (name, _, _)) in values.iter().enumerate() {
        text = text.replace(&format!(":{name}"), &format!("${}", at + 1));
    }
    let types: Vec<_> = values.iter().map(|(_, ty, _)| *ty).collect();
    let shown: Vec<_> = values.iter().map(|(_, _, value)| *value).collect();
    (format!("prepare it ({}) as {text};", types.join(", ")), shown.join(", "))
}

/// The step of a plan that reads more than it needs.
fn reads_all(plan: &str) -> Option<&str> {
    let steps = plan.lines().map(|line| line.trim_start_matches([' ', '-', '>']));
    let all = ["Seq Scan on job_queue", "Bitmap Index Scan on job_queue_pending", "Hash"];
    steps.into_iter().find(|step| *step == "Sort" || all.iter().any(|all| step.starts_with(all)))
}

/// What was there when statistics were taken last, and what came since.
fn states() -> [(&'static str, Vec<String>, Vec<String>); 5] {
    [
        ("never analyzed", vec![], vec![rows(30_000, "pending", "5", "-i")]),
        (
            "empty when analyzed",
            vec!["analyze job_queue".to_owned()],
            vec![rows(30_000, "pending", "5", "-i")],
        ),
        (
            "all done when analyzed",
            vec![rows(30_000, "done", "5", "0"), "analyze job_queue".to_owned()],
            vec![rows(30_000, "pending", "i % 10", "-i")],
        ),
        (
            "a few when analyzed",
            vec![rows(200, "pending", "i % 10", "-i"), "analyze job_queue".to_owned()],
            vec![rows(30_000, "pending", "0", "-i")],
        ),
        (
            "all waiting when analyzed",
            vec![rows(30_000, "pending", "9", "60000 + i"), "analyze job_queue".to_owned()],
            vec![rows(100, "pending", "0", "-i")],
        ),
    ]
}

#[tokio::test]
async fn postgres_reads_the_head_of_each_priority_whatever_its_statistics_say() {
    let server = Postgres::shared();
    let now = NOW.to_string();
    let claim = [
        ("runner", "text", "'a-0'"),
        ("queue", "text", "'default'"),
        ("most", "bigint", "16"),
        ("now", "bigint", now.as_str()),
    ];
    for (what, before, after) in states() {
        let database = server.database();
        open(&server.url(&database)).await.close().await;
        server.psql(&database, "alter table job_queue set (autovacuum_enabled = off)");
        for sql in before.iter().chain(&after) {
            server.psql(&database, sql);
        }
        for mode in ["force_generic_plan", "force_custom_plan"] {
            for most in ["1", "16", "1024"] {
                let mut claim = claim;
                claim[2].2 = most;
                let (prepare, values) = numbered(&POSTGRES, &claim);
                let sql = format!(
                    "set plan_cache_mode = {mode}; {prepare} explain (costs off) execute it ({values})"
                );
                let plan = server.psql(&database, &sql);
                let heads = plan.matches("Index Scan using job_queue_pending on job_queue").count()
                    + plan.matches("Index Only Scan using job_queue_pending on job_queue").count();
                assert_eq!(heads, 10, "{what}, {mode}, {most}:\n{plan}");
                assert_eq!(reads_all(&plan), None, "{what}, {mode}, {most}:\n{plan}");
            }
            let (prepare, values) = numbered(&NEXT_DUE, &claim[1..2]);
            let sql =
                format!("set plan_cache_mode = {mode}; {prepare} explain (costs off) execute it ({values})");
            let plan = server.psql(&database, &sql);
            assert_eq!(
                plan.matches("using job_queue_pending on job_queue").count(),
                10,
                "{what}, {mode}:\n{plan}"
            );
            assert_eq!(reads_all(&plan), None, "{what}, {mode}:\n{plan}");
        }
    }
}

/// The middle of many times, which the noise of the machine does not reach.
fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What 200 claims of 16 take, each settled, without their commits; and then what people ask.
async fn measured(db: &Db, what: &str) -> Duration {
    let jobs = Jobs::new(db.clone());
    let runner: Arc<str> = "measure-0".into();
    if db.dialect() == Ok(Dialect::Postgres) && !super::beat(db, &runner).await.expect("a beat") {
        super::register(db, &runner, 0).await.expect("a runner");
    }
    let (mut claims, mut settles, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    for _ in 0..200 {
        let name = Arc::clone(&runner);
        let work = move |tx: &mut Tx<'_>| {
            let begun = Instant::now();
            let claimed = super::claim(tx, &name, "default", 16, NOW)?;
            Ok((begun.elapsed(), claimed))
        };
        let (took, claimed) = db.write_read_committed(work).await.expect("a claim");
        claims.push(took);
        count += claimed.len();
        let ending = |one: Claimed| (one.claim, Ending { then: Fate::Over(Status::Done), error: None });
        let endings: Vec<_> = claimed.into_iter().map(ending).collect();
        let work = move |tx: &mut Tx<'_>| {
            let begun = Instant::now();
            Ok((super::settle(tx, &endings, NOW)?, begun.elapsed()))
        };
        let (lost, took) = db.write_read_committed(work).await.expect("a settle");
        assert_eq!(lost, 0);
        settles.push(took);
        let begun = Instant::now();
        super::next_due(db, "default").await.expect("a look");
        looks.push(begun.elapsed());
    }
    let mut asked: BTreeMap<&str, Duration> = BTreeMap::new();
    let begun = Instant::now();
    jobs.counts().await.expect("counts");
    asked.insert("counts", begun.elapsed());
    for (name, status) in [("all", vec![]), ("dead", vec![Status::Dead]), ("running", vec![Status::Running])]
    {
        let begun = Instant::now();
        jobs.list(&Filter { status, ..Filter::default() }).await.expect("a page");
        asked.insert(name, begun.elapsed());
    }
    let begun = Instant::now();
    let nobody = Filter { job_type: Some("nobody".to_owned()), ..Filter::default() };
    jobs.list(&nobody).await.expect("a page");
    asked.insert("a type that nobody has", begun.elapsed());
    let claim = middle(claims);
    println!(
        "{what:50} claim {claim:>9.1?} settle {:>9.1?} next due {:>9.1?} ({count} jobs) {asked:.1?}",
        middle(settles),
        middle(looks)
    );
    claim
}

/// The same queue shallow and a million deep, in several mixes.
async fn deep(db: &Db) {
    const DEEP: i64 = 1_000_000;
    const FEW: i64 = 5_000;
    let mut base = Duration::ZERO;
    for (what, deep) in [
        ("shallow", vec![]),
        ("a million due", vec![rows(DEEP, "pending", "5", "-i")]),
        ("a million due, of all priorities", vec![rows(DEEP, "pending", "i % 10", "-i")]),
        ("a million that wait at priority 9, few due at 0", vec![rows(DEEP, "pending", "9", "60000 + i")]),
        ("a million done", vec![rows(DEEP, "done", "5", "0")]),
    ] {
        let empty = match db.dialect() {
            Ok(Dialect::Postgres) => "truncate job_queue",
            _ => "delete from job_queue",
        };
        fill(db, empty.to_owned()).await;
        for sql in deep {
            fill(db, sql).await;
        }
        fill(db, rows(FEW, "pending", "0", "-i")).await;
        let claim = measured(db, what).await;
        if base.is_zero() {
            base = claim;
        }
        assert!(claim < base * 3 / 2, "{what}: {claim:?}, shallow {base:?}");
    }
    let begun = Instant::now();
    let purged = Jobs::new(db.clone()).purge(&Purge::default()).await.expect("a purge");
    println!("purged {purged} in {:.1?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: `cargo test --release -p ketch-jobs --lib deep -- --ignored --nocapture`"]
async fn sqlite_is_not_slower_when_it_is_deep() {
    let folder = Scratch::new();
    let db = sqlite(&folder).await;
    deep(&db).await;
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: `cargo test --release -p ketch-jobs --lib deep -- --ignored --nocapture`"]
async fn postgres_is_not_slower_when_it_is_deep() {
    let db = open(&Postgres::shared().fresh()).await;
    deep(&db).await;
    db.close().await;
}
