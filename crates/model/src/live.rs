//! A value that can be replaced while it is being read.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// A shared value that is swapped whole. Readers never wait and never see half of a change.
///
/// ```
/// use ketch_model::Live;
///
/// let limit = Live::new(10);
/// let before = limit.get();
/// limit.set(20);
/// assert_eq!((*before, *limit.get()), (10, 20));
/// ```
pub struct Live<T>(Arc<ArcSwap<T>>);

impl<T> Live<T> {
    /// A live value that starts as `value`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// The value now. What the caller holds stays as it is when the value is replaced.
    pub fn get(&self) -> Arc<T> {
        self.0.load_full()
    }

    /// Looks at the value without taking part in its ownership; cheaper than [`get`](Self::get) on a hot path.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.load())
    }

    /// Replaces the value for all who share it.
    pub fn set(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: fmt::Debug> fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.get()).finish()
    }
}
