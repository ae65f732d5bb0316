//! What the endpoints of a table declare, as if somebody had written it.

use ketch_db::describe::Kind;
use ketch_db::sqlite::TableColumn;
use ketch_model::Settings;
use serde_json::Value;

use super::Tabled;
use super::layout::Layout;
use super::texts::Action;
use crate::tree::{Declared, Param, Site};
use crate::types::Type;

/// What an argument is that was left out: it is told from one that is null.
const ABSENT: &str = "\u{0}absent";

/// Whether an argument was left out.
pub(crate) fn is_absent(value: &Value) -> bool {
    value.as_str() == Some(ABSENT)
}

/// The endpoint of an action, unless the node has one of its own, or there is nothing to do.
pub(super) fn declared(
    tabled: &Tabled,
    table: &Layout,
    action: Action,
    others: &[Declared],
) -> Option<Declared> {
    let mut path = tabled.path.clone();
    let mut key = table.key.name.clone();
    if action.is_of_one() {
        // A capture that the node has already is used under its name.
        let below = others.iter().filter(|it| it.path.len() > path.len() && it.path.starts_with(&path));
        let segment = below.map(|it| &it.path[path.len()]).find_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            Some((segment.clone(), name.split(':').next().unwrap_or(name).to_owned()))
        });
        let (segment, name) = segment.unwrap_or_else(|| (format!("{{{key}}}"), key.clone()));
        path.push(segment);
        key = name;
    }
    let method = action.method();
    if others.iter().any(|it| it.path == path && it.method == method)
        || action == Action::Change && table.changed().next().is_none()
    {
        return None;
    }
    let mut takes = Vec::new();
    if action.is_of_one() {
        let info = Some("Which one.".to_owned());
        takes.push(Param {
            info,
            name: "key".to_owned(),
            ..param(&key, Site::Path, ty(&table.key, ""), table)
        });
    }
    match action {
        Action::List => takes.extend(paging(table)),
        Action::Create => {
            takes.extend(table.taken().enumerate().map(|(at, it)| column(at, it, it.optional, table)))
        }
        Action::Change => {
            takes.extend(table.changed().enumerate().map(|(at, it)| column(at, it, true, table)))
        }
        Action::Get | Action::Delete => {}
    }
    let info = info(table, action);
    let (above, place) = (tabled.above.clone(), table.place.clone());
    let (gives, settings, run, options) = (Vec::new(), Settings::new(), None, Vec::new());
    let (about, faulty) = (None, false);
    Some(Declared {
        path,
        method,
        info: Some(info),
        about,
        takes,
        gives,
        above,
        settings,
        run,
        options,
        faulty,
        place,
    })
}

fn info(table: &Layout, action: Action) -> String {
    let name = &table.name;
    let own = if table.owner.is_some() { " of the caller's" } else { "" };
    match action {
        Action::List => format!("Lists the rows{own} of `{name}`, by `{}`.", table.key.name),
        Action::Get => format!("One row{own} of `{name}`."),
        Action::Create => format!("Adds a row{own} to `{name}`."),
        Action::Change => format!("Changes what is given of a row{own} of `{name}`."),
        Action::Delete => format!("Deletes a row{own} of `{name}`."),
    }
}

fn paging(table: &Layout) -> [Param; 2] {
    let after = param("after", Site::Query, ty(&table.key, ""), table);
    // One row or more: an `id` is a whole number from 1.
    let limit = param("limit", Site::Query, Type::Id, table);
    let left_out = |it: Param, info: &str| Param {
        optional: true,
        default: Some(ABSENT.into()),
        info: Some(info.to_owned()),
        ..it
    };
    [
        left_out(after, "`next` of the page before."),
        left_out(limit, &format!("Rows on the page, {} at most.", table.page)),
    ]
}

fn column(at: usize, column: &TableColumn, optional: bool, table: &Layout) -> Param {
    let null = if column.nullable { "|null" } else { "" };
    let default = optional.then(|| ABSENT.into());
    let name = super::texts::given(at).1;
    Param { name, optional, default, ..param(&column.name, Site::Body, ty(column, null), table) }
}

fn param(wire: &str, site: Site, ty: Type, table: &Layout) -> Param {
    let (wire, name, place) = (wire.to_owned(), wire.to_owned(), table.place.clone());
    Param { wire, site, name, ty, optional: false, default: None, info: None, place }
}

fn ty(column: &TableColumn, null: &str) -> Type {
    let name = match column.kind {
        Some(Kind::Bool) => "bool",
        Some(Kind::Integer) => "int",
        Some(Kind::Real) => "float",
        Some(Kind::Uuid) => "uuid",
        Some(Kind::Date) => "date",
        Some(Kind::Timestamp) => "datetime",
        Some(Kind::Text | Kind::Blob) => "string",
        _ => "any",
    };
    // Anything may be null as it is.
    let null = if name == "any" { "" } else { null };
    Type::parse(&format!("{name}{null}")).unwrap_or(Type::Any)
}
