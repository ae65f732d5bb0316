//! An API without a compiler: endpoints from JSON, their types, and the drivers that answer them.
//!
//! A project is a folder: [`Project::open`] reads and checks it, [`Project::lower`] makes routes of it. From there on
//! nothing knows that they came from a manifest. What answers is a [`Driver`]'s: SQL, an executable, a stub, a function
//! of the program's own; WASM has a crate of its own.

mod arguments;
mod caches;
mod call;
mod driver;
mod drivers;
mod environment;
mod fields;
mod folder;
mod footprint;
mod fuzz;
mod headers;
mod include;
mod inside;
mod keys;
mod known;
mod lower;
mod middleware;
mod names;
mod numbers;
mod one_line;
mod outputs;
mod project;
mod reply;
mod scopes;
mod source;
mod sources;
mod surplus;
mod syntax;
mod told;
mod tree;
mod types;
pub mod verdict;

pub use arguments::narrowed;
pub use caches::CacheDefinition;
pub use call::{Answer, Call, Files, WithSpecials};
pub use driver::{Bound, Checker, Controller, Driver, Inspector, Pending, Wanted, Whole};
pub use drivers::{Native, NativeFunction, Tabled, shipped};
pub use fields::{Fields, Spelling};
pub use footprint::{Footprint, WATCHED_FILES};
pub use keys::{EXEC, Form, Keys, METHOD, Member, NODE, PARAM, PROJECT, SQL, WASM, Which};
pub use keys::{api_schema, page as reference, project_schema};
pub use known::{Known, Stored};
pub use lower::{Lowered, Surroundings};
pub use middleware::{Inspect, Verdict};
pub use one_line::one_line;
pub use project::{Api, Folders, Project, ProjectFile};
pub use source::{Json, Source, Spanned};
pub use sources::{BUILD_FOLDER, Language, Part, SourceFolder, TOOL_FOLDERS, source_folders};
pub use told::{Called, Seen};
pub use tree::{Declared, Param, Site};
pub use types::{Own, Schema, Type, Types, Wrong};

/// What the fuzz targets of this repository call. Not an interface for people: it changes without notice.
#[doc(hidden)]
pub mod __fuzz {
    pub use crate::drivers::fuzz_worker as worker;
    pub use crate::fuzz::manifest;
    pub use crate::types::check_types as types;
}
