//! Migrations on PostgreSQL: what they apply, undo and refuse, without a transaction where they say so, and by one
//! process at a time.

use std::fs;

use ketch_db::migrate::{Backup, MigrateError, State, Wanted, down, status, up};
use ketch_db::{Migrations, Options, params};

use crate::postgres_scratch::Place;
use crate::scratch::Scratch;

/// A folder of migrations, written anew.
fn folder(scratch: &Scratch, files: &[(&str, &str)]) -> Migrations {
    let folder = scratch.path("migrations");
    let _none_before = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("a file");
    }
    Migrations::from_folder(&folder).expect("good migrations")
}

const BOATS: (&str, &str) =
    ("001_boats.up.sql", "create table boats (id bigint primary key, name text not null);");
const NO_BOATS: (&str, &str) = ("001_boats.down.sql", "drop table boats;");

fn all_of_them() -> Wanted {
    Wanted { to: Some(0), ..Wanted::default() }
}

/// The tables and indexes, and the numbers that are recorded.
const SCHEMA: &str = "select string_agg(relname, ' ' order by relname) from pg_class \
                      where relnamespace = 'public'::regnamespace and relname not like 'ketch_%'";
const NUMBERS: &str = "select string_agg(number::text, ' ' order by number) from ketch_migrations";

#[tokio::test]
async fn what_is_pending_is_applied_once_and_undone_step_by_step() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let db = place.db(&Options::default()).await;
    let own = ("002_names.up.postgres.sql", "create index names on boats (lower(name));");
    let other = ("002_names.up.sqlite.sql", "this is not for PostgreSQL");
    let all = [folder(&scratch, &[BOATS, NO_BOATS, own, other, ("002_names.down.sql", "drop index names")])];
    assert_eq!(status(&db, &all).await.unwrap().count(State::Pending), 2);
    assert_eq!(place.psql("select to_regclass('ketch_migrations') is null"), "t", "status writes nothing");

    let report = up(&db, &all, &Wanted::default()).await.unwrap();
    assert_eq!((report.done.len(), report.backup), (2, None));
    assert_eq!((place.psql(SCHEMA), place.psql(NUMBERS)), ("boats boats_pkey names".into(), "1 2".into()));
    assert_eq!(up(&db, &all, &Wanted::default()).await.unwrap().done, [], "once is enough");
    assert_eq!(status(&db, &all).await.unwrap().count(State::Applied), 2);

    assert_eq!(down(&db, &all, &Wanted::default()).await.unwrap().done.len(), 1);
    assert_eq!((place.psql(SCHEMA), place.psql(NUMBERS)), ("boats boats_pkey".into(), "1".into()));
    assert_eq!(down(&db, &all, &all_of_them()).await.unwrap().done.len(), 1);
    assert_eq!((place.psql(SCHEMA), place.psql(NUMBERS)), (String::new(), String::new()));
}

#[tokio::test]
async fn a_script_that_fails_leaves_nothing_and_what_was_before_it_stays() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let db = place.db(&Options::default()).await;
    let half =
        ("002_half.up.sql", "create table half (a int);\ninsert into half values (1);\ndrop table nowhere;");
    let all = [folder(&scratch, &[BOATS, half])];
    let error = up(&db, &all, &Wanted::default()).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("\"nowhere\" does not exist") && told.ends_with("the one before it was applied"),
        "{told}"
    );
    assert_eq!((place.psql(SCHEMA), place.psql(NUMBERS)), ("boats boats_pkey".into(), "1".into()));

    let mended = [folder(&scratch, &[BOATS, ("002_half.up.sql", "create table half (a int);")])];
    assert_eq!(up(&db, &mended, &Wanted::default()).await.unwrap().done.len(), 1);
    assert_eq!(place.psql(NUMBERS), "1 2");
}

#[tokio::test]
async fn without_a_transaction_each_statement_stands_for_itself_and_an_error_names_its_line() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let db = place.db(&Options::default()).await;
    let index = "-- no transaction\r\ncreate index concurrently if not exists by_name on boats (name);\r\n";
    let half = format!("{index}create index concurrently by_age\r\n  on boats (nowhere(name));\r\n");
    let all = [folder(&scratch, &[BOATS, ("002_index.up.postgres.sql", &half)])];
    let told = up(&db, &all, &Wanted::default()).await.unwrap_err().to_string();
    assert!(
        told.contains("002_index.up.postgres.sql") && told.contains("in `on boats (nowhere(name))`"),
        "{told}"
    );
    assert_eq!((place.psql(SCHEMA), place.psql(NUMBERS)), ("boats boats_pkey by_name".into(), "1".into()));

    let all = [folder(&scratch, &[BOATS, NO_BOATS, ("002_index.up.postgres.sql", index)])];
    assert_eq!(up(&db, &all, &Wanted::default()).await.unwrap().done.len(), 1);
    assert_eq!(place.psql(NUMBERS), "1 2");
    let told = down(&db, &all, &all_of_them()).await.unwrap_err().to_string();
    assert!(told.contains("migration 2 `index` cannot be undone"), "{told}");
    assert_eq!(place.psql(NUMBERS), "1 2");
}

/// The one that makes an index waits for every snapshot, and the others wait for the one: none of them with a snapshot.
#[tokio::test]
async fn nodes_that_start_together_migrate_once_even_an_index_that_waits_for_everybody() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let mut options = Options::default();
    options.connections = 1;
    let nodes = [place.db(&options).await, place.db(&options).await, place.db(&options).await];
    // The first is not done when the others begin.
    let slow = ("002_slow.up.sql", "select pg_sleep(0.2); create table slow (a int);");
    let index = (
        "003_index.up.postgres.sql",
        "-- no transaction\ncreate index concurrently by_name on boats (name);",
    );
    let all = [folder(&scratch, &[BOATS, slow, index])];
    let wanted = Wanted::default();
    let (a, b, c) = tokio::join!(
        up(&nodes[0], &all, &wanted),
        up(&nodes[1], &all, &wanted),
        up(&nodes[2], &all, &wanted)
    );
    let done: Vec<_> = [a, b, c].into_iter().map(|it| it.unwrap().done.len()).collect();
    assert_eq!((done.iter().sum::<usize>(), done.iter().max()), (3, Some(&3)), "{done:?}");
    assert_eq!(place.psql(NUMBERS), "1 2 3");
}

#[tokio::test]
async fn a_changed_file_and_a_newer_database_are_refused() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let db = place.db(&Options::default()).await;
    let log = ("002_log.up.sql", "create table log (boat bigint);");
    up(&db, &[folder(&scratch, &[BOATS, log])], &Wanted::default()).await.unwrap();
    let changed = ("001_boats.up.sql", "create table boats (id bigint primary key);");
    for (files, why) in
        [(&[changed, log][..], "is not what was applied"), (&[BOATS], "is newer than this program")]
    {
        match up(&db, &[folder(&scratch, files)], &Wanted::default()).await {
            Err(MigrateError::Refused(problems)) => assert!(problems[0].contains(why), "{problems:?}"),
            other => panic!("it should be refused: {other:?}"),
        }
    }
    // Line endings and a byte order mark are no change.
    let same = ("002_log.up.sql", "\u{feff}create table log (boat bigint);");
    assert_eq!(up(&db, &[folder(&scratch, &[BOATS, same])], &Wanted::default()).await.unwrap().done, []);
}

#[tokio::test]
async fn a_byte_order_mark_an_empty_file_and_comments_alone_are_no_mistake() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let files = [
        ("001_mark.up.sql", "\u{feff}create table mark (a integer);"),
        ("002_empty.up.sql", ""),
        ("003_words.up.sql", "-- nothing yet\r\n/* nor here */\r\n;"),
        ("004_alone.up.postgres.sql", "\u{feff}-- no transaction\r\n-- nothing yet\r\n"),
        ("004_alone.up.sqlite.sql", " "),
    ];
    let all = [folder(&scratch, &files)];
    for db in [place.db(&Options::default()).await, scratch.db(&Options::default())] {
        let wanted = Wanted { backup: Backup::Without, ..Wanted::default() };
        assert_eq!(up(&db, &all, &wanted).await.unwrap().done.len(), 4);
        assert_eq!(db.query::<i64>("select a from mark", params! {}).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn what_a_script_leaves_in_its_session_does_not_reach_the_next_statement() {
    let (scratch, place) = (Scratch::new(), Place::new());
    let mut options = Options::default();
    options.connections = 1;
    let db = place.db(&options).await;
    let left =
        "select set_config('application_name', 'left', false); create temporary table boats (id bigint);";
    let all = [folder(&scratch, &[("001_left.up.sql", left)])];
    up(&db, &all, &Wanted::default()).await.unwrap();
    let name = db.query_one::<String>("select current_setting('application_name')", params! {}).await;
    assert_eq!(name, Ok("ketch".to_owned()));
    let gone = db.query_one::<bool>("select to_regclass('boats') is null", params! {}).await;
    assert_eq!(gone, Ok(true), "a temporary table is of one session");
}
