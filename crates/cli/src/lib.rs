//! The commands of a Ketch program, one file each.
//!
//! [`main`] is the whole of an application's `main`: runtime, flags, environment, commands. The environment is read
//! here and nowhere else.

mod arguments;
mod commands;
mod control;
mod database;
mod entry;
mod follow;
mod log;
mod log_text;
mod project;
mod reference;
mod terminal;
mod watch;

pub use entry::{main, main_from};
pub use reference::reference;
