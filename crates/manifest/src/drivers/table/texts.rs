//! The SQL of a table's endpoints. Names are quoted; values are parameters.

use http::Method;
use ketch_db::describe::Kind;
use ketch_db::sqlite::TableColumn;
use ketch_db::{Dialect, Sql};

use super::layout::Layout;

/// What is done with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    List,
    Get,
    Create,
    Change,
    Delete,
}

impl Action {
    pub(super) const ALL: [Self; 5] = [Self::List, Self::Get, Self::Create, Self::Change, Self::Delete];

    pub(super) fn method(self) -> Method {
        match self {
            Self::List | Self::Get => Method::GET,
            Self::Create => Method::POST,
            Self::Change => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }

    /// Whether it is of one row.
    pub(super) fn is_of_one(self) -> bool {
        matches!(self, Self::Get | Self::Change | Self::Delete)
    }

    /// Whether it changes something.
    pub(super) fn writes(self) -> bool {
        !matches!(self, Self::List | Self::Get)
    }
}

/// The parameters of a change: whether a column is given, and its value.
pub(super) fn given(at: usize) -> (String, String) {
    (format!("given{at}"), format!("value{at}"))
}

/// The texts of an action. A list has two: of the first page, and of those after it.
pub(super) fn texts(table: &Layout, action: Action) -> Vec<Sql> {
    let from = format!("{}{}", quoted(&table.name), "");
    let mut owned = String::new();
    if let Some(owner) = &table.owner {
        owned = format!("{} = :owner", quoted(&owner.name));
    }
    let key = quoted(&table.key.name);
    let one = format!(
        "where {key} = {}{}",
        of_key(table, ":key"),
        if owned.is_empty() { String::new() } else { format!(" and {owned}") }
    );
    let all = if owned.is_empty() { String::new() } else { format!("where {owned}") };
    let columns = columns(table);
    let text = match action {
        Action::List => {
            let word = if owned.is_empty() { "where" } else { "and" };
            let after = format!("{word} {key} > {}", of_key(table, ":after"));
            let end = format!("order by {key} limit :limit");
            let first = format!("select {columns} from {from} {all} {end}");
            return vec![
                Sql::shared(first),
                Sql::shared(format!("select {columns} from {from} {all} {after} {end}")),
            ];
        }
        Action::Get => format!("select {columns} from {from} {one}"),
        // Of the columns that are given, so it is made for each call.
        Action::Create => create(table, |_| true),
        Action::Change => {
            let set = table.changed().enumerate().map(|(at, column)| {
                let (name, (given, value)) = (quoted(&column.name), given(at));
                format!("{name} = case when :{given} then :{value} else {name} end")
            });
            let set: Vec<String> = set.collect();
            format!("update {from} set {} {one} returning {columns}", set.join(", "))
        }
        Action::Delete => format!("delete from {from} {one}"),
    };
    vec![Sql::shared(text)]
}

/// A key to compare with. PostgreSQL would take a parameter beside an `integer` for one of 32 bits, and there is merely no row
/// of a number that is larger.
fn of_key(table: &Layout, param: &str) -> String {
    match (table.dialect, table.key.kind) {
        (Dialect::Postgres, Some(Kind::Integer)) => format!("cast({param} as bigint)"),
        _ => param.to_owned(),
    }
}

/// The text that inserts a row with these of its columns.
pub(super) fn create(table: &Layout, has: impl Fn(usize) -> bool) -> String {
    let taken = table.taken().enumerate().filter(|(at, _)| has(*at));
    let (mut names, mut values): (Vec<String>, Vec<String>) =
        taken.map(|(at, column)| (quoted(&column.name), format!(":{}", given(at).1))).unzip();
    if let Some(owner) = &table.owner {
        names.push(quoted(&owner.name));
        values.push(":owner".to_owned());
    }
    let (into, columns) = (quoted(&table.name), columns(table));
    if names.is_empty() {
        return format!("insert into {into} default values returning {columns}");
    }
    format!("insert into {into} ({}) values ({}) returning {columns}", names.join(", "), values.join(", "))
}

/// What is read of a row: what is shown, and the key.
fn columns(table: &Layout) -> String {
    read(table).map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
}

/// The columns that are read.
pub(super) fn read(table: &Layout) -> impl Iterator<Item = &TableColumn> {
    let hidden = table.shown.iter().all(|it| it.name != table.key.name);
    table.shown.iter().chain(hidden.then_some(&table.key))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
