//! The bounds on PostgreSQL: deadlines reach the server, nothing dropped stays behind, queues and caches have an end, and
//! a server that was gone is used again.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ketch_db::postgres::Postgres;
use ketch_db::{Db, Error, Options, params};
use ketch_testkit::postgres::{Postgres as Server, Stop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::postgres_scratch::Place;

/// A statement that takes much longer than any test.
const LONG: &str = "select count(*)::int8 from generate_series(1, 100000000000)";
const LONG_SLEEP: &str = "select 1 from (select pg_sleep(600)) as it";

fn options() -> Options {
    let mut options = Options::default();
    options.read_time = Duration::from_millis(300);
    options.write_time = Duration::from_millis(300);
    options.stream_time = Duration::from_millis(300);
    options
}

#[tokio::test]
async fn a_frozen_process_keeps_its_rows_for_little_longer_than_its_time() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    let silence = "select setting::int8 from pg_settings where name = 'idle_in_transaction_session_timeout'";
    let committed = db.write_read_committed(move |tx| tx.query_one::<i64>(silence, params! {})).await;
    let shared = db.write(move |tx| tx.query_one::<i64>(silence, params! {})).await;
    assert_eq!((committed, shared), (Ok(7_000), Ok(7_000)), "their 5 s, and 2 s more");
    // What has longer may be silent for longer, on the same connection too.
    let alone = db.write_alone(move |tx| tx.query_one::<i64>(silence, params! {})).await;
    assert_eq!(alone, Ok(120_000));
}

#[tokio::test]
async fn a_deadline_stops_the_server_too() {
    let place = Place::new();
    let db = place.db(&options()).await;
    db.execute("create table it (n int8)", params! {}).await.unwrap();
    let begun = Instant::now();
    for sql in [LONG, LONG_SLEEP] {
        assert_eq!(db.query::<i64>(sql, params! {}).await, Err(Error::Deadline), "{sql}");
        assert_eq!(db.read(move |tx| tx.query::<i64>(sql, params! {})).await, Err(Error::Deadline));
        // Who catches it is ended all the same.
        let caught = db.write(move |tx| {
            tx.execute("insert into it values (1)", params! {})?;
            let _caught = tx.query::<i64>(sql, params! {});
            let _refused = tx.execute("insert into it values (2)", params! {});
            Ok(())
        });
        assert_eq!(caught.await, Err(Error::Deadline));
        let rows: Vec<_> = db.stream::<i64>(sql, params! {}).unwrap().collect().await;
        assert_eq!(rows, [Err(Error::Deadline)]);
    }
    let insert = "insert into it select count(*) from generate_series(1, 100000000000)";
    assert_eq!(db.execute(insert, params! {}).await, Err(Error::Deadline));
    assert!(begun.elapsed() < 9 * 10 * Duration::from_millis(300), "{:?}", begun.elapsed());
    place.is_at_rest().await;
    assert_eq!(place.psql("select count(*) from it"), "0");
    assert_eq!(db.query_one::<i64>("select 1", params! {}).await, Ok(1));
}

/// A way to a server that can be shut: whoever speaks then is not answered, and not refused either.
async fn door(server: &str) -> (String, watch::Sender<bool>) {
    let mut url = url::Url::parse(server).expect("a URL");
    let port = url.port().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let here = listener.local_addr().expect("an address");
    url.set_ip_host(here.ip()).expect("it has a host");
    url.set_port(Some(here.port())).expect("it has a port");
    let (shut, open) = watch::channel(true);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (from_client, to_client) = client.into_split();
            let server = TcpStream::connect(("127.0.0.1", port)).await.expect("the server is there");
            let (from_server, to_server) = server.into_split();
            tokio::spawn(pass(from_client, to_server, open.clone()));
            tokio::spawn(pass(from_server, to_client, open.clone()));
        }
    });
    (url.to_string(), shut)
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if open.wait_for(|it| *it).await.is_err() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_holds_when_the_server_does_not_answer_any_more() {
    let place = Place::new();
    place.psql("create table it (n int8)");
    let (url, shut) = door(&place.url()).await;
    let options = options();
    for what in ["a query", "a read", "a write", "rows of a write", "a batch"] {
        let db = Db::with_driver(Postgres::connect(&url, &options).await.unwrap(), &options);
        assert_eq!(db.query_one::<i64>("select 1", params! {}).await, Ok(1));
        shut.send_replace(false);
        let begun = Instant::now();
        let insert = "insert into it values (1)";
        let answer = match what {
            "a query" => db.query::<i64>("select n from it", params! {}).await.map(drop),
            "a read" => db.read(|tx| tx.query::<i64>("select n from it", params! {})).await.map(drop),
            "a write" => db.write(move |tx| tx.execute(insert, params! {})).await.map(drop),
            "rows of a write" => db.query::<i64>(format!("{insert} returning n"), params! {}).await.map(drop),
            _ => db.execute(insert, params! {}).await.map(drop),
        };
        assert_eq!(answer, Err(Error::Deadline), "{what}");
        assert!(begun.elapsed() < 10 * options.read_time, "{what}: {:?}", begun.elapsed());
        shut.send_replace(true);
    }
    place.is_at_rest().await;
    assert_eq!(place.psql("select count(*) from it"), "0", "what was given up was not done");
}

#[tokio::test]
async fn what_is_dropped_leaves_nothing_behind() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    db.execute("create table it (n int8)", params! {}).await.unwrap();
    for _ in 0..3 {
        let write = db.write(|tx| {
            tx.execute("insert into it values (1)", params! {})?;
            tx.query::<i64>(LONG_SLEEP, params! {})
        });
        let one = db.execute("insert into it select 1 from (select pg_sleep(600)) as it", params! {});
        let read = db.query::<i64>(LONG, params! {});
        let mut stream = db.stream::<i64>("select generate_series(1, 100000000000)", params! {}).unwrap();
        assert_eq!(stream.next().await, Some(Ok(1)));
        tokio::select! {
            _ = write => panic!("it sleeps"),
            _ = one => panic!("it sleeps"),
            _ = read => panic!("it counts"),
            () = place.until(
                "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' \
                 and pid <> pg_backend_pid()", "4") => {}
        }
        drop(stream);
        place.is_at_rest().await;
    }
    assert_eq!(place.psql("select count(*) from it"), "0");
}

/// A request to cancel that comes before its statement is lost. The server finds out by itself then that nobody waits.
#[tokio::test]
async fn a_server_looks_whether_who_asked_is_still_there() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    let told = "select current_setting('client_connection_check_interval')";
    assert_eq!(db.query::<String>(told, params! {}).await.unwrap(), ["2s"]);
    db.execute("create table it (n int8)", params! {}).await.unwrap();
    for round in 0..100_u64 {
        let wait = Duration::from_micros(round * 37 % 3_000);
        let read = db.query::<i64>(LONG_SLEEP, params! {});
        let write = db.execute("insert into it select 1 from (select pg_sleep(600)) as it", params! {});
        let (read, write) = tokio::join!(tokio::time::timeout(wait, read), tokio::time::timeout(wait, write));
        assert!(read.is_err() && write.is_err(), "they sleep");
    }
    place.is_at_rest().await;
    assert_eq!(place.psql("select count(*) from it"), "0");
}

#[tokio::test]
async fn a_stream_is_read_at_the_consumers_pace_and_to_its_end() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    let mut rows = db
        .stream::<(i64, String)>(
            "select n, repeat('x', 1000) from generate_series(1, :most::int8) as n",
            params! { most: 50_000 },
        )
        .unwrap();
    let mut sum = 0;
    while let Some(row) = rows.next().await {
        sum += row.unwrap().0;
    }
    assert_eq!(sum, 50_000 * 50_001 / 2);
    let wrong: Vec<_> = db
        .stream::<i64>("select 1 / (3 - n) from generate_series(1, 5) as n", params! {})
        .unwrap()
        .collect()
        .await;
    assert_eq!(wrong.len(), 3);
    assert!(matches!(wrong[2], Err(Error::Statement { .. })), "{wrong:?}");
    place.is_at_rest().await;
}

#[tokio::test]
async fn rows_that_nobody_wants_are_not_waited_for() {
    let place = Place::new();
    let mut options = Options::default();
    options.connections = 1;
    let db = place.db(&options).await;
    let backend = "select pg_backend_pid()::int8";
    let first: i64 = db.query_one(backend, params! {}).await.unwrap();
    // A few are passed over, and the connection is kept.
    let few = db.query_one::<i64>("select generate_series(1, 500)", params! {}).await;
    assert_eq!(few, Err(Error::TooManyRows(1)));
    assert_eq!(db.query_one::<i64>(backend, params! {}).await, Ok(first));
    // Of many the server is told that it can stop.
    let many = db.query_one::<i64>("select generate_series(1, 100000000000)", params! {}).await;
    assert_eq!(many, Err(Error::TooManyRows(1)));
    place.is_at_rest().await;
    assert_ne!(db.query_one::<i64>(backend, params! {}).await, Ok(first));
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_wait_has_an_end() {
    let place = Place::new();
    let mut options = Options::default();
    options.connections = 1;
    options.read_queue = 2;
    options.read_time = Duration::from_millis(500);
    let db = place.db(&options).await;
    let reads = (0..5).map(|_| db.query::<i64>(LONG_SLEEP, params! {}));
    let ended = futures_util::future::join_all(reads).await;
    let count = |wanted: &Error| ended.iter().filter(|it| it.as_ref().err() == Some(wanted)).count();
    assert_eq!((count(&Error::Deadline), count(&Error::Busy)), (3, 2), "{ended:?}");
    assert_eq!(db.stats().reads_refused, 2);
    assert_eq!(db.query_one::<i64>("select 1", params! {}).await, Ok(1));
    assert!(db.stats().connections <= 1);
}

#[tokio::test]
async fn a_connection_keeps_so_many_statements_and_no_more() {
    let place = Place::new();
    let mut options = Options::default();
    options.connections = 1;
    options.statements = 50;
    let db = place.db(&options).await;
    for n in 0..10_000_i64 {
        assert_eq!(db.query_one::<i64>(format!("select {n}::int8"), params! {}).await, Ok(n));
    }
    let kept: i64 = db.query_one("select count(*) from pg_prepared_statements", params! {}).await.unwrap();
    assert!((40..=51).contains(&kept), "{kept} are kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_gone_is_used_again() {
    let server = Server::start(&[("fsync", "off")]);
    let place = Place::on(&server);
    let db = place.db(&Options::default()).await;
    db.execute("create table it (n int8)", params! {}).await.unwrap();
    for stop in [Stop::Politely, Stop::Crash] {
        let acknowledged: i64 = db.query_one("select count(*) from it", params! {}).await.unwrap();
        let load: Vec<_> = (0..4)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    let mut written = 0;
                    loop {
                        match db.execute("insert into it values (1)", params! {}).await {
                            Ok(_) => written += 1,
                            Err(error) => return (written, error),
                        }
                    }
                })
            })
            .collect();
        while db.stats().writes < 200 {
            tokio::task::yield_now().await;
        }
        server.stop(stop);
        let mut written = 0;
        let mut unknown = 0;
        for task in load {
            let (count, error) = task.await.unwrap();
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
            written += count;
            unknown += i64::from(error.to_string().contains("not known"));
        }
        assert!(matches!(db.health().await, Err(Error::Unavailable(_))));
        let read = db.query_one::<i64>("select 1", params! {}).await;
        assert!(
            matches!(&read, Err(Error::Unavailable(why)) if !why.contains(server.password())),
            "{read:?}"
        );
        server.start_again();
        // Nothing that was acknowledged is gone, and nothing is there twice: heals by itself.
        let found: i64 = db.query_one("select count(*) from it", params! {}).await.unwrap();
        let wanted = acknowledged + written;
        assert!(
            (wanted..=wanted + unknown).contains(&found),
            "{wanted} and {unknown} unknown, {found} found"
        );
        db.health().await.unwrap();
        assert_eq!(db.execute("insert into it values (1)", params! {}).await, Ok(1));
    }
}

#[tokio::test]
async fn closing_finishes_what_has_begun_and_refuses_the_rest() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    db.execute("create table it (n int8)", params! {}).await.unwrap();
    let begun = tokio::spawn({
        let db = db.clone();
        async move { db.execute("insert into it select 1 from (select pg_sleep(0.3)) as it", params! {}).await }
    });
    place
        .until("select count(*) from pg_stat_activity where datname = current_database() and query like 'insert%' and state = 'active'", "1")
        .await;
    db.close().await;
    assert_eq!(begun.await.unwrap(), Ok(1));
    assert_eq!(db.query::<i64>("select 1", params! {}).await, Err(Error::Closed));
    let heard = db.listen("a").await;
    assert!(matches!(heard, Err(Error::Closed)));
    place
        .until("select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()", "0")
        .await;
}
