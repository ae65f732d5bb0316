//! Header values as arguments: what can be read as a number or a list is text too.

/// Tries one value.
pub(crate) fn run(bytes: &[u8]) {
    ketch_web::__fuzz::header(bytes);
}
