//! JSON bodies: whatever is wrong with one is answered with 400.

/// Tries one body.
pub(crate) fn run(bytes: &[u8]) {
    ketch_web::__fuzz::json(bytes);
}
