//! `framing`: refuses requests whose end could be understood in two ways (RFC 9112, 6.1 and 6.3).

use http::header::TRANSFER_ENCODING;
use http::request::Parts;
use ketch_model::Error;
use ketch_web::Guard;

/// Marks a request whose head said both `Content-Length` and `Transfer-Encoding`, or ended a line with a bare line
/// feed. Only the connection can see that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ambiguous;

/// 400 for an ambiguous head, 501 for a transfer coding other than `chunked`. The connection is closed.
#[derive(Clone, Copy, Debug)]
pub struct Framing;

impl Guard for Framing {
    fn name(&self) -> &'static str {
        "framing"
    }

    fn check(&self, head: &Parts) -> Result<(), Error> {
        if head.extensions.get::<Ambiguous>().is_some() {
            let message = "the request's framing is ambiguous: send `Content-Length` or `Transfer-Encoding`, not \
                           both, and end lines with CR LF";
            return Err(Error::new(400, "ambiguous_framing", message).closing());
        }
        let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
        match (codings.next(), codings.next()) {
            (None, _) => Ok(()),
            (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
            _ => {
                let message = "the only transfer coding that is read here is `chunked`, once";
                Err(Error::new(501, "transfer_coding_not_implemented", message).closing())
            }
        }
    }
}
