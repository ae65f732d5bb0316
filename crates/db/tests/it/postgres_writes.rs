//! Writes on PostgreSQL: serializable, run again when they meet others, and with errors that may be caught.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ketch_db::driver::Change;
use ketch_db::{Error, Options, Statement, params};

use crate::postgres_scratch::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_by_reading_and_writing_are_all_counted() {
    let mut options = Options::default();
    options.retries = 1_000;
    options.write_time = std::time::Duration::from_mins(1);
    let place = Place::new();
    let db = place.db(&options).await;
    db.batch([("create table it (n int8 not null)", params! {}), ("insert into it values (0)", params! {})])
        .await
        .unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    db.write(|tx| {
                        let n: i64 = tx.query_one("select n from it", params! {})?;
                        // A failure that is swallowed is not forgotten.
                        let _swallowed = tx.execute("update it set n = :n", params! { n: n + 1 });
                        Ok(())
                    })
                    .await
                    .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(db.query_one::<i64>("select n from it", params! {}).await.unwrap(), 400);
    let stats = db.stats();
    assert!(stats.writes_replayed > 0, "{stats:?}");
}

#[tokio::test]
async fn declarative_writes_are_serializable_too() {
    // Each statement reads what the other writes: one after the other, at most one row is there at the end.
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    db.execute("create table it (name text)", params! {}).await.unwrap();
    for _ in 0..20 {
        db.execute("delete from it", params! {}).await.unwrap();
        let insert = |name: &'static str, other: &'static str| {
            let sql = "insert into it select :name where not exists (select 1 from it where name = :other)";
            db.execute(sql, params! { name, other })
        };
        let (a, b) = tokio::join!(insert("a", "b"), insert("b", "a"));
        assert_eq!(a.unwrap() + b.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_closure_may_catch_an_error_and_go_on() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    db.execute("create table boats (name text unique)", params! {}).await.unwrap();
    db.execute("insert into boats values ('Spray')", params! {}).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    for (round, wanted) in [("Joshua", 2), ("Suhaili", 1)] {
        runs.store(0, Ordering::Relaxed);
        let inside = Arc::clone(&runs);
        db.write(move |tx| {
            inside.fetch_add(1, Ordering::Relaxed);
            tx.execute("insert into boats values (:name)", params! { name: format!("{round} II") })?;
            let again = tx.execute("insert into boats (name) values (:name)", params! { name: "Spray" });
            assert_eq!(again, Err(Error::Unique("boats.name".to_owned())));
            tx.execute("insert into boats values (:name)", params! { name: round })
        })
        .await
        .unwrap();
        // The first time it is found out; from then on the statement has a savepoint.
        assert_eq!(runs.load(Ordering::Relaxed), wanted, "{round}");
    }
    assert_eq!(place.psql("select count(*) from boats"), "5");
    // The last error of all may be caught as well.
    db.write(|tx| {
        tx.execute("insert into boats values ('Gipsy Moth')", params! {})?;
        let _caught = tx.execute("insert into boats select name from boats", params! {});
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(place.psql("select count(*) from boats"), "6");
    place.is_at_rest().await;
}

#[tokio::test]
async fn errors_say_what_sqlite_says() {
    let db = Place::new().db(&Options::default()).await;
    let schema = "create table a (id int primary key, b text not null, c int check (c > 0), unique (b, c));
        create table d (a int references a (id));
        create unique index lower_b on a (lower(b));
        create function stop() returns trigger language plpgsql as $$ begin raise exception 'too late'; end $$;
        create table e (x int); create trigger t before insert on e for each row execute function stop();
        insert into a values (1, 'x', 1)";
    let change = Change { script: schema.into(), record: Vec::new(), in_transaction: true };
    db.driver().unwrap().change(change).await.unwrap();
    for (sql, wanted) in [
        ("insert into a values (1, 'y', 1)", Error::Unique("a.id".into())),
        ("insert into a values (2, 'x', 1)", Error::Unique("a.b, a.c".into())),
        ("insert into a values (2, 'X', 2)", Error::Unique("index 'lower_b'".into())),
        ("insert into a (id) values (3)", Error::NotNull("a.b".into())),
        ("insert into a values (4, 'z', 0)", Error::Check("a_c_check".into())),
        ("insert into d values (9)", Error::ForeignKey("d_a_fkey".into())),
        ("insert into e values (1)", Error::Check("too late".into())),
    ] {
        assert_eq!(db.execute(sql, params! {}).await, Err(wanted), "{sql}");
    }
    for sql in ["select nothing", "select * from nowhere", "selec 1", "select 1; select 2"] {
        let wrong = db.query::<i64>(sql, params! {}).await;
        assert!(matches!(&wrong, Err(Error::Statement { sql: told, .. }) if told == sql), "{sql}: {wrong:?}");
    }
}

#[tokio::test]
async fn what_the_database_keeps_for_itself_is_denied_everywhere() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    for sql in
        ["begin", "COMMIT", "/**/ savepoint a", "set session x.y = 1", "discard all", "copy a from stdin"]
    {
        assert!(matches!(db.query::<i64>(sql, params! {}).await, Err(Error::Denied(_))), "{sql}");
        let inside = db.write(move |tx| tx.execute(sql, params! {})).await;
        assert!(matches!(inside, Err(Error::Denied(_))), "{sql}: {inside:?}");
    }
    db.execute("create table it (n int)", params! {}).await.unwrap();
    let refused = db.read(|tx| tx.query::<i64>("insert into it values (1) returning n", params! {})).await;
    assert!(matches!(refused, Err(Error::Denied(_))), "{refused:?}");
    assert_eq!(place.psql("select count(*) from it"), "0");
}

#[tokio::test]
async fn a_write_ends_as_it_ought_to() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    db.execute("create table it (n int)", params! {}).await.unwrap();
    let told = Arc::new(AtomicU32::new(0));
    let panicked = db
        .write({
            let told = Arc::clone(&told);
            move |tx| -> ketch_db::Result<()> {
                let told = Arc::clone(&told);
                tx.after_commit(move || {
                    told.fetch_add(1, Ordering::Relaxed);
                });
                tx.execute("insert into it values (1)", params! {})?;
                panic!("a reef")
            }
        })
        .await;
    assert_eq!(panicked, Err(Error::Panicked("a reef".to_owned())));
    assert_eq!(told.load(Ordering::Relaxed), 0);
    // Rows that were not expected roll back what returned them.
    let two = db.query_one::<i64>("insert into it values (1), (2) returning n", params! {}).await;
    assert_eq!(two, Err(Error::TooManyRows(1)));
    // A function that writes is a write, though it is selected.
    db.execute("create sequence numbers", params! {}).await.unwrap();
    for wanted in 1..=2_i64 {
        assert_eq!(db.query_one::<i64>("select nextval('numbers')", params! {}).await, Ok(wanted));
    }
    // Several are one transaction, also when one needs what another makes.
    let batch = db.batch([
        ("create table other (n int unique)", params! {}),
        ("insert into other values (1)", params! {}),
        ("insert into other values (1)", params! {}),
    ]);
    assert_eq!(batch.await, Err(Error::Unique("other.n".to_owned())));
    assert_eq!(place.psql("select to_regclass('other') is null, count(*) from it"), "t|0");
    let told_too = Arc::clone(&told);
    db.write(move |tx| {
        let told = Arc::clone(&told_too);
        tx.after_commit(move || {
            told.fetch_add(1, Ordering::Relaxed);
        });
        tx.after_commit(|| panic!("after all"));
        tx.execute("insert into it values (1)", params! {})
    })
    .await
    .unwrap();
    assert_eq!(told.load(Ordering::Relaxed), 1);
    place.is_at_rest().await;
}

#[tokio::test]
async fn the_schema_changes_under_prepared_statements() {
    let place = Place::new();
    let db = place.db(&Options::default()).await;
    db.execute("create table it (n int)", params! {}).await.unwrap();
    db.execute("insert into it values (1)", params! {}).await.unwrap();
    let select = "select * from it";
    assert_eq!(db.query_one::<(i64,)>(select, params! {}).await.unwrap(), (1,));
    place.psql("alter table it add column m int");
    assert_eq!(db.query_one::<(i64, Option<i64>)>(select, params! {}).await.unwrap(), (1, None));
    place.psql("alter table it add column o int");
    let inside =
        db.write(move |tx| tx.query_one::<(i64, Option<i64>, Option<i64>)>(select, params! {})).await;
    assert_eq!(inside.unwrap(), (1, None, None));
}

#[tokio::test]
async fn a_change_is_made_whole_or_not_at_all_and_by_one_at_a_time() {
    let place = Place::new();
    let mut options = Options::default();
    options.connections = 1;
    options.alone_time = std::time::Duration::from_millis(300);
    let db = place.db(&options).await;
    let driver = db.driver().unwrap();
    let change = |script: &'static str, in_transaction| Change {
        script: script.into(),
        record: vec![Statement::new("insert into done values (:n)", params! { n: 1 })],
        in_transaction,
    };
    db.execute("create table done (n int)", params! {}).await.unwrap();
    let lock = driver.lock_schema().await.unwrap();
    let other = place.db(&options).await;
    let waited = other.driver().unwrap().lock_schema().await;
    assert!(matches!(waited, Err(Error::Locked(_))), "the lock was given twice");
    let failed = driver.change(change("create table a (n int);\nselect nothing;", true)).await;
    assert!(matches!(&failed, Err(Error::Statement { sql, .. }) if sql == "select nothing;"), "{failed:?}");
    assert_eq!(place.psql("select to_regclass('a') is null, count(*) from done"), "t|0");
    driver.change(change("create table a (n int); create index b on a (n)", true)).await.unwrap();
    let alone = "create index concurrently c on a (n); create index concurrently d on a (n);";
    driver.change(change(alone, false)).await.unwrap();
    assert_eq!(place.psql("select count(*) from done"), "2");
    let denied = driver.change(change("create table e (n int); commit;", true)).await;
    assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
    drop(lock);
    other.driver().unwrap().lock_schema().await.unwrap();
}
