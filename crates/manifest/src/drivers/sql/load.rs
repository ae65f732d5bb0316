//! From a file to a controller: every statement is understood, and everything that can be wrong is told with its place.

use std::sync::Arc;

use http::Method;
use ketch_db::describe::{Access, Column, Described, Undescribed};
use ketch_db::tokens::words;
use ketch_db::{Dialect, Schema, Sql};
use ketch_model::{Place, Problem, Value};
use ketch_syntax::{Key, suggestion};

use super::caller::{Spelt, spelling};
use super::columns::{doubled, item, natural, unfit};
use super::inputs::{Argument, From, Inputs, Wants};
use super::options::{LIST, Options, PAGE, Returns};
use super::output::{Form, Out, Plan};
use super::run::{Inner, Query, Step};
use super::text::{Statement, Text};
use crate::driver::Wanted;
use crate::tree::{Declared, Param};

/// The parameters that are no arguments.
const CALLER: [&str; 2] = ["caller_id", "caller_email"];

/// Where a controller comes from, for what is found out later.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) subject: String,
    pub(super) text: Text,
    pub(super) expected: Vec<Expected>,
    /// The column that continues the list, and where that was said.
    pub(super) cursor: Option<(String, Option<Place>)>,
}

/// An output that is declared.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) column: String,
    pub(super) wants: Wants,
    pub(super) place: Place,
}

/// Makes a controller of a file.
pub(super) fn load(wanted: &Wanted<'_>) -> Result<Query, Vec<Problem>> {
    let Some(endpoint) = wanted.endpoint else {
        return Err(vec![wanted.problem("SQL answers endpoints and nothing else".to_owned())]);
    };
    let text =
        Text::read(wanted.project, wanted.file, wanted.known.dialect).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let options = Options::read(wanted, &mut problems);
    let loading = Loading { wanted, endpoint, text: &text, options };
    let found = loading.all(&mut problems);
    let (Some(found), true) = (found, problems.is_empty()) else { return Err(problems) };
    let Found { steps, returns, reads, asks_who, most, continued, columns, cursor, expected, outs } = found;
    let column = cursor.as_ref().map(|(name, _)| name.as_str());
    let plan = Arc::new(Plan::new(columns.as_deref().unwrap_or_default(), outs.as_deref(), column));
    let item = item(columns.as_deref(), endpoint, outs.is_some());
    let next = column.map(|name| {
        let known = columns.iter().flatten().find(|column| column.name == name);
        natural(known.and_then(|column| column.kind))
    });
    let origin = Origin { subject: endpoint.subject(), text, expected, cursor: cursor.clone() };
    Ok(Query(Arc::new(Inner {
        db: wanted.db.cloned().unwrap_or_default(),
        steps,
        returns,
        silent: returns == Returns::Count && is_silent(endpoint),
        reads,
        asks_who,
        most,
        continued,
        plan,
        outs: outs.map(Arc::from),
        cursor: cursor.map(|(name, _)| name.into()),
        item,
        next,
        origin,
    })))
}

struct Loading<'a> {
    wanted: &'a Wanted<'a>,
    endpoint: &'a Declared,
    text: &'a Text,
    options: Options,
}

/// What a file comes to.
struct Found {
    steps: Vec<Step>,
    returns: Returns,
    reads: bool,
    asks_who: bool,
    most: usize,
    continued: bool,
    columns: Option<Vec<Column>>,
    cursor: Option<(String, Option<Place>)>,
    expected: Vec<Expected>,
    outs: Option<Vec<Out>>,
}

impl Loading<'_> {
    fn all(&self, problems: &mut Vec<Problem>) -> Option<Found> {
        let (statements, dialect) = (self.text.statements(), self.text.dialect);
        let Some(last) = statements.last().copied() else {
            problems.push(self.at(self.text.source.place(0), "has no statement".to_owned()));
            return None;
        };
        let described: Vec<Option<Described>> =
            statements.iter().map(|statement| self.described(*statement, problems)).collect();
        let reads = |(statement, described): (&Statement<'_>, &Option<Described>)| match described {
            Some(described) => described.access == Access::Reads,
            None => statement.looks_like_a_read(dialect),
        };
        let each_reads: Vec<bool> = statements.iter().zip(&described).map(reads).collect();
        if let Some(message) = unsafe_write(&self.endpoint.method)
            && let Some(at) = each_reads.iter().position(|reads| !reads)
        {
            problems.push(self.at(self.text.place(statements[at], 0), message));
        }
        let columns = described.last().cloned().flatten().map(|described| described.columns);
        let gives = columns.as_ref().map_or_else(|| last.looks_like_rows(dialect), |all| !all.is_empty());
        let returns = self.returns(gives, each_reads.last() == Some(&true), last, problems);
        let rows = returns == Returns::Rows;
        let uses = |name: &str| last.params(dialect).iter().any(|(param, _)| *param == name);
        let (limited, continued) = (rows && uses("limit"), rows && uses("after"));
        let cursor = if continued { self.cursor(last, limited, problems) } else { None };
        let (expected, outs) = self.outs(returns, problems);
        let mut asks_who = false;
        let steps = statements.iter().map(|it| self.step(*it, rows, &mut asks_who, problems)).collect();
        let found = Found {
            steps,
            returns,
            reads: each_reads.into_iter().all(|reads| reads),
            asks_who: asks_who && !self.options.anonymous,
            most: self.options.page.unwrap_or(if limited { PAGE } else { LIST }),
            continued,
            columns,
            cursor,
            expected,
            outs,
        };
        if let Some(columns) = &found.columns {
            let (subject, start) = (self.endpoint.subject(), self.text.place(last, 0));
            problems.extend(unfit(&subject, columns, &found.expected, found.cursor.as_ref(), &start));
            if found.outs.is_none() && returns != Returns::Count {
                problems.extend(doubled(columns).map(|message| Problem::new(Some(start), subject, message)));
            }
        }
        Some(found)
    }

    fn at(&self, place: Place, message: String) -> Problem {
        Problem::new(Some(place), self.endpoint.subject(), message)
    }

    /// What SQLite knows of a statement. With another engine, what it does not understand is no problem yet: that engine
    /// is asked when the server starts.
    fn described(&self, statement: Statement<'_>, problems: &mut Vec<Problem>) -> Option<Described> {
        let schema = self.wanted.known.schema.as_ref()?;
        let elsewhere = self.text.dialect != Dialect::Sqlite;
        if elsewhere && self.text.own {
            return None;
        }
        match schema.describe(statement.sql) {
            Ok(described) => Some(described),
            Err(_) if elsewhere => None,
            Err(why) => {
                let at = why.at.or_else(|| named(&why, statement.sql)).unwrap_or(0);
                let message = format!("{}{}", why.message(), hint(schema, &why, statement.sql));
                problems.push(self.at(self.text.place(statement, at), message));
                None
            }
        }
    }

    fn returns(&self, gives: bool, reads: bool, last: Statement<'_>, problems: &mut Vec<Problem>) -> Returns {
        let Some(said) = self.options.returns else {
            let out = &self.endpoint.gives;
            return match (gives, reads) {
                (false, _) => Returns::Count,
                (true, _) if out.iter().any(|it| it.name == "items") => Returns::Rows,
                (true, _) if !out.is_empty() => Returns::Row,
                (true, true) => Returns::Rows,
                (true, false) => Returns::Row,
            };
        };
        if said != Returns::Count && !gives && problems.is_empty() {
            let message = format!(
                "is to return `{}`, and this statement gives no rows: add `returning …`, or a `select` after it",
                said.name()
            );
            problems.push(self.at(self.text.place(last, 0), message));
        }
        said
    }

    /// The column that continues a list: said, or what `:after` is compared with.
    fn cursor(
        &self,
        last: Statement<'_>,
        limited: bool,
        problems: &mut Vec<Problem>,
    ) -> Option<(String, Option<Place>)> {
        let dialect = self.text.dialect;
        let start = || self.text.place(last, 0);
        if !limited {
            let message = "goes on after `:after`, and needs an end too: add `limit :limit`";
            problems.push(self.at(start(), message.to_owned()));
        }
        if !last.is_ordered(dialect) {
            let message =
                "goes on after `:after`, and says no order: add `order by` the column that it compares";
            problems.push(self.at(start(), message.to_owned()));
        }
        let compared = last.compared_with("after", dialect);
        let cursor = [self.options.cursor(), compared.as_deref()];
        if let (Some(first), Some(known)) = (last.first_of_order(dialect), cursor.iter().flatten().next())
            && cursor.iter().flatten().all(|it| !it.eq_ignore_ascii_case(&first))
        {
            let message = format!(
                "goes on after `{known}` and is ordered by `{first}` first, so rows would be left out: begin `order by` with `{known}`"
            );
            problems.push(self.at(start(), message));
        }
        if let Some(said) = self.options.cursor() {
            return Some((said.to_owned(), self.options.cursor.as_ref().map(|it| it.place.clone())));
        }
        let found = compared;
        if found.is_none() {
            let message =
                "says not which column `:after` is of: write `\"sql\": {\"cursor\": \"…\"}` at the method";
            problems.push(self.at(start(), message.to_owned()));
        }
        found.map(|name| (name, None))
    }

    /// How the caller's id must be spelt: PostgreSQL says what it takes when the server starts.
    fn spelt(&self, statement: Statement<'_>) -> Spelt {
        if self.text.dialect != Dialect::Sqlite {
            return Spelt::default();
        }
        Spelt::known(spelling(statement.sql, self.wanted.known.schema.as_ref()))
    }

    /// The outputs that are declared, if any name columns.
    fn outs(&self, returns: Returns, problems: &mut Vec<Problem>) -> (Vec<Expected>, Option<Vec<Out>>) {
        let gives = &self.endpoint.gives;
        if returns == Returns::Count {
            for stray in gives.iter().filter(|it| it.name != "count") {
                let message = format!("`{}` is never given: a count gives `count` alone", stray.name);
                problems.push(self.at(stray.place.clone(), message));
            }
            return (Vec::new(), None);
        }
        let page = returns == Returns::Rows && gives.iter().any(|it| it.name == "items");
        if gives.is_empty() || page {
            return (Vec::new(), None);
        }
        let expected = |it: &Param| Expected {
            column: it.name.clone(),
            wants: Wants::of(&it.ty),
            place: it.place.clone(),
        };
        let out = |it: &Param| Out {
            column: it.name.clone(),
            wire: it.wire.clone(),
            form: Form::wanted(Wants::of(&it.ty), None),
        };
        (gives.iter().map(expected).collect(), Some(gives.iter().map(out).collect()))
    }

    fn step(
        &self,
        statement: Statement<'_>,
        rows: bool,
        asks_who: &mut bool,
        problems: &mut Vec<Problem>,
    ) -> Step {
        let (mut names, mut from) = (Vec::new(), Vec::new());
        let takes = &self.endpoint.takes;
        for (name, at) in statement.params(self.text.dialect) {
            let argument = takes.iter().find(|it| it.name == name).map(Argument::of);
            names.push(Box::from(name));
            from.push(match (name, argument) {
                ("limit", argument) if rows => From::Limit(argument),
                (name, Some(_)) if CALLER.contains(&name) => {
                    let message = format!(
                        "`:{name}` is who calls, and an argument is called so too: give that another `name`"
                    );
                    problems.push(self.at(self.text.place(statement, at), message));
                    continue;
                }
                (_, Some(argument)) => From::Argument(argument),
                ("caller_id", None) => From::CallerId,
                ("caller_email", None) => From::CallerEmail,
                (_, None) => {
                    let known = takes.iter().map(|it| it.name.as_str()).chain(CALLER);
                    let message = format!("`:{name}` is no argument{}", suggestion(name, known));
                    problems.push(self.at(self.text.place(statement, at), message));
                    continue;
                }
            });
            *asks_who |= matches!(from.last(), Some(From::CallerId | From::CallerEmail));
        }
        Step {
            sql: Sql::shared(statement.sql),
            inputs: Inputs { names: names.into(), from, spelt: self.spelt(statement) },
            at: statement.at,
        }
    }
}

/// Whether an endpoint answers 204. Its own levels say so; the last one counts.
fn is_silent(endpoint: &Declared) -> bool {
    let levels = endpoint.above.iter().chain([&endpoint.settings]);
    let mut said = levels.rev().flat_map(|level| level.entries().iter().rev());
    let status = said.find(|entry| entry.key == Key::Status);
    status.is_some_and(|entry| matches!(&entry.value, Value::Text(status) if status == "204"))
}

/// A statement that writes where a request is to change nothing.
fn unsafe_write(method: &Method) -> Option<String> {
    let safe = [Method::GET, Method::HEAD].contains(method);
    safe.then(|| format!("writes, and {method} is a read, which is repeated and sent ahead as anybody likes: answer POST, PUT, PATCH or DELETE with it"))
}

/// The name that SQLite does not know: `no such table: todo`.
fn unknown<'w>(why: &'w Undescribed, what: &str) -> Option<&'w str> {
    let ketch_db::Error::Statement { message, .. } = &why.error else { return None };
    let name = message.strip_prefix("no such ")?.strip_prefix(what)?.strip_prefix(": ")?;
    Some(name.rsplit('.').next().unwrap_or(name))
}

/// Where such a name stands.
fn named(why: &Undescribed, sql: &str) -> Option<usize> {
    sql.find(unknown(why, "table").or_else(|| unknown(why, "column"))?)
}

/// What may have been meant.
fn hint(schema: &Schema, why: &Undescribed, sql: &str) -> String {
    let tables = schema.tables();
    if let Some(name) = unknown(why, "table") {
        return suggestion(name, tables.iter().map(String::as_str));
    }
    let Some(name) = unknown(why, "column") else { return String::new() };
    let said: Vec<String> = words(sql, Dialect::Sqlite).collect();
    let meant = tables.iter().filter(|table| said.contains(&table.to_ascii_lowercase()));
    let columns = meant.filter_map(|table| schema.table(table)).flat_map(|table| table.columns);
    let columns: Vec<String> = columns.map(|column| column.name).collect();
    suggestion(name, columns.iter().map(String::as_str))
}
