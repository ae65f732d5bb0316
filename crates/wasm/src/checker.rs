//! Components that know types of the project's own: `matches` and `check` of the world `type-checker`.

use std::sync::Arc;
use std::time::Duration;

use ketch_manifest::{Checker, Pending};
use ketch_model::Error;
use serde_json::Value;
use wasmtime::component::ComponentExportIndex;

use crate::fault;
use crate::guest::Guest;
use crate::ledger::About;

/// How long a check may take when nothing else is said.
const LIMIT: Duration = Duration::from_secs(5);

/// A type checker.
#[derive(Debug)]
pub(crate) struct Checking {
    pub(crate) guest: Arc<Guest>,
    pub(crate) matches: ComponentExportIndex,
    pub(crate) check: ComponentExportIndex,
}

type Said = (Result<bool, String>,);

impl Checker for Checking {
    fn matches(&self, name: &str) -> Result<bool, String> {
        let asked = async {
            let said =
                self.guest.call::<_, Said>(&self.matches, (name.to_owned(),), About::default(), LIMIT).await;
            said.map_err(|error| {
                let cause = error.cause().map(ToString::to_string);
                cause.unwrap_or_else(|| error.message().to_owned())
            })
        };
        let said = self.guest.host.threads.block_on(asked).ok_or("it panicked")??;
        said.0
    }

    fn check(&self, name: &str, value: &Value) -> Pending<Result<bool, Error>> {
        let (guest, export) = (Arc::clone(&self.guest), self.check);
        let params = (name.to_owned(), value.to_string());
        Box::pin(async move {
            let (said,) = guest.call::<_, Said>(&export, params, About::default(), LIMIT).await?;
            said.map_err(|message| fault::said(&message))
        })
    }
}
