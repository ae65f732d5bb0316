//! Who may call: a scope is any of several lists of names, all names of one list.
//!
//! A name may hold `{id}`, which stands for what the request's path has there: `user[{id}]` is `user[7]` at `/user/7`.

use std::borrow::Cow;
use std::fmt;

use crate::Caller;

/// What a caller must hold: one of the clauses, whole.
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
pub struct Scope(Who);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Who {
    #[default]
    Everyone,
    Nobody,
    /// Whoever holds all names of one of these; there is at least one, and none is empty.
    AnyOf(Vec<Vec<String>>),
}

impl Scope {
    /// Everyone.
    pub const fn public() -> Self {
        Self(Who::Everyone)
    }

    /// Nobody, whatever is held.
    pub const fn nobody() -> Self {
        Self(Who::Nobody)
    }

    /// Whoever holds all names of one of the clauses. An empty clause, which everybody meets, makes it public; so does
    /// it to name none.
    pub fn any_of<C, N>(clauses: impl IntoIterator<Item = C>) -> Self
    where
        C: IntoIterator<Item = N>,
        N: Into<String>,
    {
        let clauses: Vec<Vec<String>> =
            clauses.into_iter().map(|clause| clause.into_iter().map(Into::into).collect()).collect();
        let public = clauses.is_empty() || clauses.iter().any(Vec::is_empty);
        if public { Self::public() } else { Self(Who::AnyOf(clauses)) }
    }

    /// Whether everyone may call.
    pub fn is_public(&self) -> bool {
        self.0 == Who::Everyone
    }

    /// Whether nobody may call.
    pub fn is_closed(&self) -> bool {
        self.0 == Who::Nobody
    }

    /// The clauses; none when everyone may call, and when nobody may.
    pub fn clauses(&self) -> &[Vec<String>] {
        match &self.0 {
            Who::Everyone | Who::Nobody => &[],
            Who::AnyOf(clauses) => clauses,
        }
    }

    /// The names that stand in braces, as written.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.clauses().iter().flatten().flat_map(|name| parts(name)).filter_map(|part| match part {
            Part::Capture(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    /// Whether `caller` may call, where nothing stands for names in braces: nobody holds those.
    pub fn admits(&self, caller: &Caller) -> bool {
        self.admits_at(caller, |_| None)
    }

    /// Whether `caller` may call what has these captures. A name whose capture has no value, or one with square brackets
    /// or control characters in it, is held by nobody: what a client writes cannot become the form of a name.
    ///
    /// ```
    /// use ketch_model::{Caller, Scope};
    ///
    /// let scope = Scope::any_of([["user[{id}]"]]);
    /// let mut caller = Caller::known("ada");
    /// caller.grant("user[7]");
    /// assert!(scope.admits_at(&caller, |name| (name == "id").then(|| "7".into())));
    /// assert!(!scope.admits_at(&caller, |name| (name == "id").then(|| "8".into())));
    /// ```
    pub fn admits_at<'v>(&self, caller: &Caller, capture: impl Fn(&str) -> Option<Cow<'v, str>>) -> bool {
        let holds = |name: &String| {
            caller.is_operator() || fill(name, &capture).is_some_and(|name| caller.holds(&name))
        };
        match &self.0 {
            Who::Everyone => true,
            Who::Nobody => false,
            Who::AnyOf(clauses) => clauses.iter().any(|clause| clause.iter().all(holds)),
        }
    }

    /// The clauses with their captures filled in; those that cannot be are left out.
    pub fn filled<'v>(&self, capture: impl Fn(&str) -> Option<Cow<'v, str>>) -> Vec<Vec<String>> {
        let clause = |clause: &Vec<String>| {
            clause.iter().map(|name| fill(name, &capture).map(Cow::into_owned)).collect::<Option<_>>()
        };
        self.clauses().iter().filter_map(clause).collect()
    }

    /// Whether everyone this scope admits is also admitted by `wider`: each clause here contains one of there.
    ///
    /// ```
    /// use ketch_model::Scope;
    /// let staff = Scope::any_of([["staff"]]);
    /// let senior = Scope::any_of([["staff", "senior"]]);
    /// assert!(senior.narrows(&staff) && !staff.narrows(&senior));
    /// assert!(staff.narrows(&Scope::public()) && !Scope::public().narrows(&staff));
    /// assert!(Scope::nobody().narrows(&staff) && !staff.narrows(&Scope::nobody()));
    /// ```
    pub fn narrows(&self, wider: &Self) -> bool {
        let contains = |clause: &[String], part: &[String]| part.iter().all(|name| clause.contains(name));
        match (&self.0, &wider.0) {
            (_, Who::Everyone) | (Who::Nobody, _) => true,
            (Who::Everyone, _) | (_, Who::Nobody) => false,
            (Who::AnyOf(here), Who::AnyOf(there)) => {
                here.iter().all(|clause| there.iter().any(|part| contains(clause, part)))
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clauses = match &self.0 {
            Who::Everyone => return f.write_str("public"),
            Who::Nobody => return f.write_str("nobody"),
            Who::AnyOf(clauses) => clauses,
        };
        for (at, clause) in clauses.iter().enumerate() {
            let or = if at > 0 { " or " } else { "" };
            let names = clause.join(" and ");
            let grouped = clause.len() > 1 && clauses.len() > 1;
            if grouped { write!(f, "{or}({names})")? } else { write!(f, "{or}{names}")? }
        }
        Ok(())
    }
}

/// A piece of a scope's name.
enum Part<'n> {
    Text(&'n str),
    /// What stands in braces.
    Capture(&'n str),
}

/// Cuts a name at its braces. A brace without its other is text.
fn parts(name: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = name;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('{')
            && let Some((capture, after)) = inner.split_once('}')
        {
            rest = after;
            return Some(Part::Capture(capture));
        }
        let next =
            rest.char_indices().skip(1).find(|(_, letter)| *letter == '{').map_or(rest.len(), |(at, _)| at);
        let (text, after) = rest.split_at(next);
        rest = after;
        Some(Part::Text(text))
    })
}

/// The name with the values of its captures.
fn fill<'n, 'v>(name: &'n str, capture: &impl Fn(&str) -> Option<Cow<'v, str>>) -> Option<Cow<'n, str>> {
    if !name.contains('{') {
        return Some(Cow::Borrowed(name));
    }
    let mut filled = String::with_capacity(name.len() + 16);
    for part in parts(name) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Capture(name) => {
                let odd = |letter: char| matches!(letter, '[' | ']') || letter.is_control();
                filled.push_str(&capture(name).filter(|value| !value.contains(odd))?);
            }
        }
    }
    Some(Cow::Owned(filled))
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
    fn at(id: &'static str) -> impl Fn(&str) -> Option<Cow<'static, str>> {
        move |name| match name {
            "id" => Some(Cow::Borrowed(id)),
            "team" => Some(Cow::Borrowed("blue")),
            _ => None,
        }
    }

    #[test]
    fn a_capture_is_what_the_path_has() {
        let held = |names: &[&str]| {
            let mut caller = Caller::default();
            names.iter().for_each(|name| caller.grant(*name));
            caller
        };
        let cases: [(&[&str], &str, &str, bool); 14] = [
            (&["user[{id}]"], "user[123]", "123", true),
            (&["user[{id}]"], "user[123]", "666", false),
            (&["prefix.user[{id}].suffix"], "prefix.user[123].suffix", "123", true),
            (&["prefix.user[{id}].suffix"], "prefix.user[123]", "123", false),
            (&["{team}.{id}"], "blue.7", "7", true),
            (&["{team}.{id}"], "red.7", "7", false),
            (&["{id}"], "admin", "admin", true),
            (&["user[id]"], "user[id]", "7", true),
            (&["user[{other}]"], "user[7]", "7", false),
            (&["user[{other}]"], "user[{other}]", "7", false),
            (&["user[{id}]"], "user[{id}]", "7", false),
            (&["user[{id}]"], "user[1].x[2]", "1].x[2", false),
            (&["user[{id}]"], "user[a\nb]", "a\nb", false),
            (&["user{id"], "user{id", "7", true),
        ];
        for (scope, holds, id, expected) in cases {
            let scope = Scope::any_of([scope.to_vec()]);
            assert_eq!(scope.admits_at(&held(&[holds]), at(id)), expected, "{scope} {holds} {id}");
        }
        let scope = Scope::any_of([["user[{id}]"]]);
        assert!(!scope.admits(&held(&["user[{id}]"])), "nothing stands for the capture");
        assert!(scope.admits(&Caller::operator()));
        assert_eq!(scope.captures().collect::<Vec<_>>(), ["id"]);
        assert_eq!(scope.filled(at("7")), [["user[7]"]]);
    }

    #[test]
    fn nobody_is_nobody() {
        assert!(!Scope::nobody().admits(&Caller::operator()));
        assert!(Scope::nobody().clauses().is_empty() && !Scope::nobody().is_public());
        assert_eq!(Scope::nobody().to_string(), "nobody");
    }
}
