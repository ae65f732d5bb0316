//! The drivers that ship: one file each.

mod exec;
mod native;
mod sql;
mod table;

use std::sync::Arc;

pub(crate) use exec::Exec;
pub use exec::worker as fuzz_worker;
pub use native::{Native, NativeFunction};
pub(crate) use sql::is_sql;
pub use table::Tabled;
pub(crate) use table::{is_absent, tables};

use crate::driver::Driver;

/// The drivers that need nothing but this crate, in the order they are asked whose a file is. They hold what outlives a
/// load: a server keeps one set of them.
pub fn shipped() -> Vec<Arc<dyn Driver>> {
    vec![Arc::new(Exec::default()), Arc::new(sql::Sql)]
}
