//! Multipart forms (RFC 7578), part by part as they come.

mod head;
mod scanner;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use ketch_model::{ArgSpec, Error, In};
use serde_json::json;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::arg::{Arg, ArgDocs};
use crate::body::{Held, Limited, media_type, plain, step};
use crate::exchange::Input;
use crate::scalar::fault;
use head::Head;
use scanner::{Event, Fault, HEAD, Scanner};

/// The most parts of one body.
const PARTS: usize = 128;

/// A body of `multipart/form-data`, read part by part while it comes; nothing of it is kept.
///
/// ```
/// # use ketch_web::Multipart;
/// # use ketch_model::Result;
/// async fn upload(mut parts: Multipart) -> Result<u64> {
///     let mut bytes = 0;
///     while let Some(mut part) = parts.next().await? {
///         match part.name() {
///             "title" => drop(part.text(Multipart::TEXT).await?),
///             _ => while let Some(chunk) = part.chunk().await? { bytes += chunk.len() as u64 },
///         }
///     }
///     Ok(bytes)
/// }
/// ```
///
/// It fails with 415 when the content type is another; 413 beyond the endpoint's `limit` for the whole body, 128 parts,
/// or 8 KiB of headers for one part; 400 when it is malformed. Lines end in CRLF, the last delimiter must come, and
/// what differs from reader to reader, such as a name that comes twice, is refused.
#[derive(Debug)]
pub struct Multipart {
    body: Limited,
    scanner: Scanner,
    ended: bool,
    /// Whether the data of a part have not been read to their end.
    inside: bool,
    parts: usize,
    failed: bool,
}

#[diagnostic::do_not_recommend]
impl Arg for Multipart {
    const PLACE: In = In::Body;

    fn describe(name: &'static str, docs: &mut ArgDocs<'_>) {
        let spec = ArgSpec::new(name, In::Body, json!({ "type": "object" }));
        docs.push(ArgSpec { media_type: Some("multipart/form-data"), ..spec });
    }

    async fn read(input: &mut Input, _name: &'static str) -> Result<Self, Error> {
        let headers = &input.parts.headers;
        if media_type(headers).as_deref() != Some("multipart/form-data") {
            let message =
                "the body is read as a form with parts: send it with `Content-Type: multipart/form-data`";
            return Err(Error::new(415, "unsupported_media_type", message));
        }
        plain(headers)?;
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = head::boundary(content_type)
            .map_err(|error| malformed(format!("the parameters of its `Content-Type` {error}")))?;
        let body = input.take_body();
        let body = Limited::new(body, &input.parts.headers, &input.exchange)?;
        let scanner = Scanner::new(&boundary);
        Ok(Self { body, scanner, ended: false, inside: false, parts: 0, failed: false })
    }
}

impl Multipart {
    /// What a field's [`text`](Part::text) is usually allowed: 64 KiB.
    pub const TEXT: usize = 64 << 10;

    /// The next part; what was not read of the one before is passed over. None after the last.
    ///
    /// # Errors
    /// 400 when the body is malformed or broke off, 413 when it is over a limit, 408 when it came too slowly. After an
    /// error there is nothing more to be read.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>, Error> {
        while self.inside {
            self.data().await?;
        }
        let Event::Head(head) = self.event().await? else {
            // What follows the last delimiter means nothing, and must be read for the connection to go on.
            while !self.ended {
                self.more().await?;
            }
            return Ok(None);
        };
        self.parts += 1;
        if self.parts > PARTS {
            return Err(
                self.fail(too_large("too_many_parts", format!("the form has more than {PARTS} parts")))
            );
        }
        match Head::parse(&head) {
            Ok(head) => {
                self.inside = true;
                Ok(Some(Part { form: self, head, done: false }))
            }
            Err(error) => {
                let message = format!("part {} cannot be read: its headers {error}", self.parts);
                Err(self.fail(malformed(message)))
            }
        }
    }

    /// Some of a part's data; none at their end.
    async fn data(&mut self) -> Result<Option<Bytes>, Error> {
        match self.event().await? {
            Event::Data(data) => Ok(Some(data)),
            _ => {
                self.inside = false;
                Ok(None)
            }
        }
    }

    async fn event(&mut self) -> Result<Event, Error> {
        if self.failed {
            return Err(malformed("the form could not be read before".to_owned()));
        }
        loop {
            match self.scanner.next(self.ended) {
                Ok(Event::Hungry) => self.more().await?,
                Ok(event) => return Ok(event),
                Err(Fault::Cut) => {
                    let message = "the form ends before its last delimiter, or its boundary is another";
                    return Err(self.fail(malformed(message.to_owned())));
                }
                Err(Fault::LongHead) => {
                    let message = format!("part {} has more than {HEAD} bytes of headers", self.parts + 1);
                    return Err(self.fail(too_large("part_headers_too_large", message)));
                }
            }
        }
    }

    async fn more(&mut self) -> Result<(), Error> {
        match self.body.data().await {
            Ok(Some(data)) => self.scanner.feed(&data),
            Ok(None) => self.ended = true,
            Err(error) => return Err(self.fail(error)),
        }
        Ok(())
    }

    fn fail(&mut self, error: Error) -> Error {
        (self.failed, self.inside) = (true, false);
        error
    }
}

/// One part of a form.
#[derive(Debug)]
pub struct Part<'f> {
    form: &'f mut Multipart,
    head: Head,
    done: bool,
}

impl Part<'_> {
    /// The field's name.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// The file's name, its last component only; empty when no file was chosen, none for a plain field. `filename*` goes
    /// before `filename`. It is the sender's word: do not save under it, and do not trust its extension.
    pub fn file_name(&self) -> Option<&str> {
        self.head.file_name.as_deref()
    }

    /// The content type, as the sender says.
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// A header, by its name in lower case. A `Content-Transfer-Encoding` is not undone (RFC 7578, 4.7).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The next of its data, as they come; none at their end.
    ///
    /// # Errors
    /// As [`Multipart::next`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.done {
            return Ok(None);
        }
        let data = self.form.data().await?;
        self.done = data.is_none();
        Ok(data)
    }

    /// The rest of its data, of so many bytes at most.
    ///
    /// # Errors
    /// 413 when there are more, and as [`Multipart::next`].
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, Error> {
        let mut held = Held::default();
        while let Some(data) = self.chunk().await? {
            if held.bytes.len() + data.len() > limit {
                let message =
                    format!("`{}` is larger than the {limit} bytes that are read of it", self.name());
                return Err(self.form.fail(too_large("part_too_large", message)));
            }
            held.extend(&data, self.form.body.exchange())?;
        }
        Ok(held.bytes.into())
    }

    /// The rest of its data as UTF-8, of so many bytes at most; [`Multipart::TEXT`] does for most fields.
    ///
    /// # Errors
    /// 400 when they are not UTF-8, naming the field, and as [`bytes`](Self::bytes).
    pub async fn text(&mut self, limit: usize) -> Result<String, Error> {
        let bytes = self.bytes(limit).await?;
        String::from_utf8(bytes.into()).map_err(|_| {
            let mut pointer = String::new();
            step(&mut pointer, self.name());
            fault(In::Body, &pointer, "invalid", format!("`{}` is not UTF-8", self.name()))
        })
    }

    /// Writes the rest of its data to a file or anything else, and says how many bytes they were.
    ///
    /// # Errors
    /// 500 when it cannot be written, and as [`Multipart::next`].
    pub async fn write_to(&mut self, writer: &mut (impl AsyncWrite + Unpin + Send)) -> Result<u64, Error> {
        let mut count = 0;
        while let Some(data) = self.chunk().await? {
            writer.write_all(&data).await.map_err(Error::internal)?;
            count += data.len() as u64;
        }
        writer.flush().await.map_err(Error::internal)?;
        Ok(count)
    }

    /// Saves the rest of its data in a new file, and says how many bytes they were. A file that cannot be finished is
    /// removed. The path is yours to choose: one made of [`file_name`](Self::file_name) lets strangers choose it.
    ///
    /// # Errors
    /// 500 when there is such a file already, or it cannot be written, and as [`Multipart::next`].
    pub async fn save_to(&mut self, path: impl AsRef<Path> + Send) -> Result<u64, Error> {
        let path = path.as_ref().to_owned();
        let failed = |error| Error::internal(format!("cannot create {}: {error}", path.display()));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).await.map_err(failed)?;
        let mut unfinished = Unfinished(Some(path));
        let count = self.write_to(&mut file).await?;
        unfinished.0 = None;
        Ok(count)
    }
}

/// A file that is removed unless it is finished, even when the request is given up.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove an unfinished upload");
        }
    }
}

fn malformed(message: String) -> Error {
    Error::new(400, "invalid_multipart", message)
}

fn too_large(code: &'static str, message: String) -> Error {
    Error::new(413, code, message).closing()
}

/// The parts of a body that comes in pieces of so many bytes; none when it is malformed. For fuzz targets.
pub(crate) fn fuzzed(content_type: &str, body: &[u8], piece: usize) -> Option<Vec<(String, Vec<u8>)>> {
    let mut scanner = Scanner::new(&head::boundary(content_type).ok()?);
    let (mut pieces, mut ended) = (body.chunks(piece), false);
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    loop {
        match scanner.next(ended).ok()? {
            Event::Head(head) => parts.push((Head::parse(&head).ok()?.name, Vec::new())),
            Event::Data(data) => parts.last_mut()?.1.extend_from_slice(&data),
            Event::End => {}
            Event::Over => return Some(parts),
            Event::Hungry => match pieces.next() {
                Some(piece) => scanner.feed(piece),
                None => ended = true,
            },
        }
    }
}
