//! Arguments and outputs, each by itself.

use ketch_model::{Place, Problem};
use ketch_syntax::Template;

use super::{Param, Site};
use crate::fields::{Fields, Spelling};
use crate::keys::PARAM;
use crate::source::Spanned;
use crate::types::Types;

/// The arguments of a method at `path`.
pub(super) fn read(
    value: &Spanned,
    subject: &str,
    path: &[String],
    (types, spelling): (&Types, Spelling),
    problems: &mut Vec<Problem>,
) -> Vec<Param> {
    let Some(mut fields) = Fields::of(value, subject, problems) else { return Vec::new() };
    // Each segment by itself: of a path that cannot be one, the others are known all the same.
    let segments = path.iter().filter_map(|segment| Template::parse(segment).ok());
    let captures: Vec<String> =
        segments.flat_map(|it| it.params().map(|param| param.name.clone()).collect::<Vec<_>>()).collect();
    let mut reader = Reader { subject, types, spelling, segments: captures.clone(), problems };
    let read = |(key, place, value): &(String, Place, Spanned)| {
        let (wire, site) = reader.site(key, place, &captures)?;
        reader.param(key, place, value, wire, site)
    };
    fields.others().into_iter().filter_map(read).collect()
}

/// The outputs of a method.
pub(super) fn outputs(
    value: &Spanned,
    subject: &str,
    types: &Types,
    problems: &mut Vec<Problem>,
) -> Vec<Param> {
    let Some(mut fields) = Fields::of(value, subject, problems) else { return Vec::new() };
    let mut reader = Reader { subject, types, spelling: Spelling::Exact, segments: Vec::new(), problems };
    let read = |(key, place, value): &(String, Place, Spanned)| {
        reader.param(key, place, value, key.clone(), Site::Body)
    };
    fields.others().into_iter().filter_map(read).collect()
}

struct Reader<'p> {
    subject: &'p str,
    types: &'p Types,
    spelling: Spelling,
    /// The names of the path's parameters.
    segments: Vec<String>,
    problems: &'p mut Vec<Problem>,
}

impl Reader<'_> {
    fn param(
        &mut self,
        key: &str,
        place: &Place,
        value: &Spanned,
        wire: String,
        site: Site,
    ) -> Option<Param> {
        let subject = format!("{}: `{key}`", self.subject);
        let fields = Fields::by(&PARAM, value, subject.as_str(), self.problems)?;
        let mut fields = fields.spelled(self.spelling);
        let info = fields.text("info", self.problems).map(str::to_owned);
        let name = fields.text("name", self.problems).filter(|name| !name.is_empty()).map(str::to_owned);
        let default = fields.get("default");
        let kind = fields.get("type");
        let text = kind.and_then(|_| fields.text("type", self.problems));
        fields.finish(self.problems);
        if self.spelling == Spelling::Seed && info.as_deref().unwrap_or_default().trim().is_empty() {
            self.tell(place, &subject, "has no `info`: say what it is".to_owned());
        }
        let Some(kind) = kind else {
            self.tell(
                place,
                &subject,
                "has no `type`: write `\"type\": \"string\"`, or `\"any\"`".to_owned(),
            );
            return None;
        };
        let (optional, text) = text?.strip_prefix('?').map_or((false, text?), |text| (true, text));
        if text.is_empty() {
            let wanted = if optional { "?string" } else { "string" };
            self.tell(
                &kind.place,
                &subject,
                format!("the type is empty: write `\"{wanted}\"`, or whichever it is"),
            );
            return None;
        }
        let ty = match self.types.parse(text) {
            Ok(ty) => ty,
            Err(message) => {
                self.tell(&kind.place, &subject, message);
                return None;
            }
        };
        let written = default.map(Spanned::plain);
        let param = Param {
            wire,
            site,
            name: String::new(),
            ty,
            optional,
            default: written,
            info,
            place: place.clone(),
        };
        if let (Some(default), Spelling::Exact) = (default, self.spelling) {
            self.default(&param, default, &subject);
        }
        // Old projects hand an argument on under its whole key.
        let known = if self.spelling == Spelling::Seed { key } else { &param.wire };
        let name = name.unwrap_or_else(|| known.to_owned());
        let wire = if let Site::Slot(_) = site { self.segment(&param.wire, &name) } else { param.wire };
        // What it is when it is left out is what its type makes of it.
        let default = param.default.map(|written| match self.spelling {
            Spelling::Exact => param.ty.accept(written.clone()).unwrap_or(written),
            Spelling::Seed => written,
        });
        Some(Param { wire, name, default, ..param })
    }

    /// What clients and documents call a segment after the path: as its controller does, where a parameter can be called
    /// so and no other is. Clients of old projects know it by its number.
    fn segment(&mut self, usual: &str, name: &str) -> String {
        let template = Template::parse(&format!("{{{name}}}"));
        let is_name = template.is_ok_and(|it| it.params().any(|it| it.name == name));
        let is_free = !self.segments.iter().any(|taken| taken == name);
        let chosen = if self.spelling == Spelling::Exact && is_name && is_free { name } else { usual };
        self.segments.push(chosen.to_owned());
        chosen.to_owned()
    }

    /// A default must fit the type, and there must be a use for it.
    fn default(&mut self, param: &Param, written: &Spanned, subject: &str) {
        let Some(default) = &param.default else { return };
        if !param.optional {
            let message = "has a `default` that is never used, because it must always be there: put a `?` before its type, or \
                           take the default away";
            self.tell(&written.place, subject, message.to_owned());
        } else if !default.is_null()
            && let Err(faults) = param.ty.check(default)
        {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let message =
                format!("the default {default:.60} does not fit the type: it {}", faults.join(", and "));
            self.tell(&written.place, subject, message);
        }
    }

    /// Where a key of `in` says that an argument comes from, and its name there.
    fn site(&mut self, key: &str, place: &Place, captures: &[String]) -> Option<(String, Site)> {
        let subject = format!("{}: `{key}`", self.subject);
        if let Some(slot) = key.strip_prefix("URL#") {
            let digits = !slot.is_empty() && slot.bytes().all(|byte| byte.is_ascii_digit());
            return match slot.parse::<usize>() {
                Ok(slot) if digits && slot < MOST_SLOTS => Some((format!("url{slot}"), Site::Slot(slot))),
                _ => {
                    let message =
                        format!("after `URL#` comes the number of a segment, from 0 to {}", MOST_SLOTS - 1);
                    self.tell(place, &subject, message);
                    None
                }
            };
        }
        for (prefix, site) in [("GET@", Site::Query), ("HEADER@", Site::Header), ("COOKIE@", Site::Cookie)] {
            let Some((said, name)) = key
                .split_once('@')
                .filter(|(said, _)| said.eq_ignore_ascii_case(&prefix[..prefix.len() - 1]))
            else {
                continue;
            };
            if self.spelling == Spelling::Exact && format!("{said}@") != prefix {
                self.tell(place, &subject, format!("sources are written in capitals: `{prefix}{name}`"));
                return None;
            }
            if name.is_empty() {
                self.tell(place, &subject, format!("after `{prefix}` comes its name in the request"));
                return None;
            }
            return Some((name.to_owned(), site));
        }
        if let Some(name) = key.strip_prefix('{').and_then(|key| key.strip_suffix('}')) {
            let name = name.split(':').next().unwrap_or_default().trim_start_matches('*');
            if captures.iter().any(|capture| capture == name) {
                return Some((name.to_owned(), Site::Path));
            }
            let hint = ketch_syntax::suggestion(name, captures.iter().map(String::as_str));
            self.tell(place, &subject, format!("the path has no `{{{name}}}`{hint}"));
            return None;
        }
        let captured = captures.iter().any(|capture| capture == key);
        Some((key.to_owned(), if captured { Site::Path } else { Site::Body }))
    }

    fn tell(&mut self, place: &Place, subject: &str, message: String) {
        self.problems.push(Problem::new(Some(place.clone()), subject, message));
    }
}

/// Segments after a path that an endpoint may take. Each is a route of its own.
const MOST_SLOTS: usize = 16;
