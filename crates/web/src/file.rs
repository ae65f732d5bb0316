//! Replies from files: whole, in part, or not at all when the client has them already (RFC 9110 sections 8.8, 13, 14).
//!
//! Not here: listing folders, and serving a whole site; an application routes to the files it means to give.

mod body;
mod conditions;
mod folder;
mod opening;

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use axum::body::Body;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use ketch_model::{Clock, Content, Error, ErrorSpec, ReplySpec, SystemClock};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::exchange::{RequestId, Response};
use crate::reply::{Asked, Reply, ReplyDocs};

pub(crate) use body::FileBody;
use conditions::{Verdict, Version, judge};
pub use folder::Folder;
pub(crate) use opening::{Opened, beneath, beneath_both, is_plain, server_failed};

/// A regular file as a reply.
///
/// It answers conditional requests with 304 and one range of bytes with 206; several ranges, and whatever cannot be
/// read, get the whole. Its type follows from its name's extension, and browsers are told to believe it. It is read in
/// pieces of 64 KiB on the blocking pool, as the client takes them.
///
/// The `ETag` is made of length and time of change. For the first two seconds after a change, another one may not show:
/// until then the tag is weak, there is no `Last-Modified`, and `If-Range` gets the whole.
///
/// ```
/// use ketch_web::File;
/// # async fn report() -> Result<File, ketch_model::Error> {
/// File::open("reports/2026.pdf").await.map(|file| file.download("Report 2026.pdf"))
/// # }
/// ```
pub struct File {
    opened: Opened,
    content_type: Cow<'static, str>,
    download: Option<String>,
}

impl File {
    /// Opens a file that the program names. A path that comes from a request belongs to a [`Folder`].
    ///
    /// # Errors
    /// 404 `not_found` when there is no such regular file, or it may not be read; 500 when the machine fails.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let content_type = content_type(&path);
        let opened = on_disk(move || opening::trusted(&path)).await?;
        Ok(Self { opened, content_type, download: None })
    }

    /// Says what the file is, in place of what its extension says.
    #[must_use]
    pub fn content_type(mut self, media_type: &'static str) -> Self {
        self.content_type = media_type.into();
        self
    }

    /// Has browsers save the file under this name (RFC 6266) rather than show it. A path in it is not: its slashes
    /// become `_`.
    #[must_use]
    pub fn download(mut self, name: impl Into<String>) -> Self {
        self.download = Some(name.into());
        self
    }

    fn version(&self) -> Version {
        Version::new(self.opened.length, self.opened.modified, SystemClock.now())
    }

    fn headers(&self) -> Result<HeaderMap, Error> {
        let version = self.version();
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_str(&version.tag()).map_err(Error::internal)?);
        if let Some(date) = version.date() {
            headers.insert(LAST_MODIFIED, HeaderValue::from_str(&date).map_err(Error::internal)?);
        }
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(headers)
    }

    fn respond(self, verdict: Verdict, id: Option<RequestId>) -> Result<Response, Error> {
        let length = self.opened.length;
        let (status, start, count) = match verdict {
            Verdict::Whole => (StatusCode::OK, 0, length),
            Verdict::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
            Verdict::NotModified => (StatusCode::NOT_MODIFIED, 0, 0),
            Verdict::Failed => {
                return Err(Error::new(412, "precondition_failed", "the file is not the one you know"));
            }
            Verdict::Unsatisfiable => return Err(unsatisfiable(length)),
        };
        let mut response = Response::default();
        *response.status_mut() = status;
        *response.headers_mut() = self.headers()?;
        if status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(&self.content_type).map_err(Error::internal)?);
        if let Some(name) = &self.download {
            headers.insert(CONTENT_DISPOSITION, disposition(name)?);
        }
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {start}-{}/{length}", start + count - 1);
            headers.insert(CONTENT_RANGE, HeaderValue::from_str(&range).map_err(Error::internal)?);
        }
        *response.body_mut() = Body::new(FileBody::new(self.opened.file, start, count, id));
        Ok(response)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("length", &self.opened.length)
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl Reply for File {
    const LOOKS_BACK: bool = true;

    fn reply(self) -> Result<Response, Error> {
        self.respond(Verdict::Whole, None)
    }

    fn reply_to(self, asked: &Asked) -> Result<Response, Error> {
        let verdict = judge(&asked.method, &asked.headers, &self.version());
        self.respond(verdict, Some(asked.id))
    }

    fn describe(docs: &mut ReplyDocs<'_>) {
        let content = || Some(Content { media_type: "*/*", schema: json!({}) });
        let replies = [
            (StatusCode::OK, "The file.", content()),
            (StatusCode::PARTIAL_CONTENT, "The part that `Range` asks for.", content()),
            (StatusCode::NOT_MODIFIED, "It is the one that the client has.", None),
        ];
        for (status, description, content) in replies {
            docs.push(ReplySpec { status, description: description.to_owned(), content });
        }
        docs.errors(&[
            ErrorSpec { status: 404, code: "not_found", description: "There is no such file" },
            ErrorSpec { status: 412, code: "precondition_failed", description: "The file has changed" },
            ErrorSpec {
                status: 416,
                code: "range_not_satisfiable",
                description: "The file is shorter than that",
            },
        ]);
    }
}

/// Does work on the disk; what is not there is 404, and why goes to the log.
pub(crate) async fn on_disk<T, F>(work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce() -> std::io::Result<T> + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
    done.map_err(|fault| {
        if server_failed(&fault) {
            return Error::internal(fault);
        }
        Error::new(404, "not_found", "there is no such file").because(fault)
    })
}

/// The media type that a name's extension stands for, with the character set where it is text.
pub(crate) fn content_type(name: &Path) -> Cow<'static, str> {
    match mime_guess::from_path(name).first_raw() {
        Some(text) if text.starts_with("text/") => format!("{text}; charset=utf-8").into(),
        Some(known) => known.into(),
        None => "application/octet-stream".into(),
    }
}

fn unsatisfiable(length: u64) -> Error {
    let error = Error::new(416, "range_not_satisfiable", format!("the file has {length} bytes"));
    match HeaderValue::from_str(&format!("bytes */{length}")) {
        Ok(range) => error.header(CONTENT_RANGE, range),
        Err(_) => error,
    }
}

/// The characters that stand as they are in an `ext-value` (RFC 8187 section 3.2.1).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `Content-Disposition` with the name twice: in ASCII for old readers, and whole.
fn disposition(name: &str) -> Result<HeaderValue, Error> {
    let odd = |letter: char| letter.is_control() || matches!(letter, '/' | '\\');
    let name: String = name.chars().map(|letter| if odd(letter) { '_' } else { letter }).collect();
    let plain = |letter: char| (letter.is_ascii_graphic() || letter == ' ') && !matches!(letter, '"' | '%');
    let ascii: String = name.chars().map(|letter| if plain(letter) { letter } else { '_' }).collect();
    let whole = utf8_percent_encode(&name, ATTRIBUTE);
    HeaderValue::from_str(&format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{whole}"))
        .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_has_its_name_in_two_ways_and_no_header_beside_it() {
        let cases = [
            ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
            (
                "na\u{ef}ve \"x\".pdf",
                "attachment; filename=\"na_ve _x_.pdf\"; filename*=UTF-8''na%C3%AFve%20%22x%22.pdf",
            ),
            ("../a\r\nb: c", "attachment; filename=\".._a__b: c\"; filename*=UTF-8''.._a__b%3A%20c"),
        ];
        for (name, expected) in cases {
            assert_eq!(disposition(name).unwrap().to_str().unwrap(), expected);
        }
    }

    #[test]
    fn types_follow_from_extensions() {
        let cases = [
            ("a.json", "application/json"),
            ("a.html", "text/html; charset=utf-8"),
            ("a.TXT", "text/plain; charset=utf-8"),
            ("a.vtt", "text/vtt; charset=utf-8"),
            ("a.png", "image/png"),
            ("a", "application/octet-stream"),
            ("a.nothing-known", "application/octet-stream"),
        ];
        for (name, expected) in cases {
            assert_eq!(content_type(Path::new(name)), expected, "{name}");
        }
    }
}
