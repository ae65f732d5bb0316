//! The schema that migrations make, known without a database.

use ketch_db::describe::{Access, Kind};
use ketch_db::sqlite::Schema;
use ketch_db::{Error, Migrations};

use crate::scratch::Scratch;

/// The migrations of these files.
fn migrations(files: &[(&str, &str)]) -> (Scratch, Migrations) {
    let scratch = Scratch::new();
    for (name, text) in files {
        std::fs::write(scratch.path(name), text).expect("it can be written");
    }
    let read = Migrations::from_folder(&scratch).expect("they can be read");
    (scratch, read)
}

fn schema(files: &[(&str, &str)]) -> Schema {
    let (_scratch, all) = migrations(files);
    Schema::of([&all]).expect("they can be applied").expect("SQLite can say")
}

#[test]
fn tables_are_known_with_their_columns_and_keys() {
    let schema = schema(&[
        (
            "001_a.sql",
            "create table a (id integer primary key, at timestamp default current_timestamp, v text not null)",
        ),
        (
            "002_b.up.sql",
            "alter table a add column flag boolean not null default 0; create unique index once on a (v);",
        ),
        (
            "003_c.sql",
            "create table c (k text primary key, n int, twice int as (n * 2)); create view w as select k from c;",
        ),
    ]);
    assert_eq!(schema.tables(), ["a", "c", "w"]);
    let a = schema.table("A").unwrap();
    let shown: Vec<_> =
        a.columns.iter().map(|it| (it.name.as_str(), it.kind, it.nullable, it.optional, it.key)).collect();
    assert_eq!(
        shown,
        [
            ("id", Some(Kind::Integer), false, true, 1),
            ("at", Some(Kind::Timestamp), true, true, 0),
            ("v", Some(Kind::Text), false, false, 0),
            ("flag", Some(Kind::Bool), false, true, 0),
        ]
    );
    assert_eq!(a.unique, [["id"], ["v"]]);
    let c = schema.table("c").unwrap();
    assert_eq!(
        (c.columns[0].optional, c.columns[0].nullable),
        (false, false),
        "a key of text has to be said"
    );
    assert!(c.columns[2].computed && !c.columns[1].computed);
    assert!(schema.table("w").unwrap().is_view);
    assert!(schema.table("nowhere").is_none());
}

#[test]
fn statements_are_described_and_mistakes_have_a_place() {
    let schema = schema(&[("001_a.sql", "create table a (id integer primary key, done boolean)")]);
    let described = schema.describe("select id, done, id + 1 as more from a where id > :after").unwrap();
    let kinds: Vec<_> = described.columns.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [Some(Kind::Integer), Some(Kind::Bool), None]);
    assert_eq!((described.params[0].name.as_str(), described.access), ("after", Access::Reads));
    assert_eq!(schema.describe("update a set done = :d").unwrap().access, Access::Writes);
    let wrong = schema.describe("select id from a wehre id = 1").unwrap_err();
    assert!(wrong.at.is_some() && matches!(wrong.error, Error::Statement { .. }), "{wrong:?}");
    for kept in ["begin", "pragma journal_mode = off", "attach 'x' as x", "detach main"] {
        assert!(matches!(schema.describe(kept).unwrap_err().error, Error::Denied(_)), "{kept}");
    }
    assert!(matches!(schema.describe("select ?").unwrap_err().error, Error::Params(_)));
}

#[test]
fn a_migration_that_fails_is_named_with_its_line() {
    let (_scratch, all) = migrations(&[
        ("001_a.sql", "create table a (id integer)"),
        ("002_b.sql", "create table b (id integer);\n\n  creat table c (id integer);"),
    ]);
    let bad = Schema::of([&all]).unwrap_err();
    assert_eq!((bad.file.as_str(), bad.at), ("002_b.sql", Some((3, 3))), "{bad:?}");
}

#[test]
fn a_script_for_another_engine_alone_leaves_the_schema_unknown() {
    let (_scratch, all) = migrations(&[("001_a.up.postgres.sql", "create table a (id uuid)")]);
    assert!(Schema::of([&all]).unwrap().is_none());
}

#[test]
fn what_a_migration_fills_is_bounded() {
    let fill = "create table a (b); with recursive n (i) as (select 1 union all select i + 1 from n where i < 200000)
        insert into a select zeroblob(4096) from n";
    let (_scratch, all) = migrations(&[("001_a.sql", fill)]);
    let bad = Schema::of([&all]).unwrap_err();
    assert_eq!(bad.error, Error::Full, "{bad:?}");
}
