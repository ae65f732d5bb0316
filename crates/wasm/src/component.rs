//! A component that is compiled and linked, and what it exports.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Type};

use crate::engine::Host;
use crate::state::State;
use crate::{fault, imports};

/// The largest file of a component, in bytes.
const LARGEST: u64 = 256 << 20;

/// A component, ready to be instantiated.
pub(crate) struct Compiled {
    pub(crate) pre: InstancePre<State>,
    pub(crate) call: Option<ComponentExportIndex>,
    pub(crate) inspect: Option<ComponentExportIndex>,
    pub(crate) matches: Option<ComponentExportIndex>,
    pub(crate) check: Option<ComponentExportIndex>,
    /// Whether it answers requests as `wasi:http/incoming-handler`.
    pub(crate) http: bool,
}

/// What a file was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    file: (u64, u64),
}

impl Stamp {
    /// The stamp of a file now.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        let meta = path.metadata().map_err(|error| format!("cannot be read: {error}"))?;
        if meta.len() > LARGEST {
            return Err(format!("has {} bytes; a component may have {LARGEST}", meta.len()));
        }
        #[cfg(unix)]
        let file = {
            use std::os::unix::fs::MetadataExt;
            (meta.dev(), meta.ino())
        };
        #[cfg(not(unix))]
        let file = (0, 0);
        Ok(Self { modified: meta.modified().ok(), size: meta.len(), file })
    }
}

impl Compiled {
    /// Compiles a file, or takes what was compiled before from the cache, and links it.
    pub(crate) fn read(host: &Host, path: &Path, database: bool) -> Result<Self, Vec<String>> {
        let failed = |error: &wasmtime::Error| {
            vec![format!("is no component that can be run: {}", fault::cause(error))]
        };
        let bytes = std::fs::read(path).map_err(|error| vec![format!("cannot be read: {error}")])?;
        if bytes.starts_with(b"\0asm\x01\0\0\0") {
            let message =
                "is a core module, and must be a component: `wasm-tools component new` makes one of it";
            return Err(vec![message.to_owned()]);
        }
        let component = Component::new(&host.engine, bytes).map_err(|error| failed(&error))?;
        let wrong = imports::check(&host.engine, &component, database);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let document =
            |func: &ComponentFunc| is_text(func, 1) && gives(func, |ok| matches!(ok, Type::String));
        let verdict = |count| {
            move |func: &ComponentFunc| is_text(func, count) && gives(func, |ok| matches!(ok, Type::Bool))
        };
        let text = "func(request: string) -> result<string, string>";
        let call = export(&component, "call", text, document)?;
        let inspect = export(&component, "inspect", text, document)?;
        let matches =
            export(&component, "matches", "func(name: string) -> result<bool, string>", verdict(1))?;
        let wanted = "func(name: string, value: string) -> result<bool, string>";
        let check = export(&component, "check", wanted, verdict(2))?;
        let ty = component.component_type();
        let http =
            ty.exports(&host.engine).any(|(name, _)| name.starts_with("wasi:http/incoming-handler@0.2"));
        let pre = host.linker.instantiate_pre(&component).map_err(|error| failed(&error))?;
        Ok(Self { pre, call, inspect, matches, check, http })
    }
}

/// An exported function, if it is there and what it should be.
fn export(
    component: &Component,
    name: &str,
    wanted: &str,
    fits: impl Fn(&ComponentFunc) -> bool,
) -> Result<Option<ComponentExportIndex>, Vec<String>> {
    match component.get_export(None, name) {
        None => Ok(None),
        Some((ComponentItem::ComponentFunc(func), index)) if fits(&func) => Ok(Some(index)),
        Some(_) => Err(vec![format!("exports a `{name}` that is not `{name}: {wanted}`")]),
    }
}

fn is_text(func: &ComponentFunc, count: usize) -> bool {
    func.params().len() == count && func.params().all(|(_, ty)| matches!(ty, Type::String))
}

fn gives(func: &ComponentFunc, ok: impl Fn(&Type) -> bool) -> bool {
    let mut results = func.results();
    let Some(Type::Result(result)) = results.next() else { return false };
    result.ok().is_some_and(|ty| ok(&ty)) && matches!(result.err(), Some(Type::String)) && results.len() == 0
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("http", &self.http).finish_non_exhaustive()
    }
}
