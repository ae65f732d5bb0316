//! Writes that share a transaction come to what each would come to alone, in the order of the queue.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ketch_db::{Db, Error, Options, params};
use proptest::prelude::*;
use tokio::task::JoinHandle;

use crate::scratch::Scratch;

/// A write of a mix. The number is the row it is about.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Insert(u8),
    InsertReturning(u8),
    InsertOrRollback(u8),
    /// Rows come that its caller cannot take.
    TooManyRows(u8),
    Two(u8, u8),
    Closure(u8),
    ClosureFails(u8),
    ClosurePanics(u8),
    /// A closure that goes on after a statement ended its transaction, and says that all is well.
    ClosureIgnores(u8),
    TriggerRollsBack(u8),
    NoParent(u8),
    TooLong(u8),
    ClosureTooLong(u8),
    GivenUp(u8),
}

const SCHEMA: [&str; 4] = [
    "create table t (id integer primary key) strict",
    "create table child (id integer primary key references t deferrable initially deferred) strict",
    "create table bomb (id integer primary key) strict",
    "create trigger blow after insert on bomb begin select raise(rollback, 'blown'); end",
];

/// Far longer than any test takes.
const ENDLESS: &str = "with recursive n (i) as (select :id union all select i + 1 from n)
                       insert into t select i + 1000000 from n where i < 0";

fn id(row: u8) -> i64 {
    i64::from(row)
}

const INSERT: &str = "insert into t values (:id)";

/// Starts a write; it is queued when this returns.
fn start(db: &Db, kind: Kind) -> JoinHandle<Result<(), Error>> {
    let db = db.clone();
    tokio::spawn(async move {
        match kind {
            Kind::Insert(row) => db.execute(INSERT, params! { id: id(row) }).await.map(drop),
            Kind::InsertReturning(row) => {
                let back: i64 =
                    db.query_one("insert into t values (:id) returning id", params! { id: id(row) }).await?;
                assert_eq!(back, id(row));
                Ok(())
            }
            Kind::InsertOrRollback(row) => {
                db.execute("insert or rollback into t values (:id)", params! { id: id(row) }).await.map(drop)
            }
            Kind::TooManyRows(row) => {
                let sql = "insert into t values (:id), (:id + 500) returning id";
                db.query_one::<i64>(sql, params! { id: id(row) }).await.map(drop)
            }
            Kind::Two(a, b) => {
                let both = [(INSERT, params! { id: id(a) }), (INSERT, params! { id: id(b) })];
                db.batch(both).await.map(|changed| assert_eq!(changed, [1, 1]))
            }
            Kind::TriggerRollsBack(row) => {
                db.execute("insert into bomb values (:id)", params! { id: id(row) }).await.map(drop)
            }
            Kind::NoParent(row) => {
                db.execute("insert into child values (:id + 1000)", params! { id: id(row) }).await.map(drop)
            }
            Kind::TooLong(row) => db.execute(ENDLESS, params! { id: id(row) }).await.map(drop),
            Kind::GivenUp(row) => db.execute(INSERT, params! { id: id(row) }).await.map(drop),
            closure => run_closure(&db, closure).await,
        }
    })
}

async fn run_closure(db: &Db, kind: Kind) -> Result<(), Error> {
    match kind {
        Kind::Closure(row) => db.write(move |tx| tx.execute(INSERT, params! { id: id(row) }).map(drop)).await,
        Kind::ClosureFails(row) => {
            db.write(move |tx| {
                tx.execute("insert or ignore into t values (:id)", params! { id: id(row) })?;
                Err(Error::NoRow)
            })
            .await
        }
        Kind::ClosurePanics(row) => {
            db.write(move |tx| {
                tx.execute("insert or ignore into t values (:id)", params! { id: id(row) })?;
                panic!("on purpose")
            })
            .await
        }
        Kind::ClosureIgnores(row) => {
            db.write(move |tx| {
                let _blown = tx.execute("insert into bomb values (:id)", params! { id: id(row) });
                let _refused = tx.execute("insert or ignore into t values (:id)", params! { id: id(row) });
                Ok(())
            })
            .await
        }
        Kind::ClosureTooLong(row) => {
            db.write(move |tx| {
                tx.execute("insert or ignore into t values (:id)", params! { id: id(row) })?;
                tx.execute(ENDLESS, params! { id: id(row) }).map(drop)
            })
            .await
        }
        other => unreachable!("not a closure: {other:?}"),
    }
}

/// What a write comes to alone. Of errors only the variant counts.
fn alone(rows: &mut Vec<i64>, kind: Kind) -> Option<Result<(), Error>> {
    let mut insert = |ids: &[i64]| {
        let mut new = rows.clone();
        for id in ids {
            if new.contains(id) {
                return Err(Error::Unique(String::new()));
            }
            new.push(*id);
        }
        *rows = new;
        Ok(())
    };
    Some(match kind {
        Kind::Insert(row) | Kind::InsertReturning(row) | Kind::InsertOrRollback(row) | Kind::Closure(row) => {
            insert(&[id(row)])
        }
        Kind::Two(a, b) => insert(&[id(a), id(b)]),
        Kind::TooManyRows(row) if rows.contains(&id(row)) => Err(Error::Unique(String::new())),
        Kind::TooManyRows(_) => Err(Error::TooManyRows(1)),
        Kind::ClosureFails(_) => Err(Error::NoRow),
        Kind::ClosurePanics(_) => Err(Error::Panicked(String::new())),
        Kind::ClosureIgnores(_) | Kind::TriggerRollsBack(_) => Err(Error::Check(String::new())),
        Kind::NoParent(_) => Err(Error::ForeignKey(String::new())),
        Kind::TooLong(_) | Kind::ClosureTooLong(_) => Err(Error::Deadline),
        Kind::GivenUp(_) => return None,
    })
}

/// Holds the writer, in a transaction of its own, until told.
async fn hold(db: &Db) -> (Sender<()>, JoinHandle<Result<(), Error>>) {
    let (go, wait) = channel::<()>();
    let (running, runs) = tokio::sync::oneshot::channel::<()>();
    let (wait, running) = (Mutex::new(wait), Mutex::new(Some(running)));
    let db = db.clone();
    let held = tokio::spawn(async move {
        db.write_alone(move |_| {
            let running = running.lock().expect("it goes well").take().expect("what is alone is run once");
            running.send(()).expect("the test waits");
            wait.lock().expect("it goes well").recv().expect("the test lets go");
            Ok(())
        })
        .await
    });
    runs.await.expect("the writer takes it");
    (go, held)
}

async fn until_queued(db: &Db, writes: u64) {
    while db.stats().write_queue != writes {
        tokio::task::yield_now().await;
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    let row = || 0_u8..12;
    prop_oneof![
        6 => row().prop_map(Kind::Insert),
        3 => row().prop_map(Kind::InsertReturning),
        1 => row().prop_map(Kind::InsertOrRollback),
        1 => row().prop_map(Kind::TooManyRows),
        2 => (row(), row()).prop_map(|(a, b)| Kind::Two(a, b)),
        3 => row().prop_map(Kind::Closure),
        1 => row().prop_map(Kind::ClosureFails),
        1 => row().prop_map(Kind::ClosurePanics),
        1 => row().prop_map(Kind::ClosureIgnores),
        1 => row().prop_map(Kind::TriggerRollsBack),
        1 => row().prop_map(Kind::NoParent),
        1 => row().prop_map(Kind::TooLong),
        1 => row().prop_map(Kind::ClosureTooLong),
        1 => row().prop_map(Kind::GivenUp),
    ]
}

/// Runs a mix in one batch; what each came to, and the rows.
async fn together(mix: &[Kind]) -> (Vec<Option<Result<(), Error>>>, Vec<i64>, ketch_db::Stats) {
    let scratch = Scratch::new();
    let mut options = Options::default();
    options.write_time = Duration::from_millis(250);
    // However long it takes, it is one batch.
    options.batch_time = Duration::from_mins(1);
    let db = scratch.db(&options);
    for sql in SCHEMA {
        db.execute(sql, params! {}).await.expect("it goes well");
    }
    let (go, held) = hold(&db).await;
    let mut writes = Vec::new();
    for (index, kind) in mix.iter().enumerate() {
        writes.push(start(&db, *kind));
        until_queued(&db, index as u64 + 1).await;
    }
    for (write, kind) in writes.iter().zip(mix) {
        if matches!(kind, Kind::GivenUp(_)) {
            write.abort();
            while !write.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }
    go.send(()).expect("it goes well");
    held.await.expect("it goes well").expect("it goes well");
    let mut outcomes = Vec::new();
    for write in writes {
        outcomes.push(write.await.ok());
    }
    let rows = db.query("select id from t order by id", params! {}).await.expect("it goes well");
    let stats = db.stats();
    db.close().await;
    (outcomes, rows, stats)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn each_write_of_a_batch_comes_to_what_it_comes_to_alone(mix in prop::collection::vec(kinds(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (outcomes, rows, _) = runtime.block_on(together(&mix));
        let mut expected = Vec::new();
        for (at, (kind, outcome)) in mix.iter().zip(&outcomes).enumerate() {
            let alone = alone(&mut expected, *kind);
            let variant = |it: &Option<Result<(), Error>>| {
                it.as_ref().map(|it| it.as_ref().err().map(std::mem::discriminant))
            };
            prop_assert_eq!(variant(outcome), variant(&alone), "{} {:?}: {:?} {:?}", at, kind, outcome, alone);
        }
        expected.sort_unstable();
        prop_assert_eq!(rows, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_well_before_a_culprit_is_run_once_more() {
    let mut mix: Vec<Kind> = (0..20).map(Kind::Insert).collect();
    mix[10] = Kind::TriggerRollsBack(0);
    let (_, rows, stats) = together(&mix).await;
    assert_eq!(rows.len(), 19);
    // Ten inserts, and the culprit alone. The nine after it had not had their turn.
    assert_eq!(stats.writes_replayed, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_committed_is_found_in_few_attempts() {
    let mut mix: Vec<Kind> = (0..32).map(Kind::Insert).collect();
    mix[17] = Kind::NoParent(0);
    let (outcomes, rows, stats) = together(&mix).await;
    assert_eq!(rows.len(), 31);
    let failed: Vec<usize> =
        (0..mix.len()).filter(|at| matches!(outcomes[*at], Some(Err(Error::ForeignKey(_))))).collect();
    assert_eq!(failed, [17]);
    // The schema, what held the writer, and five parts of the batch: 16, 1, 2, 4 and 8 writes.
    assert_eq!(stats.commits, 4 + 1 + 5, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_share_commits() {
    let mix: Vec<Kind> = (0..200).map(Kind::Insert).collect();
    let (_, rows, stats) = together(&mix).await;
    assert_eq!(rows.len(), 200);
    // The schema, what held the writer, and one for all.
    assert_eq!((stats.commits, stats.writes_replayed), (4 + 1 + 1, 0), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_comes_before_the_commit_and_what_it_left_to_be_done() {
    let scratch = Scratch::new();
    let mut options = Options::default();
    options.batch_time = Duration::from_mins(1);
    let db = scratch.db(&options);
    db.execute(SCHEMA[0], params! {}).await.unwrap();
    let (go, held) = hold(&db).await;
    let first = start(&db, Kind::Insert(1));
    until_queued(&db, 1).await;
    let fails = start(&db, Kind::Insert(1));
    until_queued(&db, 2).await;
    // The last of the batch looks around when it is committed: the rows are there for others, and nobody is answered.
    let seen = Arc::new(Mutex::new(None));
    let (inside, mut writes) = (Arc::clone(&seen), Arc::new([first, fails]));
    let (handles, reads) = (Arc::clone(&writes), db.clone());
    let runtime = tokio::runtime::Handle::current();
    let last = db.write(move |tx| {
        let (inside, handles, reads) = (Arc::clone(&inside), Arc::clone(&handles), reads.clone());
        let runtime = runtime.clone();
        tx.after_commit(move || {
            let rows = runtime.block_on(reads.query_one::<i64>("select count(*) from t", params! {}));
            let answered = handles.iter().filter(|it| it.is_finished()).count();
            *inside.lock().unwrap() = Some((rows, answered));
        });
        Ok(())
    });
    let (last, ()) = tokio::join!(last, async {
        until_queued(&db, 3).await;
        go.send(()).unwrap();
    });
    last.unwrap();
    held.await.unwrap().unwrap();
    assert_eq!(*seen.lock().unwrap(), Some((Ok(1), 0)));
    // The closure may go a moment after its answer.
    let [first, fails] = loop {
        match Arc::try_unwrap(writes) {
            Ok(both) => break both,
            Err(still) => writes = still,
        }
        tokio::task::yield_now().await;
    };
    first.await.unwrap().unwrap();
    assert!(matches!(fails.await.unwrap(), Err(Error::Unique(_))));
}
