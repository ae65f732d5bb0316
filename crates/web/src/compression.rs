//! Compressed replies: tower-http's layer, and what it leaves open.
//!
//! Compressed is what has a known length of at least 1 KiB and is not compressed by nature. Streams are not: an encoder
//! holds back what a reader waits for. Nor are parts of a file, replies that are encoded already, and those that say
//! `no-transform` (RFC 9111, section 5.2.2.6).

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body as HttpBody;
use tower::ServiceExt;
use tower::layer::layer_fn;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

use crate::exchange::Response;
use crate::middleware::{Middleware, Next};

/// Smaller replies gain nothing: they fit one packet as they are.
const SMALLEST: u64 = 1 << 10;

/// Compresses the replies of what is within.
pub(crate) fn compression() -> Middleware {
    let within = layer_fn(|next: Next| next.map_response(before as fn(Response) -> Response));
    let without = layer_fn(|next: Next| next.map_response(after as fn(Response) -> Response));
    let compressed = CompressionLayer::new().compress_when(Worth);
    let layers = [Middleware::new(within), Middleware::new(compressed), Middleware::new(without)];
    let wrap = move |next: Next| layers.iter().fold(next, |next, layer| layer.wrap(next));
    Middleware::new(layer_fn(wrap))
}

#[derive(Clone, Copy, Debug)]
struct Worth;

impl Predicate for Worth {
    fn should_compress<B: HttpBody>(&self, response: &http::Response<B>) -> bool {
        let headers = response.headers();
        let length = response.body().size_hint().exact().or_else(|| declared(headers));
        length.is_some_and(|length| length >= SMALLEST) && !is_compressed(headers) && !must_stay(headers)
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether the content is compressed by nature; what is not known to be text is taken for that.
fn is_compressed(headers: &HeaderMap) -> bool {
    let Some(Ok(kind)) = headers.get(CONTENT_TYPE).map(HeaderValue::to_str) else { return true };
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = kind.starts_with("text/") && kind != "text/event-stream";
    let known = [
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/problem+json",
        "application/wasm",
        "application/x-ndjson",
        "application/xml",
        "image/bmp",
        "image/svg+xml",
        "image/x-icon",
    ];
    !(text || known.contains(&kind.as_str()) || kind.ends_with("+json") || kind.ends_with("+xml"))
}

fn must_stay(headers: &HeaderMap) -> bool {
    let says = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("no-transform"))
    };
    headers.get_all(CACHE_CONTROL).iter().any(says)
}

/// How a reply was before it may have been compressed.
#[derive(Clone, Copy)]
struct Before {
    status: StatusCode,
    encoded: bool,
}

fn before(mut response: Response) -> Response {
    let encoded = response.headers().contains_key(http::header::CONTENT_ENCODING);
    let status = response.status();
    response.extensions_mut().insert(Before { status, encoded });
    response
}

fn after(mut response: Response) -> Response {
    let Some(before) = response.extensions_mut().remove::<Before>() else { return response };
    // The layer answers 406 to whom no encoding pleases, after the work is done: the plain reply is better than none
    // (RFC 9110, section 12.5.3, leaves the choice).
    *response.status_mut() = before.status;
    let compressed = !before.encoded && response.headers().contains_key(http::header::CONTENT_ENCODING);
    if compressed
        && let Some(tag) = response.headers().get(ETAG)
        && !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        // A strong tag names bytes, and these are others (RFC 9110, section 8.8.3).
        response.headers_mut().insert(ETAG, weak);
    }
    response
}
