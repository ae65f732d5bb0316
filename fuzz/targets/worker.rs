//! What programs write on standard output: workers' replies, and what middlewares answer.

/// Tries one output.
pub(crate) fn run(bytes: &[u8]) {
    ketch_manifest::__fuzz::worker(bytes);
}
