//! The driver `table`: a node that is a table of the database, with the endpoints to list, get, create, change and
//! delete its rows.
//!
//! `layout` is the table as the endpoints see it, `endpoints` what they declare, `texts` their SQL, `run` answers.

mod endpoints;
mod layout;
mod run;
mod texts;

use std::sync::Arc;

use ketch_db::Db;
use ketch_model::{Place, Problem, Settings};

use crate::driver::Controller;
use crate::fields::Fields;
use crate::known::Known;
use crate::project::Project;
use crate::source::{Json, Spanned};
use crate::tree::Declared;

pub(crate) use endpoints::is_absent;
use layout::Layout;
use run::Rows;
use texts::Action;

/// A node that is a table: what `"table": "todos"` and what stands beside it says.
#[derive(Clone, Debug)]
pub struct Tabled {
    /// The node's path, as written.
    pub path: Vec<String>,
    /// The table.
    pub table: Named,
    /// The column of whom a row belongs to; without it rows belong to nobody.
    pub owner: Option<Named>,
    /// The columns that are shown and taken; all but the owner's when nothing is said.
    pub columns: Option<Vec<Named>>,
    /// The column that finds a row; the primary key when nothing is said.
    pub key: Option<Named>,
    /// Rows on a page, at most.
    pub page: Option<u64>,
    /// What the node and those above it say, outermost first.
    pub above: Vec<Settings>,
}

/// A name of the database's, and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

impl Tabled {
    /// Reads a node, if it is a table.
    pub(crate) fn read(
        fields: &mut Fields<'_>,
        path: &[String],
        above: &[Settings],
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if !fields.has("table") {
            // All are asked for, so that one alone is told as what is missing and not as an unknown key.
            for key in ["owner", "columns", "page"] {
                let Some(stray) = fields.get(key) else { continue };
                let message = format!("`{key}` belongs to a table: write `\"table\": \"…\"` beside it");
                problems.push(Problem::new(Some(stray.place.clone()), fields.subject(), message));
            }
            return None;
        }
        let table = named(fields, "table", problems);
        let owner = named(fields, "owner", problems);
        // Elsewhere `key` is a setting, of caches.
        let key = table.as_ref().and_then(|_| named(fields, "key", problems));
        let columns = fields.get("columns");
        let page = fields.get("page").is_some().then(|| fields.number("page", problems)).flatten();
        let columns = columns.and_then(|value| names(value, fields.subject(), problems));
        Some(Self { path: path.to_vec(), table: table?, owner, columns, key, page, above: above.to_vec() })
    }
}

fn named(fields: &mut Fields<'_>, key: &'static str, problems: &mut Vec<Problem>) -> Option<Named> {
    let place = fields.get(key)?.place.clone();
    fields.text(key, problems).map(|name| Named { name: name.to_owned(), place })
}

fn names(value: &Spanned, subject: &str, problems: &mut Vec<Problem>) -> Option<Vec<Named>> {
    let name = |item: &Spanned| match &item.value {
        Json::Text(name) => Some(Named { name: name.clone(), place: item.place.clone() }),
        _ => None,
    };
    let read = if let Json::List(items) = &value.value { items.iter().map(name).collect() } else { None };
    if read.is_none() {
        let message = "`columns` must be a list of names: `[\"title\", \"done\"]`";
        problems.push(Problem::new(Some(value.place.clone()), subject, message));
    }
    read
}

/// The endpoints of the tables of a project. A method that a node has of its own takes the place of the table's.
pub(crate) fn tables(
    project: &Project,
    db: Option<&Db>,
    known: &Known,
    problems: &mut Vec<Problem>,
) -> Vec<(Declared, Arc<dyn Controller>)> {
    let mut all: Vec<(Declared, Arc<dyn Controller>)> = Vec::new();
    for tabled in &project.tables {
        let table = match Layout::of(tabled, known) {
            Ok(table) => Arc::new(table),
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        for action in Action::ALL {
            let declared = endpoints::declared(tabled, &table, action, &project.endpoints);
            all.extend(declared.map(|declared| {
                let controller = Rows::new(db.cloned().unwrap_or_default(), &table, action);
                (declared, Arc::new(controller) as _)
            }));
        }
    }
    all
}
