//! The server's own environment, of which a project says what it passes on.

use std::ffi::OsString;

/// A variable of the server's own environment.
#[expect(
    clippy::disallowed_methods,
    reason = "which ones is for the project to say, so the cli cannot read them"
)]
pub(crate) fn own(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
