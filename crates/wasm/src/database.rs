//! The database, for guests that are granted it: `ketch:api/database`.
//!
//! A guest sends SQL with values beside it. `:caller_id` and `:caller_email` are bound here, to whose call it is: a guest
//! cannot say who calls. What reaches beyond the tables, such as `ATTACH`, the database refuses to everybody. Reads run beside each other and beside the writer, as everybody's do.

use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ketch_db::driver::{Row, Sink};
use ketch_db::tokens::{Kind, Tokens};
use ketch_db::{Db, Error, Params, Statement, Value};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::ledger::{About, Ledger};
use crate::state::State;

/// The most rows that a statement gives.
const ROWS: usize = 10_000;
/// The most bytes that a statement's rows come to, as JSON.
const BYTES: usize = 4 << 20;
/// The most statements of a write.
const STATEMENTS: usize = 100;

/// A statement as a guest writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
    #[serde(default)]
    params: Map<String, Json>,
}

/// Gives guests `ketch:api/database`.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut database = linker.instance("ketch:api/database@0.1.0")?;
    database.func_wrap_async("query", |store: StoreContextMut<'_, State>, (request,): (String,)| {
        Box::new(async move {
            let state = store.data();
            let (db, ledger) = (state.db.clone(), Arc::clone(&state.ledger));
            Ok((query(db, &ledger, &request).await,))
        })
    })?;
    database.func_wrap_async("execute", |store: StoreContextMut<'_, State>, (request,): (String,)| {
        Box::new(async move {
            let state = store.data();
            let (db, ledger) = (state.db.clone(), Arc::clone(&state.ledger));
            Ok((execute(db, &ledger, &request).await,))
        })
    })
}

const NOT_GRANTED: &str = "no database is granted to this component";

async fn query(db: Option<Db>, ledger: &Ledger, request: &str) -> Result<String, String> {
    let db = db.ok_or(NOT_GRANTED)?;
    let asked: Asked =
        serde_json::from_str(request).map_err(|error| format!("the request is none: {error}"))?;
    let statement = statement(&db, ledger, asked)?;
    let read = db.read(move |snapshot| {
        let mut rows = Rows::default();
        snapshot.query_into(&statement, &mut rows)?;
        Ok((rows.count, rows.finish()))
    });
    let (count, text) = read.await.map_err(|error| error.to_string())?;
    if !ledger.may_have(count) {
        return Err("the call has read more rows than it may".to_owned());
    }
    String::from_utf8(text).map_err(|error| error.to_string())
}

async fn execute(db: Option<Db>, ledger: &Ledger, request: &str) -> Result<String, String> {
    let db = db.ok_or(NOT_GRANTED)?;
    let asked: Vec<Asked> =
        serde_json::from_str(request).map_err(|error| format!("the request is none: {error}"))?;
    if asked.len() > STATEMENTS {
        return Err(format!("there are {} statements; a write may have {STATEMENTS}", asked.len()));
    }
    let statements = asked.into_iter().map(|asked| statement(&db, ledger, asked));
    let statements = statements.collect::<Result<Vec<_>, _>>()?;
    let written = db.write(move |tx| {
        let run = |statement: &Statement| tx.execute(statement.sql.clone(), statement.params.clone());
        statements.iter().map(run).collect::<Result<Vec<u64>, Error>>()
    });
    let counts = written.await.map_err(|error| error.to_string())?;
    serde_json::to_string(&counts).map_err(|error| error.to_string())
}

/// A statement with the values of all its parameters, which is counted.
fn statement(db: &Db, ledger: &Ledger, mut asked: Asked) -> Result<Statement, String> {
    if !ledger.may_run() {
        return Err("the call has run more statements than it may".to_owned());
    }
    let dialect = db.dialect().map_err(|error| error.to_string())?;
    let mut names: Vec<Box<str>> = Vec::new();
    for token in Tokens::new(&asked.sql, dialect).filter(|token| token.kind == Kind::Parameter) {
        let name = &token.text[1..];
        if !names.iter().any(|known| &**known == name) {
            names.push(name.into());
        }
    }
    let about = ledger.about();
    let values =
        names.iter().map(|name| value(name, &mut asked.params, &about)).collect::<Result<Vec<_>, _>>()?;
    if let Some((name, _)) = asked.params.iter().next() {
        return Err(format!("`{name}` is given, and no parameter of the statement is called so"));
    }
    Ok(Statement::new(asked.sql, Params::listed(&names.into(), values)))
}

fn value(name: &str, params: &mut Map<String, Json>, about: &About) -> Result<Value<'static>, String> {
    match name {
        "caller_id" => return Ok(about.caller_id.clone().into()),
        "caller_email" => return Ok(about.caller_email.clone().into()),
        _ => {}
    }
    let given = params.remove(name).ok_or_else(|| format!("`:{name}` has no value"))?;
    Ok(match given {
        Json::Null => Value::Null,
        Json::Bool(it) => it.into(),
        Json::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) if !it.is_u64() => real.into(),
            _ => return Err(format!("`:{name}` is more than 9223372036854775807")),
        },
        Json::String(it) => it.into(),
        other => other.into(),
    })
}

/// Rows as a JSON list of objects.
#[derive(Default)]
struct Rows {
    text: Vec<u8>,
    count: usize,
}

impl Rows {
    fn finish(mut self) -> Vec<u8> {
        if self.text.is_empty() {
            self.text.push(b'[');
        }
        self.text.push(b']');
        self.text
    }
}

impl Sink for Rows {
    fn begin(&mut self) {
        *self = Self::default();
    }

    fn row(&mut self, row: &dyn Row) -> ketch_db::Result<ControlFlow<()>> {
        self.count += 1;
        if self.count > ROWS {
            return Err(Error::TooManyRows(ROWS));
        }
        self.text.push(if self.text.is_empty() { b'[' } else { b',' });
        for column in 0..row.len() {
            self.text.push(if column == 0 { b'{' } else { b',' });
            put(&mut self.text, row.name(column));
            self.text.push(b':');
            match row.value(column)? {
                Value::Null => self.text.extend_from_slice(b"null"),
                Value::Bool(it) => put(&mut self.text, &it),
                Value::Integer(it) => put(&mut self.text, &it),
                Value::Real(it) => put(&mut self.text, &it),
                Value::Text(it) => put(&mut self.text, &*it),
                Value::Blob(it) => put(&mut self.text, &BASE64_STANDARD.encode(it)),
                Value::Json(it) => self.text.extend_from_slice(it.as_bytes()),
            }
        }
        self.text.push(b'}');
        if self.text.len() > BYTES {
            return Err(Error::Row(format!("the rows come to more than {BYTES} bytes")));
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn put(text: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    serde_json::to_writer(text, value).expect("a value of the database is JSON, and memory takes it");
}
