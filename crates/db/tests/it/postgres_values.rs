//! Values into PostgreSQL and back.

use ketch_db::{Error, Options, Params, Value, params};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::postgres_scratch::Place;

/// Text goes in by the server's own input functions, and comes out as written here.
#[tokio::test]
async fn what_travels_as_text_comes_back_as_text() {
    let db = Place::new().db(&Options::default()).await;
    db.execute("create type mood as enum ('calm', 'rough')", params! {}).await.unwrap();
    db.execute("create domain name as text check (value <> '')", params! {}).await.unwrap();
    for (ty, given, back) in [
        ("text", "Spray", "Spray"),
        ("varchar(9)", "Spray", "Spray"),
        ("char(3)", "ab", "ab "),
        ("name", "Spray", "Spray"),
        ("mood", "rough", "rough"),
        ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("timestamptz", "2024-05-06T07:08:09.123456+02:00", "2024-05-06T05:08:09.123456Z"),
        ("timestamptz", "2024-05-06 07:08:09", "2024-05-06T07:08:09Z"),
        ("timestamp", "2024-05-06T07:08:09", "2024-05-06T07:08:09"),
        ("date", "2024-05-06", "2024-05-06"),
        ("time", "07:08:09.5", "07:08:09.5"),
        ("numeric", "12345678901234567890.1234567890", "12345678901234567890.1234567890"),
        ("numeric(10,2)", "-0.5", "-0.50"),
        ("numeric", "NaN", "NaN"),
    ] {
        let said: String = db.query_one(format!("select :it::{ty}"), params! { it: given }).await.expect(ty);
        assert_eq!(said, back, "{ty}");
    }
}

#[tokio::test]
async fn every_other_kind_has_its_types() {
    let db = Place::new().db(&Options::default()).await;
    for ty in ["int2", "int4", "int8", "oid", "numeric", "text"] {
        let back: i64 = db.query_one(format!("select :it::{ty}"), params! { it: 7 }).await.expect(ty);
        assert_eq!(back, 7, "{ty}");
    }
    for ty in ["float4", "float8", "numeric", "text"] {
        let back: f64 = db.query_one(format!("select :it::{ty}"), params! { it: 0.5 }).await.expect(ty);
        assert!((back - 0.5).abs() < f64::EPSILON, "{ty}");
        let whole: f64 = db.query_one(format!("select :it::{ty}"), params! { it: 7 }).await.expect(ty);
        assert!((whole - 7.0).abs() < f64::EPSILON, "{ty}");
    }
    for ty in ["bool", "int4"] {
        assert!(
            db.query_one::<bool>(format!("select :it::{ty}"), params! { it: true }).await.expect(ty),
            "{ty}"
        );
    }
    for ty in ["json", "jsonb", "text"] {
        let given = json!({ "a": [1, null, "x"] });
        // Alone it would be the row: `{"json": …}`.
        let (back,): (serde_json::Value,) =
            db.query_one(format!("select :it::{ty}::json"), params! { it: &given }).await.expect(ty);
        assert_eq!(back, given, "{ty}");
    }
    for ty in ["int4", "text", "uuid", "jsonb", "bytea", "timestamptz", "int4[]"] {
        let back: Option<i64> =
            db.query_one(format!("select :it::{ty}"), params! { it: None::<i64> }).await.expect(ty);
        assert_eq!(back, None, "{ty}");
    }
    let arrays: (Vec<i64>, Vec<Option<String>>, Vec<String>) = db
        .query_one(
            "select :a::int4[], :b::text[], :c::numeric[]",
            params! { a: json!([1, 2]), b: json!(["x", null, "\"\\,{"]), c: json!([1.5]) },
        )
        .await
        .unwrap();
    assert_eq!(arrays, (vec![1, 2], vec![Some("x".into()), None, Some("\"\\,{".into())], vec!["1.5".into()]));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_parameter_and_type() {
    let db = Place::new().db(&Options::default()).await;
    let cases: [(&str, Value<'static>, &str); 4] = [
        ("bool", 1.into(), "a whole number does not fit the type bool"),
        ("int4", 1.5.into(), "a number does not fit the type int4"),
        ("bytea", "x".into(), "text does not fit the type bytea"),
        ("text", vec![1_u8].into(), "bytes does not fit the type text"),
    ];
    for (ty, value, wanted) in cases {
        let refused = db.execute(format!("select :it::{ty}"), params! { it: value }).await.unwrap_err();
        assert!(matches!(&refused, Error::Params(why) if why.contains(wanted)), "{ty}: {refused}");
    }
    // What a client sent may be wrong as well: no mistake of the program, and no value for its log.
    let cases: [(&str, Value<'static>, &str); 5] = [
        ("int2", 32_768.into(), "`:it`: the number is out of range for the type int2"),
        ("int4", i64::MAX.into(), "`:it`: the number is out of range for the type int4"),
        ("oid", (-1).into(), "`:it`: the number is out of range for the type oid"),
        ("float4", 1e300.into(), "`:it`: the number is out of range for the type float4"),
        ("text", "a\0b".into(), "`:it`: text with a NUL character, which PostgreSQL does not store"),
    ];
    for (ty, value, wanted) in cases {
        let refused = db.execute(format!("select :it::{ty}"), params! { it: value }).await;
        assert_eq!(refused, Err(Error::Check(wanted.to_owned())), "{ty}");
    }
    for (ty, text) in
        [("int4", "secret"), ("uuid", "secret \"x\""), ("timestamptz", "secret"), ("json", "secret")]
    {
        let refused = db.execute(format!("select :it::{ty}"), params! { it: text }).await.unwrap_err();
        assert!(matches!(refused, Error::Check(_)), "{ty}: {refused:?}");
        assert!(!format!("{refused:?}").contains("secret"), "{ty}: {refused:?}");
    }
    let unread = db.query_one::<String>("select '1 day'::interval as wait", params! {}).await.unwrap_err();
    assert!(
        matches!(&unread, Error::Row(why) if why.contains("`wait`") && why.contains("interval") && why.contains("::text")),
        "{unread}"
    );
    let infinite = db.query_one::<String>("select 'infinity'::timestamptz", params! {}).await.unwrap_err();
    assert!(infinite.to_string().contains("infinity"), "{infinite}");
    for (params, wanted) in
        [(params! {}, "no value for `:it`"), (params! { it: 1, more: 2 }, "there is no `:more`")]
    {
        let refused = db.execute("select :it::int4", params).await.unwrap_err();
        assert!(matches!(&refused, Error::Params(why) if why.contains(wanted)), "{refused}");
    }
}

#[test]
fn any_value_comes_back_as_it_was() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let db = runtime.block_on(async { Place::new().db(&Options::default()).await });
    runtime
        .block_on(
            db.execute("create table it (i int8, f float8, t text, b bytea, j jsonb, n numeric)", params! {}),
        )
        .unwrap();
    let values = (
        any::<i64>(),
        any::<f64>().prop_filter("equal to itself", |it| !it.is_nan()),
        "[^\u{0}]{0,20}",
        prop::collection::vec(any::<u8>(), 0..40),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?",
    );
    let all = "insert into it values (:i, :f, :t, :b, :j, :n) returning i, f, t, b, j, n, n::text";
    let mut runner = TestRunner::new(ProptestConfig { cases: 300, ..ProptestConfig::default() });
    let ran = runner.run(&values, |(i, f, t, b, n)| {
        let j = json!({ "text": t, "number": i, "list": [null, true] });
        let params: Params = params! { i, f, t: &t, b: &b, j: &j, n: &n };
        type Back = (i64, f64, String, Vec<u8>, serde_json::Value, String, String);
        let back: Back = runtime.block_on(db.query_one(all, params)).unwrap();
        prop_assert_eq!((back.0, back.1, back.2, back.3, back.4), (i, f, t, b, j));
        // The server's own text of the number is the judge.
        prop_assert_eq!(back.5, back.6);
        Ok(())
    });
    ran.unwrap();
}
