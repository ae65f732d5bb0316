//! `new`: a project that compiles and passes its tests, or one of a manifest that is served as it is.

mod manifest;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

/// What to write, and where.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The folder to make; its name is the project's
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A project without Rust: JSON, SQL and a script, served by `ketch serve`
    #[arg(long)]
    manifest: bool,
    /// Use the Ketch in this folder instead of the published one
    #[arg(long, value_name = "DIR", conflicts_with = "manifest")]
    ketch: Option<PathBuf>,
}

/// The files, and what they hold. `{{…}}` is filled in.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../new/Cargo.toml.template")),
    ("README.md", include_str!("../new/README.md.template")),
    (".gitignore", include_str!("../new/gitignore.template")),
    ("src/lib.rs", include_str!("../new/lib.rs.template")),
    ("src/main.rs", include_str!("../new/main.rs.template")),
    ("tests/api.rs", include_str!("../new/api.rs.template")),
];

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.manifest {
        return manifest::run(&options.dir);
    }
    let name = name(&options.dir)?;
    refuse_full(&options.dir)?;
    let ketch = match &options.ketch {
        Some(path) => {
            let path =
                path.canonicalize().with_context(|| format!("there is no folder {}", path.display()))?;
            format!("path = {:?}", path.display().to_string())
        }
        None => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
    };
    for (file, template) in FILES {
        let text = template
            .replace("{{name}}", &name)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{ketch}}", &ketch);
        write(&options.dir.join(file), &text)?;
    }
    eprintln_next_steps(&options.dir);
    Ok(ExitCode::SUCCESS)
}

/// What is there is somebody's work, and stays.
pub(super) fn refuse_full(dir: &Path) -> Result<()> {
    if dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty: choose another folder", dir.display());
    }
    Ok(())
}

/// The package's name, from the folder's.
fn name(dir: &Path) -> Result<String> {
    let name = dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if !fits {
        bail!("`{name}` is no name for a package: use lower-case letters, digits and `-`, a letter first");
    }
    if ["test", "core", "std", "alloc", "ketch", "proc-macro"].contains(&name) {
        bail!("`{name}` is the name of a package that every project has: choose another");
    }
    Ok(name.to_owned())
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().expect("a file of the project has a folder");
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn eprintln_next_steps(dir: &Path) {
    use std::io::Write;
    let dir = dir.display();
    let text = format!(
        "Made {dir}. Next:\n  cd {dir}\n  cargo run    # then open http://127.0.0.1:8080/docs\n  cargo test\n"
    );
    let _unheard = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_would_refuse_are_refused_here() {
        assert_eq!(name(Path::new("a/hello-2")).unwrap(), "hello-2");
        for bad in ["Hello", "2x", "a b", "", "..", "test", "é"] {
            assert!(name(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
