//! Components that look at requests before their endpoints do: `inspect` of the world `middleware`.

use std::sync::Arc;

use ketch_manifest::{Inspect, Inspector, Pending, Seen, Verdict, verdict};
use ketch_model::Error;
use wasmtime::component::ComponentExportIndex;

use crate::fault;
use crate::guest::{Guest, document};
use crate::ledger::About;

/// A middleware.
#[derive(Debug)]
pub(crate) struct Inspecting {
    pub(crate) guest: Arc<Guest>,
    pub(crate) inspect: ComponentExportIndex,
}

impl Inspector for Inspecting {
    fn inspect(&self, request: Inspect) -> Pending<Result<Verdict, Error>> {
        let (guest, export) = (Arc::clone(&self.guest), self.inspect);
        Box::pin(async move {
            let about = About { request: Some(request.request_id), ..About::default() };
            let (document, time_left) = (document(&Seen::of(&request)), request.time_left);
            let said =
                guest.call::<_, (Result<String, String>,)>(&export, (document,), about, time_left).await?;
            match said {
                (Ok(text),) => verdict(&text),
                (Err(message),) => Err(fault::said(&message)),
            }
        })
    }
}

fn verdict(text: &str) -> Result<Verdict, Error> {
    let said =
        serde_json::from_str(text).map_err(|error| fault::nonsense(&format!("is no JSON: {error}")))?;
    verdict::read(said).map_err(|what| fault::nonsense(&format!("is {what}")))
}
