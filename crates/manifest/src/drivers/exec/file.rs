//! Whether a file can be run, told when the project is loaded: it is there, may be executed, and so is what its first
//! line names.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::environment::own;

/// As much of a file's beginning as Linux reads of a first line.
const FIRST_LINE: u64 = 256;

/// The absolute path of a program, and what is known of the file.
///
/// # Errors
/// Why it cannot be run, and what to do.
pub(super) fn program(root: &Path, file: &Path) -> Result<(PathBuf, Metadata), String> {
    let path = std::path::absolute(root.join(file)).map_err(|error| format!("cannot be found: {error}"))?;
    let shown = file.display();
    let metadata = path.metadata().map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("`{shown}` is no file"));
    }
    permitted(&metadata, &shown.to_string())?;
    runnable(&path).map_err(|why| format!("`{shown}` {why}"))?;
    Ok((path, metadata))
}

#[cfg(unix)]
fn permitted(metadata: &Metadata, shown: &str) -> Result<(), String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    if mode & 0o111 == 0 {
        return Err(format!("`{shown}` may not be executed: `chmod +x {shown}`"));
    }
    if mode & 0o6000 != 0 {
        return Err(format!("`{shown}` runs as another user, who cannot be stopped: `chmod a-s {shown}`"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn permitted(_metadata: &Metadata, _shown: &str) -> Result<(), String> {
    Ok(())
}

/// Looks at the beginning of a file.
fn runnable(path: &Path) -> Result<(), String> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    let read = file.and_then(|file| file.take(FIRST_LINE).read_to_end(&mut bytes));
    if let Err(error) = read {
        // What may be run need not be readable.
        tracing::debug!(program = %path.display(), %error, "is run unseen");
        return Ok(());
    }
    let Some(line) = bytes.strip_prefix(b"#!") else {
        return if std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains('\0')) && cfg!(unix) {
            let shebang = shebang(path);
            Err(format!("is text without `#!` in its first line: write `{shebang}`, or what else runs it"))
        } else {
            Ok(())
        };
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.ends_with(b"\r") {
        return Err(
            "has a carriage return at the end of its first line: save it with line feeds only".to_owned()
        );
    }
    interpreter(&String::from_utf8_lossy(line))
}

/// The first line that a program of this name is likely to want.
fn shebang(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("py") => "#!/usr/bin/env python3",
        Some("js" | "mjs" | "cjs") => "#!/usr/bin/env node",
        Some("rb") => "#!/usr/bin/env ruby",
        Some("php") => "#!/usr/bin/env php",
        Some("pl") => "#!/usr/bin/env perl",
        Some("bash") => "#!/usr/bin/env bash",
        _ => "#!/bin/sh",
    }
}

fn interpreter(line: &str) -> Result<(), String> {
    let mut words = line.split_ascii_whitespace();
    let Some(first) = words.next() else {
        return Err("names nothing after `#!`: write `#!/bin/sh`, or what else runs it".to_owned());
    };
    if !Path::new(first).is_file() {
        return Err(format!("is run by `{first}`, which is not there: install it"));
    }
    if Path::new(first).file_name().is_none_or(|name| name != "env") {
        return Ok(());
    }
    let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('=')) else { return Ok(()) };
    let path = own("PATH").unwrap_or_default();
    let there = name.contains('/') || std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    if there { Ok(()) } else { Err(format!("is run by `{name}`, which is not in PATH: install it")) }
}
