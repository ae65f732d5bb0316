//! Every kind of reply beside JSON.

use std::convert::Infallible;

use futures_util::stream;
use ketch::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a file answers with.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Stubbed {
    id: u32,
    name: String,
}

/// Replies, one endpoint for each kind.
#[derive(Debug)]
pub(crate) struct ReplyService;

/// Replies, one endpoint for each kind.
#[service]
impl ReplyService {
    /// Leads to where the caller wants to go, if that is here.
    #[get]
    async fn redirect(&self, next: String) -> Result<Redirect> {
        Redirect::to(next)
    }

    #[get]
    async fn moved(&self) -> Result<Redirect<308>> {
        Redirect::to("/reply/status")
    }

    #[get]
    async fn status(&self, count: Option<u8>) -> Status<207, Json<Vec<u8>>> {
        Status(Json((0..count.unwrap_or(3)).collect()))
    }

    #[get]
    async fn stream(&self, lines: u8) -> ByteStream {
        let lines = (0..lines).map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))));
        ByteStream::new(stream::iter(lines)).content_type("text/csv; charset=utf-8")
    }

    #[get]
    async fn events(&self, last_event_id: Header<Option<u32>>) -> Sse {
        let first = last_event_id.0.unwrap_or(0);
        let events = (0..3).map(move |event| {
            Ok::<_, Infallible>(Event::text("x").id(first.saturating_add(event).to_string()))
        });
        Sse::new(stream::iter(events))
    }

    /// A file, whole or in ranges.
    #[get("file/{*path}")]
    async fn file(&self, path: String) -> Result<File> {
        Folder::new(concat!(env!("CARGO_MANIFEST_DIR"), "/files")).file(path).await
    }

    #[get]
    async fn download(&self, name: String) -> Result<File> {
        let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/files/boats/1.json")).await?;
        Ok(file.download(name))
    }

    #[get("stub/{id}", stub = "examples/sink/files/boats/{id}.json")]
    fn stub(&self, id: u32) -> Json<Stubbed>;

    #[post(stub = "examples/sink/files/boats/1.json", status = 202, delay = "1ms")]
    fn stub_without_type(&self, new: Json<Stubbed>);
}
