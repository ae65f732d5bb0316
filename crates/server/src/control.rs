//! The control socket of a server: where it is, and what is said when there is none.

use ketch_edge::{ClosedControl, Control, open_control};

use crate::database::Database;

/// Opens the control socket beside the data. Without it a server does all that it does for others, so that is told, and
/// is no failure.
pub(crate) fn open(database: &Database) -> Option<Control> {
    let folder = database.control_folder();
    // An engine elsewhere needs no folder here, and then commands work without the server.
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        return None;
    }
    match open_control(&folder, &database.identity()) {
        Ok(control) => Some(control),
        Err(ClosedControl::Unsupported) => None,
        Err(why) => {
            tracing::warn!(%why, "no control socket: commands such as `jobs` cannot reach this server");
            None
        }
    }
}
