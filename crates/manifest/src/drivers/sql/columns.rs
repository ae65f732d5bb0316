//! The columns of a statement beside what is declared of them, and what documents say of a row.

use ketch_db::describe::{Column, Kind};
use ketch_model::{Place, Problem};
use ketch_syntax::suggestion;
use serde_json::{Map, Value as Json, json};

use super::inputs::Wants;
use super::load::Expected;
use crate::tree::Declared;

/// What does not fit between columns and what is declared of them.
pub(super) fn unfit(
    subject: &str,
    columns: &[Column],
    expected: &[Expected],
    cursor: Option<&(String, Option<Place>)>,
    start: &Place,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let names = || columns.iter().map(|column| column.name.as_str());
    for it in expected {
        let message = match columns.iter().find(|column| column.name == it.column) {
            None => {
                format!("`{}` is no column of the statement{}", it.column, suggestion(&it.column, names()))
            }
            Some(Column { kind: Some(kind), .. }) if !holds(it.wants, *kind) => {
                let what = it.wants.name();
                format!("`{}` is declared as {what}, and its column holds {}", it.column, kind.name())
            }
            Some(_) => continue,
        };
        problems.push(Problem::new(Some(it.place.clone()), subject, message));
    }
    if let Some((column, place)) = cursor
        && names().all(|name| name != column)
    {
        let hint = suggestion(column, names());
        let message = format!("goes on after `{column}`, which is no column of the statement{hint}");
        problems.push(Problem::new(Some(place.clone().unwrap_or_else(|| start.clone())), subject, message));
    }
    problems
}

/// Two columns of one name, of which a reply could show one only.
pub(super) fn doubled(columns: &[Column]) -> Option<String> {
    let double =
        columns.iter().enumerate().find(|(at, it)| columns[..*at].iter().any(|one| one.name == it.name));
    double.map(|(_, it)| format!("two columns are called `{}`: give one another name with `as`", it.name))
}

/// Whether values of a column are what is declared.
fn holds(wants: Wants, kind: Kind) -> bool {
    match wants {
        Wants::Any => true,
        Wants::Bool => matches!(kind, Kind::Bool | Kind::Integer),
        Wants::Integer => matches!(kind, Kind::Integer),
        Wants::Real => matches!(kind, Kind::Integer | Kind::Real),
        Wants::Text => matches!(kind, Kind::Text | Kind::Uuid | Kind::Timestamp | Kind::Date | Kind::Blob),
    }
}

/// The schema of a row.
pub(super) fn item(columns: Option<&[Column]>, endpoint: &Declared, declared: bool) -> Json {
    let mut members = Map::new();
    let mut required = Vec::new();
    if declared {
        for it in &endpoint.gives {
            members.insert(it.wire.clone(), crate::outputs::schema(it));
            required.extend((!it.optional).then(|| it.wire.clone()));
        }
    } else {
        for column in columns.unwrap_or_default() {
            members.insert(column.name.clone(), natural(column.kind));
            required.push(column.name.clone());
        }
    }
    json!({ "type": "object", "properties": members, "required": required })
}

/// The schema of what a column holds. Whether it may be null is not known.
pub(crate) fn natural(kind: Option<Kind>) -> Json {
    match kind {
        Some(Kind::Bool) => json!({ "type": ["boolean", "null"] }),
        Some(Kind::Integer) => json!({ "type": ["integer", "null"], "format": "int64" }),
        Some(Kind::Real) => json!({ "type": ["number", "null"] }),
        Some(Kind::Text | Kind::Timestamp | Kind::Date) => json!({ "type": ["string", "null"] }),
        Some(Kind::Uuid) => json!({ "type": ["string", "null"], "format": "uuid" }),
        Some(Kind::Blob) => json!({ "type": ["string", "null"], "contentEncoding": "base64" }),
        _ => json!({}),
    }
}
