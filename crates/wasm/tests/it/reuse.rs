//! Fresh instances, kept ones, and what makes a kept one go.

use serde_json::Value;

use crate::guests::component;
use crate::place::{Place, status};

/// Counts its calls in a global. With an argument of 9 it traps, of 8 it loops.
pub(crate) fn counter() -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 2)
        (global $calls (mut i32) (i32.const 48))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
        (data (i32.const 1024) "{\"calls\":0}")
        (func (export "call") (param $at i32) (param $length i32) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store8 (i32.const 1033) (global.get $calls))
            ;; The argument is before `"files"`; what is behind may have any digits.
            (block $done (loop $look
                (br_if $done (i64.eq (i64.load (local.get $at)) (i64.const 0x3a2273656c696622)))
                (if (i32.eq (i32.load16_u (local.get $at)) (i32.const 0x393a)) (then unreachable))
                (if (i32.eq (i32.load16_u (local.get $at)) (i32.const 0x383a)) (then (loop $on (br $on))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $look)))
            (i32.store (i32.const 16) (i32.const 0))
            (i32.store (i32.const 20) (i32.const 1024))
            (i32.store (i32.const 24) (i32.const 11))
            (i32.const 16)))"#;
    component(text, "ketch:api/controller@0.1.0")
}

/// The count of calls of the instance that answers.
pub(crate) async fn calls(client: &ketch_testkit::Client) -> Value {
    client.get("/count").await.json::<Value>()["calls"].clone()
}

#[tokio::test]
async fn each_call_has_an_instance_of_its_own() {
    let client = Place::new("", &[("count", counter())]).client();
    for _ in 0..3 {
        assert_eq!(calls(&client).await, 1);
    }
}

#[tokio::test]
async fn an_instance_is_kept_for_so_many_calls() {
    let client = Place::new(r#""reuse": 3"#, &[("count", counter())]).client();
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(calls(&client).await.as_u64().expect("a number"));
    }
    assert_eq!(seen, [1, 2, 3, 1, 2, 3, 1]);
}

#[tokio::test]
async fn an_instance_that_trapped_or_was_late_is_not_used_again() {
    let client = Place::new(r#""reuse": 9, "timeout": "100ms""#, &[("count", counter())]).client();
    for (bad, wanted) in [("/count?a=9", 500), ("/count?a=8", 504)] {
        assert_eq!(calls(&client).await, 1);
        assert_eq!(calls(&client).await, 2);
        assert_eq!(status(&client, bad).await, wanted);
    }
    assert_eq!(calls(&client).await, 1);
}

#[tokio::test]
async fn an_instance_whose_caller_has_gone_is_not_used_again() {
    let client = Place::new(r#""reuse": 100000"#, &[("count", counter())]).client();
    for round in 0..500_u64 {
        let endless = client.get("/count?a=8");
        let gone = tokio::time::timeout(std::time::Duration::from_millis(round % 5), endless).await;
        assert!(gone.is_err(), "it loops");
        assert_eq!(calls(&client).await, 1, "in round {round}");
        // The one that was asked is kept, and is the next one's.
        assert_eq!(calls(&client).await, 2);
    }
}
