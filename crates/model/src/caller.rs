//! Who is calling, as far as anybody has found out.

use std::collections::BTreeSet;

/// The caller of a request: nobody known at first; middlewares and accounts identify it and grant it scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    id: Option<String>,
    scopes: BTreeSet<String>,
}

impl Caller {
    /// A caller who is known by `id` and holds nothing yet.
    pub fn known(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), scopes: BTreeSet::new() }
    }

    /// The id, when the caller is known.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Says who the caller is.
    pub fn identify(&mut self, id: impl Into<String>) {
        self.id = Some(id.into());
    }

    /// Adds a scope.
    pub fn grant(&mut self, scope: impl Into<String>) {
        self.scopes.insert(scope.into());
    }

    /// Whether the caller holds a scope.
    pub fn holds(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether anybody found out anything: an id, or a scope.
    pub fn is_known(&self) -> bool {
        self.id.is_some() || !self.scopes.is_empty()
    }

    /// What the caller holds, in alphabetical order.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }
}
