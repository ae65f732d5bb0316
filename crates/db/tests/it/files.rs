//! Where a database may be, what its file may be, and that one engine has it, by whatever name.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ketch_db::sqlite::{Sqlite, rusqlite};
use ketch_db::{Db, Error, Options, params};

use crate::scratch::Scratch;

fn open(path: impl AsRef<Path>) -> Result<Sqlite, Error> {
    Sqlite::open(path, &Options::default())
}

#[cfg(unix)]
#[tokio::test]
async fn one_engine_has_a_file_by_whatever_name() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    symlink(scratch.path("app.db"), scratch.path("link.db")).unwrap();
    fs::create_dir(scratch.path("below")).unwrap();
    symlink(&scratch, scratch.path("folder")).unwrap();
    for name in ["app.db", "link.db", "folder/app.db", "below/../link.db", "./app.db"] {
        let error = open(scratch.path(name)).unwrap_err();
        assert!(matches!(&error, Error::Locked(_)), "{name}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(&std::process::id().to_string()), "{text}");
    }
    db.close().await;
    open(scratch.path("link.db")).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_that_is_not_there_yet_leads_to_it() {
    let scratch = Scratch::new();
    std::os::unix::fs::symlink(scratch.path("real.db"), scratch.path("link.db")).unwrap();
    let _held = open(scratch.path("link.db")).unwrap();
    let error = open(scratch.path("real.db")).unwrap_err();
    assert!(matches!(&error, Error::Locked(_)), "{error:?}");
}

/// Whoever may write into the folder may not have a file elsewhere emptied by that.
#[cfg(unix)]
#[test]
fn what_was_put_in_the_place_of_the_lock_is_left_alone() {
    use std::os::unix::fs::symlink;

    let scratch = Scratch::new();
    let (lock, mine) = (scratch.path("app.db-lock"), scratch.path("mine"));
    let refused = || {
        let error = open(scratch.path("app.db")).unwrap_err();
        assert!(matches!(&error, Error::Open(why) if why.contains("is no lock")), "{error:?}");
        fs::remove_file(&lock).unwrap();
    };
    symlink(&mine, &lock).unwrap();
    refused();
    assert!(!mine.exists(), "nothing was made where the link leads to");
    fs::write(&mine, "mine").unwrap();
    symlink(&mine, &lock).unwrap();
    refused();
    fs::hard_link(&mine, &lock).unwrap();
    refused();
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    let _a_socket = std::os::unix::net::UnixListener::bind(&lock).unwrap();
    let error = open(scratch.path("app.db")).unwrap_err();
    assert!(matches!(&error, Error::Open(why) if why.contains("app.db-lock")), "{error:?}");
    fs::remove_file(&lock).unwrap();
    open(scratch.path("app.db")).unwrap();
}

/// The log is beside each name, so two names of one file are two halves of a database.
#[cfg(unix)]
#[test]
fn a_file_with_two_names_is_refused() {
    let scratch = Scratch::new();
    drop(open(scratch.path("app.db")).unwrap());
    fs::hard_link(scratch.path("app.db"), scratch.path("copy.db")).unwrap();
    for name in ["app.db", "copy.db"] {
        let error = open(scratch.path(name)).unwrap_err();
        assert!(matches!(&error, Error::Open(why) if why.contains("hard link")), "{error:?}");
    }
    fs::remove_file(scratch.path("copy.db")).unwrap();
    open(scratch.path("app.db")).unwrap();
}

#[tokio::test]
async fn a_name_is_taken_as_it_is_written() {
    let scratch = Scratch::new();
    for name in
        ["with space.db", "überfahrt ⛵.db", "100%.db", "what?mode=ro", "file:x.db", ":memory:", "it's.db"]
    {
        let db = Db::with_driver(open(scratch.path(name)).unwrap(), &Options::default());
        db.execute("create table t (id integer primary key)", params! {}).await.unwrap();
        db.backup(scratch.path(&format!("{name} copy"))).await.unwrap();
        db.close().await;
        let size = |name: &str| fs::metadata(scratch.path(name)).unwrap().len();
        assert!(size(name) > 0 && size(&format!("{name} copy")) > 0, "{name}");
    }
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let scratch = Scratch::new();
    let text = "these are the notes of a captain, not a database\n".repeat(100);
    fs::write(scratch.path("notes.txt"), &text).unwrap();
    fs::create_dir(scratch.path("folder.db")).unwrap();
    for name in ["notes.txt", "folder.db"] {
        let error = open(scratch.path(name)).unwrap_err();
        assert!(matches!(&error, Error::Open(why) if why.contains(name)), "{error:?}");
    }
    assert_eq!(fs::read_to_string(scratch.path("notes.txt")).unwrap(), text);
    let error = open("").unwrap_err();
    assert!(matches!(&error, Error::Open(_)), "{error:?}");
}

#[tokio::test]
async fn a_database_of_another_journal_and_an_empty_file_are_opened() {
    let scratch = Scratch::new();
    {
        #[expect(clippy::disallowed_methods, reason = "a database that another program made")]
        let old = rusqlite::Connection::open(scratch.path("old.db")).unwrap();
        old.execute_batch("create table t (id integer primary key); insert into t values (7);").unwrap();
    }
    let db = Db::with_driver(open(scratch.path("old.db")).unwrap(), &Options::default());
    assert_eq!(db.query_one::<i64>("select id from t", params! {}).await, Ok(7));
    fs::write(scratch.path("empty.db"), "").unwrap();
    open(scratch.path("empty.db")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_to_one_name_at_once_are_one_whole_copy() {
    let scratch = Scratch::new();
    let db = Arc::new(scratch.db(&Options::default()));
    db.execute("create table t (id integer primary key, it blob)", params! {}).await.unwrap();
    let fill = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000)
                insert into t select i, randomblob(10000) from n";
    db.execute(fill, params! {}).await.unwrap();
    for round in 0..3 {
        let to = scratch.path(&format!("copy-{round}.db"));
        let copies: Vec<_> = (0..4)
            .map(|_| {
                let (db, to) = (Arc::clone(&db), to.clone());
                tokio::spawn(async move {
                    let done = db.backup(&to).await;
                    done.map(|()| fs::metadata(&to).unwrap().len())
                })
            })
            .collect();
        let mut good = Vec::new();
        for copy in copies {
            match copy.await.unwrap() {
                Ok(size) => good.push(size),
                Err(error) => assert!(error.to_string().contains("is there already"), "{error}"),
            }
        }
        assert_eq!(
            good,
            [fs::metadata(&to).unwrap().len()],
            "one of them is made, and whole when it says so"
        );
        assert!(!scratch.path(&format!("copy-{round}.db.part")).exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_made_is_for_its_owner_alone_and_what_is_there_stays_as_it_is() {
    use std::os::unix::fs::PermissionsExt;

    let scratch = Scratch::new();
    let mode = |name: &str| scratch.path(name).metadata().unwrap().permissions().mode() & 0o777;
    let db = scratch.db(&Options::default());
    db.execute("create table kept (id integer primary key) strict", params![]).await.unwrap();
    db.backup(scratch.path("copy.db")).await.unwrap();
    for name in ["app.db", "app.db-wal", "app.db-shm", "copy.db"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    db.close().await;
    fs::set_permissions(scratch.path("app.db"), fs::Permissions::from_mode(0o640)).unwrap();
    let db = scratch.db(&Options::default());
    db.execute("insert into kept default values", params![]).await.unwrap();
    assert_eq!((mode("app.db"), mode("app.db-wal")), (0o640, 0o640));
    db.close().await;
}

/// It would go on to take writes, and be gone with the process.
#[cfg(unix)]
#[tokio::test]
async fn no_write_is_answered_on_a_file_that_was_deleted_or_replaced() {
    for (what, told) in [("deleted", "was deleted or moved"), ("replaced", "was replaced by another file")] {
        let scratch = Scratch::new();
        let db = scratch.db(&Options::default());
        db.execute("create table kept (id integer primary key) strict", params![]).await.unwrap();
        db.health().await.unwrap();
        if what == "replaced" {
            fs::write(scratch.path("other.db"), "").unwrap();
            fs::rename(scratch.path("other.db"), scratch.path("app.db")).unwrap();
        } else {
            fs::remove_file(scratch.path("app.db")).unwrap();
        }
        let error = db.execute("insert into kept default values", params![]).await.unwrap_err();
        assert!(matches!(&error, Error::Broken(why) if why.contains(told)), "{what}: {error:?}");
        assert!(error.to_string().contains("restore a copy"), "{error}");
        assert!(matches!(db.health().await, Err(Error::Broken(_))), "{what}: it is not ready");
        // To open it again would begin an empty one.
        let error = db.sqlite().unwrap().reopen().await.unwrap_err();
        assert!(matches!(&error, Error::Open(why) if why.contains(told)), "{what}: {error:?}");
        db.close().await;
        assert_eq!(scratch.path("app.db").exists(), what == "replaced", "nothing is made in its place");
    }
}

/// Nobody writes, and it is noticed all the same.
#[cfg(unix)]
#[tokio::test]
async fn a_look_at_the_health_tells_of_a_file_that_is_gone() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.health().await.unwrap();
    fs::rename(scratch.path("app.db"), scratch.path("elsewhere.db")).unwrap();
    let error = db.health().await.unwrap_err();
    assert!(matches!(&error, Error::Broken(why) if why.contains("was deleted or moved")), "{error:?}");
    db.close().await;
}
