//! Multipart bodies: however one is cut into reads, it means the same.
//!
//! An input is the content type, a line feed, and the body.

/// Tries one body.
pub(crate) fn run(bytes: &[u8]) {
    ketch_web::__fuzz::multipart(bytes);
}
