//! What a component asks for, before it is linked: what there is not, and what is there but not granted.

use wasmtime::Engine;
use wasmtime::component::Component;

/// What every component may import. Without grants the folders, hosts and environment behind it are empty.
const THERE: [&str; 8] = [
    "ketch:api/log@",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// What is wrong with what a component imports.
pub(crate) fn check(engine: &Engine, component: &Component, database: bool) -> Vec<String> {
    let ty = component.component_type();
    let mut wrong = Vec::new();
    for (name, _) in ty.imports(engine) {
        if name.starts_with("ketch:api/database@") {
            if !database {
                wrong.push(format!(
                    "imports `{name}`, which is not granted: write `\"wasm\": {{\"database\": true}}` where it may"
                ));
            }
        } else if !THERE.iter().any(|there| name.starts_with(there)) {
            wrong.push(format!(
                "imports `{name}`, which there is not here: only `ketch:api` 0.1 and WASI 0.2 are"
            ));
        }
    }
    wrong
}
