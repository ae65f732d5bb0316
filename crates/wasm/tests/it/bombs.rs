//! Guests that want more of the host than is theirs. P2: a trap or an error, and the process lives.

use ketch_testkit::soak_factor;

use crate::guests::{answering, controller, controller_of};
use crate::place::{Place, status};

const WORLD: &str = "ketch:api/controller@0.1.0";
const LOG: &str = r#"(import "ketch:api/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;

/// Grows its memory by 1 MiB until there is no more, and writes to all of it.
const GROW: &str = "
    (block $full (loop $more
        (br_if $full (i32.eq (i32.const -1) (memory.grow (i32.const 16))))
        (br $more)))
    (memory.fill (i32.const 65536) (i32.const 7) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 65536)))";

/// Guests that want too much, each of something else.
fn greedy() -> Vec<(&'static str, Vec<u8>)> {
    let clock = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))"#;
    let dice = r#"(import "wasi:random/random@0.2.12" "get-random-bytes" (func $random (param i64 i32)))"#;
    let headers = r#"
        (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))"#;
    let million = |body: &str| {
        format!(
            "(local $n i32) (loop $again {body} (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 1000000))))"
        )
    };
    vec![
        (
            "handles",
            controller_of(
                "test:guests/controller",
                clock,
                &(million("(drop (call $subscribe (i64.const 1)))") + "unreachable"),
            ),
        ),
        (
            "random",
            controller_of(
                "test:guests/controller",
                dice,
                "(call $random (i64.const 1073741824) (i32.const 32)) unreachable",
            ),
        ),
        ("headers", {
            let many = "(local $n i32) (local $f i32) (local.set $f (call $fields)) (loop $again
                (call $append (local.get $f) (i32.const 1024) (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 32))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_if $again (i32.lt_u (local.get $n) (i32.const 40000)))) (call $ok (i32.const 1024) (i32.const 1))";
            let call = format!("{many}) (data (i32.const 1024) \"a\") (func");
            controller_of("test:guests/controller", headers, &call)
        }),
        (
            "far",
            controller_of(
                WORLD,
                LOG,
                "(call $log (i32.const 1) (i32.const 0) (i32.const 1073741824)) unreachable",
            ),
        ),
        (
            "text",
            controller_of(
                WORLD,
                LOG,
                &format!(
                    "{GROW} (call $log (i32.const 1) (i32.const 65536) (i32.const 50000000)) unreachable"
                ),
            ),
        ),
        ("answer", controller(&format!("{GROW} (call $ok (i32.const 65536) (i32.const 50000000))"))),
        ("overflow", controller("(call $ok (i32.const -16) (i32.const 1000))")),
        ("negative", controller("(call $ok (i32.const 65536) (i32.const -1))")),
        ("trap", controller("unreachable")),
        ("divide", controller("(i32.div_u (i32.const 1) (i32.const 0))")),
    ]
}

#[tokio::test]
async fn whatever_a_guest_wants_too_much_of_it_does_not_get() {
    let refused = greedy();
    let client = Place::new(r#""memory": "64mb""#, &refused).client();
    for _ in 0..20 * soak_factor() {
        for (name, _) in &refused {
            let answer = client.get(&format!("/{name}")).await;
            assert!(
                matches!(answer.status.as_u16(), 500 | 502),
                "{name}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn memory_and_tables_end_at_their_caps_and_the_guest_goes_on() {
    let tables = "(table $t 1 funcref)";
    let fill = "(block $full (loop $more
        (br_if $full (i32.eq (i32.const -1) (table.grow $t (ref.null func) (i32.const 10000)))) (br $more)))";
    let guests =
        [("memory", answering(WORLD, "", GROW, "{}")), ("tables", answering(WORLD, tables, fill, "{}"))];
    let client = Place::new(r#""memory": "64mb""#, &guests).client();
    for _ in 0..20 * soak_factor() {
        assert_eq!(status(&client, "/memory").await, 200);
        assert_eq!(status(&client, "/tables").await, 200);
    }
}

#[tokio::test]
async fn a_flood_of_lines_ends_at_its_cap_and_the_guest_goes_on() {
    let flood = "(local $n i32) (loop $again (call $log (i32.const 1) (i32.const 1024) (i32.const 2))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 100000))))";
    let client = Place::new("", &[("flood", answering(WORLD, LOG, flood, "{}"))]).client();
    assert_eq!(status(&client, "/flood").await, 200);
}

/// Kilobytes of `/proc/self/status`.
fn status_of_process(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with(name)).expect("it is told");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn a_bomb_costs_the_host_what_it_may_have_and_little_more() {
    // In a process of its own, because the memory of other tests would count.
    let program = std::env::current_exe().expect("it runs");
    #[expect(clippy::disallowed_methods, reason = "the same test, alone")]
    let mut alone = std::process::Command::new(program);
    alone.args(["--exact", "bombs::bombs_in_a_process_of_their_own", "--ignored", "--nocapture"]);
    let output = alone.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
#[ignore = "it is run by the test above"]
async fn bombs_in_a_process_of_their_own() {
    let text = format!("{GROW} (call $log (i32.const 1) (i32.const 65536) (i32.const 50000000)) unreachable");
    let guests = [
        ("fill", answering(WORLD, "", GROW, "{}")),
        ("text", controller_of(WORLD, LOG, &text)),
        ("answer", controller(&format!("{GROW} (call $ok (i32.const 65536) (i32.const 50000000))"))),
    ];
    let client = Place::new(r#""memory": "64mb""#, &guests).client();
    // What is set aside once is no guest's.
    let before = status_of_process("VmRSS:");
    for _ in 0..10 * soak_factor() {
        for (name, _) in &guests {
            let code = status(&client, &format!("/{name}")).await;
            assert!(matches!(code, 200 | 500), "{name}: {code}");
        }
    }
    let most = (status_of_process("VmHWM:").saturating_sub(before)) >> 10;
    eprintln!("a bomb of 64 MiB cost {most} MiB");
    assert!(most <= 64 + 32, "{most} MiB");
}
