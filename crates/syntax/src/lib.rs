//! How settings, routes and migrations are written: names, durations, sizes, versions, templates, the setting keys,
//! file names.
//!
//! The macros check these forms while compiling, the model reads them when a server is built, and later fronts
//! read them from files. They share this crate so that a form means the same everywhere. It is pure text: no
//! dependencies, no I/O, and nothing here knows what a setting does.

mod date;
mod key;
mod migration;
mod name;
mod template;
mod value;

pub use date::{Date, date};
pub use key::{KEYS, Key, Kind, Spec};
pub use migration::{MigrationFiles, Variants, migrations};
pub use name::{closest, kebab, suggestion};
pub use template::{Param, Segment, Template, TemplateError};
pub use value::{Rate, duration, rate, size, version};
