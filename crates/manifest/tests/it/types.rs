//! Every type: what it accepts as text and as JSON, how it is written, and that its schema agrees.

use ketch_manifest::Type;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a type makes of a text; none when it refuses it.
fn text(ty: &str, text: &str) -> Option<Value> {
    Type::parse(ty).expect(ty).convert(text).ok()
}

/// What a type makes of JSON; none when it refuses it.
fn of_json(ty: &str, value: &Value) -> Option<Value> {
    Type::parse(ty).expect(ty).accept(value.clone()).ok()
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).expect(json)
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn json_is_accepted_as_the_type_says() {
    let max = "9223372036854775807";
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("any", &["null", "1", "\"a\"", "[1]", "{\"a\":{}}", "1e300"], &[]),
        ("bool", &["true", "false"], &["\"true\"", "0", "1", "null", "[]"]),
        (
            "int",
            &["0", "-1", "2.0", "1e3", max, "-9223372036854775808", "-0"],
            &[
                "9223372036854775808",
                "18446744073709551615",
                "1.5",
                "1e300",
                "9007199254740993.0",
                "\"1\"",
                "null",
                "true",
                "{}",
            ],
        ),
        (
            "uint",
            &["0", "18446744073709551615", "4.0"],
            &["-1", "18446744073709551616", "-1.0", "0.5", "\"1\""],
        ),
        ("id", &["1", max, "1.0"], &["0", "-1", "9223372036854775808", "\"1\"", "null"]),
        ("float", &["0", "1.5", "-1e-3", "18446744073709551615", "1e300"], &["\"1\"", "null", "true"]),
        ("float64", &["1.5"], &["\"1\""]),
        ("string", &["\"\"", "\"a\"", "\"12\""], &["12", "null", "true", "[\"a\"]", "{}"]),
        (
            "varchar(2,4)",
            &["\"ab\"", "\"abcd\"", "\"éé\"", "\"😀😀😀😀\""],
            &["\"a\"", "\"abcde\"", "\"é\"", "12"],
        ),
        ("varchar(0, 1)", &["\"\"", "\"a\""], &["\"ab\"", "null"]),
        ("string(3)", &["\"abc\""], &["\"ab\"", "\"abcd\""]),
        ("string(1,2)", &["\"a\"", "\"ab\""], &["\"\"", "\"abc\""]),
        ("token", &["\"a\"", "\"eyJ.a-b_c~+/==\""], &["\"\"", "\"=\"", "\"a=b\"", "\"a b\"", "\"é\"", "1"]),
        ("digest(4)", &["\"0af9\""], &["\"0AF9\"", "\"0af\"", "\"0af99\"", "\"0afg\"", "1234"]),
        (
            "uuid",
            &["\"2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b\"", "\"2F0C5F5E-8C1C-4C0E-9D5E-3B1D2A4F6C7B\""],
            &[
                "\"2f0c5f5e8c1c4c0e9d5e3b1d2a4f6c7b\"",
                "\"{2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b}\"",
                "\"urn:uuid:2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b\"",
                "\"\"",
                "1",
            ],
        ),
        (
            "email",
            &["\"ada@example.org\"", "\"a+b@x.co\""],
            &["\"ada\"", "\"@x.org\"", "\".a@x.org\"", "\"a..b@x.org\"", "\"a b@x.org\"", "\"a@\"", "1"],
        ),
        (
            "url",
            &["\"https://example.org\"", "\"http://a.b:8080/x?y=z#w\"", "\"http://[::1]/\""],
            &[
                "\"javascript:alert(1)\"",
                "\"ftp://a.b\"",
                "\"//a.b\"",
                "\"https://\"",
                "\"https://a b\"",
                "\" https://a.b\"",
                "\"https://a.b\\\\c\"",
                "\"https://a.b/\\n\"",
                "\"example.org\"",
            ],
        ),
        (
            "date",
            &["\"2026-01-31\"", "\"2024-02-29\"", "\"0001-01-01\"", "\"9999-12-31\""],
            &[
                "\"2026-02-29\"",
                "\"2026-1-31\"",
                "\"20260131\"",
                "\"2026-01-31T00:00:00Z\"",
                "\"2026-13-01\"",
                "20260131",
            ],
        ),
        (
            "datetime",
            &[
                "\"2026-01-31T12:00:00Z\"",
                "\"2026-01-31T12:00:00.123456789+02:00\"",
                "\"2026-01-31t12:00:00z\"",
                "\"9999-12-31T23:59:59Z\"",
            ],
            &[
                "\"2026-01-31\"",
                "\"2026-01-31T12:00:00\"",
                "\"2026-01-31T12:00Z\"",
                "\"2026-01-31 12:00:00Z\"",
                "\"2026-02-30T12:00:00Z\"",
                "\"2026-01-31T24:00:00Z\"",
                "\"2026-01-31T12:00:00+24:00\"",
                "\"2026-01-31T12:00:00Z[UTC]\"",
                "\"2016-12-31T23:59:60Z\"",
                "1",
            ],
        ),
        ("enum(red,dark blue)", &["\"red\"", "\"dark blue\""], &["\"Red\"", "\"\"", "\"blue\"", "1"]),
        ("FILE", &[], &["\"x\"", "{\"path\":\"/etc/passwd\"}", "null"]),
        ("[int]", &["[]", "[1,2.0]"], &["1", "[1,\"2\"]", "null", "{}"]),
        ("<int>", &["[1]"], &["[\"a\"]"]),
        ("[[bool]]", &["[[true],[]]"], &["[true]", "[[1]]"]),
        ("[string|null]", &["[null,\"a\"]"], &["null", "[1]"]),
        ("[string]|null", &["null", "[\"a\"]"], &["[null]"]),
        ("<string:int>", &["{}", "{\"a\":1}"], &["{\"a\":\"1\"}", "[]", "null"]),
        ("<id:>", &["{\"1\":null}"], &["{\"0\":1}", "{\"x\":1}"]),
        ("<:bool>", &["{\"x\":true}"], &["{\"x\":1}"]),
        ("<:>", &["{}", "{\"x\":{}}"], &["[]", "1"]),
        ("<digest(2):[varchar(1, 2)]>", &["{\"0f\":[\"a\"]}"], &["{\"0F\":[\"a\"]}", "{\"0f\":[\"\"]}"]),
        ("int|null", &["null", "1"], &["\"null\"", "1.5"]),
        ("any|null", &["null", "1"], &[]),
    ];
    for (ty, accepted, refused) in rows {
        for value in *accepted {
            assert!(of_json(ty, &read(value)).is_some(), "{ty} refuses {value}");
        }
        for value in *refused {
            assert!(of_json(ty, &read(value)).is_none(), "{ty} accepts {value}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn text_is_converted_as_the_type_says() {
    let rows: &[(&str, &str, Value)] = &[
        ("string", "12", json!("12")),
        ("string", "true", json!("true")),
        ("string", "null", json!("null")),
        ("string", "", json!("")),
        ("varchar(2,4)", "12", json!("12")),
        ("any", "12", json!(12)),
        ("any", "{\"a\":[1]}", json!({ "a": [1] })),
        ("any", "\"12\"", json!("12")),
        ("any", "abc", json!("abc")),
        ("any", "05", json!("05")),
        ("any", "1,\"wrapped\":2", json!("1,\"wrapped\":2")),
        ("bool", "true", json!(true)),
        ("int", "-9223372036854775808", json!(i64::MIN)),
        ("int", "9007199254740993", json!(9_007_199_254_740_993_i64)),
        ("int", "1e3", json!(1000)),
        ("int", "2.0", json!(2)),
        ("int", "-0", json!(0)),
        ("uint", "18446744073709551615", json!(u64::MAX)),
        ("id", "7", json!(7)),
        ("float", "5", json!(5)),
        ("float", "-1.5e3", json!(-1500.0)),
        ("enum(1,2)", "1", json!("1")),
        ("uuid", "2F0C5F5E-8C1C-4c0e-9d5e-3B1D2A4F6C7B", json!("2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b")),
        (
            "[<uuid:bool>]",
            "[{\"2F0C5F5E-8C1C-4C0E-9D5E-3B1D2A4F6C7B\":true}]",
            json!([{ "2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b": true }]),
        ),
        ("date", "2026-01-31", json!("2026-01-31")),
        ("int|null", "3", json!(3)),
        ("string|null", "null", json!("null")),
        ("[int]", "[1,2]", json!([1, 2])),
        ("<string:int>", "{\"a\":1}", json!({ "a": 1 })),
    ];
    for (ty, from, to) in rows {
        assert_eq!(text(ty, from).as_ref(), Some(to), "{ty} of {from:?}");
    }
    let refused: &[(&str, &[&str])] = &[
        ("bool", &["", "0", "1", "True", "yes", "\"true\""]),
        (
            "int",
            &[
                "",
                "05",
                "+1",
                " 1",
                "1 ",
                "0x1",
                "1_000",
                "1.5",
                "9223372036854775808",
                "1e300",
                "nan",
                "null",
            ],
        ),
        ("uint", &["-1", "18446744073709551616", "1e20"]),
        ("id", &["0", "-0", "-1"]),
        ("float", &["", "inf", "nan", "1e999", ".5", "1.", "+1", "0x1p3"]),
        ("[int]", &["1,2", "[1", "a"]),
        ("<int:>", &["{\"2.0\":1}", "{\"1e3\":1}", "{\"-0\":1}", "{\"07\":1}"]),
        ("<id:>", &["{\"0\":1}", "{\"-1\":1}", "{\"1.0\":1}"]),
        ("<:>", &["a=1", "[1]"]),
        ("FILE", &["x", ""]),
    ];
    for (ty, texts) in refused {
        for from in *texts {
            assert_eq!(text(ty, from), None, "{ty} of {from:?}");
        }
    }
}

#[test]
fn what_is_no_type_is_told_with_what_to_write() {
    let rows: &[(&str, &str)] = &[
        ("", "empty"),
        ("strng", "did you mean `string`"),
        ("Int", "did you mean `int`"),
        ("int ", "is no type"),
        (" int", "is no type"),
        ("varchar", "varchar(min,max)"),
        ("varchar(5,2)", "5, is above the most, 2"),
        ("varchar(3)", "varchar(min,max)"),
        ("varchar(a,b)", "varchar(min,max)"),
        ("varchar(1,  2)", "varchar(min,max)"),
        ("varchar(-1,2)", "varchar(min,max)"),
        ("varchar( 1,2)", "varchar(min,max)"),
        ("string()", "string(n)"),
        ("string( 1)", "string(n)"),
        ("digest", "digest(n)"),
        ("digest(0)", "1 to 1024"),
        ("digest(x)", "1 to 1024"),
        ("enum", "enum(a,b)"),
        ("enum()", "empty value"),
        ("enum(a,,b)", "empty value"),
        ("enum(a,b,a)", "`a` twice"),
        ("[]", "[any]"),
        ("<>", "[any]"),
        ("[int", "is no type"),
        ("<int", "is no type"),
        ("<[int]:int>", "names of a map"),
        ("<int|null:int>", "names of a map"),
        ("<:FILE>", "`[FILE]`"),
        ("FILE|null", "?FILE"),
        ("int|null|null", "twice"),
        ("int|string", "is no type"),
        ("schema(x.json)", "no project"),
    ];
    for (written, told) in rows {
        let why = Type::parse(written).expect_err(written);
        assert!(why.contains(told), "{written}: {why}");
    }
    let deep = format!("{}int{}", "[".repeat(17), "]".repeat(17));
    assert!(Type::parse(&deep).expect_err("it is too deep").contains("16 deep"));
    assert!(
        Type::parse(&format!("enum({})", "x".repeat(5000))).expect_err("it is too long").contains("4096")
    );
}

#[test]
fn everything_that_is_wrong_is_told_with_its_place_and_never_the_value() {
    let ty = Type::parse("<string:[varchar(1,3)]>").unwrap();
    let value = json!({ "a": ["x", "secret", 5], "b/c": "secret" });
    let wrongs = ty.check(&value).unwrap_err();
    let told: Vec<(&str, bool)> = wrongs.iter().map(|wrong| (wrong.at.as_str(), wrong.rule)).collect();
    assert_eq!(told, [("/a/1", true), ("/a/2", false), ("/b~1c", false)]);
    assert!(wrongs.iter().all(|wrong| !wrong.to_string().contains("secret")), "{wrongs:?}");
    let many: Value = vec![json!(1); 1000].into();
    assert_eq!(Type::parse("[string]").unwrap().check(&many).unwrap_err().len(), 100);
    let long = json!({ "x".repeat(100_000): 1 });
    assert!(Type::parse("<:bool>").unwrap().check(&long).unwrap_err()[0].at.len() < 200);
}

/// Bounds of a type are its own: aicra kept the last that anybody had asked about, and shared it.
#[test]
fn types_share_nothing_that_changes() {
    let (short, long) = (Type::parse("varchar(1,2)").unwrap(), Type::parse("varchar(1,10)").unwrap());
    std::thread::scope(|scope| {
        for (ty, fits) in [(&short, false), (&long, true), (&short, false), (&long, true)] {
            scope.spawn(move || {
                for _ in 0..20_000 {
                    assert_eq!(ty.check(&json!("12345")).is_ok(), fits);
                }
            });
        }
    });
}

#[test]
fn two_names_of_a_map_that_mean_the_same_are_refused() {
    let value =
        json!({ "2f0c5f5e-8c1c-4c0e-9d5e-3b1d2a4f6c7b": 1, "2F0C5F5E-8C1C-4C0E-9D5E-3B1D2A4F6C7B": 2 });
    let wrongs = Type::parse("<uuid:>").expect("a map").check(&value).expect_err("one name twice");
    assert!(wrongs.len() == 1 && wrongs[0].message.contains("written otherwise"), "{wrongs:?}");
    assert!(Type::parse("<:>").expect("a map").check(&json!({ "A": 1, "a": 2 })).is_ok());
}

/// Types whose schema says exactly what they accept.
const EXACT: [&str; 19] = [
    "any",
    "bool",
    "int",
    "uint",
    "id",
    "float",
    "string",
    "varchar(1,3)",
    "string(2)",
    "token",
    "digest(3)",
    "enum(a,12)",
    "[int]",
    "[string|null]",
    "<:bool>",
    "<digest(1):int>",
    "<enum(a,b):any>",
    "int|null",
    "[[id]]|null",
];

#[test]
fn what_is_no_list_and_no_object_is_told_so() {
    for (ty, value, told) in [
        ("[enum(a,b)]", json!("a"), "must be a list"),
        ("[int]|null", json!(5), "must be a list"),
        ("<:int>", json!([1]), "must be an object"),
    ] {
        let wrongs = Type::parse(ty).expect(ty).check(&value).expect_err(ty);
        assert_eq!(wrongs.iter().map(ToString::to_string).collect::<Vec<_>>(), [told], "{ty}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-4_i32..5).prop_map(|half| json!(f64::from(half) / 2.0)),
        "[a12f=é ]{0,4}".prop_map(Value::from),
        "[0-9T:Z.+-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab1]{0,2}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_schema_accepts_what_its_type_does(value in value()) {
        for ty in EXACT {
            let parsed = Type::parse(ty).expect(ty);
            let schema = jsonschema::validator_for(&parsed.schema()).expect("it is a schema");
            prop_assert_eq!(parsed.check(&value).is_ok(), schema.is_valid(&value), "{} of {}", ty, value);
        }
    }

    /// These say more than a schema can; what they accept, their schema does.
    #[test]
    fn a_schema_refuses_nothing_that_its_type_accepts(text in "[a-z0-9.+_-]{1,5}@[a-z0-9.]{1,8}|[a-z0-9:/T+-]{0,24}|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z)?") {
        for ty in ["email", "url", "date", "datetime", "uuid", "<int:>", "<uint:>", "<id:>", "<float:>"] {
            let parsed = Type::parse(ty).expect(ty);
            let schema = jsonschema::options().should_validate_formats(true).build(&parsed.schema()).expect("it is a schema");
            for value in [json!(text), json!({ text.as_str(): 1 })] {
                prop_assert!(parsed.check(&value).is_err() || schema.is_valid(&value), "{} of {}", ty, value);
            }
        }
    }

    #[test]
    fn what_text_becomes_is_of_the_type(text in "\\PC{0,8}|-?[0-9]{1,22}(\\.0)?|true|\\[[0-9,a\"]{0,8}\\]", which in 0..EXACT.len()) {
        let ty = Type::parse(EXACT[which]).expect("it is one");
        if let Ok(value) = ty.convert(&text) {
            prop_assert_eq!(ty.accept(value.clone()).ok(), Some(value), "{} of {}", EXACT[which], text);
        }
    }

    /// What the fuzz target asks, with inputs that look like types.
    #[test]
    fn whatever_is_written_is_read_or_refused(ty in "(int|id|any|string|varchar|digest|enum|FILE|\\(|\\)|\\[|\\]|<|>|:|,|1|20|a| |\\|null){0,9}", value in "[\\[\\]{}:,\"a1.e-]{0,12}|[0-9]{1,24}") {
        ketch_manifest::__fuzz::types(format!("{ty}\n{value}").as_bytes());
    }

    #[test]
    fn whole_numbers_of_64_bits_are_kept_to_the_last_digit(signed in any::<i64>(), unsigned in any::<u64>()) {
        prop_assert_eq!(text("int", &signed.to_string()), Some(json!(signed)));
        prop_assert_eq!(text("uint", &unsigned.to_string()), Some(json!(unsigned)));
        prop_assert_eq!(of_json("int", &read(&signed.to_string())), Some(json!(signed)));
        prop_assert_eq!(text("float", &signed.to_string()), Some(json!(signed)));
    }
}
