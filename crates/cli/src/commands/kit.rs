//! `kit`: the file with which a controller in another language is one function, written into a project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::terminal::say;

/// Which kit, and where to.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// The language
    #[arg(value_name = "LANGUAGE")]
    language: Language,
    /// The folder of the project
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Python,
    Node,
    Go,
    Bash,
    Rust,
}

/// A kit.
struct Kit {
    /// Where it goes, below the project's folder.
    file: &'static str,
    text: &'static str,
    /// How a controller begins.
    begin: &'static str,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if !options.dir.is_dir() {
        bail!("there is no folder {}", options.dir.display());
    }
    let kit = options.language.kit();
    let path = options.dir.join(kit.file);
    let written = write(&path, kit.text)?;
    let verb = if written { "wrote" } else { "already there:" };
    if options.language == Language::Go {
        go_module(&options.dir)?;
    }
    say(&format!("{verb} {}\nA controller begins with:\n\n{}", path.display(), kit.begin));
    Ok(ExitCode::SUCCESS)
}

impl Language {
    fn kit(self) -> Kit {
        match self {
            Self::Python => Kit {
                file: "lib/ketch_worker.py",
                text: include_str!("../../kits/ketch_worker.py"),
                begin: "#!/usr/bin/env python3\nimport sys; sys.path.append(\"lib\")\nfrom ketch_worker import HttpError, serve",
            },
            Self::Node => Kit {
                file: "lib/ketch-worker.cjs",
                text: include_str!("../../kits/ketch-worker.cjs"),
                begin: "#!/usr/bin/env node\nconst { HttpError, serve } = require('../lib/ketch-worker.cjs');",
            },
            Self::Go => Kit {
                file: "lib/ketchworker/worker.go",
                text: include_str!("../../kits/worker.go"),
                begin: "package main\n\nimport \"project/lib/ketchworker\"",
            },
            Self::Bash => Kit {
                file: "lib/ketch-worker.sh",
                text: include_str!("../../kits/ketch-worker.sh"),
                begin: "#!/usr/bin/env bash\nsource lib/ketch-worker.sh",
            },
            Self::Rust => Kit {
                file: "lib/ketch.wit",
                text: include_str!("../../kits/ketch.wit"),
                begin: "wit_bindgen::generate!({ path: \"../../lib/ketch.wit\", world: \"controller\" });",
            },
        }
    }
}

/// Writes a file, unless the same is there; whether it did. Another one of that name is somebody's work, and stays.
fn write(path: &Path, text: &str) -> Result<bool> {
    match fs::read_to_string(path) {
        Ok(found) if found == text => return Ok(false),
        Ok(_) => bail!("{} is there and is not the kit of this version: move it away first", path.display()),
        Err(_) => {}
    }
    let folder = path.parent().expect("a kit is in a folder");
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

/// Go finds packages of a project by its module, so there must be one; one that is there is left as it is.
fn go_module(dir: &Path) -> Result<()> {
    let module = dir.join("go.mod");
    if !module.exists() {
        fs::write(&module, "module project\n\ngo 1.19\n")
            .with_context(|| format!("cannot write {}", module.display()))?;
        say(&format!("wrote {}", module.display()));
    }
    Ok(())
}
