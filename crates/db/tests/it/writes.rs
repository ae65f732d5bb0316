//! The writer's bounds: its queue, its deadlines, panics, closing and opening again.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use futures_util::FutureExt;
use ketch_db::sqlite::Sqlite;
use ketch_db::{Db, Driver, Error, Options, params};
use tokio::task::JoinHandle;

use crate::scratch::Scratch;

const INSERT: &str = "insert into t (id) values (:id)";

async fn with_table(scratch: &Scratch, options: &Options) -> Db {
    let db = scratch.db(options);
    db.execute("create table t (id integer primary key)", params! {}).await.expect("it goes well");
    db
}

async fn count(db: &Db) -> i64 {
    db.query_one("select count(*) from t", params! {}).await.expect("it goes well")
}

/// Holds the writer until told.
async fn hold(db: &Db) -> (Sender<()>, JoinHandle<Result<(), Error>>) {
    let (go, wait) = channel::<()>();
    let (running, runs) = tokio::sync::oneshot::channel::<()>();
    let (wait, running) = (Mutex::new(wait), Mutex::new(Some(running)));
    let db = db.clone();
    let held = tokio::spawn(async move {
        db.write_alone(move |_| {
            let running = running.lock().expect("it goes well").take().expect("what is alone is run once");
            running.send(()).expect("the test waits");
            let _told_or_gone = wait.lock().expect("it goes well").recv();
            Ok(())
        })
        .await
    });
    runs.await.expect("the writer takes it");
    (go, held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_one_more_and_the_others_are_written() {
    let scratch = Scratch::new();
    let mut options = Options::default();
    options.write_queue = 3;
    let db = with_table(&scratch, &options).await;
    let (go, held) = hold(&db).await;
    let mut waiting = Vec::new();
    for id in 0..3_i64 {
        let db = db.clone();
        waiting.push(tokio::spawn(async move { db.execute(INSERT, params! { id }).await }));
    }
    while db.stats().write_queue < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(db.execute(INSERT, params! { id: 9 }).await, Err(Error::Busy));
    assert_eq!(db.stats().writes_refused, 1);
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    for write in waiting {
        assert_eq!(write.await.unwrap(), Ok(1));
    }
    assert_eq!((count(&db).await, db.stats().write_queue), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_past_its_deadline_is_rolled_back_and_nothing_else_is() {
    let scratch = Scratch::new();
    let mut options = Options::default();
    options.write_time = Duration::from_millis(50);
    let db = with_table(&scratch, &options).await;
    let endless = "with recursive n (i) as (select 1 union all select i + 1 from n)
                   insert into t select i from n where i < 0";
    assert_eq!(db.execute(endless, params! {}).await, Err(Error::Deadline));
    let slow = db.write(|tx| {
        tx.execute(INSERT, params! { id: 1 })?;
        std::thread::sleep(Duration::from_millis(60));
        Ok(())
    });
    assert_eq!(slow.await, Err(Error::Deadline));
    // What is alone has its own deadline.
    let alone = db.write_alone(|tx| {
        std::thread::sleep(Duration::from_millis(60));
        tx.execute(INSERT, params! { id: 2 })
    });
    assert_eq!(alone.await, Ok(1));
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_of_steps_that_runs_on_ends_no_innocent_write() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    for id in 0..3_000_i64 {
        db.execute(INSERT, params! { id }).await.unwrap();
    }
    assert_eq!((count(&db).await, db.stats().writes_failed), (3_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_panics_leave_nothing_behind() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    for round in 0..2_500_i64 {
        let panics = db.write::<()>(move |tx| {
            tx.execute(INSERT, params! { id: round })?;
            panic!("on purpose")
        });
        assert_eq!(panics.await, Err(Error::Panicked("on purpose".to_owned())));
    }
    let after = db
        .write(|tx| {
            tx.after_commit(|| panic!("on purpose"));
            tx.execute(INSERT, params! { id: 1 })
        })
        .await;
    assert_eq!(after, Ok(1), "it is stored, whatever comes after the commit");
    assert_eq!(count(&db).await, 1);
    assert_eq!(db.stats().writes_failed, 2_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_keeps_for_itself_is_refused_in_writes() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    let texts = [
        "begin immediate",
        "commit",
        "rollback",
        "savepoint job",
        "release job",
        "rollback to job",
        "attach 'x' as y",
        "pragma synchronous = off",
    ];
    for sql in texts {
        let statement = db.execute(sql, params! {}).await;
        assert!(matches!(statement, Err(Error::Denied(_))), "{sql}: {statement:?}");
        let closure = db.write(move |tx| tx.execute(sql, params! {})).await;
        assert!(matches!(closure, Err(Error::Denied(_))), "{sql}: {closure:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_own_connection_writes_all_or_nothing() {
    let scratch = Scratch::new();
    let options = Options::default();
    let sqlite = Sqlite::open(scratch.path("app.db"), &options).unwrap();
    let made = sqlite.write(|connection| {
        Ok(connection.execute_batch("create table t (id integer primary key); insert into t values (1)")?)
    });
    made.await.unwrap();
    let fails = sqlite.write(|connection| {
        connection.execute("insert into t values (2)", [])?;
        Err::<(), Error>(Error::NoRow)
    });
    assert_eq!(fails.await, Err(Error::NoRow));
    let denied = sqlite.write(|connection| Ok(connection.execute_batch("commit")?)).await;
    assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
    let ended = sqlite.write(|connection| {
        let _unique = connection.execute("insert or rollback into t values (1)", []);
        Ok(())
    });
    let ended = ended.await;
    assert!(matches!(ended, Err(Error::Engine(_))), "{ended:?}");
    let db = Db::with_driver(sqlite, &options);
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_what_is_queued_refuses_the_rest_and_lets_the_file_go() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    let (go, held) = hold(&db).await;
    let queued = tokio::spawn({
        let db = db.clone();
        async move { db.execute(INSERT, params! { id: 1 }).await }
    });
    while db.stats().write_queue < 1 {
        tokio::task::yield_now().await;
    }
    let closing = tokio::spawn({
        let db = db.clone();
        async move { tokio::join!(db.close(), db.close()) }
    });
    // What is given up at once is not run, so those before the close leave nothing.
    while db.execute(INSERT, params! { id: 2 }).now_or_never() != Some(Err(Error::Closed)) {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    assert_eq!(queued.await.unwrap(), Ok(1));
    closing.await.unwrap();
    db.close().await;
    assert_eq!(db.health().await, Err(Error::Closed));
    assert_eq!(scratch.path("app.db-wal").metadata().map_or(0, |log| log.len()), 0, "all is in the file");
    let again = scratch.db(&Options::default());
    assert!(again.query_opt::<i64>("select id from t where id = 1", params! {}).await.unwrap().is_some());
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_that_is_dropped_ends_its_threads() {
    let scratch = Scratch::new();
    for round in 0..5_i64 {
        let db = scratch.db(&Options::default());
        db.execute("create table if not exists t (id integer primary key)", params! {}).await.unwrap();
        db.execute(INSERT, params! { id: round }).await.unwrap();
        assert_eq!(count(&db).await, round + 1);
        drop(db);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_file_is_opened_again_while_others_read() {
    let scratch = Scratch::new();
    let sqlite = Sqlite::open(scratch.path("app.db"), &Options::default()).unwrap();
    let create = "create table t (id integer primary key)";
    sqlite.execute(vec![ketch_db::Statement::new(create, params! {})]).await.unwrap();
    for _ in 0..3 {
        sqlite.reopen().await.unwrap();
        sqlite.health().await.unwrap();
    }
    let insert = ketch_db::Statement::new(INSERT, params! { id: 1 });
    assert_eq!(sqlite.execute(vec![insert]).await, Ok(vec![1]));
    sqlite.close().await;
    assert_eq!(sqlite.reopen().await, Err(Error::Closed));
}

#[tokio::test]
async fn what_fails_after_half_of_a_statement_leaves_nothing() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    db.execute(INSERT, params! { id: 2 }).await.unwrap();
    // `or fail` keeps what a statement has done so far: not when it is all that was asked.
    let halves = [
        "insert or fail into t values (1), (2), (3)",
        "insert or fail into t select value from json_each('[1, 2, 3]') returning id",
    ];
    for sql in halves {
        assert!(matches!(db.execute(sql, params! {}).await, Err(Error::Unique(_))), "{sql}");
        assert_eq!(count(&db).await, 1, "{sql}");
        assert!(matches!(db.query::<i64>(sql, params! {}).await, Err(Error::Unique(_))), "{sql}");
        assert_eq!(count(&db).await, 1, "{sql}");
    }
    db.execute("create table u (id integer primary key)", params! {}).await.unwrap();
    let trigger = "create trigger stop after insert on u when new.id = 2
                   begin insert into t values (50); select raise(fail, 'stopped'); end";
    db.execute(trigger, params! {}).await.unwrap();
    assert!(db.execute("insert into u values (1), (2)", params! {}).await.is_err());
    assert_eq!(count(&db).await, 1);
    assert_eq!(db.query_one::<i64>("select count(*) from u", params! {}).await, Ok(0));
}

#[tokio::test]
async fn what_a_native_closure_does_after_its_transaction_ended_is_not_stored() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    let native = db.sqlite().unwrap();
    let done = native
        .write(|connection| {
            connection.execute("insert into t values (1)", ())?;
            let _ended = connection.execute("insert or rollback into t values (1)", ());
            let _alone = connection.execute("insert into t values (2)", ());
            Ok(())
        })
        .await;
    assert!(done.is_err());
    assert_eq!(count(&db).await, 0, "neither before nor after");
    db.execute(INSERT, params! { id: 3 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_inside_a_write_is_refused_and_does_not_wait_for_itself() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    let (inner, runtime) = (db.clone(), tokio::runtime::Handle::current());
    let done = db.write(move |tx| {
        tx.execute(INSERT, params! { id: 1 })?;
        runtime.block_on(inner.execute(INSERT, params! { id: 2 }))
    });
    let done = tokio::time::timeout(Duration::from_mins(1), done).await.expect("it does not wait for itself");
    assert!(matches!(&done, Err(Error::Denied(why)) if why.contains("inside")), "{done:?}");
    // The same where a commit is followed up.
    let (inner, runtime) = (db.clone(), tokio::runtime::Handle::current());
    let (told, tells) = channel();
    let done = db.write(move |tx| {
        let (inner, runtime, told) = (inner.clone(), runtime.clone(), told.clone());
        tx.after_commit(move || {
            told.send(runtime.block_on(inner.execute(INSERT, params! { id: 2 }))).expect("the test waits");
        });
        tx.execute(INSERT, params! { id: 1 })
    });
    let done = tokio::time::timeout(Duration::from_mins(1), done).await.expect("it does not wait for itself");
    assert_eq!(done, Ok(1));
    assert!(matches!(tells.recv(), Ok(Err(Error::Denied(_)))));
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_closes_second_waits_too() {
    let scratch = Scratch::new();
    let db = with_table(&scratch, &Options::default()).await;
    let (go, held) = hold(&db).await;
    let closer = db.clone();
    let mut first = Box::pin(async move { closer.close().await });
    assert!((&mut first).now_or_never().is_none(), "it has begun");
    let first = tokio::spawn(first);
    let mut second = Box::pin(db.close());
    let early = tokio::time::timeout(Duration::from_millis(300), &mut second).await;
    assert!(early.is_err(), "the writer still runs");
    go.send(()).unwrap();
    second.await;
    Sqlite::open(scratch.path("app.db"), &Options::default()).expect("the file is free");
    first.await.unwrap();
    held.await.unwrap().unwrap();
}
