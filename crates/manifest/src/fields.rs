//! Reading an object's members by name, so that what nobody asked for is told of, with a suggestion.

use std::collections::HashSet;

use ketch_model::{Place, Problem};
use ketch_syntax::suggestion;

use crate::source::{Json, Spanned};

/// An object that is being read. What is wrong goes to the problems.
#[derive(Debug)]
pub struct Fields<'a> {
    subject: String,
    place: Place,
    members: &'a [(String, Place, Spanned)],
    known: Vec<&'static str>,
    taken: HashSet<&'a str>,
}

impl<'a> Fields<'a> {
    /// Begins to read an object that is called `subject` in messages. Members that come twice are problems at once.
    pub fn of(value: &'a Spanned, subject: impl Into<String>, problems: &mut Vec<Problem>) -> Option<Self> {
        let subject = subject.into();
        let Json::Object(members) = &value.value else {
            let message = format!("is {}, and must be an object: `{{ … }}`", value.kind());
            problems.push(Problem::new(Some(value.place.clone()), subject, message));
            return None;
        };
        let mut seen = HashSet::new();
        for (name, place, _) in members {
            if !seen.insert(name.as_str()) {
                let message = format!("`{name}` is written twice");
                problems.push(Problem::new(Some(place.clone()), subject.as_str(), message));
            }
        }
        let (known, taken) = Default::default();
        Some(Self { subject, place: value.place.clone(), members, known, taken })
    }

    /// Where the object begins.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What messages call it.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// A member.
    pub fn get(&mut self, name: &'static str) -> Option<&'a Spanned> {
        self.known.push(name);
        let (name, _, value) = self.members.iter().rev().find(|(known, _, _)| known == name)?;
        self.taken.insert(name);
        Some(value)
    }

    /// A member that is text.
    pub fn text(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<&'a str> {
        let value = self.get(name)?;
        if let Json::Text(text) = &value.value {
            return Some(text);
        }
        self.wrong(name, value, "text: \"…\"", problems);
        None
    }

    /// A member that is `true` or `false`.
    pub fn flag(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<bool> {
        let value = self.get(name)?;
        if let Json::Bool(flag) = value.value {
            return Some(flag);
        }
        self.wrong(name, value, "`true` or `false`", problems);
        None
    }

    /// A member that is a whole number, 0 or more.
    pub fn number(&mut self, name: &'static str, problems: &mut Vec<Problem>) -> Option<u64> {
        let value = self.get(name)?;
        if let Json::Number(digits) = &value.value
            && let Ok(number) = digits.parse()
        {
            return Some(number);
        }
        self.wrong(name, value, "a whole number, 0 or more", problems);
        None
    }

    /// Members that no call has named, for objects whose names are the user's.
    pub fn others(&mut self) -> Vec<&'a (String, Place, Spanned)> {
        let rest: Vec<_> =
            self.members.iter().filter(|(name, _, _)| !self.taken.contains(name.as_str())).collect();
        self.taken.extend(rest.iter().map(|(name, _, _)| name.as_str()));
        rest
    }

    /// Ends: what nobody asked for is a problem.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        for (name, place, _) in self.members {
            if !self.taken.contains(name.as_str()) {
                let hint = suggestion(name, self.known.iter().copied());
                let message = format!("`{name}` is no key here{hint}");
                problems.push(Problem::new(Some(place.clone()), self.subject.as_str(), message));
            }
        }
    }

    fn wrong(&self, name: &str, value: &Spanned, wanted: &str, problems: &mut Vec<Problem>) {
        let message = format!("`{name}` is {}, and must be {wanted}", value.kind());
        problems.push(Problem::new(Some(value.place.clone()), self.subject.as_str(), message));
    }
}
