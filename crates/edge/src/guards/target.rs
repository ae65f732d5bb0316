//! `target`: the forms of a request's target that an origin server answers (RFC 9112, 3.2).

use http::Method;
use http::request::Parts;
use ketch_model::Error;
use ketch_web::Guard;

/// 400 for a target that is no path in ASCII, 501 for CONNECT: this is no proxy.
#[derive(Clone, Copy, Debug)]
pub struct Target;

impl Guard for Target {
    fn name(&self) -> &'static str {
        "target"
    }

    fn check(&self, head: &Parts) -> Result<(), Error> {
        if head.method == Method::CONNECT {
            return Err(Error::new(501, "connect_not_implemented", "this server is no proxy").closing());
        }
        let path = head.uri.path();
        if path == "*" && head.method == Method::OPTIONS {
            return Ok(());
        }
        let scheme = head.uri.scheme_str();
        if scheme.is_some_and(|scheme| scheme != "http" && scheme != "https") {
            return Err(bad("the target is neither http nor https"));
        }
        if head.uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(bad("the target names a user"));
        }
        if !path.starts_with('/') {
            return Err(bad("the target is no path: it must begin with a slash"));
        }
        if !path.is_ascii() || !head.uri.query().unwrap_or_default().is_ascii() {
            return Err(bad("the target is not ASCII: write other letters as percent-encoded UTF-8"));
        }
        Ok(())
    }
}

fn bad(message: &'static str) -> Error {
    Error::new(400, "bad_target", message).closing()
}
