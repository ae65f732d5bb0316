//! The driver `sql`: a file of one or several statements that answers an endpoint, in one transaction.
//!
//! `text` reads a file, `options` what the method says of it, `inputs` binds arguments, `caller` who calls, `output` writes rows as JSON,
//! `load` puts that together and checks it, `begin` checks it once more on the database itself, and `run` answers.

mod begin;
mod caller;
mod columns;
mod inputs;
mod load;
mod options;
mod output;
mod run;
mod text;

use std::path::Path;
use std::sync::Arc;

use ketch_model::Problem;

use crate::driver::{Bound, Driver, Wanted};

pub(crate) use caller::{Spelling, spelt};
pub(crate) use columns::natural;
pub(crate) use inputs::{Wants, argument};
pub(crate) use options::{MOST, PAGE};
pub(crate) use output::{Form, Out, Page, Plan, Written};
pub(crate) use run::{BROKEN, FORBIDDEN, NOT_FOUND, UNKNOWN, nobody, page_schema, refused};

/// The driver.
#[derive(Debug)]
pub(crate) struct Sql;

/// Whether a file is one of SQL.
pub(crate) fn is_sql(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "sql")
}

impl Driver for Sql {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn claims(&self, file: &Path) -> bool {
        is_sql(file)
    }

    fn controller(&self, wanted: &Wanted<'_>) -> Result<Bound, Vec<Problem>> {
        load::load(wanted).map(|query| Bound::Controller(Arc::new(query)))
    }
}
