//! Answers for a table. Whose a row is stands in every statement, so that another's row is as good as none.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use ketch_db::describe::{Column, Kind};
use ketch_db::sqlite::TableColumn;
use ketch_db::{Db, Dialect, Params, Sql, Statement, Value};
use ketch_model::{ArgSpec, Content, Error, ErrorSpec, FieldError, In, Problem, ReplySpec};
use ketch_web::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::endpoints::is_absent;
use super::layout::Layout;
use super::texts::{Action, create, given, read, texts};
use crate::arguments::narrowed;
use crate::call::{Answer, Call};
use crate::driver::{Controller, Pending};
use crate::drivers::sql::{
    BROKEN, FORBIDDEN, Form, NOT_FOUND, Out, Page, Plan, Spelling, UNKNOWN, Wants, Written, argument,
    natural, nobody, page_schema, refused, spelt,
};

/// The rows of a table, for one action.
#[derive(Clone, Debug)]
pub(super) struct Rows(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    table: Arc<Layout>,
    action: Action,
    texts: Vec<Sql>,
    plan: Arc<Plan>,
    outs: Arc<[Out]>,
    key: Arc<str>,
    /// The columns that have a default in the database that serves, as soon as it has been asked: PostgreSQL's migrations may
    /// say otherwise than SQLite's.
    defaults: OnceLock<HashSet<String>>,
}

/// Values by name, in the order they are added.
#[derive(Default)]
struct Given {
    names: Vec<Box<str>>,
    values: Vec<Value<'static>>,
}

impl Given {
    fn add(&mut self, name: impl Into<Box<str>>, value: Value<'static>) {
        self.names.push(name.into());
        self.values.push(value);
    }

    fn statement(self, sql: impl Into<Sql>) -> Statement {
        Statement::new(sql, Params::listed(&self.names.into(), self.values))
    }
}

impl Rows {
    pub(super) fn new(db: Db, table: &Arc<Layout>, action: Action) -> Self {
        let columns: Vec<Column> =
            read(table).map(|column| Column::new(column.name.as_str(), column.kind)).collect();
        let out = |it: &TableColumn| Out {
            column: it.name.clone(),
            wire: it.name.clone(),
            form: if it.is_decimal() { Form::Number } else { Form::natural(it.kind) },
        };
        let outs: Arc<[Out]> = table.shown.iter().map(out).collect();
        let key: Arc<str> = table.key.name.as_str().into();
        let plan = Arc::new(Plan::new(&columns, Some(&outs), Some(&key)));
        let (table, texts) = (Arc::clone(table), texts(table, action));
        Self(Arc::new(Inner { db, table, action, texts, plan, outs, key, defaults: OnceLock::new() }))
    }
}

impl Inner {
    fn written(&self, page: Page) -> Written {
        Written::new(&self.plan, Some(&self.outs), Some(&self.key), page)
    }

    async fn answer(&self, call: Call) -> Result<Answer, Error> {
        let mut given = Given::default();
        if let Some(owner) = &self.table.owner {
            let id = call.caller.id().ok_or_else(nobody)?;
            given.add("owner", whose(id, owner)?);
        }
        if self.action.is_of_one() {
            given.add("key", bound(&call, "key", &self.table.key)?);
        }
        match self.action {
            Action::List => self.list(&call, given).await,
            Action::Get => self.one(given.statement(&self.texts[0])).await.map(json),
            Action::Create => self.create(&call, given).await,
            Action::Change => {
                for (at, column) in self.table.changed().enumerate() {
                    let (has, name) = super::texts::given(at);
                    let there = call.args.get(&name).is_some_and(|it| !is_absent(it));
                    given.add(has, Value::Bool(there));
                    given.add(name.as_str(), if there { bound(&call, &name, column)? } else { Value::Null });
                }
                self.one(given.statement(&self.texts[0])).await.map(json)
            }
            Action::Delete => {
                let changed = self.db.run(vec![given.statement(&self.texts[0])]).await.map_err(refused)?;
                if changed.first().is_none_or(|rows| *rows == 0) {
                    return Err(ketch_db::Error::NoRow.into());
                }
                let mut response = Response::default();
                *response.status_mut() = StatusCode::NO_CONTENT;
                Ok(Answer::Reply(response))
            }
        }
    }

    async fn list(&self, call: &Call, mut given: Given) -> Result<Answer, Error> {
        let asked = call.args.get("limit").filter(|it| !is_absent(it)).and_then(Json::as_u64);
        let asked = asked.and_then(|asked| usize::try_from(asked).ok());
        let page = asked.map_or(self.table.page, |asked| asked.min(self.table.page));
        let after = call.args.get("after").is_some_and(|it| !is_absent(it));
        if after {
            given.add("after", bound(call, "after", &self.table.key)?);
        }
        // One more, which tells that there is a next page.
        given.add("limit", Value::Integer(i64::try_from(page + 1).unwrap_or(i64::MAX)));
        let statement = given.statement(&self.texts[usize::from(after)]);
        let written =
            self.db.query_into(statement, self.written(Page::Ahead(page))).await.map_err(refused)?;
        written.finish().map(json).map_err(refused)
    }

    async fn one(&self, statement: Statement) -> Result<Vec<u8>, Error> {
        let written = self.db.query_into(statement, self.written(Page::Row)).await.map_err(refused)?;
        written.finish().map_err(refused)
    }

    fn has_default(&self, column: &TableColumn) -> bool {
        self.defaults.get().map_or(column.has_default, |names| names.contains(&column.name))
    }

    /// Asks PostgreSQL for the defaults of its table. The key must have one where SQLite counts it up.
    async fn ask_defaults(&self) -> Option<String> {
        if self.action != Action::Create || self.table.dialect != Dialect::Postgres {
            return None;
        }
        let asked = self.db.query::<String>(DEFAULTS, ketch_db::params! { table: self.table.name.clone() });
        let (table, key) = (&self.table.name, &self.table.key.name);
        let names: HashSet<String> = match asked.await {
            Ok(names) => names.into_iter().collect(),
            Err(why) => return Some(format!("the columns of `{table}` cannot be asked for: {why}")),
        };
        let is_counted = names.contains(key);
        let _known = self.defaults.set(names);
        (self.table.counts() && !is_counted).then(|| {
            format!(
                "`{table}.{key}` is counted up by SQLite and by PostgreSQL not: in a migration for it, `….postgres.sql`, \
                 write `{key} bigint generated by default as identity primary key`"
            )
        })
    }

    async fn create(&self, call: &Call, mut values: Given) -> Result<Answer, Error> {
        let mut has = Vec::new();
        for (at, column) in self.table.taken().enumerate() {
            let name = given(at).1;
            let there = call.args.get(&name).is_some_and(|it| !is_absent(it));
            // What has no default is null when nothing is said, so that there are few texts.
            let has_default = self.has_default(column);
            has.push(there || !has_default);
            if there {
                let value = bound(call, &name, column)?;
                if column.name == self.table.key.name
                    && matches!(&value, Value::Text(key) if is_no_segment(key))
                {
                    return Err(fault(In::Body, &column.name, NO_SEGMENT));
                }
                values.add(name.as_str(), value);
            } else if !has_default {
                values.add(name.as_str(), Value::Null);
            }
        }
        let text = create(&self.table, |at| has.get(at).copied().unwrap_or(false));
        let statement = values.statement(text);
        let written = self.db.query_into(statement, self.written(Page::Row)).await.map_err(refused)?;
        let key = match serde_json::from_slice(written.next()) {
            Ok(Json::String(text)) => text,
            Ok(other) => other.to_string(),
            Err(_) => String::new(),
        };
        let place = format!("{}/{}", call.path.trim_end_matches('/'), utf8_percent_encode(&key, UNRESERVED));
        let body = written.finish().map_err(refused)?;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::CREATED;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(HeaderValue::from_str(&place).ok().map(|place| (header::LOCATION, place)));
        Ok(Answer::Reply(response))
    }
}

/// The columns of a table that PostgreSQL fills when nothing is said.
const DEFAULTS: &str = "select cast(column_name as text) from information_schema.columns \
    where table_schema = current_schema() and table_name = cast(:table as text) \
    and (column_default is not null or is_identity = 'YES')";

/// Whether a path could never lead to a row of this key: a segment that is empty is dropped, dots are steps (RFC 3986, 5.2.4).
fn is_no_segment(key: &str) -> bool {
    matches!(key, "" | "." | "..")
}

const NO_SEGMENT: &str = "is part of the row's path, so it must not be empty or dots alone";

/// Bytes as base64 (RFC 4648, 4), with no bits left over.
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// What a segment of a path may hold as it is (RFC 3986, 2.3).
const UNRESERVED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A caller's id as the value of a column. What the database would take for a number that it is not spelt as is another
/// caller: `07` does not own what is of 7.
fn whose(id: &str, column: &TableColumn) -> Result<Value<'static>, Error> {
    if column.kind != Some(Kind::Integer) {
        return spelt(id, if column.numeric { Spelling::OfNumbers } else { Spelling::Free });
    }
    spelt(id, Spelling::Number).map(|text| id.parse().map_or(text, Value::Integer))
}

fn json(bytes: Vec<u8>) -> Answer {
    Answer::Json(Bytes::from(bytes))
}

fn fault(place: In, wire: &str, message: &str) -> Error {
    let name = if place == In::Body { format!("/{wire}") } else { wire.to_owned() };
    let message = format!("`{wire}` {message}");
    Error::arguments(vec![FieldError { place, name, code: FieldError::RULE, message }])
}

/// The value of an argument, for a column.
fn bound(call: &Call, name: &str, column: &TableColumn) -> Result<Value<'static>, Error> {
    let value = call.args.get(name).unwrap_or(&Json::Null);
    let wants = match column.kind {
        Some(Kind::Real) => Wants::Real,
        _ => Wants::Any,
    };
    match (column.kind, value) {
        (Some(Kind::Blob), Json::String(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(Value::from(bytes)),
            Err(_) => Err(fault(In::Body, &column.name, "must be base64")),
        },
        // Text is a document too, and a document that is text keeps its quotes.
        (Some(Kind::Json), value) if !value.is_null() => Ok(Value::from(value.clone())),
        (_, value) => argument(value, wants).ok_or_else(|| {
            fault(
                In::Body,
                &column.name,
                "is a number that the database cannot hold: at most 9223372036854775807",
            )
        }),
    }
}

impl Controller for Rows {
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.answer(call).await })
    }

    fn narrow(&self, args: &mut [ArgSpec]) {
        let key = &self.0.table.key;
        if self.0.action == Action::Create && key.kind == Some(Kind::Text) {
            narrowed(args, In::Body, &key.name, |schema| {
                schema["minLength"] = 1.into();
            });
        }
        for column in self.0.table.taken().filter(|column| column.kind == Some(Kind::Blob)) {
            narrowed(args, In::Body, &column.name, |schema| schema["pattern"] = BASE64.into());
        }
    }

    fn replies(&self) -> Option<(Vec<ReplySpec>, Vec<ErrorSpec>)> {
        let (table, action) = (&self.0.table, self.0.action);
        let (status, description, schema) = match action {
            Action::List => {
                (StatusCode::OK, "A page.", Some(page_schema(&table.item(), Some(natural(table.key.kind)))))
            }
            Action::Create => {
                (StatusCode::CREATED, "The new row; `Location` leads to it.", Some(table.item()))
            }
            Action::Get | Action::Change => (StatusCode::OK, "The row.", Some(table.item())),
            Action::Delete => (StatusCode::NO_CONTENT, "It is gone.", None),
        };
        let content = schema.map(|schema| Content { media_type: "application/json", schema });
        let reply = ReplySpec { status, description: description.to_owned(), content };
        let mut errors = Vec::new();
        errors.extend(action.is_of_one().then_some(NOT_FOUND));
        errors.extend(table.owner.is_some().then_some([UNKNOWN, FORBIDDEN]).into_iter().flatten());
        errors.extend(action.writes().then_some(BROKEN).into_iter().flatten());
        Some((vec![reply], errors))
    }

    fn begin(&self) -> Pending<Vec<Problem>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let mut problems = Vec::new();
            let (place, subject) = (&inner.table.place, inner.table.subject.as_str());
            let wrong = inner.ask_defaults().await;
            problems.extend(wrong.map(|message| Problem::new(Some(place.clone()), subject, message)));
            for text in &inner.texts {
                match inner.db.describe(text).await {
                    Err(why) if !matches!(why.error, ketch_db::Error::Unsupported(_)) => {
                        let (place, subject) = (inner.table.place.clone(), inner.table.subject.as_str());
                        let message = format!("the table `{}`: {}", inner.table.name, why.message());
                        problems.push(Problem::new(Some(place), subject, message));
                    }
                    _ => {}
                }
            }
            problems
        })
    }
}
