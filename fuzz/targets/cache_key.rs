//! Keys of cached replies: two requests have the same one just when the endpoint cannot tell them apart.
//!
//! An input is twice eight fields with a zero byte after each: target, `Accept`, `X-A` twice, `Authorization`, `Cookie`,
//! the caller's id and scopes.

/// Tries one pair of requests.
pub(crate) fn run(bytes: &[u8]) {
    ketch_web::__fuzz::cache_key(bytes);
}
