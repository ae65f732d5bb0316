//! Every kind of value, in and out.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::case::{Case, case};
use super::check::{Checked, Failure, holds, same};
use super::setting::by_dialect;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;
use crate::value::Value;

pub(super) const CASES: &[Case] = &[
    case!("values", nulls),
    case!("values", booleans),
    case!("values", whole_numbers),
    case!("values", numbers_with_a_fraction),
    case!("values", infinities),
    case!("values", negative_zero_is_zero),
    case!("values", not_a_number_never_becomes_one),
    case!("values", texts),
    case!("values", text_with_a_nul_is_whole_or_refused),
    case!("values", blobs),
    case!("values", a_mebibyte_of_text_and_bytes),
    case!("values", json_documents),
    case!("values", uuids_times_and_decimals_travel_as_text),
    case!("values", sums_and_counts),
    case!("values", values_compare_with_columns),
];

/// A table of one column.
async fn column(db: &Db, kind: &str) -> Result<()> {
    db.execute(format!("create table held (it {kind})"), params! {}).await.map(drop)
}

/// Stores a value alone, and reads it.
async fn stored<T>(db: &Db, value: impl Into<Value<'static>>) -> Result<T>
where
    T: DeserializeOwned + Send + 'static,
{
    db.execute("delete from held", params! {}).await?;
    db.execute("insert into held (it) values (:it)", params! { it: value.into() }).await?;
    db.query_one("select it from held", params! {}).await
}

async fn nulls(db: Db) -> Checked {
    let blob = by_dialect(&db, "blob", "bytea")?;
    let json = by_dialect(&db, "text", "jsonb")?;
    let table =
        format!("create table blanks (b boolean, i bigint, r double precision, t text, x {blob}, j {json})");
    db.execute(table, params! {}).await?;
    let n = None::<i64>;
    let (b, t, x) = (None::<bool>, None::<String>, None::<Vec<u8>>);
    let row = params! { b, i: n, r: None::<f64>, t, x, j: None::<serde_json::Value> };
    db.execute("insert into blanks (b, i, r, t, x, j) values (:b, :i, :r, :t, :x, :j)", row).await?;
    type Blanks =
        (Option<bool>, Option<i64>, Option<f64>, Option<String>, Option<Vec<u8>>, Option<Vec<String>>);
    let found: Blanks = db.query_one("select b, i, r, t, x, j from blanks", params! {}).await?;
    same("no value of each kind", &found, &(None, None, None, None, None, None))?;
    // A value that is there is no null.
    column(&db, "text").await?;
    same("an empty text", &stored::<Option<String>>(&db, "").await?, &Some(String::new()))
}

async fn booleans(db: Db) -> Checked {
    column(&db, "boolean").await?;
    for it in [true, false] {
        same("a boolean", &stored::<bool>(&db, it).await?, &it)?;
        let found: i64 = db.query_one("select count(*) from held where it = :it", params! { it }).await?;
        same("rows with that boolean", &found, &1)?;
    }
    Ok(())
}

async fn whole_numbers(db: Db) -> Checked {
    column(&db, "bigint").await?;
    for it in [0, 1, -1, i64::from(i32::MAX) + 1, (1 << 53) + 1, i64::MAX, i64::MIN] {
        same("a whole number", &stored::<i64>(&db, it).await?, &it)?;
    }
    Ok(())
}

async fn numbers_with_a_fraction(db: Db) -> Checked {
    column(&db, "double precision").await?;
    for it in [0.0, 0.1, -1.5, 2.0, 1e15, 1e-300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1.0 / 3.0] {
        let found = stored::<f64>(&db, it).await?;
        same("the bits of a number", &found.to_bits(), &it.to_bits())?;
    }
    Ok(())
}

async fn infinities(db: Db) -> Checked {
    column(&db, "double precision").await?;
    for it in [f64::INFINITY, f64::NEG_INFINITY] {
        same("an infinity", &stored::<f64>(&db, it).await?, &it)?;
    }
    Ok(())
}

/// Its sign may be lost: SQLite stores it as a whole number.
async fn negative_zero_is_zero(db: Db) -> Checked {
    column(&db, "double precision").await?;
    same("minus zero", &stored::<f64>(&db, -0.0).await?, &0.0)
}

/// SQLite has no NaN and stores no value; PostgreSQL has one.
async fn not_a_number_never_becomes_one(db: Db) -> Checked {
    column(&db, "double precision").await?;
    match stored::<Option<f64>>(&db, f64::NAN).await {
        Ok(found) => holds("NaN stays NaN or becomes no value", found.is_none_or(f64::is_nan)),
        Err(Error::Params(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn texts(db: Db) -> Checked {
    column(&db, "text").await?;
    let texts = [
        "",
        " ",
        "plain",
        "it's \"quoted\" `so` and [so]",
        "'; drop table held; --",
        ":it $1 ? @it",
        "back\\slash \\n %s %%",
        "line\r\nfeed\ttab\u{1}\u{7f}",
        "Grüße, мир, 世界, 🚣🏽‍♀️, e\u{301}, \u{202e}rtl\u{202c}, \u{feff}bom, \u{10ffff}",
    ];
    for it in texts {
        same("a text", &stored::<String>(&db, it).await?.as_str(), &it)?;
        let found: i64 = db.query_one("select count(*) from held where it = :it", params! { it }).await?;
        same("rows with that text", &found, &1)?;
    }
    Ok(())
}

/// PostgreSQL's text cannot hold one. What may not happen is that it is cut there.
async fn text_with_a_nul_is_whole_or_refused(db: Db) -> Checked {
    column(&db, "text").await?;
    let text = "before\0after";
    let found = stored::<String>(&db, text).await;
    if let Ok(found) = found {
        return same("a text with a NUL", &found.as_str(), &text);
    }
    let rows: i64 = db.query_one("select count(*) from held", params! {}).await?;
    same("rows after it was refused", &rows, &0)
}

async fn blobs(db: Db) -> Checked {
    column(&db, by_dialect(&db, "blob", "bytea")?).await?;
    let all: Vec<u8> = (0..=255).collect();
    for it in [vec![], vec![0], vec![0, 0, 0], vec![0xff, 0xfe], all, b"'; --\\x00".to_vec()] {
        let found = stored::<Option<Vec<u8>>>(&db, it.clone()).await?;
        same("bytes", &found, &Some(it))?;
    }
    Ok(())
}

async fn a_mebibyte_of_text_and_bytes(db: Db) -> Checked {
    let blob = by_dialect(&db, "blob", "bytea")?;
    db.execute(format!("create table large (t text, x {blob})"), params! {}).await?;
    let text: String = "wave ".chars().cycle().take(1 << 20).collect();
    let bytes: Vec<u8> = (0..1_u32 << 20).map(|it| (it.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let row = params! { t: text.as_str(), x: bytes.as_slice() };
    db.execute("insert into large (t, x) values (:t, :x)", row).await?;
    let found: (String, Vec<u8>) = db.query_one("select t, x from large", params! {}).await?;
    holds("a mebibyte of text comes back as it was", found.0 == text)?;
    holds("a mebibyte of bytes comes back as it was", found.1 == bytes)
}

async fn json_documents(db: Db) -> Checked {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Held {
        it: Document,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Document {
        name: String,
        tags: Vec<String>,
        size: Option<f64>,
        deep: serde_json::Value,
    }
    column(&db, by_dialect(&db, "text", "jsonb")?).await?;
    let deep = json!({ "a": [1, { "b": null }, "ü\"'\\"], "big": i64::MAX });
    let document = json!({ "name": "Spray", "tags": ["old", "wood"], "size": 11.2, "deep": deep.clone() });
    db.execute("insert into held (it) values (:it)", params! { it: &document }).await?;
    let found: Held = db.query_one("select it from held", params! {}).await?;
    let tags = vec!["old".to_owned(), "wood".to_owned()];
    let it = Document { name: "Spray".to_owned(), tags, size: Some(11.2), deep };
    same("a JSON document", &found, &Held { it })?;
    same("a JSON array", &stored::<Vec<u8>>(&db, json!([1, 2, 3])).await?, &vec![1, 2, 3])?;
    same("an empty JSON array", &stored::<Vec<String>>(&db, json!([])).await?, &vec![])
}

async fn uuids_times_and_decimals_travel_as_text(db: Db) -> Checked {
    let table = by_dialect(
        &db,
        "create table others (id text, at text, price text)",
        "create table others (id uuid, at timestamptz, price numeric(20, 4))",
    )?;
    db.execute(table, params! {}).await?;
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let (at, price) = ("2026-02-03T04:05:06.123456Z", "12345678901234.5000");
    let row = params! { id, at, price };
    db.execute("insert into others (id, at, price) values (:id, :at, :price)", row).await?;
    let found: (String, String, String) =
        db.query_one("select id, at, price from others where id = :id", params! { id }).await?;
    same("a UUID, a time and a decimal", &found, &(id.to_owned(), at.to_owned(), price.to_owned()))
}

async fn sums_and_counts(db: Db) -> Checked {
    column(&db, "bigint").await?;
    let none: (i64, Option<i64>) = db.query_one("select count(*), sum(it) from held", params! {}).await?;
    same("count and sum of nothing", &none, &(0, None))?;
    for it in [40, 2] {
        db.execute("insert into held (it) values (:it)", params! { it }).await?;
    }
    let both: (u32, i64, i64) =
        db.query_one("select count(*), sum(it), max(it) from held", params! {}).await?;
    same("count, sum and maximum", &both, &(2, 42, 40))
}

async fn values_compare_with_columns(db: Db) -> Checked {
    let table = "create table sorted (i bigint, r double precision, t text)";
    db.execute(table, params! {}).await?;
    for (i, r, t) in [(1, 0.5, "a"), (2, 1.5, "b"), (3, 2.5, "c")] {
        db.execute("insert into sorted (i, r, t) values (:i, :r, :t)", params! { i, r, t }).await?;
    }
    let above = "select count(*) from sorted where i > :i and r > :r and t > :t";
    let found: i64 = db.query_one(above, params! { i: 1, r: 0.5, t: "a" }).await?;
    if found == 2 { Ok(()) } else { Err(Failure::wrong(format!("rows above: expected 2, found {found}"))) }
}
