//! The `Cookie` header: every value is a piece of it, without what ends one.

/// Tries one header.
pub(crate) fn run(bytes: &[u8]) {
    ketch_web::__fuzz::cookie(bytes);
}
