//! Components that look at requests before their endpoints do: `inspect` of the world `middleware`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ketch_manifest::{Inspect, Inspector, Pending, Verdict};
use ketch_model::Error;
use serde::Deserialize;
use serde_json::{Map, Value};
use wasmtime::component::ComponentExportIndex;

use crate::guest::Guest;
use crate::ledger::About;
use crate::{document, fault};

/// A middleware.
#[derive(Debug)]
pub(crate) struct Inspecting {
    pub(crate) guest: Arc<Guest>,
    pub(crate) inspect: ComponentExportIndex,
}

/// A verdict as a component writes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Scope(Vec<String>),
    Full(Box<Full>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    #[serde(default)]
    scope: Vec<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    headers: Headers,
    status: Option<u16>,
    body: Option<Value>,
}

/// Headers: an object, or a list of pairs, which may have a name twice.
#[derive(Deserialize)]
#[serde(untagged)]
enum Headers {
    Object(BTreeMap<String, String>),
    Pairs(Vec<(String, String)>),
}

impl Default for Headers {
    fn default() -> Self {
        Self::Pairs(Vec::new())
    }
}

impl Headers {
    fn pairs(self) -> Vec<(String, String)> {
        match self {
            Self::Object(object) => object.into_iter().collect(),
            Self::Pairs(pairs) => pairs,
        }
    }
}

impl Inspector for Inspecting {
    fn inspect(&self, request: Inspect) -> Pending<Result<Verdict, Error>> {
        let (guest, export) = (Arc::clone(&self.guest), self.inspect);
        Box::pin(async move {
            let about = About { request: Some(request.request_id), ..About::default() };
            let (document, time_left) = (document::inspect(&request), request.time_left);
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
    match serde_json::from_str(text) {
        Ok(Written::Scope(scope)) => Ok(Verdict { scope, ..Verdict::default() }),
        Ok(Written::Full(full)) => {
            let Full { scope, claims, headers, status, body } = *full;
            Ok(Verdict { scope, claims, headers: headers.pairs(), status, body })
        }
        Err(_) => {
            let wanted = "is no verdict: a list of scopes, or an object of `scope`, `claims`, `headers`, `status`, `body`";
            Err(fault::nonsense(wanted))
        }
    }
}
