//! Reading an object's members by name, so that what nobody asked for is told of, with a suggestion.

use std::collections::HashSet;

use ketch_model::{Place, Problem};
use ketch_syntax::{Key, closest};

use crate::keys::{Form, Keys};
use crate::source::{Json, Spanned};

/// A name, its place, and the value.
pub(crate) type Named = (String, Place, Spanned);

/// An object that is being read. What is wrong goes to the problems.
#[derive(Debug)]
pub struct Fields<'a> {
    subject: String,
    place: Place,
    members: &'a [Named],
    keys: Option<&'static Keys>,
    spelling: Spelling,
    known: Vec<String>,
    taken: HashSet<&'a str>,
}

/// How exactly names are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// As they are listed; anything else is a problem.
    #[default]
    Exact,
    /// As old projects did: case makes no difference, `null` is as nothing, and what is not known is passed over.
    Seed,
}

/// Names that are listed in a message about one that is not known.
const MOST_LISTED: usize = 12;

impl<'a> Fields<'a> {
    /// Begins to read an object that is called `subject` in messages.
    pub fn of(value: &'a Spanned, subject: impl Into<String>, problems: &mut Vec<Problem>) -> Option<Self> {
        let subject = subject.into();
        let Json::Object(members) = &value.value else {
            let message = format!("is {}, and must be an object: `{{ … }}`", value.kind());
            problems.push(Problem::new(Some(value.place.clone()), subject, message));
            return None;
        };
        let (spelling, known, taken) = Default::default();
        Some(Self { subject, place: value.place.clone(), members, keys: None, spelling, known, taken })
    }

    /// The same for an object whose keys are in a table.
    pub fn by(
        keys: &'static Keys,
        value: &'a Spanned,
        subject: impl Into<String>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        Some(Self { keys: Some(keys), ..Self::of(value, subject, problems)? })
    }

    /// The same with names spelled like this.
    #[must_use]
    pub fn spelled(self, spelling: Spelling) -> Self {
        Self { spelling, ..self }
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
    pub fn get(&mut self, name: &str) -> Option<&'a Spanned> {
        debug_assert!(self.keys.is_none_or(|keys| keys.has(name)), "`{name}` is read but not in the table");
        let exact = self.members.iter().rev().find(|(known, _, _)| known == name);
        let loose = || self.members.iter().rev().find(|(known, _, _)| known.eq_ignore_ascii_case(name));
        let found = match self.spelling {
            Spelling::Exact => exact,
            Spelling::Seed => exact.or_else(loose).filter(|(_, _, value)| value.value != Json::Null),
        };
        self.known.push(name.to_owned());
        let (name, _, value) = found?;
        self.taken.insert(name);
        Some(value)
    }

    /// Whether there is a member of this name. It is not taken.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(known, _, _)| known == name)
    }

    /// A member that is text.
    pub fn text(&mut self, name: &str, problems: &mut Vec<Problem>) -> Option<&'a str> {
        let value = self.get(name)?;
        if let Json::Text(text) = &value.value {
            return Some(text);
        }
        self.wrong(name, value, "text: \"…\"", problems);
        None
    }

    /// A member that is a text which `read` reads: a size, a time.
    pub(crate) fn written<T>(
        &mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let text = self.text(name, problems)?;
        let tell = |why: String| {
            let place = self.get(name).map(|value| value.place.clone());
            problems.push(Problem::new(place, self.subject.as_str(), format!("`{name}` is {why}")));
        };
        read(text).map_err(tell).ok()
    }

    /// A member that is a list of texts, each with its place.
    pub fn texts(&mut self, name: &str, problems: &mut Vec<Problem>) -> Option<Vec<(&'a str, &'a Place)>> {
        let value = self.get(name)?;
        let texts = match &value.value {
            Json::List(items) => items.iter().map(Spanned::as_text).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if texts.is_none() {
            self.wrong(name, value, "a list of texts: [\"…\"]", problems);
        }
        texts
    }

    /// A member that is `true` or `false`.
    pub fn flag(&mut self, name: &str, problems: &mut Vec<Problem>) -> Option<bool> {
        let value = self.get(name)?;
        if let Json::Bool(flag) = value.value {
            return Some(flag);
        }
        self.wrong(name, value, "`true` or `false`", problems);
        None
    }

    /// A member that is a whole number, 0 or more.
    pub fn number(&mut self, name: &str, problems: &mut Vec<Problem>) -> Option<u64> {
        let value = self.get(name)?;
        if let Json::Number(digits) = &value.value
            && let Ok(number) = digits.parse()
        {
            return Some(number);
        }
        self.wrong(name, value, "a whole number, 0 or more", problems);
        None
    }

    /// Members that no call has named, for objects whose names are the user's. Of one that is written twice the last.
    pub fn others(&mut self) -> Vec<&'a Named> {
        let mut rest: Vec<_> =
            self.members.iter().rev().filter(|(name, _, _)| self.taken.insert(name.as_str())).collect();
        rest.reverse();
        rest
    }

    /// Members that no call has named yet, without taking them.
    pub(crate) fn left(&self) -> impl Iterator<Item = &'a Named> {
        self.members.iter().filter(|(name, _, _)| !self.taken.contains(name.as_str()))
    }

    /// Takes a member that the caller has told of itself.
    pub(crate) fn take(&mut self, name: &'a str) {
        self.taken.insert(name);
    }

    /// Ends: what nobody asked for is a problem.
    pub fn finish(self, problems: &mut Vec<Problem>) {
        if self.spelling == Spelling::Seed {
            return;
        }
        for (name, place, _) in self.left() {
            let message = format!("`{name}` is no key here{}", self.hint(name));
            problems.push(Problem::new(Some(place.clone()), self.subject.as_str(), message));
        }
    }

    /// A member that is the options of a driver. The driver reads them where it runs something; their names are looked at
    /// wherever they stand.
    pub(crate) fn options(&mut self, driver: &str, problems: &mut Vec<Problem>) -> Option<&'a Spanned> {
        let value = self.get(driver)?;
        if let (Some(keys), Spelling::Exact) = (Keys::of_driver(driver), self.spelling)
            && let Some(mut options) =
                Fields::by(keys, value, format!("{}: `{driver}`", self.subject), problems)
        {
            for member in keys.members {
                let _known = options.get(member.name);
            }
            options.finish(problems);
        }
        Some(value)
    }

    /// What was probably meant, or what there is.
    fn hint(&self, name: &str) -> String {
        let known = || self.known.iter().map(String::as_str);
        let spelled = known().find(|known| known.eq_ignore_ascii_case(name));
        if let Some(near) = spelled.or_else(|| closest(name, known())) {
            return format!("; did you mean `{near}`?");
        }
        let Some(keys) = self.keys else { return listed(known(), "") };
        if Key::parse(name)
            .is_some_and(|key| !key.spec().inherited && ![Key::Root, Key::Route].contains(&key))
        {
            return "; it belongs to one method, so write it in `GET` or whichever it is for".to_owned();
        }
        for member in keys.members {
            if let Form::Object(inner) = member.form
                && let Some(near) = closest(name, inner.members.iter().map(|it| it.name))
            {
                return format!("; did you mean `{near}` in `{}`?", member.name);
            }
        }
        let settings = keys.settings.specs().next().is_some();
        let members = keys.members.iter().filter(|it| !it.is_old() && !it.name.starts_with('$'));
        listed(members.map(|it| it.name), if settings { " and the settings" } else { "" })
    }

    /// Says that a member is not what it must be.
    pub fn wrong(&self, name: &str, value: &Spanned, wanted: &str, problems: &mut Vec<Problem>) {
        let message = format!("`{name}` is {}, and must be {wanted}", value.kind());
        problems.push(Problem::new(Some(value.place.clone()), self.subject.as_str(), message));
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n str>, more: &str) -> String {
    let listed: Vec<_> = names.take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    if listed.is_empty() {
        "; there is none".to_owned()
    } else {
        format!("; there is: {}{more}", listed.join(", "))
    }
}

/// How one place is told beside another.
pub(crate) fn near(place: &Place, other: &Place) -> String {
    if place.file == other.file { format!("in line {}", place.line) } else { format!("at {place}") }
}
