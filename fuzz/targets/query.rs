//! Query strings: what was written comes back, and nothing else is read out of any text.

/// Tries one query string.
pub(crate) fn run(bytes: &[u8]) {
    ketch_web::__fuzz::query(bytes);
}
