//! What every caller relies on, on a fresh file.

use ketch_db::{Error, Options, params};

use crate::scratch::Scratch;

#[tokio::test]
async fn what_is_written_is_read() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.execute("create table boats (id integer primary key, name text not null unique)", params! {})
        .await
        .unwrap();
    let id: i64 = db
        .query_one("insert into boats (name) values (:name) returning id", params! { name: "Spray" })
        .await
        .unwrap();
    let name: String = db.query_one("select name from boats where id = :id", params! { id }).await.unwrap();
    assert_eq!(name, "Spray");
    let again = db.execute("insert into boats (name) values (:name)", params! { name: "Spray" }).await;
    assert_eq!(again, Err(Error::Unique("boats.name".to_owned())));
    let both: (i64, i64) = db
        .write(|tx| {
            let changed = tx.execute("update boats set name = 'Suhaili'", params! {})?;
            Ok((i64::try_from(changed).unwrap(), tx.query_one("select count(*) from boats", params! {})?))
        })
        .await
        .unwrap();
    assert_eq!(both, (1, 1));
    assert_eq!(
        db.read(|tx| tx.query_one::<String>("select name from boats", params! {})).await.unwrap(),
        "Suhaili"
    );
}

#[tokio::test]
async fn a_read_may_not_change_the_connection() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    for sql in ["begin", "commit", "savepoint a", "attach 'x' as y", "pragma synchronous = off"] {
        let refused = db.query::<i64>(sql, params! {}).await;
        assert!(matches!(refused, Err(Error::Denied(_))), "{sql}: {refused:?}");
    }
}
