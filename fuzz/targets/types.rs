//! Types as manifests write them, and values of them: text of a query, and JSON.

/// Tries one type with one value: the first line is the type, the rest the value.
pub(crate) fn run(bytes: &[u8]) {
    ketch_manifest::__fuzz::types(bytes);
}
