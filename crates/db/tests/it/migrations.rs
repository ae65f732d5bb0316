//! Migrations on real files: what they apply, undo, refuse and leave behind.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ketch_db::migrate::{Backup, MigrateError, State, Wanted, down, down_plan, status, up};
use ketch_db::{Db, Dialect, Migrations, Options, params};
use ketch_model::ManualClock;

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
    ("001_boats.up.sql", "create table boats (id integer primary key, name text not null);");
const NO_BOATS: (&str, &str) = ("001_boats.down.sql", "drop table boats;");
const LOG: (&str, &str) = ("002_log.up.sql", "create table log (boat integer references boats(id));");
const NO_LOG: (&str, &str) = ("002_log.down.sql", "drop table log;");

fn quick() -> Wanted {
    Wanted { backup: Backup::Without, ..Wanted::default() }
}

fn to(number: i64) -> Wanted {
    Wanted { to: Some(number), ..quick() }
}

/// Everything in the schema but the table of migrations.
async fn tables(db: &Db) -> Vec<String> {
    let all = "select name from sqlite_schema where name not like 'sqlite%' and name <> 'ketch_migrations' order by 1";
    db.query(all, params! {}).await.expect("a schema")
}

async fn numbers(db: &Db) -> Vec<i64> {
    db.query("select number from ketch_migrations order by number", params! {}).await.expect("the table")
}

/// What was refused, and that nothing was changed for it.
async fn refused(db: &Db, all: &[Migrations]) -> Vec<String> {
    let before = tables(db).await;
    let told = match up(db, all, &Wanted::default()).await {
        Err(MigrateError::Refused(problems)) => problems,
        other => panic!("it should be refused: {other:?}"),
    };
    assert_eq!(tables(db).await, before);
    told
}

#[tokio::test]
async fn what_is_pending_is_applied_once_and_undone_step_by_step() {
    let scratch = Scratch::new();
    let clock = ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_265_340));
    let db = scratch.db(&{
        let mut options = Options::default();
        options.clock = Arc::new(clock);
        options
    });
    let all = [folder(&scratch, &[BOATS, NO_BOATS, LOG, NO_LOG])];
    assert_eq!(status(&db, &all).await.unwrap().count(State::Pending), 2);
    assert_eq!(tables(&db).await, [""; 0], "status writes nothing");

    let report = up(&db, &all, &Wanted::default()).await.unwrap();
    let done: Vec<_> =
        report.done.iter().map(|step| (step.part.as_str(), step.number, step.name.as_str())).collect();
    assert_eq!(done, [("app", 1, "boats"), ("app", 2, "log")]);
    assert_eq!(report.backup, None, "there was nothing to lose");
    assert_eq!(tables(&db).await, ["boats", "log"]);
    let entry = &status(&db, &all).await.unwrap().entries[0];
    assert_eq!((entry.state, entry.applied_at.as_deref()), (State::Applied, Some("2026-11-21T12:49:00Z")));
    assert_eq!(up(&db, &all, &Wanted::default()).await.unwrap().done, [], "once is enough");

    let planned = down_plan(&db, &all, &quick()).await.unwrap();
    assert_eq!(planned, down(&db, &all, &quick()).await.unwrap().done, "the plan is what is done");
    assert_eq!((tables(&db).await, numbers(&db).await), (vec!["boats".to_owned()], vec![1]));
    assert_eq!(down(&db, &all, &to(0)).await.unwrap().done.len(), 1);
    assert_eq!((tables(&db).await, numbers(&db).await), (vec![], vec![]));
    assert_eq!(down(&db, &all, &quick()).await.unwrap().done, [], "nothing is left to undo");

    assert_eq!(up(&db, &all, &to(1)).await.unwrap().done.len(), 1);
    assert_eq!(numbers(&db).await, [1]);
    let told = up(&db, &all, &to(7)).await.unwrap_err().to_string();
    assert!(told.ends_with("has no migration 7"), "{told}");
    let told = down(&db, &all, &to(7)).await.unwrap_err().to_string();
    assert!(told.ends_with("has no migration 7"), "{told}");
}

#[tokio::test]
async fn a_script_that_fails_leaves_nothing_and_what_was_before_it_stays() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let half = (
        "002_half.up.sql",
        "create table half (a);\ninsert into half values (1);\ninsert into nowhere values (1);",
    );
    let all = [folder(&scratch, &[BOATS, half])];
    let Err(MigrateError::Failed(failure)) = up(&db, &all, &Wanted::default()).await else {
        panic!("the second cannot go well")
    };
    assert!(failure.file.ends_with("migrations/002_half.up.sql"), "{failure:?}");
    assert!(failure.error.to_string().contains("nowhere"), "{failure:?}");
    assert_eq!(failure.done.done.len(), 1);
    assert_eq!((tables(&db).await, numbers(&db).await), (vec!["boats".to_owned()], vec![1]));

    // Mended, it goes on where it stopped.
    let mended = ("002_half.up.sql", "create table half (a);");
    let all = [folder(&scratch, &[BOATS, mended])];
    assert_eq!(up(&db, &all, &Wanted::default()).await.unwrap().done.len(), 1);
    assert_eq!(tables(&db).await, ["boats", "half"]);
}

#[tokio::test]
async fn a_migration_that_cannot_be_recorded_leaves_nothing() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let all = [folder(&scratch, &[BOATS])];
    up(&db, &all, &quick()).await.unwrap();
    let refuse =
        "create trigger refuse before insert on ketch_migrations begin select raise(abort, 'not today'); end";
    db.execute(refuse, params! {}).await.unwrap();
    let before = tables(&db).await;
    let all = [folder(&scratch, &[BOATS, LOG])];
    let told = up(&db, &all, &quick()).await.unwrap_err().to_string();
    assert!(told.contains("002_log.up.sql` failed") && told.contains("not today"), "{told}");
    assert_eq!((tables(&db).await, numbers(&db).await), (before, vec![1]));
}

#[tokio::test]
async fn a_script_cannot_end_its_transaction() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    for end in ["commit", "rollback", "end", "savepoint a", "pragma foreign_keys = on", "attach 'x.db' as x"]
    {
        let text = format!("create table boats (id); {end};");
        let all = [folder(&scratch, &[("001_boats.up.sql", &text)])];
        let told = up(&db, &all, &quick()).await.unwrap_err();
        assert!(matches!(told, MigrateError::Failed(_)), "{end}: {told}");
        assert_eq!(tables(&db).await, [""; 0], "{end}");
    }
}

#[tokio::test]
async fn a_parent_table_is_rebuilt_without_its_children() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let parents = (
        "001_parents.up.sql",
        "create table parents (id integer primary key, name text);
         create table children (id integer primary key, parent integer not null references parents(id) on delete cascade);",
    );
    up(&db, &[folder(&scratch, &[parents])], &quick()).await.unwrap();
    db.execute("insert into parents values (1, 'a'), (2, 'b')", params! {}).await.unwrap();
    db.execute("insert into children values (10, 1), (11, 1), (20, 2)", params! {}).await.unwrap();

    let rebuild = (
        "002_strict.up.sql",
        "create table fresh (id integer primary key, name text not null) strict;
         insert into fresh select id, name from parents;
         drop table parents;
         alter table fresh rename to parents;",
    );
    up(&db, &[folder(&scratch, &[parents, rebuild])], &quick()).await.unwrap();
    let left: i64 = db.query_one("select count(*) from children", params! {}).await.unwrap();
    assert_eq!(left, 3, "dropping the parents took no child with it");
    db.execute("delete from parents where id = 1", params! {}).await.unwrap();
    let left: i64 = db.query_one("select count(*) from children", params! {}).await.unwrap();
    assert_eq!(left, 1, "and the rule holds again");
}

#[tokio::test]
async fn a_migration_that_breaks_a_reference_is_rolled_back() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    up(&db, &[folder(&scratch, &[BOATS, LOG])], &quick()).await.unwrap();
    db.execute("insert into boats values (1, 'Spray')", params! {}).await.unwrap();
    db.execute("insert into log values (1)", params! {}).await.unwrap();
    let broken = ("003_gone.up.sql", "delete from boats;");
    let told = up(&db, &[folder(&scratch, &[BOATS, LOG, broken])], &quick()).await.unwrap_err().to_string();
    assert!(told.contains("003_gone.up.sql` failed: a reference leads nowhere"), "{told}");
    let left: i64 = db.query_one("select count(*) from boats", params! {}).await.unwrap();
    assert_eq!((left, numbers(&db).await), (1, vec![1, 2]));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anything_runs() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let four = ("004_sails.up.sql", "create table sails (id);");
    up(&db, &[folder(&scratch, &[BOATS, LOG, four])], &quick()).await.unwrap();

    // A changed file, a file that is gone, and a new one in between, beside one that could be applied.
    let changed = ("001_boats.up.sql", "create table boats (id);");
    let late = ("003_late.up.sql", "create table late (id);");
    let five = ("005_five.up.sql", "create table five (id);");
    let all = [folder(&scratch, &[changed, late, four, five])];
    let told = refused(&db, &all).await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("001_boats.up.sql` is not what was applied to this database on 20"), "{told:?}");
    assert!(
        told[1].starts_with("migration 2 `log` was applied") && told[1].ends_with("put it back"),
        "{told:?}"
    );
    let expected =
        "003_late.up.sql` is not applied, but 4 `sails` is, which comes after it: give it a number above 4";
    assert!(told[2].ends_with(expected), "{told:?}");
    let states: Vec<_> =
        status(&db, &all).await.unwrap().entries.iter().map(|it| (it.number, it.state)).collect();
    let expected = [
        (1, State::Changed),
        (2, State::Missing),
        (3, State::OutOfOrder),
        (4, State::Applied),
        (5, State::Pending),
    ];
    assert_eq!(states, expected);

    // Other line endings are no change.
    let carriage = ("004_sails.up.sql", "create table sails (id);");
    let all = [folder(&scratch, &[BOATS, LOG, carriage])];
    assert_eq!(up(&db, &all, &quick()).await.unwrap().done, []);
}

#[tokio::test]
async fn a_program_refuses_a_database_that_is_newer() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let seven = ("007_sails.up.sql", "create table sails (id);");
    up(&db, &[folder(&scratch, &[BOATS, LOG, NO_LOG, seven])], &quick()).await.unwrap();
    let old = [folder(&scratch, &[BOATS, LOG, NO_LOG])];
    let expected = "this database is newer than this program: it has migration 7 `sails` of `app`, the program knows up \
                    to 2; run the newer program";
    assert_eq!(refused(&db, &old).await, [expected]);
    let told = down(&db, &old, &quick()).await.unwrap_err();
    assert_eq!(told, MigrateError::Refused(vec![expected.to_owned()]));
    let none = [folder(&scratch, &[])];
    assert!(refused(&db, &none).await[0].contains("the program knows none"));
}

#[tokio::test]
async fn a_changed_file_can_be_undone_and_applied_anew() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    up(&db, &[folder(&scratch, &[BOATS, NO_BOATS])], &quick()).await.unwrap();
    let changed =
        ("001_boats.up.sql", "create table boats (id integer primary key, name text, length real);");
    let all = [folder(&scratch, &[changed, NO_BOATS])];
    refused(&db, &all).await;
    down(&db, &all, &quick()).await.unwrap();
    up(&db, &all, &quick()).await.unwrap();
    db.execute("insert into boats values (1, 'Spray', 11.2)", params! {}).await.unwrap();
}

#[tokio::test]
async fn without_a_down_file_nothing_is_undone() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let all = [folder(&scratch, &[BOATS, LOG, NO_LOG])];
    up(&db, &all, &quick()).await.unwrap();
    let told = down(&db, &all, &to(0)).await.unwrap_err().to_string();
    assert!(told.contains("migration 1 `boats` cannot be undone: it has no `.down.sql`"), "{told}");
    assert_eq!(numbers(&db).await, [1, 2], "not even the one that has one");
}

#[tokio::test]
async fn an_engines_own_file_wins_and_one_for_another_engine_is_refused() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let plain = ("001_boats.up.sql", "this is not for SQLite");
    let own = ("001_boats.up.sqlite.sql", "create table boats (id integer primary key autoincrement);");
    up(&db, &[folder(&scratch, &[plain, own])], &quick()).await.unwrap();
    assert_eq!(tables(&db).await, ["boats"]);

    let other = ("002_index.up.postgres.sql", "create index on boats using gin (name);");
    let free = ("003_free.up.sql", "-- no transaction\ncreate index free on boats (id);");
    let all = [folder(&scratch, &[plain, own, other, free])];
    let told = refused(&db, &all).await;
    assert!(told[0].contains("002_index.up.postgres.sql` is for another engine"), "{told:?}");
    assert!(told[1].contains("003_free.up.sql` says `-- no transaction`"), "{told:?}");
    assert_eq!(db.dialect(), Ok(Dialect::Sqlite));
}

#[tokio::test]
async fn parts_count_for_themselves() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let app = folder(&scratch, &[BOATS, NO_BOATS]);
    let jobs = folder(&scratch, &[("001_queue.up.sql", "create table queue (id);")]).for_part("jobs");
    let all = [jobs.clone(), app.clone()];
    let report = up(&db, &all, &quick()).await.unwrap();
    let parts: Vec<_> = report.done.iter().map(|step| step.part.as_str()).collect();
    assert_eq!(parts, ["jobs", "app"], "in the order they are given");

    let told = down(&db, &all, &quick()).await.unwrap_err().to_string();
    assert!(told.contains("say which is meant with `--part`, of `jobs`, `app`"), "{told}");
    let of_app = Wanted { part: Some("app".to_owned()), ..quick() };
    down(&db, &all, &of_app).await.unwrap();
    assert_eq!(tables(&db).await, ["queue"]);
    let of_none = Wanted { part: Some("mail".to_owned()), ..quick() };
    let told = up(&db, &all, &of_none).await.unwrap_err().to_string();
    assert!(told.contains("no part `mail`"), "{told}");

    // A program without that part leaves it alone.
    let alone = [app.clone()];
    assert_eq!(status(&db, &alone).await.unwrap().count(State::OtherPart), 1);
    up(&db, &alone, &quick()).await.unwrap();
    let told = up(&db, &[app.clone(), app], &quick()).await.unwrap_err().to_string();
    assert!(told.contains("both the migrations of the part `app`"), "{told}");
}

#[tokio::test]
async fn a_folder_tells_all_its_problems() {
    let scratch = Scratch::new();
    let folder = scratch.path("migrations");
    let missing = Migrations::from_folder(&folder).unwrap_err().to_string();
    assert!(missing.contains("cannot read the folder"), "{missing}");
    fs::create_dir_all(folder.join("003_folder.up.sql")).unwrap();
    fs::write(folder.join("boats.sql"), "").unwrap();
    fs::write(folder.join("001_Boats.up.sql"), "").unwrap();
    let Err(MigrateError::Files(problems)) = Migrations::from_folder(&folder) else { panic!("bad names") };
    assert_eq!(problems.len(), 2, "{problems:?}");
    fs::remove_file(folder.join("boats.sql")).unwrap();
    fs::remove_file(folder.join("001_Boats.up.sql")).unwrap();
    fs::write(folder.join("004_latin.up.sql"), b"select '\xe9'").unwrap();
    let Err(MigrateError::Files(problems)) = Migrations::from_folder(&folder) else { panic!("bad files") };
    assert!(problems.len() == 2 && problems[1].contains("004_latin.up.sql"), "{problems:?}");
}

/// The copies in a folder, by name.
fn copies(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|all| all.map(|it| it.expect("an entry").file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[tokio::test]
async fn the_data_is_copied_before_and_five_copies_are_kept() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_265_340)));
    let db = scratch.db(&{
        let mut options = Options::default();
        options.clock = Arc::clone(&clock) as _;
        options
    });
    let all = [folder(&scratch, &[BOATS, NO_BOATS, LOG, NO_LOG])];
    up(&db, &all, &to(1)).await.unwrap();
    db.execute("insert into boats values (1, 'Spray')", params! {}).await.unwrap();

    let beside = Wanted::default();
    let report = up(&db, &all, &beside).await.unwrap();
    let copy = scratch.path("backups").join("app-before-app-2-20261121T124900Z.db");
    assert_eq!(report.backup.as_deref(), Some(copy.as_path()));
    // What is not a migration's copy is nobody's to remove.
    fs::write(scratch.path("backups").join("app-before-the-race.db"), "mine").unwrap();
    for _ in 0..3 {
        down(&db, &all, &beside).await.unwrap();
        up(&db, &all, &beside).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(
        copies(&scratch.path("backups")),
        [
            "app-before-app-2-20261121T124900Z-3.db",
            "app-before-app-2-20261121T124901Z-2.db",
            "app-before-app-2-20261121T124901Z.db",
            "app-before-app-2-20261121T124902Z-2.db",
            "app-before-app-2-20261121T124902Z.db",
            "app-before-the-race.db",
        ]
    );
    // A copy is the database as it was before.
    let then = scratch.db_at(&scratch.path("backups/app-before-app-2-20261121T124902Z-2.db"));
    assert_eq!(tables(&then).await, ["boats"]);
    assert_eq!(then.query::<String>("select name from boats", params! {}).await.unwrap(), ["Spray"]);
}

#[tokio::test]
async fn without_room_for_a_copy_nothing_is_changed() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    db.execute("create table mine (id)", params! {}).await.unwrap();
    // A file where the folder should be.
    fs::write(scratch.path("backups"), "in the way").unwrap();
    let all = [folder(&scratch, &[BOATS])];
    let told = up(&db, &all, &Wanted::default()).await.unwrap_err().to_string();
    assert!(
        told.contains("no copy of the data could be kept") && told.contains("--without-backup"),
        "{told}"
    );
    assert_eq!(tables(&db).await, ["mine"]);
    let elsewhere = Wanted { backup: Backup::In(scratch.path("copies")), ..Wanted::default() };
    up(&db, &all, &elsewhere).await.unwrap();
    assert_eq!(copies(&scratch.path("copies")).len(), 1, "tables that no migration made are data too");
}

#[tokio::test]
async fn programs_that_start_together_migrate_once() {
    let scratch = Scratch::new();
    let db = scratch.db(&Options::default());
    let all = [folder(&scratch, &[BOATS, LOG])];
    let wanted = quick();
    let (one, other) = tokio::join!(up(&db, &all, &wanted), up(&db, &all, &wanted));
    let done = [one.unwrap().done.len(), other.unwrap().done.len()];
    assert_eq!(done.iter().sum::<usize>(), 2, "{done:?}");
}
