//! Reads: inline, in the pool, and what ends them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;
use ketch_db::driver::Change;
use ketch_db::{Db, Error, Options, params};

use crate::scratch::Scratch;

/// Counts to `:most`, one step of work each; its only row is the last number.
const COUNT: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :most) \
                     select max(i) from n";

/// The same with a row for each number.
const NUMBERS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :most) \
                       select i from n";

/// More than any machine counts to in the time of a test.
const ENDLESS: i64 = 1 << 50;

async fn fleet(scratch: &Scratch, options: &Options) -> Db {
    let db = scratch.db(options);
    db.execute("create table boats (id integer primary key, name text not null)", params! {})
        .await
        .expect("it goes well");
    db.execute(
        "insert into boats select value, 'boat ' || value from \
         (with recursive n(value) as (select 1 union all select value + 1 from n where value < 1000) select * from n)",
        params! {},
    )
    .await
    .expect("it goes well");
    db
}

async fn name(db: &Db, id: i64) -> Result<String, Error> {
    db.query_one("select name from boats where id = :id", params! { id }).await
}

/// Waits until something is so; it has to be in the end.
async fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::task::yield_now().await;
    }
}

fn with(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

#[tokio::test]
async fn a_quick_read_is_answered_on_the_thread_that_asks() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let before = db.stats();
    for id in 1..=100 {
        assert_eq!(name(&db, id).await.unwrap(), format!("boat {id}"));
    }
    let after = db.stats();
    // A busy machine may make one look slow; nearly all of them are not.
    assert!(after.reads_inline - before.reads_inline > 50, "{after:?}");
    assert_eq!(after.writes - before.writes, 0, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_too_long_inline_goes_to_the_pool_and_stays_there() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &with(|it| it.read_time = Duration::from_secs(60))).await;
    let begun = Instant::now();
    let rows: Vec<i64> = db.query(NUMBERS, params! { most: 9_000 }).await.unwrap();
    assert_eq!(rows, (1..=9_000).collect::<Vec<i64>>(), "each once, in order");
    let long = begun.elapsed();
    let first = db.stats();
    let counted: i64 = db.query_one(COUNT, params! { most: 3_000_000 }).await.unwrap();
    assert_eq!(counted, 3_000_000);
    let second = db.stats();
    assert_eq!(second.reads_overran, first.reads_overran + 1, "{second:?} after {long:?}");
    assert_eq!(second.reads_pooled, first.reads_pooled + 1);
    let again: i64 = db.query_one(COUNT, params! { most: 3_000_000 }).await.unwrap();
    assert_eq!(again, 3_000_000);
    let third = db.stats();
    assert_eq!(third.reads_overran, second.reads_overran, "it is known by now");
    assert_eq!(third.reads_pooled, second.reads_pooled + 1);
    assert_eq!(third.reads_inline, second.reads_inline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_has_become_quick_is_read_inline_again() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let _slow: i64 = db.query_one(COUNT, params! { most: 3_000_000 }).await.unwrap();
    let before = db.stats();
    for _ in 0..500 {
        let _quick: i64 = db.query_one(COUNT, params! { most: 1 }).await.unwrap();
    }
    let after = db.stats();
    assert!(after.reads_pooled > before.reads_pooled, "{after:?}");
    assert!(after.reads_inline > before.reads_inline, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_reads_are_answered_beside_a_slow_one() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &with(|it| it.read_time = Duration::from_secs(60))).await;
    let done = Arc::new(AtomicBool::new(false));
    let (slow, flag) = (db.clone(), Arc::clone(&done));
    let slow = tokio::spawn(async move {
        let counted: Result<i64, Error> = slow.query_one(COUNT, params! { most: 20_000_000 }).await;
        flag.store(true, Ordering::SeqCst);
        counted
    });
    until("the slow one is in the pool", || db.stats().reads_overran > 0).await;
    let mut answered = 0;
    while !done.load(Ordering::SeqCst) {
        assert_eq!(name(&db, 7).await.unwrap(), "boat 7");
        answered += 1;
    }
    assert!(answered > 100, "only {answered} beside it");
    assert_eq!(slow.await.unwrap(), Ok(20_000_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_fails_for_another_that_was_ended() {
    let scratch = Scratch::new();
    // Slow texts that are different each time, so that each is tried inline and ended there.
    let db = fleet(
        &scratch,
        &with(|it| {
            it.inline_time = Duration::from_millis(1);
            it.read_time = Duration::from_secs(60);
        }),
    )
    .await;
    let done = Arc::new(AtomicBool::new(false));
    let slow: Vec<_> = (0..2)
        .map(|task| {
            let (db, done) = (db.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut number = 0;
                while !done.load(Ordering::SeqCst) {
                    number += 1;
                    let sql = format!("{COUNT} -- {task} {number}");
                    let counted: i64 = db.query_one(sql, params! { most: 100_000 }).await?;
                    assert_eq!(counted, 100_000);
                }
                Ok::<_, Error>(number)
            })
        })
        .collect();
    until("something has overrun", || db.stats().reads_overran > 0).await;
    let quick: Vec<_> = (0..4)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for number in 0..2_500 {
                    let id = number % 1_000 + 1;
                    assert_eq!(name(&db, id).await?, format!("boat {id}"));
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for task in quick {
        assert_eq!(task.await.unwrap(), Ok(()));
    }
    done.store(true, Ordering::SeqCst);
    for task in slow {
        assert!(task.await.unwrap().unwrap() > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_do_not_wait_for_the_writer() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let met = Arc::new(Barrier::new(2));
    let (open, writing) = (db.clone(), Arc::clone(&met));
    let write = tokio::spawn(async move {
        open.write(move |tx| {
            tx.execute("update boats set name = 'written'", params! {})?;
            // Open, with its changes made, until the readers have had their answers.
            writing.wait();
            writing.wait();
            Ok(())
        })
        .await
    });
    let reached = Arc::clone(&met);
    tokio::task::spawn_blocking(move || reached.wait()).await.unwrap();
    for id in 1..=100 {
        assert_eq!(name(&db, id).await.unwrap(), format!("boat {id}"));
    }
    let counted: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await.unwrap();
    assert_eq!(counted, 1_000);
    tokio::task::spawn_blocking(move || met.wait()).await.unwrap();
    write.await.unwrap().unwrap();
    assert_eq!(name(&db, 7).await.unwrap(), "written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_a_closure_reads_is_of_one_moment() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    db.execute("create table counter (n integer not null)", params! {}).await.unwrap();
    db.execute("insert into counter values (0)", params! {}).await.unwrap();
    let (first, read) = mpsc::channel();
    let (written, go_on) = mpsc::sync_channel(0);
    let go_on = std::sync::Mutex::new(go_on);
    let reading = db.clone();
    let reading = tokio::spawn(async move {
        reading
            .read(move |tx| {
                let before: i64 = tx.query_one("select n from counter", params! {})?;
                first.send(()).unwrap();
                go_on.lock().unwrap().recv().unwrap();
                let after: i64 = tx.query_one("select n from counter", params! {})?;
                Ok((before, after))
            })
            .await
    });
    tokio::task::spawn_blocking(move || read.recv()).await.unwrap().unwrap();
    db.execute("update counter set n = 1", params! {}).await.unwrap();
    assert_eq!(db.query_one("select n from counter", params! {}).await, Ok(1_i64));
    tokio::task::spawn_blocking(move || written.send(())).await.unwrap().unwrap();
    assert_eq!(reading.await.unwrap(), Ok((0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_ends_at_its_deadline_and_its_thread_goes_on() {
    let scratch = Scratch::new();
    let options = with(|it| {
        it.readers = 1;
        it.read_time = Duration::from_millis(200);
    });
    let db = fleet(&scratch, &options).await;
    let begun = Instant::now();
    let late: Result<i64, Error> = db.query_one(COUNT, params! { most: ENDLESS }).await;
    assert_eq!(late, Err(Error::Deadline));
    let late: Result<i64, Error> = db.read(|tx| tx.query_one(COUNT, params! { most: ENDLESS })).await;
    assert_eq!(late, Err(Error::Deadline));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(db.stats().reads_late, 2);
    let next: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await.unwrap();
    assert_eq!(next, 1_000);
    assert_eq!(Error::Deadline.to_string(), "it took too long and was rolled back");
}

/// Holds a reader until it is let go.
struct Held {
    let_go: mpsc::Sender<()>,
    read: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Held {
    async fn reader(db: &Db) -> Self {
        let (let_go, wait) = mpsc::channel();
        let (begun, begins) = mpsc::channel();
        let wait = std::sync::Mutex::new(wait);
        let db = db.clone();
        let read = tokio::spawn(async move {
            db.read(move |tx| {
                tx.query_one::<i64>("select 1", params! {})?;
                begun.send(()).expect("it goes well");
                let _let_go = wait.lock().expect("it goes well").recv();
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || begins.recv())
            .await
            .expect("it goes well")
            .expect("it goes well");
        Self { let_go, read }
    }

    async fn let_go(self) {
        self.let_go.send(()).expect("it goes well");
        self.read.await.expect("it goes well").expect("it goes well");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_what_was_dropped_is_not_in_it() {
    let scratch = Scratch::new();
    let options = with(|it| {
        it.readers = 1;
        it.read_queue = 2;
    });
    let db = fleet(&scratch, &options).await;
    let held = Held::reader(&db).await;
    let ran = Arc::new(AtomicUsize::new(0));
    let ask = || {
        let (db, ran) = (db.clone(), Arc::clone(&ran));
        let mut read = Box::pin(async move {
            let read = db.read(move |_| {
                ran.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            read.await
        });
        // It is in the line once it has been looked at.
        assert!((&mut read).now_or_never().is_none());
        read
    };
    let mut waiting = vec![ask(), ask()];
    assert_eq!(db.stats().read_queue, 2);
    assert_eq!(db.read(|_| Ok(())).await, Err(Error::Busy));
    assert_eq!(db.stats().reads_refused, 1);
    drop(waiting.pop());
    waiting.push(ask());
    assert_eq!((db.stats().read_queue, db.stats().reads_refused), (2, 1));
    held.let_go().await;
    assert_eq!(join_all(waiting).await, vec![Ok(()), Ok(())]);
    assert_eq!(ran.load(Ordering::SeqCst), 2, "the one that was dropped has not run");
    assert_eq!(db.stats().read_queue, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_nobody_waits_for_lets_its_thread_go() {
    let scratch = Scratch::new();
    let options = with(|it| {
        it.readers = 1;
        it.read_time = Duration::from_secs(600);
    });
    let db = fleet(&scratch, &options).await;
    let (begun, begins) = mpsc::channel();
    let mut endless = Box::pin({
        let db = db.clone();
        async move {
            db.read(move |tx| {
                begun.send(()).unwrap();
                tx.query_one::<i64>(COUNT, params! { most: ENDLESS })
            })
            .await
        }
    });
    assert!((&mut endless).now_or_never().is_none());
    tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
    drop(endless);
    let next: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await.unwrap();
    assert_eq!(next, 1_000);
    assert_eq!(db.stats().reads_late, 0, "it was not late, it was given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_thread_ends_at_its_deadline_too() {
    let scratch = Scratch::new();
    let options = with(|it| {
        it.readers = 1;
        it.read_time = Duration::from_millis(200);
    });
    let db = fleet(&scratch, &options).await;
    let held = Held::reader(&db).await;
    let begun = Instant::now();
    assert_eq!(db.read(|_| Ok(())).await, Err(Error::Deadline));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!((db.stats().reads_late, db.stats().read_queue), (1, 0));
    held.let_go().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closure_that_panics_harms_nobody_else() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &with(|it| it.readers = 1)).await;
    let panicked: Result<i64, Error> = db
        .read(|tx| {
            let found: i64 = tx.query_one("select count(*) from boats", params! {})?;
            panic!("{found} boats are too many");
        })
        .await;
    assert_eq!(panicked, Err(Error::Panicked("1000 boats are too many".to_owned())));
    db.execute("delete from boats where id > 10", params! {}).await.unwrap();
    let next: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await.unwrap();
    assert_eq!(next, 10, "its snapshot has been let go");
}

#[tokio::test]
async fn what_a_statement_does_decides_where_it_runs() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let changed = "with one as (select 7 as id) update boats set name = 'seven' where id in (select id from one) \
                   returning name";
    for round in 0..3 {
        let before = db.stats();
        assert_eq!(db.query_one(changed, params! {}).await, Ok("seven".to_owned()), "{round}");
        let owned = format!("insert into boats (name) values ('{round}') returning name");
        assert_eq!(db.query_one(owned, params! {}).await, Ok(round.to_string()));
        assert_eq!(db.stats().writes, before.writes + 2, "{round}");
    }
    let before = db.stats();
    let plan: Vec<serde_json::Value> =
        db.query("explain query plan select * from boats where id = 1", params! {}).await.unwrap();
    assert!(!plan.is_empty());
    let steps: Vec<serde_json::Value> =
        db.query("explain insert into boats (name) values ('x')", params! {}).await.unwrap();
    assert!(steps.len() > 3);
    let upper: String = db
        .query_one("with b as (select name from boats where id = 8) select upper(name) from b", params! {})
        .await
        .unwrap();
    assert_eq!(upper, "BOAT 8");
    assert_eq!(db.stats().writes, before.writes, "none of these writes");
    db.query::<i64>("create table by_query (id integer)", params! {}).await.unwrap();
    let there: Vec<i64> = db.query("select id from by_query", params! {}).await.unwrap();
    assert_eq!(there, Vec::<i64>::new());
}

#[tokio::test]
async fn a_read_sees_a_changed_schema() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let all = "select * from boats where id = 7";
    let before: serde_json::Value = db.query_one(all, params! {}).await.unwrap();
    db.execute("alter table boats add column length real not null default 11.5", params! {}).await.unwrap();
    let after: serde_json::Value = db.query_one(all, params! {}).await.unwrap();
    assert_eq!(before, serde_json::json!({ "id": 7, "name": "boat 7" }));
    assert_eq!(after, serde_json::json!({ "id": 7, "name": "boat 7", "length": 11.5 }));
}

#[tokio::test]
async fn one_text_is_one_statement() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    for sql in ["select 1; select 2", "select 1; delete from boats", "delete from boats; select 1"] {
        let message = db.query::<i64>(sql, params! {}).await.unwrap_err().to_string();
        assert_eq!(message, format!("there is more than one statement in `{sql}`"));
        let message = db.execute(sql, params! {}).await.unwrap_err().to_string();
        assert_eq!(message, format!("there is more than one statement in `{sql}`"));
    }
    for sql in ["", "  ", ";", "-- nothing", "/* nothing */ ;"] {
        let message = db.query::<i64>(sql, params! {}).await.unwrap_err().to_string();
        assert_eq!(message, format!("there is no statement in `{sql}`"));
        let message = db.execute(sql, params! {}).await.unwrap_err().to_string();
        assert_eq!(message, format!("there is no statement in `{sql}`"));
    }
    for sql in ["select 1;", " select 1 ; -- one", "select 1 /* one */", "-- one\nselect 1;;"] {
        assert_eq!(db.query_one(sql, params! {}).await, Ok(1_i64), "{sql}");
    }
    let counted: i64 = db.query_one("select count(*) from boats", params! {}).await.unwrap();
    assert_eq!(counted, 1_000);
}

#[tokio::test]
async fn mistakes_say_what_and_where() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let said =
        async |sql: &'static str, params| db.query::<String>(sql, params).await.unwrap_err().to_string();
    assert_eq!(said("selec 1", params! {}).await, "near \"selec\": syntax error in `selec 1`");
    assert_eq!(said("select a from boats", params! {}).await, "no such column: a in `select a from boats`");
    let by_id = "select name from boats where id = :id";
    assert_eq!(said(by_id, params! {}).await, format!("parameters: no value for `:id` in `{by_id}`"));
    assert_eq!(
        said(by_id, params! { id: 1, name: "x" }).await,
        format!("parameters: there is no `:name` in `{by_id}`")
    );
    assert_eq!(
        said(by_id, params! { id: 1, id: 2 }).await,
        format!("parameters: a parameter is given twice in `{by_id}`")
    );
    let two = "select name from boats where id = :id and name = :name";
    assert_eq!(db.query_one(two, params! { name: "boat 3", id: 3 }).await, Ok("boat 3".to_owned()));
    let twice = "select name from boats where id = :id or id = :id";
    assert_eq!(db.query_one(twice, params! { id: 3 }).await, Ok("boat 3".to_owned()));
}

#[tokio::test]
async fn texts_by_the_hundred_thousand_are_read_and_not_kept() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &with(|it| it.statements = 16)).await;
    for number in 0..100_000_i64 {
        let found: i64 = db.query_one(format!("select {number} + 1"), params! {}).await.unwrap();
        assert_eq!(found, number + 1);
    }
    assert_eq!(name(&db, 7).await.unwrap(), "boat 7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_own_connection_reads_one_snapshot_and_cannot_write() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let sqlite = db.sqlite().unwrap();
    let pages: i64 = sqlite
        .read(|connection| {
            assert!(!connection.is_autocommit(), "it is in a transaction");
            Ok(connection.query_row("pragma page_count", (), |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert!(pages > 1);
    let refused = sqlite.read(|connection| Ok(connection.execute("delete from boats", ())?)).await;
    assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
    let none: Result<i64, Error> = sqlite
        .read(|connection| {
            Ok(connection.query_row("select id from boats where id < 0", (), |row| row.get(0))?)
        })
        .await;
    assert_eq!(none, Err(Error::NoRow));
    let panicked = sqlite.read::<()>(|_| panic!("ashore")).await;
    assert_eq!(panicked, Err(Error::Panicked("ashore".to_owned())));
    assert_eq!(name(&db, 7).await.unwrap(), "boat 7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_it_is_closed_nothing_is_read() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let held = Held::reader(&db).await;
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    until("it refuses", || db.read(|_| Ok(())).now_or_never() == Some(Err(Error::Closed))).await;
    held.let_go().await;
    closing.await.unwrap();
    db.close().await;
    assert_eq!(name(&db, 7).await, Err(Error::Closed));
    assert_eq!(db.read(|_| Ok(())).await, Err(Error::Closed));
    assert_eq!(db.sqlite().unwrap().read(|_| Ok(())).await, Err(Error::Closed));
    assert_eq!(db.stats().connections, 0);
}

#[tokio::test]
async fn what_comes_after_a_nul_is_not_left_out_in_silence() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let sql = "select 1\0; drop table boats";
    let said = |error: Error| assert!(error.to_string().contains("NUL"), "{error}");
    said(db.query::<i64>(sql, params! {}).await.unwrap_err());
    said(db.execute(sql, params! {}).await.unwrap_err());
    said(db.read(move |it| it.query::<i64>(sql, params! {})).await.unwrap_err());
    let script = "create table half (id integer primary key);\0 create table rest (id integer primary key)";
    let change = Change { script: script.into(), record: Vec::new(), in_transaction: true };
    said(db.driver().unwrap().change(change).await.unwrap_err());
    let there = "select count(*) from sqlite_schema where name = 'half'";
    assert_eq!(db.query_one::<i64>(there, params! {}).await, Ok(0));
}

#[tokio::test]
async fn a_read_leaves_no_temporary_table_that_hides_the_real_one() {
    let scratch = Scratch::new();
    let db = fleet(&scratch, &Options::default()).await;
    let sql = "create temp table boats as select 1 as id";
    assert!(matches!(db.read(move |it| it.query::<i64>(sql, params! {})).await, Err(Error::Denied(_))));
    for _ in 0..16 {
        assert!(name(&db, 1).await.is_ok());
        assert!(
            db.read(|it| it.query::<String>("select name from boats where id = 1", params! {})).await.is_ok()
        );
    }
}
