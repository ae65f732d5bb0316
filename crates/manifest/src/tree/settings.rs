//! Settings on nodes and methods. What they come to is for the model; here is how JSON says them.

use ketch_model::{Op, Problem, Settings, Value};
use ketch_syntax::{Key, Kind};

use crate::fields::{Fields, Spelling};
use crate::keys::Which;
use crate::scopes;
use crate::source::{Json, Spanned};

/// The settings among an object's members. Lists may be added to with `+name` and dropped from with `-name`.
pub(crate) fn settings(
    fields: &mut Fields<'_>,
    which: Which,
    spelling: Spelling,
    problems: &mut Vec<Problem>,
) -> Settings {
    let mut settings = Settings::new();
    // On a node that is a table, `key` is the column that finds a row.
    let table = fields.has("table");
    for spec in which.specs().filter(|spec| !(table && spec.key == Key::Key)) {
        for name in spec.names {
            let mut said = vec![(Op::Set, fields.get(name))];
            if spec.kind == Kind::Names {
                said.push((Op::Add, fields.get(&format!("+{name}"))));
                said.push((Op::Drop, fields.get(&format!("-{name}"))));
            }
            for (op, value) in said {
                let Some(value) = value else { continue };
                let read = match spec.kind {
                    Kind::Scope => scopes::read(value, spelling == Spelling::Seed),
                    kind => read(spec.key, kind, value)
                        .map_err(|wanted| format!("`{name}` is {}, and must be {wanted}", value.kind())),
                };
                match read {
                    Ok(read) => settings = settings.with(spec.key, op, read, value.place.clone()),
                    Err(message) => {
                        problems.push(Problem::new(Some(value.place.clone()), fields.subject(), message));
                    }
                }
            }
        }
    }
    settings
}

/// The value, or what it must be.
fn read(key: Key, kind: Kind, value: &Spanned) -> Result<Value, String> {
    let text = |wanted: &str| match &value.value {
        Json::Text(text) => Ok(Value::Text(text.clone())),
        Json::Number(digits) => Ok(Value::Text(digits.clone())),
        _ => Err(wanted.to_owned()),
    };
    match kind {
        Kind::Names => texts(value).map(Value::Names).ok_or_else(|| match key {
            Key::Headers => "a list of headers: [\"name: value\"]".to_owned(),
            _ => "a list of names: [\"a\", \"b\"], or [\"-\"] for none".to_owned(),
        }),
        Kind::Flag => match &value.value {
            Json::Bool(flag) => Ok(Value::Flag(*flag)),
            Json::Text(text) if text == "-" => Ok(Value::Flag(false)),
            _ => Err("`true` or `false`".to_owned()),
        },
        Kind::FlagOrDate => match &value.value {
            Json::Bool(flag) => Ok(Value::Flag(*flag)),
            _ => text("`true`, `false` or a day: \"2027-01-31\""),
        },
        Kind::Text | Kind::Scope => text("text, or \"-\" for none"),
        Kind::Version => text("numbers and dots: \"2.1\", or \"-\" for none"),
        Kind::Size => text("a size: \"64kb\""),
        Kind::Duration => text("a time: \"30s\""),
        Kind::Date => text("a day: \"2027-01-31\""),
        Kind::Rate => text("a rate: \"100/m\""),
        Kind::Status => text("a status of success: 201"),
    }
}

fn texts(value: &Spanned) -> Option<Vec<String>> {
    let Json::List(items) = &value.value else { return None };
    items.iter().map(|item| item.as_text().map(|(text, _)| text.to_owned())).collect()
}
