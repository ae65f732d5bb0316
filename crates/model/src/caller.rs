//! Who is calling, as far as anybody has found out.

use std::collections::BTreeSet;

/// The caller of a request: nobody known at first; middlewares and accounts identify it and grant it scopes. Whoever
/// reaches the server from its own machine, as its own user, is its [operator](Self::operator).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    id: Option<String>,
    scopes: BTreeSet<String>,
    operator: bool,
}

impl Caller {
    /// A caller who is known by `id` and holds nothing yet.
    pub fn known(id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }

    /// Whoever runs the server, known as `operator`: holds every scope, whatever its name. It is who comes through the
    /// server's control socket and who uses its commands; nothing in a request makes a caller one.
    ///
    /// ```
    /// use ketch_model::{Caller, Scope};
    ///
    /// let scope = Scope::any_of([["admin", "whatever"]]);
    /// assert!(scope.admits(&Caller::operator()));
    /// assert!(!scope.admits(&Caller::known("operator")), "the name alone is nothing");
    /// ```
    pub fn operator() -> Self {
        Self { operator: true, ..Self::known("operator") }
    }

    /// Whether it is the operator, whatever it is identified as since.
    pub fn is_operator(&self) -> bool {
        self.operator
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
        self.operator || self.scopes.contains(scope)
    }

    /// Whether anybody found out anything: an id, or a scope.
    pub fn is_known(&self) -> bool {
        self.operator || self.id.is_some() || !self.scopes.is_empty()
    }

    /// What the caller was granted, in alphabetical order. The operator needs no grants.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }
}
