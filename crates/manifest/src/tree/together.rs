//! What the arguments of a method must be to one another, to its path and to its method.

use ketch_model::{Place, Problem};
use ketch_syntax::{Template, closest};

use super::{Declared, Param, Site};
use crate::fields::{Spelling, near};

/// Names that a controller is given or gives besides its own.
const SPECIAL: [&str; 7] =
    ["_HTTP_METHOD_", "_SCOPE_", "_AUTHORIZATION_", "_CALLER_", "_STATUS_", "_HEADERS_", "_REDIRECT_"];

/// Checks a method.
pub(super) fn check(declared: &Declared, spelling: Spelling, problems: &mut Vec<Problem>) {
    let mut check = Check { declared, spelling, problems };
    // What could not be read may be what is missing.
    if !declared.faulty {
        check.captures();
        check.slots();
    }
    check.sources();
    check.names();
    check.outputs();
}

struct Check<'a> {
    declared: &'a Declared,
    spelling: Spelling,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn tell(&mut self, place: &Place, subject: String, message: String) {
        self.problems.push(Problem::new(Some(place.clone()), subject, message));
    }

    fn of(&self, param: &Param) -> String {
        match param.site {
            Site::Slot(at) => format!("{}: `URL#{at}`", self.declared.subject()),
            _ => format!("{}: `{}`", self.declared.subject(), param.wire),
        }
    }

    /// Every `{name}` of the path is an argument.
    fn captures(&mut self) {
        let Ok(path) = Template::parse(&self.declared.path.join("/")) else { return };
        let declared = self.declared;
        for capture in path.params() {
            if declared.takes.iter().any(|it| it.site == Site::Path && it.wire == capture.name) {
                continue;
            }
            let name = &capture.name;
            let free = declared.takes.iter().filter(|it| it.site == Site::Body).map(|it| it.wire.as_str());
            let hint = closest(name, free)
                .map(|near| format!("; or is `{near}` meant to be it?"))
                .unwrap_or_default();
            let message = format!(
                "`{{{name}}}` of the path is no argument: write `\"{name}\": {{ \"type\": \"string\" }}` in `in`{hint}"
            );
            self.tell(&declared.place, declared.subject(), message);
        }
    }

    /// Segments after the path are numbered from 0, and only the last ones may be left out.
    fn slots(&mut self) {
        let declared = self.declared;
        let mut slots: Vec<(usize, &Param)> = declared
            .takes
            .iter()
            .filter_map(|it| if let Site::Slot(at) = it.site { Some((at, it)) } else { None })
            .collect();
        slots.sort_by_key(|(at, _)| *at);
        if let (Some((_, first)), true) =
            (slots.first(), declared.path.last().is_some_and(|it| it.starts_with("{*")))
        {
            let message = "the path takes all that follows it, so there is no segment left";
            self.tell(&first.place, self.of(first), message.to_owned());
        }
        let mut expected = 0;
        let mut left_out: Option<&Param> = None;
        for (at, param) in slots {
            let subject = format!("{}: `URL#{at}`", declared.subject());
            if at > expected {
                let message =
                    format!("there is no `URL#{expected}`: segments are numbered from 0 without gaps");
                self.tell(&param.place, subject.clone(), message);
            }
            expected = at.max(expected) + usize::from(at >= expected);
            match left_out {
                Some(earlier) if !param.optional => {
                    let message = format!(
                        "must be there, but the segment before it ({}) may be left out: only the last ones may",
                        near(&earlier.place, &param.place)
                    );
                    self.tell(&param.place, subject, message);
                }
                _ => left_out = left_out.or(param.optional.then_some(param)),
            }
        }
    }

    /// Nothing is read twice.
    fn sources(&mut self) {
        let same = |one: &Param, other: &Param| match (one.site, other.site) {
            (Site::Header, Site::Header) => one.wire.eq_ignore_ascii_case(&other.wire),
            (Site::Slot(one), Site::Slot(other)) => one == other,
            (site, other_site) => site == other_site && one.wire == other.wire,
        };
        for (at, param) in self.declared.takes.iter().enumerate() {
            if let Some(first) = self.declared.takes[..at].iter().find(|first| same(first, param)) {
                let message =
                    format!("is read twice: here and {}; keep one of them", near(&first.place, &param.place));
                self.tell(&param.place, self.of(param), message);
            }
        }
    }

    /// Names are one argument's each, and none is a special variable's.
    fn names(&mut self) {
        let takes = &self.declared.takes;
        for (at, param) in takes.iter().enumerate() {
            let name = &param.name;
            if let Some(first) =
                takes[..at].iter().find(|first| first.name == *name && !same_source(first, param))
            {
                let message = format!(
                    "the controller would know two arguments as `{name}`: this one and that {}; give one another `name`",
                    near(&first.place, &param.place)
                );
                self.tell(&param.place, self.of(param), message);
            }
            if SPECIAL.contains(&name.as_str()) {
                let message =
                    format!("`{name}` is a variable that every controller is given: choose another `name`");
                self.tell(&param.place, self.of(param), message);
            } else if name.starts_with('_') || name.ends_with('_') {
                let message = format!(
                    "`{name}` begins or ends with `_`, as the variables do that every controller is given: choose another `name`"
                );
                self.tell(&param.place, self.of(param), message);
            }
        }
    }

    /// Outputs are given under their own names.
    fn outputs(&mut self) {
        if self.spelling == Spelling::Seed {
            return;
        }
        let gives = &self.declared.gives;
        for (at, param) in gives.iter().enumerate() {
            if let Some(first) = gives[..at].iter().find(|first| first.name == param.name) {
                let message = format!("is given twice: here and {}", near(&first.place, &param.place));
                self.tell(
                    &param.place,
                    format!("{}: out: `{}`", self.declared.subject(), param.wire),
                    message,
                );
            }
        }
    }
}

fn same_source(one: &Param, other: &Param) -> bool {
    one.site == other.site
        && (matches!(one.site, Site::Slot(_)) || one.wire.eq_ignore_ascii_case(&other.wire))
}
