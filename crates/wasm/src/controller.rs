//! Components that answer calls: `call` of the world `controller`.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ketch_manifest::{Answer, Call, Called, Controller, Pending};
use ketch_model::Error;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use wasmtime::component::ComponentExportIndex;

use crate::fault;
use crate::guest::{Guest, document};
use crate::ledger::About;

/// A controller.
#[derive(Debug)]
pub(crate) struct Controlled {
    pub(crate) guest: Arc<Guest>,
    pub(crate) call: ComponentExportIndex,
}

impl Controller for Controlled {
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let (guest, export) = (Arc::clone(&self.guest), self.call);
        Box::pin(async move {
            let (request, about, time_left) =
                (document(&Called::of(&call, in_guest)), about(&call), call.time_left);
            let answered =
                guest.call::<_, (Result<String, String>,)>(&export, (request,), about, time_left).await?;
            match answered {
                (Ok(text),) => answer(text),
                (Err(message),) => Err(fault::said(&message)),
            }
        })
    }
}

/// Where a guest finds a file that came with a request.
fn in_guest(path: &Path) -> String {
    format!("/files/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

fn about(call: &Call) -> About {
    About {
        request: Some(call.request_id),
        caller_id: call.caller.id().map(str::to_owned),
        caller_email: call.claims.get("email").and_then(|it| it.as_str()).map(str::to_owned),
        files: call.files.folder.clone(),
    }
}

/// What a component's text comes to. One without any of the members that say more than themselves is not read any further.
fn answer(text: String) -> Result<Answer, Error> {
    let shape = serde_json::from_str(&text)
        .map_err(|error| fault::nonsense(&format!("is no JSON object: {error}")))?;
    match shape {
        Shape::Plain => Ok(Answer::Text(Bytes::from(text))),
        Shape::Special => {
            let fields = serde_json::from_str(&text).map_err(|error| fault::nonsense(&error.to_string()))?;
            Ok(Answer::Fields(fields))
        }
    }
}

/// Whether an object has members that say something of the reply.
enum Shape {
    Plain,
    Special,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Shape, M::Error> {
                let mut shape = Shape::Plain;
                while let Some((name, _)) = members.next_entry::<std::borrow::Cow<'de, str>, IgnoredAny>()? {
                    if name == "error" || name.starts_with('_') {
                        shape = Shape::Special;
                    }
                }
                Ok(shape)
            }
        }
        deserializer.deserialize_map(Members)
    }
}
