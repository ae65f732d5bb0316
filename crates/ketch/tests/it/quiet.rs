//! That something is done without a word at WARN or ERROR: bad input is somebody's 4xx, and no news.

use std::future::Future;

use ketch::test::overheard;

/// Runs work that must not be worth a warning. What is logged on other threads is not seen: the test's runtime has one.
pub(crate) async fn quietly<T>(work: impl Future<Output = T>) -> T {
    let (result, said) = overheard(work).await;
    assert!(said.is_empty(), "nothing is worth a warning:\n{said}");
    result
}
