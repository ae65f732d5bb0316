//! Changes of the schema: all or nothing, also where tables refer to each other.

use ketch_db::driver::Change;
use ketch_db::{Db, Error, Options, Statement, params};

use crate::scratch::Scratch;

async fn change(db: &Db, script: &'static str) -> Result<(), Error> {
    let record = vec![Statement::new("insert into done (name) values (:name)", params! { name: "one" })];
    db.driver()?.change(Change { script: script.into(), record, in_transaction: true }).await
}

async fn with_tables(scratch: &Scratch) -> Db {
    let db = scratch.db(&Options::default());
    let script = "create table done (name text);
                  create table port (id integer primary key, name text);
                  create table boat (id integer primary key, port integer references port on delete cascade);
                  insert into port values (1, 'Hamburg'); insert into boat values (7, 1);";
    let made = Change { script: script.into(), record: Vec::new(), in_transaction: true };
    db.driver().expect("it goes well").change(made).await.expect("it goes well");
    db
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    db.query_one(sql, params! {}).await.expect("it goes well")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_built_anew_and_its_children_stay() {
    let scratch = Scratch::new();
    let db = with_tables(&scratch).await;
    let script = "create table new (id integer primary key, name text not null, country text);
                  insert into new (id, name) select id, name from port;
                  drop table port; alter table new rename to port;";
    change(&db, script).await.unwrap();
    assert_eq!(number(&db, "select count(*) from boat join port on port.id = boat.port").await, 1);
    assert_eq!(number(&db, "select count(*) from done").await, 1);
    // The writer's own connection enforces references as before.
    let nowhere = db.execute("insert into boat values (8, 99)", params! {}).await;
    assert!(matches!(nowhere, Err(Error::ForeignKey(_))), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_leaves_nothing() {
    let scratch = Scratch::new();
    let db = with_tables(&scratch).await;
    let wrong = change(&db, "create table a (id); insert into nowhere values (1);").await;
    assert!(matches!(&wrong, Err(Error::Statement { .. })), "{wrong:?}");
    let orphans = change(&db, "create table a (id); delete from port;").await.unwrap_err();
    assert_eq!(
        orphans,
        Error::ForeignKey("rows refer to what is not there: 1 of `boat` to `port`".to_owned())
    );
    for script in ["create table a (id); commit;", "attach 'x' as y", "pragma foreign_keys = on", "begin"] {
        let denied = change(&db, script).await;
        assert!(matches!(denied, Err(Error::Denied(_))), "{script}: {denied:?}");
    }
    assert_eq!(number(&db, "select count(*) from sqlite_schema where name = 'a'").await, 0);
    assert_eq!(number(&db, "select count(*) from done").await, 0);
    assert_eq!(number(&db, "select count(*) from port").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_in_a_transaction_is_recorded_when_it_is_done() {
    let scratch = Scratch::new();
    let db = with_tables(&scratch).await;
    let record = vec![Statement::new("insert into done (name) values ('two')", params! {})];
    let vacuum = Change { script: "vacuum".into(), record, in_transaction: false };
    db.driver().unwrap().change(vacuum).await.unwrap();
    assert_eq!(number(&db, "select count(*) from done").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cached_statements_see_the_new_schema() {
    let scratch = Scratch::new();
    let db = with_tables(&scratch).await;
    let all = "select * from port";
    assert_eq!(db.query::<(i64, String)>(all, params! {}).await.unwrap().len(), 1);
    db.execute("insert into port values (:id, 'Kiel')", params! { id: 2 }).await.unwrap();
    change(&db, "alter table port add column country text default 'DE'").await.unwrap();
    assert_eq!(db.query::<(i64, String, String)>(all, params! {}).await.unwrap().len(), 2);
    let short = db.execute("insert into port values (:id, 'Kiel')", params! { id: 3 }).await;
    assert!(matches!(short, Err(Error::Statement { .. })), "{short:?}");
}
