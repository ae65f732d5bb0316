//! `new --manifest`: the project of `examples/todos`, which needs no compiler.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::{refuse_full, write};
use crate::terminal::say;

macro_rules! files {
    ($($path:literal = $template:literal)*) => {
        &[$(($path, include_str!(concat!("../../new/todos/", $template)))),*]
    };
}

/// The files, and what they hold. `#!` at its beginning makes a file executable.
const FILES: &[(&str, &str)] = files! {
    "README.md" = "README.md"
    ".gitignore" = "gitignore"
    "api.json" = "api.json"
    "ketch.json" = "ketch.json"
    "keys" = "keys"
    "controller/todos.GET.sql" = "controller_todos.GET.sql"
    "controller/todos.POST.sql" = "controller_todos.POST.sql"
    "controller/todos/{id}.PATCH.sql" = "controller_todos__id_.PATCH.sql"
    "controller/todos/{id}.DELETE.sql" = "controller_todos__id_.DELETE.sql"
    "middleware/1-api-key" = "middleware_1-api-key"
    "migrations/001_todos.up.sql" = "migrations_001_todos.up.sql"
    "migrations/001_todos.up.postgres.sql" = "migrations_001_todos.up.postgres.sql"
    "migrations/001_todos.down.sql" = "migrations_001_todos.down.sql"
    "stub/tip.json" = "stub_tip.json"
};

/// The kit that the middleware uses.
const KIT: (&str, &str) = ("lib/ketch-worker.sh", include_str!("../../../kits/ketch-worker.sh"));

/// The schemas by which an editor completes and checks what is typed: of which file, and where they are written.
const SCHEMAS: [(&str, &str); 2] =
    [("api.json", ".ketch/manifest.schema.json"), ("ketch.json", ".ketch/project.schema.json")];

/// What the example calls itself, in its README and its title.
const EXAMPLE: (&str, &str) = ("# todos\n", "\"title\": \"Todos\"");

pub(super) fn run(dir: &Path) -> Result<ExitCode> {
    refuse_full(dir)?;
    let Some(name) = dir.canonicalize().ok().as_deref().unwrap_or(dir).file_name().map(|it| it.to_owned())
    else {
        bail!("{} is no name for a project: choose a folder", dir.display());
    };
    let name = name.to_string_lossy().into_owned();
    for (file, template) in FILES.iter().copied().chain([KIT]) {
        let text = template
            .replacen(EXAMPLE.0, &format!("# {name}\n"), usize::from(file == "README.md"))
            .replacen(EXAMPLE.1, &format!("\"title\": {}", serde_json::Value::from(name.as_str())), 1);
        let text = match SCHEMAS.iter().find(|(of, _)| *of == file) {
            Some((_, schema)) => text.replacen("{\n", &format!("{{\n    \"$schema\": \"./{schema}\",\n"), 1),
            None => text,
        };
        let path = dir.join(file);
        write(&path, &text)?;
        if text.starts_with("#!") {
            make_executable(&path)?;
        }
    }
    let [(_, manifest), (_, project)] = SCHEMAS;
    write(&dir.join(manifest), &format!("{:#}\n", ketch_manifest::api_schema()))?;
    write(&dir.join(project), &format!("{:#}\n", ketch_manifest::project_schema()))?;
    let dir = dir.display();
    say(&format!(
        "Made {dir}. Next:\n  cd {dir}\n  ketch serve .    # then open http://127.0.0.1:8080/docs\n  ketch check      # what is wrong, each thing at its line\nREADME.md has requests to try."
    ));
    Ok(ExitCode::SUCCESS)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, executable)
        .with_context(|| format!("cannot make {} executable", path.display()))
}

/// Elsewhere a file's name says it.
#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}
