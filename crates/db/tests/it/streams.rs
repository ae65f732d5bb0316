//! Streams: as many rows as there are, at the consumer's pace, and never all readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use ketch_db::{Db, Error, Options, Statement, params};

use crate::scratch::Scratch;

/// A row for each number up to `:most`.
const NUMBERS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < :most) \
                       select i from n";

/// More than any machine counts to in the time of a test.
const ENDLESS: i64 = 1 << 50;

fn with(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

/// Waits until something is so; it has to be in the end.
async fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::task::yield_now().await;
    }
}

/// Whether the pool answers a read.
async fn reads(db: &Db) -> Result<i64, Error> {
    db.read(|tx| tx.query_one("select 1", params! {})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_rows_are_never_all_in_memory() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let (decoded, taken, most) = (Arc::default(), Arc::default(), Arc::default());
    let (ahead, there, peak): (Arc<AtomicI64>, Arc<AtomicI64>, Arc<AtomicI64>) =
        (Arc::clone(&decoded), Arc::clone(&taken), Arc::clone(&most));
    let decode = move |row: &dyn ketch_db::driver::Row| {
        let in_flight = ahead.fetch_add(1, Ordering::SeqCst) + 1 - there.load(Ordering::SeqCst);
        peak.fetch_max(in_flight, Ordering::SeqCst);
        ketch_db::from_row::<i64>(row).map(|it| Box::new(it) as _)
    };
    let statement = Statement::new(NUMBERS, params! { most: 1_000_000 });
    let mut rows = db.driver().unwrap().stream(statement, Arc::new(decode));
    let mut expected = 0;
    while let Some(row) = rows.next().await {
        expected += 1;
        assert_eq!(*row.unwrap().downcast::<i64>().unwrap(), expected);
        taken.fetch_add(1, Ordering::SeqCst);
        if expected % 10_000 == 0 {
            // A consumer that has other things to do.
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(expected, 1_000_000);
    assert_eq!(decoded.load(Ordering::SeqCst), 1_000_000);
    let most = most.load(Ordering::SeqCst);
    assert!((1..=300).contains(&most), "{most} rows were under way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_waits_for_its_consumer_and_is_one_snapshot() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.execute("create table boats (id integer primary key)", params! {}).await.unwrap();
    db.execute(format!("insert into boats {NUMBERS}"), params! { most: 5_000 }).await.unwrap();
    let mut rows = db.stream::<i64>("select id from boats order by id", params! {}).unwrap();
    assert_eq!(rows.next().await, Some(Ok(1)));
    db.execute("delete from boats", params! {}).await.unwrap();
    assert_eq!(db.query_one("select count(*) from boats", params! {}).await, Ok(0_i64));
    let rest: Vec<i64> = rows.try_collect().await.unwrap();
    assert_eq!(rest, (2..=5_000).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_a_stream_lets_its_thread_go() {
    let scratch = Scratch::new();
    let db = scratch.db(&with(|it| {
        it.readers = 1;
        it.read_time = Duration::from_secs(50);
        it.stream_time = Duration::from_secs(600);
    }));
    // One whose thread waits for its consumer, one whose thread works for a row that never comes.
    let mut waits = db.stream::<i64>(NUMBERS, params! { most: ENDLESS }).unwrap();
    assert_eq!(waits.next().await, Some(Ok(1)));
    drop(waits);
    assert_eq!(reads(&db).await, Ok(1));
    let none = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n where i < 0";
    let mut works = db.stream::<i64>(none, params! {}).unwrap();
    assert_eq!(works.next().now_or_never(), None);
    drop(works);
    assert_eq!(reads(&db).await, Ok(1));
    assert_eq!(db.stats().reads_late, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_at_its_deadline_whether_it_waits_or_works() {
    let scratch = Scratch::new();
    let db = scratch.db(&with(|it| it.stream_time = Duration::from_millis(300)));
    let begun = Instant::now();
    let mut slow = db.stream::<i64>(NUMBERS, params! { most: ENDLESS }).unwrap();
    assert_eq!(slow.next().await, Some(Ok(1)));
    until("its time is over", || db.stats().reads_late == 1).await;
    let rest: Vec<Result<i64, Error>> = slow.collect().await;
    assert_eq!(rest.last(), Some(&Err(Error::Deadline)));
    assert!(rest.len() < 300 && rest[..rest.len() - 1].iter().all(Result::is_ok), "{}", rest.len());
    let quick = db.stream::<i64>(NUMBERS, params! { most: ENDLESS }).unwrap();
    let last = quick.fold(None, |_, row| async { Some(row) }).await;
    assert_eq!(last, Some(Err(Error::Deadline)));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(db.stats().reads_late, 2);
    assert_eq!(reads(&db).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_leave_a_reader_to_others_and_wait_their_turn() {
    let scratch = Scratch::new();
    let db = scratch.db(&with(|it| {
        it.readers = 2;
        it.read_queue = 2;
        it.stream_time = Duration::from_secs(600);
    }));
    let endless = || db.stream::<i64>(NUMBERS, params! { most: ENDLESS }).unwrap();
    let mut first = endless();
    assert_eq!(first.next().await, Some(Ok(1)));
    let (mut second, mut third, mut fourth) = (endless(), endless(), endless());
    assert_eq!(second.next().now_or_never(), None);
    assert_eq!(db.stats().read_queue, 1);
    for _ in 0..100 {
        assert_eq!(reads(&db).await, Ok(1), "a reader is left");
    }
    assert_eq!(third.next().now_or_never(), None);
    assert_eq!(fourth.next().await, Some(Err(Error::Busy)), "the line is full");
    assert_eq!(fourth.next().await, None);
    assert_eq!(db.stats().reads_refused, 1);
    drop(first);
    assert_eq!(second.next().await, Some(Ok(1)));
    drop(second);
    assert_eq!(third.next().await, Some(Ok(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_waits_in_line_ends_at_its_deadline() {
    let scratch = Scratch::new();
    let db = scratch.db(&with(|it| {
        it.readers = 1;
        it.stream_time = Duration::from_millis(200);
    }));
    let (begun, begins) = std::sync::mpsc::channel();
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let holder = db.clone();
    let holder = tokio::spawn(async move {
        holder
            .read(move |_| {
                begun.send(()).unwrap();
                let _let_go = wait.lock().unwrap().recv();
                Ok(())
            })
            .await
    });
    tokio::task::spawn_blocking(move || begins.recv()).await.unwrap().unwrap();
    let mut stream = db.stream::<i64>(NUMBERS, params! { most: 3 }).unwrap();
    assert_eq!(stream.next().await, Some(Err(Error::Deadline)));
    assert_eq!((stream.next().await, db.stats().reads_late), (None, 1));
    let_go.send(()).unwrap();
    holder.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_the_last_item() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.execute("create table boats (id integer primary key)", params! {}).await.unwrap();
    let all = async |sql: &'static str| db.stream::<i64>(sql, params! {}).unwrap().collect::<Vec<_>>().await;
    let said = |items: &[Result<i64, Error>]| items.last().unwrap().clone().unwrap_err().to_string();
    assert_eq!(said(&all("selec 1").await), "near \"selec\": syntax error in `selec 1`");
    assert_eq!(said(&all("").await), "there is no statement in ``");
    assert_eq!(
        said(&all("insert into boats values (1) returning id").await),
        "the database keeps this for itself: a stream may only read: `insert into boats values (1) returning id`"
    );
    let mixed = all("values (1), (2), ('three'), (4)").await;
    assert_eq!(mixed[..2], [Ok(1), Ok(2)]);
    assert_eq!(mixed.len(), 3);
    assert_eq!(said(&mixed), "unexpected row: text instead of a number of type i64");
    let statement = Statement::new("values (1)", params! {});
    let decode = Arc::new(|_: &dyn ketch_db::driver::Row| panic!("ashore"));
    let mut panics = db.driver().unwrap().stream(statement, decode);
    assert_eq!(panics.next().await.unwrap().unwrap_err(), Error::Panicked("ashore".to_owned()));
    assert!(panics.next().await.is_none());
    for _ in 0..8 {
        assert_eq!(reads(&db).await, Ok(1), "every thread goes on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_ends_streams() {
    let scratch = Scratch::new();
    let db = scratch.db(&with(|it| it.stream_time = Duration::from_secs(600)));
    let mut open = db.stream::<i64>(NUMBERS, params! { most: ENDLESS }).unwrap();
    assert_eq!(open.next().await, Some(Ok(1)));
    db.close().await;
    let rest: Vec<Result<i64, Error>> = open.collect().await;
    assert_eq!(rest.last(), Some(&Err(Error::Closed)));
    let mut later = db.stream::<i64>(NUMBERS, params! { most: 1 }).unwrap();
    assert_eq!(later.next().await, Some(Err(Error::Closed)));
}
