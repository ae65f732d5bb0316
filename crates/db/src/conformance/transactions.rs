//! Closures that write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::case::{Case, case};
use super::check::{Checked, Failure, fails, holds, same};
use super::setting::{Gate, Opened, berths, boat, boats, fleet};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;
use crate::tx::Tx;

pub(super) const CASES: &[Case] = &[
    case!("transactions", a_closure_commits),
    case!("transactions", its_error_rolls_back),
    case!("transactions", its_own_kind_of_error_comes_back),
    case!("transactions", its_panic_rolls_back),
    case!("transactions", a_violation_may_be_passed_over),
    case!("transactions", a_mistake_may_be_passed_over),
    case!("transactions", it_reads_what_it_wrote),
    case!("transactions", nobody_sees_it_before_its_commit),
    case!("transactions", alone_is_the_same),
    case!("transactions", what_follows_a_commit_runs_in_order),
    case!("transactions", what_follows_a_commit_sees_it),
    case!("transactions", nothing_follows_a_rollback),
    case!("transactions", nothing_follows_a_failed_commit),
];

fn insert(tx: &mut Tx<'_>, id: i64, name: &str) -> Result<u64> {
    tx.execute("insert into boats (id, name) values (:id, :name)", params! { id, name })
}

async fn a_closure_commits(db: Db) -> Checked {
    boats(&db).await?;
    let found = db
        .write(|tx| {
            insert(tx, 1, "Spray")?;
            let id: i64 =
                tx.query_one("insert into boats (id, name) values (2, 'Suhaili') returning id", params! {})?;
            let none: Option<i64> = tx.query_opt("select id from boats where id = 3", params! {})?;
            let names: Vec<String> = tx.query("select name from boats order by id", params! {})?;
            Ok((id, none, names))
        })
        .await?;
    same("the answer", &found, &(2, None, vec!["Spray".to_owned(), "Suhaili".to_owned()]))?;
    same("boats", &fleet(&db).await?, &2)
}

async fn its_error_rolls_back(db: Db) -> Checked {
    boats(&db).await?;
    let failed = db
        .write(|tx| {
            insert(tx, 1, "Spray")?;
            tx.query_one::<i64>("select id from boats where id = 9", params! {})
        })
        .await;
    fails!("a closure that misses a row", failed, Error::NoRow)?;
    let failed = db
        .write(|tx| {
            insert(tx, 1, "Spray")?;
            insert(tx, 2, "Spray")
        })
        .await;
    fails!("a closure that breaks a rule", failed, Error::Unique(_))?;
    same("boats", &fleet(&db).await?, &0)
}

async fn its_own_kind_of_error_comes_back(db: Db) -> Checked {
    #[derive(Debug, PartialEq)]
    enum Mine {
        NotToday(u8),
        Database,
    }
    impl From<Error> for Mine {
        fn from(_: Error) -> Self {
            Self::Database
        }
    }
    boats(&db).await?;
    let failed: std::result::Result<(), Mine> = db
        .try_write(|tx| {
            insert(tx, 1, "Spray")?;
            Err(Mine::NotToday(7))
        })
        .await;
    same("the closure's own error", &failed, &Err(Mine::NotToday(7)))?;
    let failed: std::result::Result<u64, Mine> =
        db.try_write(|tx| Ok(tx.execute("selec", params! {})?)).await;
    same("the engine's error as the closure's", &failed, &Err(Mine::Database))?;
    same("boats", &fleet(&db).await?, &0)
}

async fn its_panic_rolls_back(db: Db) -> Checked {
    boats(&db).await?;
    for id in 0..5 {
        let failed = db
            .write(move |tx| {
                insert(tx, id, "Spray")?;
                if id >= 0 {
                    panic!("on purpose");
                }
                Ok(())
            })
            .await;
        let error = fails!("a closure that panics", failed, Error::Panicked(_))?;
        holds("the error has the panic's text", error.to_string().contains("on purpose"))?;
        same("boats", &fleet(&db).await?, &0)?;
    }
    same("written afterwards", &boat(&db, 1, "Spray").await?, &1)
}

/// PostgreSQL by itself would end the transaction here.
async fn a_violation_may_be_passed_over(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let refused = db
        .write(|tx| {
            insert(tx, 2, "Suhaili")?;
            let first = insert(tx, 3, "Spray");
            insert(tx, 4, "Joshua")?;
            let second: Result<i64> =
                tx.query_one("insert into boats (id, name) values (1, 'Moana') returning id", params! {});
            insert(tx, 5, "Gipsy Moth")?;
            Ok([first.map(drop), second.map(drop)].map(|it| matches!(it, Err(Error::Unique(_)))))
        })
        .await?;
    same("both were refused as doubled", &refused, &[true, true])?;
    let ids: Vec<i64> = db.query("select id from boats order by id", params! {}).await?;
    same("boats", &ids, &vec![1, 2, 4, 5])
}

async fn a_mistake_may_be_passed_over(db: Db) -> Checked {
    boats(&db).await?;
    db.write(|tx| {
        insert(tx, 1, "Spray")?;
        let _wrong = tx.execute("selec", params! {});
        let _type = tx.query_one::<i64>("select name from boats", params! {});
        let _missing = tx.execute("insert into boats (id) values (:id)", params! {});
        insert(tx, 2, "Suhaili")
    })
    .await?;
    same("boats", &fleet(&db).await?, &2)
}

async fn it_reads_what_it_wrote(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let seen = db
        .write(|tx| {
            let count = "select count(*) from boats";
            let before: i64 = tx.query_one(count, params! {})?;
            insert(tx, 2, "Suhaili")?;
            let after: i64 = tx.query_one(count, params! {})?;
            tx.execute("delete from boats", params! {})?;
            Ok([before, after, tx.query_one(count, params! {})?])
        })
        .await?;
    same("boats, as they went", &seen, &[1, 2, 0])
}

async fn nobody_sees_it_before_its_commit(db: Db) -> Checked {
    boats(&db).await?;
    let gate = Gate::closed();
    let _opened = Opened(gate.clone());
    let (writer, held) = (db.clone(), gate.clone());
    let write = tokio::spawn(async move {
        writer
            .write(move |tx| {
                insert(tx, 1, "Spray")?;
                held.hold();
                Ok(())
            })
            .await
    });
    gate.reached().await;
    same("boats seen beside it", &fleet(&db).await?, &0)?;
    let inside: i64 = db.read(|tx| tx.query_one("select count(*) from boats", params! {})).await?;
    same("boats in a snapshot beside it", &inside, &0)?;
    gate.open();
    write.await.expect("the write does not panic")?;
    same("boats after its commit", &fleet(&db).await?, &1)
}

async fn alone_is_the_same(db: Db) -> Checked {
    boats(&db).await?;
    db.write_alone(|tx| insert(tx, 1, "Spray")).await?;
    let failed = db
        .write_alone(|tx| {
            insert(tx, 2, "Suhaili")?;
            insert(tx, 3, "Spray")
        })
        .await;
    fails!("a closure that breaks a rule", failed, Error::Unique(_))?;
    let failed: Result<()> = db.write_alone(|_| panic!("on purpose")).await;
    fails!("a closure that panics", failed, Error::Panicked(_))?;
    same("boats", &fleet(&db).await?, &1)
}

async fn what_follows_a_commit_runs_in_order(db: Db) -> Checked {
    boats(&db).await?;
    let done = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&done);
    db.write(move |tx| {
        for step in 1..=3 {
            let done = Arc::clone(&inside);
            tx.after_commit(move || done.lock().expect("no panic").push(step));
        }
        inside.lock().expect("no panic").push(0);
        insert(tx, 1, "Spray")
    })
    .await?;
    // The closure may have run more than once; what follows has not.
    let done = done.lock().expect("no panic").iter().copied().filter(|step| *step > 0).collect();
    same("steps done before the answer", &done, &vec![1, 2, 3])
}

async fn what_follows_a_commit_sees_it(db: Db) -> Checked {
    boats(&db).await?;
    let (told, mut hear) = mpsc::unbounded_channel();
    let reader = db.clone();
    let reads = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(id) = hear.recv().await {
            let count = "select count(*) from boats where id = :id";
            seen.push(reader.query_one::<i64>(count, params! { id }).await?);
        }
        Ok::<_, Error>(seen)
    });
    for id in 1..=50_i64 {
        let told = told.clone();
        db.write(move |tx| {
            let told = told.clone();
            tx.after_commit(move || {
                let _nobody_reads = told.send(id);
            });
            insert(tx, id, &format!("boat {id}"))
        })
        .await?;
    }
    drop(told);
    let seen = reads.await.expect("the reads do not panic")?;
    same("rows seen by whom each commit woke", &seen, &vec![1; 50])
}

async fn nothing_follows_a_rollback(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Spray").await?;
    let done = Arc::new(AtomicBool::new(false));
    let follow = |tx: &mut Tx<'_>, done: &Arc<AtomicBool>| {
        let done = Arc::clone(done);
        tx.after_commit(move || done.store(true, Ordering::SeqCst));
    };
    let inside = Arc::clone(&done);
    let failed = db
        .write(move |tx| {
            follow(tx, &inside);
            insert(tx, 2, "Spray")
        })
        .await;
    fails!("a closure that breaks a rule", failed, Error::Unique(_))?;
    let inside = Arc::clone(&done);
    let failed: Result<()> = db
        .write(move |tx| {
            follow(tx, &inside);
            panic!("on purpose")
        })
        .await;
    fails!("a closure that panics", failed, Error::Panicked(_))?;
    // Whatever followed late would come before the next write is answered.
    boat(&db, 3, "Joshua").await?;
    holds("nothing was done after a rollback", !done.load(Ordering::SeqCst))
}

async fn nothing_follows_a_failed_commit(db: Db) -> Checked {
    berths(&db).await?;
    db.execute("insert into owners (id) values (1)", params! {}).await?;
    let done = Arc::new(AtomicBool::new(false));
    let inside = Arc::clone(&done);
    let failed = db
        .write(move |tx| {
            let done = Arc::clone(&inside);
            tx.after_commit(move || done.store(true, Ordering::SeqCst));
            tx.execute("insert into berths (id, owner, heir) values (1, 1, 9)", params! {})
        })
        .await;
    fails!("a reference that leads nowhere at the commit", failed, Error::ForeignKey(_))?;
    if done.load(Ordering::SeqCst) {
        return Err(Failure::wrong("expected that nothing is done after a commit that failed"));
    }
    let left: i64 = db.query_one("select count(*) from berths", params! {}).await?;
    same("berths", &left, &0)
}
