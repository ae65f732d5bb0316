//! Answers a call: binds, runs in one transaction, writes.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use ketch_db::{Db, Sql, Statement, Tx};
use ketch_model::{ArgSpec, Content, Error, ErrorSpec, Problem, ReplySpec};
use ketch_web::Response;
use serde_json::json;

use super::inputs::Inputs;
use super::load::Origin;
use super::options::Returns;
use super::output::{Out, Page, Plan, Written};
use crate::call::{Answer, Call};
use crate::driver::{Controller, Pending};

/// A controller of SQL.
#[derive(Clone, Debug)]
pub(super) struct Query(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) db: Db,
    /// In their order; there is one at least.
    pub(super) steps: Vec<Step>,
    pub(super) returns: Returns,
    /// Whether the reply is 204: the count stays here.
    pub(super) silent: bool,
    /// Whether all of them read.
    pub(super) reads: bool,
    /// Whether a caller must be known.
    pub(super) asks_who: bool,
    /// Rows of a reply, at most.
    pub(super) most: usize,
    /// Whether a list can be continued.
    pub(super) continued: bool,
    pub(super) plan: Arc<Plan>,
    pub(super) outs: Option<Arc<[Out]>>,
    pub(super) cursor: Option<Arc<str>>,
    /// The schema of a row, for the documents.
    pub(super) item: serde_json::Value,
    /// The schema of what continues the list, if it can be continued.
    pub(super) next: Option<serde_json::Value>,
    pub(super) origin: Origin,
}

/// One statement.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) sql: Sql,
    pub(super) inputs: Inputs,
    /// Where it begins in its file.
    pub(super) at: usize,
}

/// 401: the statement asks who calls, and nobody knows.
pub(crate) fn nobody() -> Error {
    Error::new(401, "unauthorized", "say who you are")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// What a client sees. That there are more rows than may be is for whoever wrote the statement.
pub(crate) fn refused(error: ketch_db::Error) -> Error {
    match error {
        ketch_db::Error::TooManyRows(most) => {
            let cause = format!(
                "there are more rows than {most}: let the statement say `limit :limit`, or `where` one"
            );
            Error::new(500, "too_many_rows", "there are more rows than a reply may have").because(cause)
        }
        other => other.into(),
    }
}

impl Inner {
    fn written(&self, page: usize) -> Written {
        let page = match (self.returns, self.continued) {
            (Returns::Rows, true) => Page::Continued(page),
            (Returns::Rows, false) => Page::List(self.most),
            _ => Page::Row,
        };
        Written::new(&self.plan, self.outs.as_ref(), self.cursor.as_ref(), page)
    }

    async fn answer(&self, call: Call) -> Result<Vec<u8>, Error> {
        if self.asks_who && !call.caller.is_known() {
            return Err(nobody());
        }
        let mut page = self.most;
        if let [step] = self.steps.as_slice() {
            let (params, asked) = step.inputs.bind(&call, self.most)?;
            let statement = Statement::new(&step.sql, params);
            if self.returns == Returns::Count {
                let changed = self.db.run(vec![statement]).await.map_err(refused)?;
                return Ok(count(changed.last().copied()));
            }
            let written = self.db.query_into(statement, self.written(asked)).await.map_err(refused)?;
            return written.finish().map_err(refused);
        }
        let mut statements = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let (params, asked) = step.inputs.bind(&call, self.most)?;
            page = asked;
            statements.push(Statement::new(&step.sql, params));
        }
        self.together(statements, page).await.map_err(refused)
    }

    /// Several statements, of which the last one answers. When it has no row to answer with, none has happened.
    async fn together(&self, statements: Vec<Statement>, page: usize) -> ketch_db::Result<Vec<u8>> {
        if self.returns == Returns::Count {
            return Ok(count(self.db.run(statements).await?.last().copied()));
        }
        let Some((last, before)) = statements.split_last() else { return Ok(Vec::new()) };
        let (last, before) = (last.clone(), before.to_vec());
        let make = {
            let (plan, outs, cursor) = (Arc::clone(&self.plan), self.outs.clone(), self.cursor.clone());
            let page = self.written(page).page().clone();
            move || Written::new(&plan, outs.as_ref(), cursor.as_ref(), page.clone())
        };
        if self.reads {
            return self
                .db
                .read(move |snapshot| {
                    for statement in &before {
                        snapshot.query_into(statement, &mut Passed)?;
                    }
                    let mut written = make();
                    snapshot.query_into(&last, &mut written)?;
                    written.finish()
                })
                .await;
        }
        self.db
            .write(move |tx: &mut Tx<'_>| {
                for statement in &before {
                    tx.run(statement)?;
                }
                let mut written = make();
                tx.query_into(&last, &mut written)?;
                written.finish()
            })
            .await
    }
}

/// Rows that nobody wants.
struct Passed;

impl ketch_db::driver::Sink for Passed {
    fn begin(&mut self) {}

    fn row(&mut self, _: &dyn ketch_db::driver::Row) -> ketch_db::Result<std::ops::ControlFlow<()>> {
        Ok(std::ops::ControlFlow::Continue(()))
    }
}

fn count(changed: Option<u64>) -> Vec<u8> {
    format!("{{\"count\":{}}}", changed.unwrap_or_default()).into_bytes()
}

impl Controller for Query {
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let bytes = inner.answer(call).await?;
            if !inner.silent {
                return Ok(Answer::Json(Bytes::from(bytes)));
            }
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(Answer::Reply(response))
        })
    }

    fn narrow(&self, args: &mut [ArgSpec]) {
        self.0.steps.iter().for_each(|step| step.inputs.narrow(args));
    }

    fn replies(&self) -> Option<(Vec<ReplySpec>, Vec<ErrorSpec>)> {
        let inner = &self.0;
        let schema = match inner.returns {
            Returns::Row => inner.item.clone(),
            Returns::Rows => page_schema(&inner.item, inner.next.clone()),
            Returns::Count => {
                json!({ "type": "object", "properties": { "count": { "type": "integer", "minimum": 0 } }, "required": ["count"] })
            }
        };
        let content = Some(Content { media_type: "application/json", schema });
        let mut reply = ReplySpec { status: StatusCode::OK, description: "The output.".to_owned(), content };
        if inner.silent {
            reply = ReplySpec {
                status: StatusCode::NO_CONTENT,
                description: "It is done.".to_owned(),
                content: None,
            };
        }
        let mut errors = Vec::new();
        if inner.returns == Returns::Row {
            errors.push(NOT_FOUND);
        }
        if inner.asks_who {
            errors.extend([UNKNOWN, FORBIDDEN]);
        }
        if inner.steps.iter().any(|step| step.inputs.has_arguments()) {
            errors.push(BAD_VALUE);
        }
        if !inner.reads {
            errors.extend(BROKEN);
        }
        Some((vec![reply], errors))
    }

    fn begin(&self) -> Pending<Vec<Problem>> {
        let query = self.clone();
        Box::pin(async move { query.checked().await })
    }
}

/// 404.
pub(crate) const NOT_FOUND: ErrorSpec =
    ErrorSpec { status: 404, code: "not_found", description: "There is no such thing." };
/// 401.
pub(crate) const UNKNOWN: ErrorSpec =
    ErrorSpec { status: 401, code: "unauthorized", description: "Nobody knows who calls." };
/// 403.
pub(crate) const FORBIDDEN: ErrorSpec =
    ErrorSpec { status: 403, code: "forbidden", description: "Nothing here can belong to the caller." };
/// A value that the database can make nothing of.
pub(crate) const BAD_VALUE: ErrorSpec = ErrorSpec {
    status: 422,
    code: "bad_value",
    description: "The database can make nothing of a value as it is written.",
};
/// What breaks the rules of a table.
pub(crate) const BROKEN: [ErrorSpec; 4] = [
    ErrorSpec { status: 409, code: "already_exists", description: "It is there already." },
    ErrorSpec {
        status: 422,
        code: "no_such_reference",
        description: "It refers to what is not there, or is referred to.",
    },
    ErrorSpec { status: 422, code: "value_missing", description: "A value is missing." },
    ErrorSpec { status: 422, code: "rule_broken", description: "A value breaks a rule of the database." },
];

/// The schema of a list of these. `cursor` is that of the column by which it goes on; a list without one never does.
pub(crate) fn page_schema(item: &serde_json::Value, cursor: Option<serde_json::Value>) -> serde_json::Value {
    let mut next = cursor.unwrap_or_else(|| json!({ "type": "null" }));
    next["description"] = json!("Where the next page begins; null when there is none.");
    json!({
        "type": "object",
        "properties": { "items": { "type": "array", "items": item }, "next": next },
        "required": ["items", "next"],
    })
}
