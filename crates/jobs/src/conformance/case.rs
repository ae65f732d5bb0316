//! What a case is.

use std::pin::Pin;

use super::check::Checked;
use super::setting::Setting;

/// A case: an async function on an empty queue.
pub(super) struct Case {
    /// Its file and its function.
    pub(super) name: &'static str,
    pub(super) run: fn(Setting) -> Pin<Box<dyn Future<Output = Checked> + Send>>,
}

/// A case whose name is its group and its function.
macro_rules! case {
    ($group:literal, $function:ident) => {
        $crate::conformance::case::Case {
            name: concat!($group, "/", stringify!($function)),
            run: |setting| Box::pin($function(setting)),
        }
    };
}
pub(super) use case;
