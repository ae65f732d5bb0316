//! Rows as JSON: each is written once, from the engine's columns into the bytes of the reply.

use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ketch_db::describe::{Column, Kind};
use ketch_db::driver::{Row, Sink};
use ketch_db::{Error, Result, Value};
use serde::de::IgnoredAny;

use super::inputs::Wants;

/// An output: a column, its name in the reply, and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Out {
    pub(crate) column: String,
    pub(crate) wire: String,
    pub(crate) form: Form,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As what it is: numbers as numbers, text as text, bytes as base64.
    Plain,
    /// 0 as `false` and any other whole number as `true`.
    Bool,
    /// Text that is a JSON document, as that document.
    Json,
    /// Text that is a number, such as a decimal one, as that number.
    Number,
}

impl Form {
    /// By the type that is declared.
    pub(crate) fn wanted(wants: Wants, kind: Option<Kind>) -> Self {
        match wants {
            Wants::Bool => Self::Bool,
            Wants::Real | Wants::Integer => Self::Number,
            Wants::Text => Self::Plain,
            Wants::Any if kind == Some(Kind::Text) => Self::Plain,
            Wants::Any => Self::Json,
        }
    }

    /// By what the column holds.
    pub(crate) fn natural(kind: Option<Kind>) -> Self {
        match kind {
            Some(Kind::Bool) => Self::Bool,
            Some(Kind::Json) => Self::Json,
            _ => Self::Plain,
        }
    }
}

/// Which columns go where.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The columns that it is for, by their names and in their order.
    columns: Vec<Box<str>>,
    fields: Vec<Field>,
    /// The column that continues a list.
    cursor: Option<usize>,
}

#[derive(Debug)]
struct Field {
    column: usize,
    /// What stands before the value: `{"id":` or `,"name":`.
    before: Box<str>,
    form: Form,
}

impl Plan {
    /// A plan for these columns: with `outs`, those are given and nothing else. What is not among the columns is null.
    pub(crate) fn new(columns: &[Column], outs: Option<&[Out]>, cursor: Option<&str>) -> Self {
        let find = |name: &str| columns.iter().position(|column| column.name == name);
        let all: Vec<Out>;
        let outs = match outs {
            Some(outs) => outs,
            None => {
                let natural = |it: &Column| Out {
                    column: it.name.clone(),
                    wire: it.name.clone(),
                    form: Form::natural(it.kind),
                };
                all = columns.iter().map(natural).collect();
                &all
            }
        };
        let field = |(at, out): (usize, &Out)| {
            let name = serde_json::Value::from(out.wire.as_str());
            let before = format!("{}{name}:", if at == 0 { '{' } else { ',' }).into();
            Field { column: find(&out.column).unwrap_or(usize::MAX), before, form: out.form }
        };
        Self {
            columns: columns.iter().map(|column| column.name.as_str().into()).collect(),
            fields: outs.iter().enumerate().map(field).collect(),
            cursor: cursor.and_then(find),
        }
    }

    /// Whether a row has the columns that this is for.
    fn is_for(&self, row: &dyn Row) -> bool {
        row.len() == self.columns.len()
            && self.columns.iter().enumerate().all(|(at, name)| *row.name(at) == **name)
    }

    /// Writes a row as an object.
    fn write(&self, row: &dyn Row, to: &mut Vec<u8>) -> Result<()> {
        if self.fields.is_empty() {
            to.push(b'{');
        }
        for field in &self.fields {
            to.extend_from_slice(field.before.as_bytes());
            if field.column == usize::MAX {
                to.extend_from_slice(b"null");
                continue;
            }
            write(&row.value(field.column)?, field.form, to).ok_or_else(|| {
                Error::Row(format!("column `{}` is declared as JSON, and holds none", row.name(field.column)))
            })?;
        }
        to.push(b'}');
        Ok(())
    }
}

/// Writes a value; nothing when it was to be JSON and is not.
fn write(value: &Value<'_>, form: Form, to: &mut Vec<u8>) -> Option<()> {
    match (value, form) {
        (Value::Null, _) => to.extend_from_slice(b"null"),
        (Value::Bool(it), _) => to.extend_from_slice(if *it { b"true" } else { b"false" }),
        (Value::Integer(it), Form::Bool) => to.extend_from_slice(if *it == 0 { b"false" } else { b"true" }),
        (Value::Integer(it), _) => serde_json::to_writer(to, it).ok()?,
        // What JSON has no number for is null.
        (Value::Real(it), _) => serde_json::to_writer(to, it).ok()?,
        (Value::Json(it), _) => to.extend_from_slice(it.as_bytes()),
        (Value::Text(it), Form::Json) => {
            serde_json::from_str::<IgnoredAny>(it).ok()?;
            to.extend_from_slice(it.as_bytes());
        }
        (Value::Text(it), Form::Number) if serde_json::from_str::<serde_json::Number>(it).is_ok() => {
            to.extend_from_slice(it.trim().as_bytes());
        }
        (Value::Text(it), _) => serde_json::to_writer(to, it).ok()?,
        (Value::Blob(it), _) => serde_json::to_writer(to, &STANDARD.encode(it)).ok()?,
    }
    Some(())
}

/// What is to be made of the rows.
#[derive(Clone, Debug)]
pub(crate) enum Page {
    /// The only row.
    Row,
    /// A list of so many rows at most; one more is an error.
    List(usize),
    /// A list that can be continued: a page of so many rows, of which the last says where the next begins.
    Continued(usize),
    /// The same, of which one row more was asked for, which is not shown and tells that there is a next.
    Ahead(usize),
}

/// A sink that writes rows as JSON.
#[derive(Debug)]
pub(crate) struct Written {
    plan: Arc<Plan>,
    /// What is declared, for a plan that has to be made anew.
    outs: Option<Arc<[Out]>>,
    cursor: Option<Arc<str>>,
    page: Page,
    bytes: Vec<u8>,
    rows: usize,
    /// There is more than is shown.
    more: bool,
    /// The cursor of the last row.
    next: Vec<u8>,
}

impl Written {
    pub(crate) fn new(
        plan: &Arc<Plan>,
        outs: Option<&Arc<[Out]>>,
        cursor: Option<&Arc<str>>,
        page: Page,
    ) -> Self {
        let room = if matches!(page, Page::Row) { 256 } else { 1 << 12 };
        Self {
            plan: Arc::clone(plan),
            outs: outs.cloned(),
            cursor: cursor.cloned(),
            page,
            bytes: Vec::with_capacity(room),
            rows: 0,
            more: false,
            next: Vec::new(),
        }
    }

    /// The cursor of the last row, as JSON, when there are as many rows as there may be.
    pub(crate) fn next(&self) -> &[u8] {
        &self.next
    }

    /// What is made of the rows.
    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    /// The reply.
    ///
    /// # Errors
    /// [`Error::NoRow`] when the only row is not there.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        if matches!(self.page, Page::Row) {
            return if self.rows == 0 { Err(Error::NoRow) } else { Ok(self.bytes) };
        }
        if self.rows == 0 {
            self.bytes.extend_from_slice(b"{\"items\":[");
        }
        self.bytes.extend_from_slice(b"],\"next\":");
        let full = match self.page {
            Page::Continued(page) => self.rows == page && page > 0,
            _ => self.more,
        };
        self.bytes.extend_from_slice(if full { &self.next } else { b"null" });
        self.bytes.push(b'}');
        Ok(self.bytes)
    }

    /// Makes the plan for rows that have other columns than it was made for: what made them has changed since.
    fn replan(&mut self, row: &dyn Row) {
        let columns: Vec<Column> = (0..row.len()).map(|at| Column::new(row.name(at), None)).collect();
        self.plan = Arc::new(Plan::new(&columns, self.outs.as_deref(), self.cursor.as_deref()));
    }
}

impl Sink for Written {
    fn begin(&mut self) {
        self.bytes.clear();
        self.next.clear();
        (self.rows, self.more) = (0, false);
    }

    fn row(&mut self, row: &dyn Row) -> Result<ControlFlow<()>> {
        let most = match self.page {
            Page::Row => 1,
            Page::List(most) | Page::Continued(most) | Page::Ahead(most) => most,
        };
        if self.rows == most {
            if let Page::Ahead(_) = self.page {
                self.more = true;
                return Ok(ControlFlow::Break(()));
            }
            return Err(Error::TooManyRows(most));
        }
        if self.rows == 0 && !self.plan.is_for(row) {
            self.replan(row);
        }
        if !matches!(self.page, Page::Row) {
            self.bytes.extend_from_slice(if self.rows == 0 { b"{\"items\":[" } else { b"," });
        }
        self.plan.write(row, &mut self.bytes)?;
        self.rows += 1;
        if self.rows == most
            && let Some(cursor) = self.plan.cursor
        {
            self.next.clear();
            let _text = write(&row.value(cursor)?, Form::Plain, &mut self.next);
        }
        Ok(ControlFlow::Continue(()))
    }
}
