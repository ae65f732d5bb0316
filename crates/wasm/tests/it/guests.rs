//! Guests from WebAssembly text: core modules that `wit-component` makes components of.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// WASI, as it is published.
const WASI: &str = include_str!("../wit/wasi.wit");

/// The worlds of the tests' guests. A component imports what its module does, and no more.
const WORLDS: &str = r#"
package other:place@1.0.0 {
    interface door { open: func(); }
}
package test:guests {
    world controller {
        include ketch:api/controller-with-database@0.1.0;
        include wasi:cli/imports@0.2.12;
        include wasi:http/imports@0.2.12;
    }
    world stranger { include ketch:api/controller@0.1.0; import other:place/door@1.0.0; }
}
"#;

/// What every guest has: memory, a place to put things, and ways to answer.
const FRAME: &str = r#"
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get $size)))
        (block $fits
            (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
            (br_if $fits (i32.ne (i32.const -1)
                (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536))))))
            unreachable)
        (memory.copy (local.get $at) (local.get $old) (local.get $had))
        (local.get $at))
    (func $ok (param $at i32) (param $length i32) (result i32)
        (i32.store (i32.const 16) (i32.const 0))
        (i32.store (i32.const 20) (local.get $at))
        (i32.store (i32.const 24) (local.get $length))
        (i32.const 16))
    (func $said (export "cabi_post_said") (param i32) (global.set $next (i32.const 65536)))
"#;

/// A component from the text of a module and the world that it is for.
pub(crate) fn component(text: &str, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/wit");
    let (api, _) = resolve.push_dir(wit).expect("the interface can be read");
    let guests = resolve.push_str("test.wit", &format!("{WASI}{WORLDS}")).expect("so can the tests' own");
    let world = resolve.select_world(&[api, guests], Some(world)).expect("there is such a world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it fits");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("it is a module");
    encoder.encode().unwrap_or_else(|error| panic!("{error:#}"))
}

/// A module with imports, what every guest has, and functions.
pub(crate) fn module(imports: &str, functions: &str) -> String {
    format!("(module {imports} {FRAME} {functions})")
}

/// A controller whose `call` does this, with `$at` and `$length` of the request, and gives where its result is.
pub(crate) fn controller(body: &str) -> Vec<u8> {
    controller_of("ketch:api/controller@0.1.0", "", body)
}

/// A controller of another world, with more in its module.
pub(crate) fn controller_of(world: &str, more: &str, body: &str) -> Vec<u8> {
    let call = format!(r#"(func (export "call") (param $at i32) (param $length i32) (result i32) {body})"#);
    component(&module(more, &call), world)
}

/// A controller that answers what it was asked.
pub(crate) fn echo() -> Vec<u8> {
    controller("(call $ok (local.get $at) (local.get $length))")
}

/// Text at 1024, and how long it is.
pub(crate) fn data(text: &str) -> (String, usize) {
    (format!(r#"(data (i32.const 1024) "{}")"#, text.replace('"', "\\\"")), text.len())
}

/// A controller that does something and then answers this.
pub(crate) fn answering(world: &str, more: &str, first: &str, answer: &str) -> Vec<u8> {
    let (data, length) = data(answer);
    let body = format!("{first} (call $ok (i32.const 1024) (i32.const {length}))");
    let call = format!(r#"(func (export "call") (param $at i32) (param $length i32) (result i32) {body})"#);
    component(&module(more, &format!("{data} {call}")), world)
}
