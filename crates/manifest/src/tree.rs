//! The API file: a tree of nodes with methods, and what each method takes and gives.
//!
//! Nodes and methods are read in `nodes`, arguments in `params`, what arguments must be to one another in `together`, and
//! settings in `settings`.

mod nodes;
mod params;
mod settings;
mod together;

use http::Method;
use ketch_model::{Place, Problem, Settings};

use crate::drivers::Tabled;
use crate::project::ProjectFile;
use crate::source::Spanned;
use crate::types::Type;

pub(crate) use nodes::DRIVERS;
pub(crate) use settings::settings;

/// The methods that a node may have.
pub(crate) const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// One method of one node.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The node's path, as written: `["user", "{id}"]`.
    pub path: Vec<String>,
    /// The method.
    pub method: Method,
    /// What it is, for the documents.
    pub info: Option<String>,
    /// What its node says of itself, for the documents.
    pub about: Option<String>,
    /// What it takes, in the order written.
    pub takes: Vec<Param>,
    /// What it gives, in the order written.
    pub gives: Vec<Param>,
    /// What the nodes above it say, outermost first.
    pub above: Vec<Settings>,
    /// What it says itself.
    pub settings: Settings,
    /// What it says runs it: a file, or a driver and what that knows.
    pub run: Option<String>,
    /// What it says for drivers, by their names, with what the nodes above it say: the innermost wins, key by key.
    pub options: Vec<(String, Spanned)>,
    /// Whether its arguments or its path cannot be used; that has been told.
    pub faulty: bool,
    /// Where it is written.
    pub place: Place,
}

/// An argument or an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name where it comes from: in the path, query, header, cookie, or the body.
    pub wire: String,
    /// Where it comes from.
    pub site: Site,
    /// Its name for the controller.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it is when it is left out.
    pub default: Option<serde_json::Value>,
    /// What it is, for the documents.
    pub info: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// `{name}` in the path.
    Path,
    /// `URL#n`: the n-th segment after the node's path.
    Slot(usize),
    /// `GET@name`.
    Query,
    /// `HEADER@name`.
    Header,
    /// `COOKIE@name`.
    Cookie,
    /// A member of the body.
    Body,
}

impl Declared {
    /// What messages call it: `POST /user/{id}`.
    pub fn subject(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }
}

/// What an API file comes to.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// The endpoints.
    pub(crate) endpoints: Vec<Declared>,
    /// The tables that are endpoints.
    pub(crate) tables: Vec<Tabled>,
    /// Whether nothing had to be left out.
    pub(crate) complete: bool,
}

/// Reads an API file.
pub(crate) fn read(api: &Spanned, file: &ProjectFile, problems: &mut Vec<Problem>) -> Tree {
    nodes::read(api, file, problems)
}
