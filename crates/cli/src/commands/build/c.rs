//! C: a component without any library, by the C compiler of Zig and the header `ketch.h`.

use std::fs;

use anyhow::{Context, Result, bail};
use ketch_manifest::Part;

use super::tool::Tool;
use super::{Job, Made};

const GET: &str = "install Zig from https://ziglang.org/download, or `pip install ziglang`";

/// The header, and in it what the component's interface asks of a module.
const HEADER: &str = include_str!("../../../kits/ketch.h");

pub(super) fn build(job: &Job<'_>) -> Result<Made> {
    let core = job.between("core.wasm");
    fs::write(job.between("ketch.h"), HEADER).context("cannot write the header")?;
    let part = match job.source.part {
        Part::Controller => "-DKETCH_CONTROLLER",
        Part::Middleware => "-DKETCH_MIDDLEWARE",
        Part::Type => "-DKETCH_TYPE_CHECKER",
    };
    compiler(job)?
        .args([
            "cc",
            "-target",
            "wasm32-freestanding",
            "-std=c11",
            "-Os",
            "-Wall",
            "-nostdlib",
            "-Wl,--no-entry",
        ])
        .arg(part)
        .arg("-I")
        .arg(job.scratch.path())
        .args(job.files("c")?)
        .arg("-o")
        .arg(&core)
        .env("ZIG_LOCAL_CACHE_DIR", job.scratch.path())
        .run(job)?;
    let component = job.between("made.wasm");
    fs::write(&component, componentized(&fs::read(&core)?, &job.world)?)
        .context("cannot write the component")?;
    Ok(Made::Component(component))
}

/// `zig`, or the one that pip has installed.
fn compiler(job: &Job<'_>) -> Result<Tool> {
    let folder = job.folder();
    if Tool::new("zig", &folder, GET).arg("version").works() {
        return Ok(Tool::new("zig", &folder, GET));
    }
    if Tool::new("python3", &folder, GET).args(["-m", "ziglang", "version"]).works() {
        return Ok(Tool::new("python3", &folder, GET).args(["-m", "ziglang"]));
    }
    bail!("there is no C compiler for WASM here: {GET}")
}

/// A module of the world's interface, as a component.
#[cfg(feature = "wasm")]
fn componentized(core: &[u8], world: &str) -> Result<Vec<u8>> {
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
    let mut interface = wit_parser::Resolve::default();
    let package = interface.push_str("ketch.wit", super::wit()?)?;
    let world = interface.select_world(&[package], Some(world))?;
    let mut module = core.to_vec();
    embed_component_metadata(&mut module, &interface, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().validate(true).module(&module)?.encode()
}

#[cfg(not(feature = "wasm"))]
fn componentized(_: &[u8], _: &str) -> Result<Vec<u8>> {
    super::wit().map(|_| Vec::new())
}
