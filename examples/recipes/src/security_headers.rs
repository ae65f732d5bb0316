//! Security headers, each where it belongs.
//!
//! What tells a browser how to treat a page goes on good replies: that is the setting `headers`, and an endpoint that
//! sets its own keeps it. What must hold for errors as well comes from a middleware: an error that a browser takes for
//! HTML is as dangerous as a page, and a browser that saw `Strict-Transport-Security` nowhere but on good replies would
//! try plain HTTP again. What no endpoint answers (404, 405) passes no middleware.

use ketch::http::HeaderValue;
use ketch::http::header::{STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use ketch::prelude::*;

/// For good replies: pages load what is ours and stand in nobody's frame, and links do not tell where they were.
const PAGES: [&str; 2] = [
    "content-security-policy: default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "referrer-policy: no-referrer",
];

/// For all replies: the type is what we say, and it stays HTTPS for two years. Browsers heed the latter over HTTPS only.
async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    response
}

struct SiteService;

/// A small site.
#[service]
impl SiteService {
    /// A page with the server's policy.
    #[get]
    async fn page(&self) -> Html<&'static str> {
        Html("<!doctype html><title>Harbour</title><p>Mind the gap")
    }

    /// A page that others may frame: it has a policy of its own.
    #[get]
    async fn widget(&self, ctx: Ctx) -> Result<Html<&'static str>> {
        ctx.set_header("content-security-policy", "default-src 'none'; frame-ancestors *")?;
        Ok(Html("<!doctype html><title>Tide</title><p>Rising"))
    }

    /// An error, whatever you do.
    #[get]
    async fn closed(&self) -> Result<NoContent> {
        Err(Error::new(403, "closed", "the harbour office is closed"))
    }
}

/// The server.
pub fn server() -> Server {
    Server::new()
        .title("Security headers")
        .set(|s| s.headers(PAGES).middleware(["secure"]))
        .define_middleware("secure", from_fn(secure))
        .add(SiteService)
}
