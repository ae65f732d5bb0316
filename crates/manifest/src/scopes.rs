//! Who may call, as a manifest writes it: `[["A", "B"], ["C"]]` is (A and B) or C.
//!
//! `[[]]` and `"public"` open what a node above closes; every other list narrows it, so `[]` cannot stand there. In a project with an `aicra.json`
//! `[]` and `null` close, as they did there, and so does it to say nothing: [`closes`].

use ketch_model::{Op, Scope, Settings, Value};
use ketch_syntax::Key;

use crate::source::{Json, Spanned};
use crate::tree::Declared;

/// Reads the value of `scope`.
///
/// # Errors
/// What to write instead.
pub(crate) fn read(value: &Spanned, seed: bool) -> Result<Value, String> {
    let how =
        "write lists of names, like `[[\"admin\"], [\"editor\", \"verified\"]]`, or `[[]]` for everyone";
    let items = match &value.value {
        Json::Null if seed => return Ok(Value::Scope(Scope::nobody())),
        Json::Text(text) if text == "public" => return Ok(Value::Text(text.clone())),
        Json::List(items) => items,
        _ => return Err(format!("`scope` is {}: {how}", value.kind())),
    };
    if items.is_empty() {
        // Elsewhere it asks for nothing, which is a mistake below a node that does ask: it does not narrow.
        return Ok(Value::Scope(if seed { Scope::nobody() } else { Scope::public() }));
    }
    let clauses: Vec<Vec<String>> = items.iter().map(|item| clause(item, how)).collect::<Result<_, _>>()?;
    if clauses.iter().all(Vec::is_empty) || (seed && clauses.iter().any(Vec::is_empty)) {
        return Ok(Value::Text("public".to_owned()));
    }
    if clauses.iter().any(Vec::is_empty) {
        return Err(
            "an empty list among others lets everyone in: write `[[]]` for everyone, or drop it".to_owned()
        );
    }
    Ok(Value::Scope(Scope::any_of(clauses)))
}

fn clause(item: &Spanned, how: &str) -> Result<Vec<String>, String> {
    let wrong = |what: &Spanned| format!("`scope` holds {}: {how}", what.kind());
    let Json::List(names) = &item.value else { return Err(wrong(item)) };
    let name = |name: &Spanned| match &name.value {
        Json::Text(text) if text.trim().is_empty() => {
            Err(format!("`scope` holds a name without letters: {how}"))
        }
        Json::Text(text) => Ok(text.clone()),
        _ => Err(wrong(name)),
    };
    names.iter().map(name).collect()
}

/// What an endpoint of a seed's project says beside its settings: nobody may call it when neither it nor a node above
/// names a scope.
pub(crate) fn closes(endpoint: &Declared) -> Option<Settings> {
    let said = endpoint.above.iter().chain([&endpoint.settings]);
    let open = said.flat_map(Settings::entries).any(|entry| entry.key == Key::Scope);
    let closed = Value::Scope(Scope::nobody());
    (!open).then(|| Settings::new().with(Key::Scope, Op::Set, closed, endpoint.place.clone()))
}
