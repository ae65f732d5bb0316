//! How much of a long test is run.

/// 1 in the short form, 20 with `KETCH_SOAK=1`: tests multiply their counts by it.
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
pub fn soak_factor() -> u64 {
    if std::env::var_os("KETCH_SOAK").is_some_and(|value| value == "1") { 20 } else { 1 }
}
