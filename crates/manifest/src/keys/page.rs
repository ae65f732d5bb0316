//! The reference page of manifests.

use std::fmt::Write;

use super::schema::collect;
use super::{Form, Keys, NODE, PROJECT, Which};

/// The page, `docs/reference/manifest.md`.
pub fn page() -> String {
    let mut out = String::from(INTRODUCTION);
    let mut objects = Vec::new();
    collect(&PROJECT, &mut objects);
    let first = objects.len();
    collect(&NODE, &mut objects);
    // Each file begins with what its top is.
    let (project, api) = objects.split_at(first);
    out += "\n## The project file: `ketch.json`\n";
    project.iter().filter(|keys| !is_driver(keys)).for_each(|keys| section(&mut out, keys));
    out += "\n## The API file: `api.json`\n";
    api.iter().for_each(|keys| section(&mut out, keys));
    out += "\n## Drivers\n\nOptions stand in the project file, on nodes and on methods; of two that are the same the inner one \
            holds.\n";
    project.iter().filter(|keys| is_driver(keys)).for_each(|keys| section(&mut out, keys));
    out
}

const INTRODUCTION: &str = "# Manifests

Generated from the source; `UPDATE_EXPECT=1` writes it anew.

A project is a folder with an `api.json` and perhaps a `ketch.json`. Both are JSON with comments (`//`, `/* */`) and trailing \
commas. Editors complete and check them with the schemas beside this page: \
[project.schema.json](project.schema.json) and [manifest.schema.json](manifest.schema.json), which `ketch check --schema` \
prints as well. `ketch check` finds everything that is wrong, each at its line.

A file may have 4 MiB, and lists and objects in it 96 levels.

## Files that are split

An object may say `\"$include\": \"user.json\"`, or name a list of files: it has their members too. A file is relative to the one \
that names it and inside of the project's folder. Paths below a node may come from several files; any other member comes from \
one. Files may stand in one another 8 deep, be named 512 times, and have 16 MiB together.

```json
{ \"$include\": [\"users.json\", \"orders.json\"] }
```
";

fn is_driver(keys: &Keys) -> bool {
    ["exec", "sql", "wasm"].contains(&keys.name)
}

fn section(out: &mut String, keys: &Keys) {
    write!(out, "\n### {}\n\n{}\n", keys.name, keys.about).expect(TAKES);
    if keys.members.is_empty() {
        out.push_str("\nThere are none.\n");
        return;
    }
    out.push_str("\n| key | value | left out | what it does |\n|---|---|---|---|\n");
    for member in keys.members {
        let default = if member.default.is_empty() { "nothing" } else { member.default };
        let form = form(member.form).replace('|', "\\|");
        writeln!(out, "| `{}` | {form} | {default} | {} |", member.name, member.about).expect(TAKES);
    }
    if keys.settings != Which::None {
        let names: Vec<_> = keys.settings.specs().map(|spec| format!("`{}`", spec.names[0])).collect();
        write!(
            out,
            "\nSettings ([what they do](settings.md)): {}. Lists are added to with `+middleware`, dropped from with \
             `-middleware`.\n",
            names.join(", ")
        )
        .expect(TAKES);
    }
}

const TAKES: &str = "a String takes everything";

fn form(form: Form) -> String {
    let text = match form {
        Form::Text => "text",
        Form::Flag => "`true` or `false`",
        Form::Count => "a whole number",
        Form::Duration => "a time: `\"30s\"`",
        Form::Size => "a size: `\"64kb\"`",
        Form::Secret => "text, or `{\"env\": \"NAME\"}`",
        Form::Texts => "a list of texts",
        Form::TextOrTexts => "text, or a list of texts",
        Form::TextMap => "an object of texts",
        Form::Variables => "an object of texts or `true`",
        Form::Folders => "an object of `\"ro\"` or `\"rw\"`",
        Form::Type => "[a type](../guide/types.md)",
        Form::Any => "any value",
        Form::Word(words) => {
            return words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ");
        }
        Form::Object(keys) => return format!("[{}](#{})", keys.name, keys.name),
        Form::Map(keys) => return format!("names, and for each [{}](#{})", keys.name, keys.name),
    };
    text.to_owned()
}
