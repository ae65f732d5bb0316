//! What answers: the traits between the manifest and its drivers.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use ketch_db::Db;
use ketch_model::{ArgSpec, Error, ErrorSpec, Problem, ReplySpec};
use ketch_web::{Input, Response};
use serde_json::Value;

use crate::call::{Answer, Call};
use crate::known::Known;
use crate::middleware::{Inspect, Verdict};
use crate::project::ProjectFile;
use crate::source::Spanned;
use crate::tree::Declared;

/// What is under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A kind of controller: SQL, executables, WASM.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// Its name, as `driver` in a project file and in `routes --explain`.
    fn name(&self) -> &'static str;

    /// Whether a file is one of its own, by its name or what it is.
    fn claims(&self, file: &Path) -> bool;

    /// Makes a controller ready; nothing runs yet that outlives a failed load.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn controller(&self, wanted: &Wanted<'_>) -> Result<Bound, Vec<Problem>>;

    /// Makes a middleware ready.
    ///
    /// # Errors
    /// Everything that is wrong with it; this, when it is not written, that it has none.
    fn middleware(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Inspector>, Vec<Problem>> {
        Err(vec![wanted.problem(format!("the driver `{}` has no middlewares", self.name()))])
    }

    /// Makes a type checker ready.
    ///
    /// # Errors
    /// As [`middleware`](Self::middleware).
    fn checker(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Checker>, Vec<Problem>> {
        Err(vec![wanted.problem(format!("the driver `{}` has no type checkers", self.name()))])
    }

    /// Ends in peace what outlives a call, once the server takes no more of them.
    fn stop(&self) -> Pending<()> {
        Box::pin(std::future::ready(()))
    }
}

/// What a driver is asked for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The project.
    pub project: &'a ProjectFile,
    /// The file, below the project's folder.
    pub file: &'a Path,
    /// The endpoint, for a controller.
    pub endpoint: Option<&'a Declared>,
    /// What the endpoint says for this driver, under its name.
    pub options: Option<&'a Spanned>,
    /// The database.
    pub db: Option<&'a Db>,
    /// What is known of its schema; the default where nothing is.
    pub known: &'a Known,
}

impl Wanted<'_> {
    /// A problem of what is wanted: at the endpoint, or of the file.
    pub fn problem(&self, message: String) -> Problem {
        match self.endpoint {
            Some(endpoint) => Problem::new(Some(endpoint.place.clone()), endpoint.subject(), message),
            None => Problem::new(None, self.file.display().to_string(), message),
        }
    }
}

/// What a driver makes of a controller.
#[derive(Clone, Debug)]
pub enum Bound {
    /// It is given arguments and answers fields.
    Controller(Arc<dyn Controller>),
    /// It is given the request and answers all of the reply. Its arguments but for the body are checked before.
    Whole(Arc<dyn Whole>),
}

/// Answers calls.
pub trait Controller: fmt::Debug + Send + Sync + 'static {
    /// Answers one. The future may be dropped at any time, at the endpoint's deadline for one.
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>>;

    /// What it answers with, for the documents, when that is not the declared output as an object.
    fn replies(&self) -> Option<(Vec<ReplySpec>, Vec<ErrorSpec>)> {
        None
    }

    /// Says in the documents what it asks of arguments beyond their types, with [`narrowed`](crate::narrowed).
    fn narrow(&self, args: &mut [ArgSpec]) {
        let _all_that_their_types_take = args;
    }

    /// Looks once more at what could not be known when the project was loaded. Asked when the database is connected and
    /// its schema up to date, before anything is accepted; what is wrong then keeps the server from starting.
    fn begin(&self) -> Pending<Vec<Problem>> {
        Box::pin(std::future::ready(Vec::new()))
    }
}

/// Answers requests as they come.
pub trait Whole: fmt::Debug + Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, input: Input) -> Pending<Result<Response, Error>>;
}

/// A middleware.
pub trait Inspector: fmt::Debug + Send + Sync + 'static {
    /// Looks at a request before its endpoint does. What fails here refuses the request.
    fn inspect(&self, request: Inspect) -> Pending<Result<Verdict, Error>>;
}

/// Checks values of types of a project's own.
pub trait Checker: fmt::Debug + Send + Sync + 'static {
    /// Whether it knows a type of this name. Asked when the project is loaded, and may block.
    ///
    /// # Errors
    /// Why it cannot say.
    fn matches(&self, name: &str) -> Result<bool, String>;

    /// Whether a value is of the type.
    fn check(&self, name: &str, value: &Value) -> Pending<Result<bool, Error>>;
}
