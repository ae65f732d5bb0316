//! One endpoint three times: in Rust, as a component whose instance is kept, and as one with a fresh instance for each
//! call. All of it is as an application gets it, with its log, whose lines are thrown away; the small numbers in and out
//! leave the most to what stands around.

use std::path::Path;
use std::process::ExitCode;

use ketch::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const API: &str = r#"{ "/": { "wasm": { "/": {
    "kept": { "GET": { "info": "Adds.", "run": "add.wasm", "wasm": { "reuse": 1000000000 },
        "in": { "GET@a": { "info": "One.", "type": "int" }, "GET@b": { "info": "Another.", "type": "int" } },
        "out": { "sum": { "info": "Both.", "type": "int" } } } },
    "fresh": { "GET": { "info": "Adds.", "run": "add.wasm",
        "in": { "GET@a": { "info": "One.", "type": "int" }, "GET@b": { "info": "Another.", "type": "int" } },
        "out": { "sum": { "info": "Both.", "type": "int" } } } }
} } } }"#;

fn main() -> ExitCode {
    bench_terms::start_log();
    let project = tempfile::tempdir().expect("there is room for a project");
    write(project.path());
    ketch::main(Server::new().listen("127.0.0.1:0").add(Rust).manifest(project.path()))
}

/// Writes the project: its manifest, and the guest as a component.
fn write(folder: &Path) {
    let mut module = wat::parse_str(include_str!("add.wat")).expect("the guest is WebAssembly");
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/wasm/wit");
    let (api, _) = resolve.push_dir(wit).expect("the interface is there");
    let world = resolve.select_world(&[api], Some("controller")).expect("it has the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the guest fits it");
    let encoder = ComponentEncoder::default().validate(true).module(&module).expect("it is a module");
    let component = { encoder }.encode().expect("it is a component");
    std::fs::write(folder.join("add.wasm"), component).expect("the component can be written");
    std::fs::write(folder.join("api.json"), API).expect("the manifest can be written");
}

struct Rust;

/// The endpoint in Rust.
#[service(root = "rust")]
impl Rust {
    /// Adds.
    #[get("add")]
    async fn add(&self, a: i64, b: i64) -> Json<Sum> {
        Json(Sum { sum: a + b })
    }
}

/// What both answer.
#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}
