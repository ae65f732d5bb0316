//! The driver `native`: functions of the program that loads the manifest, bound by name.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use ketch_model::Error;
use serde_json::{Map, Value};

use crate::call::{Answer, Call};
use crate::driver::{Controller, Pending};

/// Functions by name.
#[derive(Clone, Default)]
pub struct Native(BTreeMap<String, Arc<dyn Controller>>);

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Native {
    /// Adds a function; whether the name was free.
    pub fn add<F, Fut>(&mut self, name: impl Into<String>, function: F) -> bool
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Map<String, Value>, Error>> + Send + 'static,
    {
        self.0.insert(name.into(), Arc::new(Function(function))).is_none()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<dyn Controller>> {
        self.0.get(name).cloned()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

struct Function<F>(F);

impl<F> fmt::Debug for Function<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Function")
    }
}

impl<F, Fut> Controller for Function<F>
where
    F: Fn(Call) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Map<String, Value>, Error>> + Send + 'static,
{
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let made = (self.0)(call);
        Box::pin(async move { made.await.map(Answer::Fields) })
    }
}
