//! Rows into types.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::case::{Case, case};
use super::check::{Checked, fails, holds, same};
use super::setting::{boat, boats};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::params;

pub(super) const CASES: &[Case] = &[
    case!("rows", a_struct_by_names),
    case!("rows", a_tuple_by_order),
    case!("rows", one_column_as_a_value),
    case!("rows", an_option_for_what_may_be_missing),
    case!("rows", a_map_of_any_row),
    case!("rows", a_column_that_is_missing_is_named),
    case!("rows", a_null_that_is_not_expected_is_named),
    case!("rows", mistakes_show_no_text),
];

async fn spray(db: &Db) -> Result<()> {
    boats(db).await?;
    let row = params! { id: 7, name: "Spray", length: 11.2 };
    db.execute("insert into boats (id, name, length) values (:id, :name, :length)", row).await.map(drop)
}

#[derive(Debug, PartialEq, Deserialize)]
struct Boat {
    name: Name,
    id: u32,
    length: Option<f64>,
    kind: Option<Kind>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Name(String);

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ketch,
    Yawl,
}

async fn a_struct_by_names(db: Db) -> Checked {
    spray(&db).await?;
    let sql = "select id, 'left over' as other, 'yawl' as kind, length, name from boats";
    let found: Boat = db.query_one(sql, params! {}).await?;
    let name = Name("Spray".to_owned());
    same("a struct", &found, &Boat { name, id: 7, length: Some(11.2), kind: Some(Kind::Yawl) })
}

async fn a_tuple_by_order(db: Db) -> Checked {
    spray(&db).await?;
    let sql = "select name, id, length from boats";
    let found: (String, i64, f32) = db.query_one(sql, params! {}).await?;
    same("a tuple", &found, &("Spray".to_owned(), 7, 11.2))?;
    let two = db.query_one::<(String, i64)>(sql, params! {}).await;
    fails!("three columns into a pair", two, Error::Row(_)).map(drop)
}

async fn one_column_as_a_value(db: Db) -> Checked {
    spray(&db).await?;
    same("a number", &db.query_one::<u8>("select id from boats", params! {}).await?, &7)?;
    let names: Vec<String> = db.query("select name from boats", params! {}).await?;
    same("names", &names, &vec!["Spray".to_owned()])?;
    let three = db.query_one::<i64>("select id, name, length from boats", params! {}).await;
    fails!("three columns into a number", three, Error::Row(_))?;
    let small = db.query_one::<u8>("select id + 300 from boats", params! {}).await;
    fails!("307 into a byte", small, Error::Row(_)).map(drop)
}

async fn an_option_for_what_may_be_missing(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Suhaili").await?;
    let found: (i64, Option<f64>) = db.query_one("select id, length from boats", params! {}).await?;
    same("no length", &found, &(1, None))?;
    let found: Option<f64> = db.query_one("select length from boats", params! {}).await?;
    same("no length alone", &found, &None)
}

async fn a_map_of_any_row(db: Db) -> Checked {
    spray(&db).await?;
    let sql = "select id, name, length, null as owner from boats";
    let map: BTreeMap<String, serde_json::Value> = db.query_one(sql, params! {}).await?;
    let json: serde_json::Value = db.query_one(sql, params! {}).await?;
    let expected = serde_json::json!({ "id": 7, "name": "Spray", "length": 11.2, "owner": null });
    same("a row as JSON", &json, &expected)?;
    same("columns", &map.keys().map(String::as_str).collect(), &vec!["id", "length", "name", "owner"])
}

async fn a_column_that_is_missing_is_named(db: Db) -> Checked {
    spray(&db).await?;
    let found = db.query_one::<Boat>("select name, length from boats", params! {}).await;
    let error = fails!("a struct without its id", found, Error::Row(_))?.to_string();
    holds("the message names the field", error.contains("id"))
}

async fn a_null_that_is_not_expected_is_named(db: Db) -> Checked {
    boats(&db).await?;
    boat(&db, 1, "Suhaili").await?;
    let found = db.query_one::<(i64, f64)>("select id, length from boats", params! {}).await;
    let error = fails!("a null into a number", found, Error::Row(_))?.to_string();
    holds("the message names the column", error.contains("length"))
}

async fn mistakes_show_no_text(db: Db) -> Checked {
    spray(&db).await?;
    let found = db.query_one::<(i64, i64)>("select id, name from boats", params! {}).await;
    let error = fails!("a text into a number", found, Error::Row(_))?.to_string();
    holds("the message names the column", error.contains("name"))?;
    holds("the message holds no text of the row", !error.contains("Spray"))
}
