//! Who may call: a scope is any of several lists of names, all names of one list.

use std::fmt;

use crate::Caller;

/// What a caller must hold: one of the clauses, whole. Without clauses, everyone may call.
///
/// ```
/// use ketch_model::{Caller, Scope};
///
/// let scope = Scope::any_of([vec!["admin"], vec!["editor", "verified"]]);
/// let mut caller = Caller::default();
/// caller.grant("editor");
/// assert!(!scope.admits(&caller));
/// caller.grant("verified");
/// assert!(scope.admits(&caller));
/// assert_eq!(scope.to_string(), "admin or (editor and verified)");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    clauses: Vec<Vec<String>>,
}

impl Scope {
    /// Everyone.
    pub const fn public() -> Self {
        Self { clauses: Vec::new() }
    }

    /// Whoever holds all names of one of the clauses. An empty clause, which everybody meets, makes it public.
    pub fn any_of<C, N>(clauses: impl IntoIterator<Item = C>) -> Self
    where
        C: IntoIterator<Item = N>,
        N: Into<String>,
    {
        let clauses: Vec<Vec<String>> =
            clauses.into_iter().map(|clause| clause.into_iter().map(Into::into).collect()).collect();
        if clauses.iter().any(Vec::is_empty) { Self::public() } else { Self { clauses } }
    }

    /// Whether everyone may call.
    pub fn is_public(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The clauses; none means everyone.
    pub fn clauses(&self) -> &[Vec<String>] {
        &self.clauses
    }

    /// Whether `caller` may call.
    pub fn admits(&self, caller: &Caller) -> bool {
        self.is_public() || self.clauses.iter().any(|clause| clause.iter().all(|name| caller.holds(name)))
    }

    /// Whether everyone this scope admits is also admitted by `wider`: each clause here contains one of there.
    ///
    /// ```
    /// use ketch_model::Scope;
    /// let staff = Scope::any_of([["staff"]]);
    /// let senior = Scope::any_of([["staff", "senior"]]);
    /// assert!(senior.narrows(&staff) && !staff.narrows(&senior));
    /// assert!(staff.narrows(&Scope::public()) && !Scope::public().narrows(&staff));
    /// ```
    pub fn narrows(&self, wider: &Self) -> bool {
        if wider.is_public() {
            return true;
        }
        let contains = |clause: &[String], part: &[String]| part.iter().all(|name| clause.contains(name));
        !self.is_public()
            && self.clauses.iter().all(|clause| wider.clauses.iter().any(|part| contains(clause, part)))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_public() {
            return f.write_str("public");
        }
        for (at, clause) in self.clauses.iter().enumerate() {
            let or = if at > 0 { " or " } else { "" };
            let names = clause.join(" and ");
            let grouped = clause.len() > 1 && self.clauses.len() > 1;
            if grouped { write!(f, "{or}({names})")? } else { write!(f, "{or}{names}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scopes() -> impl Strategy<Value = Scope> {
        let clause = prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 0..3);
        prop::collection::vec(clause, 0..4).prop_map(Scope::any_of)
    }

    proptest! {
        /// A scope that narrows another never lets somebody in whom the other keeps out.
        #[test]
        fn narrowing_admits_no_one_new(a in scopes(), b in scopes(), held in prop::collection::vec("[a-d]", 0..4)) {
            let mut caller = Caller::default();
            held.iter().for_each(|name| caller.grant(name));
            if a.narrows(&b) && a.admits(&caller) {
                prop_assert!(b.admits(&caller));
            }
        }
    }
}
