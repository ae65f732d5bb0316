//! A table as its endpoints see it: which column finds a row, whose it is, which are shown and which are taken.

use ketch_db::Dialect;
use ketch_db::describe::Kind;
use ketch_db::sqlite::{Table, TableColumn};
use ketch_model::Problem;
use ketch_syntax::suggestion;
use serde_json::{Map, Value, json};

use super::{Named, Tabled};
use crate::drivers::sql::{MOST, PAGE};
use crate::known::Known;

/// A table that fits what is said of it.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) name: String,
    /// The column that finds a row.
    pub(super) key: TableColumn,
    /// The column of whom a row belongs to.
    pub(super) owner: Option<TableColumn>,
    /// What is shown, in order.
    pub(super) shown: Vec<TableColumn>,
    /// Rows on a page, at most.
    pub(super) page: usize,
    /// Where the table is named.
    pub(super) place: ketch_model::Place,
    pub(super) subject: String,
    /// Which SQL the database speaks.
    pub(super) dialect: Dialect,
}

impl Layout {
    /// Finds the table and its columns.
    pub(super) fn of(tabled: &Tabled, known: &Known) -> Result<Self, Vec<Problem>> {
        let subject = format!("/{}", tabled.path.join("/"));
        let problem =
            |at: &Named, message: String| Problem::new(Some(at.place.clone()), subject.as_str(), message);
        let Some(schema) = &known.schema else {
            // A migration that cannot be applied is told already.
            let message = "needs to know the schema: give every migration a script that SQLite can run";
            let told =
                if known.failed { Vec::new() } else { vec![problem(&tabled.table, message.to_owned())] };
            return Err(told);
        };
        let Some(table) = schema.table(&tabled.table.name) else {
            let tables = schema.tables();
            let hint = if tables.is_empty() {
                ": no migration has made any yet".to_owned()
            } else {
                suggestion(&tabled.table.name, tables.iter().map(String::as_str))
            };
            return Err(vec![problem(
                &tabled.table,
                format!("there is no table `{}`{hint}", tabled.table.name),
            )]);
        };
        Self::fit(tabled, &table, subject, known.dialect)
    }

    /// Finds what is said among the columns of the table.
    fn fit(tabled: &Tabled, table: &Table, subject: String, dialect: Dialect) -> Result<Self, Vec<Problem>> {
        let problem =
            |at: &Named, message: String| Problem::new(Some(at.place.clone()), subject.as_str(), message);
        let mut problems = Vec::new();
        if table.is_view {
            let message = format!("`{}` is a view: answer with SQL of your own", table.name);
            problems.push(problem(&tabled.table, message));
        }
        let mut column = |named: &Named| {
            let found = table.columns.iter().find(|it| it.name.eq_ignore_ascii_case(&named.name));
            if found.is_none() {
                let names = table.columns.iter().map(|it| it.name.as_str());
                let hint = suggestion(&named.name, names);
                let message = format!("`{}` is no column of `{}`{hint}", named.name, table.name);
                problems.push(problem(named, message));
            }
            found.cloned()
        };
        let owner = tabled.owner.as_ref().and_then(&mut column);
        let said: Option<Vec<TableColumn>> =
            tabled.columns.as_ref().map(|all| all.iter().filter_map(&mut column).collect());
        let key = match &tabled.key {
            Some(named) => column(named),
            None => primary(table).cloned(),
        };
        match (&key, &tabled.key) {
            (None, None) => {
                let message =
                    format!("`{}` has no primary key of one column: say which is the `key`", table.name);
                problems.push(problem(&tabled.table, message));
            }
            (Some(key), Some(named)) if !is_unique(table, key) || key.nullable => {
                let message =
                    format!("`{}` may come twice or be null: a key is unique and not null", key.name);
                problems.push(problem(named, message));
            }
            _ => {}
        }
        for (at, named) in tabled.columns.iter().flatten().enumerate() {
            let mut before = tabled.columns.iter().flatten().take(at);
            if before.any(|it| it.name.eq_ignore_ascii_case(&named.name)) {
                let message = format!("`{}` stands in `columns` twice: keep one", named.name);
                problems.push(problem(named, message));
            }
        }
        let page = tabled.page.map_or(Some(PAGE), |page| usize::try_from(page).ok());
        let page = page.filter(|page| (1..=MOST).contains(page));
        if page.is_none() {
            problems.push(problem(&tabled.table, format!("`page` is 1 to {MOST} rows")));
        }
        let (Some(key), Some(page), true) = (key, page, problems.is_empty()) else { return Err(problems) };
        let others =
            || table.columns.iter().filter(|it| owner.as_ref().is_none_or(|owner| owner.name != it.name));
        let shown = said.unwrap_or_else(|| others().cloned().collect());
        let (name, place) = (table.name.clone(), tabled.table.place.clone());
        Ok(Self { name, key, owner, shown, page, place, subject, dialect })
    }

    /// What may be said of a new row.
    pub(super) fn taken(&self) -> impl Iterator<Item = &TableColumn> {
        let owner = self.owner.as_ref().map(|owner| owner.name.as_str());
        let counted = |it: &TableColumn| it.name == self.key.name && self.counts();
        self.shown.iter().filter(move |it| !it.computed && Some(it.name.as_str()) != owner && !counted(it))
    }

    /// Whether SQLite counts the key up.
    pub(super) fn counts(&self) -> bool {
        self.key.optional && self.key.kind == Some(Kind::Integer)
    }

    /// What may be changed of a row.
    pub(super) fn changed(&self) -> impl Iterator<Item = &TableColumn> {
        self.taken().filter(|it| it.name != self.key.name)
    }

    /// The schema of a row.
    pub(super) fn item(&self) -> Value {
        let members: Map<String, Value> = self.shown.iter().map(|it| (it.name.clone(), schema(it))).collect();
        let required: Vec<&str> = self.shown.iter().map(|it| it.name.as_str()).collect();
        json!({ "type": "object", "properties": members, "required": required })
    }
}

fn schema(column: &TableColumn) -> Value {
    let kind = if column.is_decimal() { Some(Kind::Real) } else { column.kind };
    let mut schema = crate::drivers::sql::natural(kind);
    if !column.nullable
        && let Some(name) = schema.get("type").and_then(|it| it.get(0)).cloned()
    {
        schema["type"] = name;
    }
    schema
}

fn primary(table: &Table) -> Option<&TableColumn> {
    let mut key = table.columns.iter().filter(|it| it.key > 0);
    key.next().filter(|_| key.next().is_none())
}

fn is_unique(table: &Table, column: &TableColumn) -> bool {
    table.unique.iter().any(|columns| columns.len() == 1 && columns[0] == column.name)
}
