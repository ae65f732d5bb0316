//! Two schemas side by side: what fits the later one no more, and what fits it only now.
//!
//! What a request holds must not be taken less often, what a reply holds must not be more than it was. So the same
//! difference breaks on one side and is a note on the other. A reply's lengths, ranges and patterns are notes either
//! way, and so are members that it gains: who reads JSON passes over what it does not know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::shape::Shape;

/// Schemas that are looked at in one comparison. Documents are a thousandth of that; what is larger is no document.
const MOST_SCHEMAS: u32 = 200_000;
/// How deep members are looked into.
const MOST_DEPTH: usize = 64;

/// Which way the values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Clients send them.
    Request,
    /// Clients get them.
    Reply,
}

/// Compares schemas of two documents.
pub(crate) struct Schemas<'d> {
    before: &'d Value,
    after: &'d Value,
    budget: u32,
    /// Pairs of named schemas that were compared already for this operation: recursion ends there.
    seen: BTreeSet<(Side, String, String)>,
    found: Vec<(bool, String)>,
}

/// Where in a value, and which way it goes.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) side: Side,
    what: String,
    pointer: String,
    depth: usize,
}

impl Spot {
    fn below(&self, step: &str) -> Self {
        Self { pointer: format!("{}/{step}", self.pointer), depth: self.depth + 1, ..self.clone() }
    }

    fn name(&self) -> String {
        if self.pointer.is_empty() { self.what.clone() } else { format!("{} `{}`", self.what, self.pointer) }
    }
}

impl<'d> Schemas<'d> {
    pub(crate) fn new(before: &'d Value, after: &'d Value) -> Self {
        Self { before, after, budget: MOST_SCHEMAS, seen: BTreeSet::new(), found: Vec::new() }
    }

    /// What differs between two schemas of `what`: whether it breaks, and in words. Schemas that were compared for the
    /// same operation are not compared again.
    pub(crate) fn compare(
        &mut self,
        side: Side,
        what: &str,
        before: &Value,
        after: &Value,
    ) -> Vec<(bool, String)> {
        let spot = Spot { side, what: what.to_owned(), pointer: String::new(), depth: 0 };
        self.schema(&spot, before, after);
        std::mem::take(&mut self.found)
    }

    /// Begins another operation.
    pub(crate) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Less fits than before.
    pub(super) fn narrower(&mut self, spot: &Spot, what: &str) {
        self.found.push((spot.side == Side::Request, format!("{}: {what}", spot.name())));
    }

    /// More fits than before.
    pub(super) fn wider(&mut self, spot: &Spot, what: &str) {
        self.found.push((spot.side == Side::Reply, format!("{}: {what}", spot.name())));
    }

    pub(super) fn note(&mut self, spot: &Spot, what: &str) {
        self.found.push((false, format!("{}: {what}", spot.name())));
    }

    pub(super) fn breaking(&mut self, spot: &Spot, what: &str) {
        self.found.push((true, format!("{}: {what}", spot.name())));
    }

    fn schema(&mut self, spot: &Spot, before: &Value, after: &Value) {
        // The same text may still refer to what has changed.
        let one = Shape::of(before, self.before, &mut self.budget);
        let other = Shape::of(after, self.after, &mut self.budget);
        if self.budget == 0 || spot.depth > MOST_DEPTH {
            return self.breaking(spot, "is too large or too deep to be compared");
        }
        if let (Some(one), Some(other)) = (&one.name, &other.name)
            && !self.seen.insert((spot.side, one.clone(), other.clone()))
        {
            return;
        }
        match (one.never, other.never) {
            (false, true) => return self.narrower(spot, "nothing is allowed any more"),
            (true, false) => return self.wider(spot, "is allowed now"),
            (true, true) => return,
            (false, false) => {}
        }
        match (one.nullable, other.nullable) {
            (false, true) => self.wider(spot, "may be null now"),
            (true, false) => self.narrower(spot, "must not be null any more"),
            _ => {}
        }
        if self.kinds(spot, &one, &other) {
            self.limits(spot, &one, &other);
            self.members(spot, &one, &other);
            self.others(spot, &one, &other);
            self.items(spot, &one, &other);
            self.options(spot, (before, &one), (after, &other));
            self.remaining(spot, &one, &other);
        }
    }

    /// Types and values. Whether the two have a type in common, so that the rest is worth a look.
    fn kinds(&mut self, spot: &Spot, one: &Shape, other: &Shape) -> bool {
        if let (Some(before), Some(after)) = (&one.types, &other.types)
            && before != after
        {
            let text =
                |types: &BTreeSet<String>| types.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
            let what = format!("the type was {} and is {} now", text(before), text(after));
            if before.is_disjoint(after) {
                self.breaking(spot, &what);
                return false;
            }
            self.shift(spot, before, after, &what);
        } else if one.options.is_empty() && other.options.is_empty() {
            let (before, after) = (
                one.types.is_some() || one.values.is_some(),
                other.types.is_some() || other.values.is_some(),
            );
            match (before, after) {
                (false, true) => self.narrower(spot, "has a type now, where anything went"),
                (true, false) => self.wider(spot, "can be anything now"),
                _ => {}
            }
        }
        match (&one.values, &other.values) {
            (Some(before), Some(after)) => {
                before
                    .difference(after)
                    .for_each(|value| self.narrower(spot, &format!("the value {value} is gone")));
                after
                    .difference(before)
                    .for_each(|value| self.wider(spot, &format!("the value {value} is new")));
            }
            (None, Some(_)) if one.options.is_empty() => self.narrower(spot, "only listed values fit now"),
            (Some(_), None) if other.options.is_empty() => {
                self.wider(spot, "more than the listed values fit now")
            }
            _ => {}
        }
        true
    }

    fn shift(&mut self, spot: &Spot, before: &BTreeSet<String>, after: &BTreeSet<String>, what: &str) {
        if !before.is_subset(after) {
            self.narrower(spot, what);
        }
        if !after.is_subset(before) {
            self.wider(spot, what);
        }
    }

    fn members(&mut self, spot: &Spot, one: &Shape, other: &Shape) {
        for (name, before) in &one.members {
            let here = spot.below(name);
            let (was, is) = (one.required.contains(name), other.required.contains(name));
            let Some(after) = other.members.get(name) else {
                match spot.side {
                    Side::Reply => self.breaking(&here, "is gone"),
                    Side::Request if is_closed(other) => self.breaking(&here, "is refused now"),
                    Side::Request => self.note(&here, "is not read any more"),
                }
                continue;
            };
            match (was, is) {
                (false, true) => self.narrower(&here, "is required now"),
                (true, false) => self.wider(&here, "is optional now"),
                _ => {}
            }
            self.schema(&here, before, after);
        }
        for name in other.members.keys().filter(|name| !one.members.contains_key(*name)) {
            let here = spot.below(name);
            match spot.side {
                Side::Request if other.required.contains(name) => self.breaking(&here, "is new and required"),
                _ => self.note(&here, "is new"),
            }
        }
        // Members that are required without being described.
        let bare = |name: &&String| !one.members.contains_key(*name) && !other.members.contains_key(*name);
        let new: Vec<String> = other.required.difference(&one.required).filter(bare).cloned().collect();
        new.iter().for_each(|name| self.narrower(&spot.below(name), "is required now"));
        let gone: Vec<String> = one.required.difference(&other.required).filter(bare).cloned().collect();
        gone.iter().for_each(|name| self.wider(&spot.below(name), "is optional now"));
    }

    /// Members beyond those that are named.
    fn others(&mut self, spot: &Spot, one: &Shape, other: &Shape) {
        let open = Value::Bool(true);
        let of =
            |shape: &Shape| shape.rest.get("additionalProperties").cloned().unwrap_or_else(|| open.clone());
        let (before, after) = (of(one), of(other));
        match (is_closed(one), is_closed(other)) {
            (false, true) => self.narrower(spot, "members that are not listed are refused now"),
            (true, false) => self.note(spot, "members that are not listed are allowed now"),
            (true, true) => {}
            (false, false) if before == open && after == open => {}
            (false, false) => self.schema(&spot.below("*"), &before, &after),
        }
    }

    fn items(&mut self, spot: &Spot, one: &Shape, other: &Shape) {
        let open = json!(true);
        let of = |shape: &Shape| shape.rest.get("items").cloned().unwrap_or_else(|| open.clone());
        let (before, after) = (of(one), of(other));
        if before != open || after != open {
            self.schema(&spot.below("*"), &before, &after);
        }
        let list = |shape: &Shape| {
            shape.rest.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (before, after) = (list(one), list(other));
        if before.len() != after.len() {
            self.breaking(spot, &format!("had {} items and has {} now", before.len(), after.len()));
        }
        for (index, (before, after)) in before.iter().zip(&after).enumerate() {
            self.schema(&spot.below(&index.to_string()), before, after);
        }
    }

    /// Alternatives, paired by what tells them apart.
    fn options(&mut self, spot: &Spot, (before, one): (&Value, &Shape), (after, other): (&Value, &Shape)) {
        if one.options.is_empty() && other.options.is_empty() {
            return;
        }
        let alone =
            |shape: &Shape| shape.types.is_some() || shape.values.is_some() || !shape.members.is_empty();
        let list = |schema: &Value, shape: &Shape| {
            if shape.options.is_empty() && alone(shape) {
                vec![schema.clone()]
            } else {
                shape.options.clone()
            }
        };
        let (before, after) = (list(before, one), list(after, other));
        match (before.is_empty(), after.is_empty()) {
            (true, false) => return self.narrower(spot, "must be one of listed forms now"),
            (false, true) => return self.wider(spot, "can be anything now"),
            _ => {}
        }
        let before = named(&before, self.before, &mut self.budget);
        let mut after = named(&after, self.after, &mut self.budget);
        for (name, one) in before {
            match after.remove(&name) {
                Some(other) => {
                    let here = Spot { depth: spot.depth + 1, ..spot.clone() };
                    self.schema(&here, &one, &other);
                }
                None => self.narrower(spot, &format!("the form {name} is gone")),
            }
        }
        for name in after.keys() {
            self.wider(spot, &format!("the form {name} is new"));
        }
    }

    /// Keywords that are not understood here.
    fn remaining(&mut self, spot: &Spot, one: &Shape, other: &Shape) {
        const KNOWN: [&str; 17] = [
            "additionalProperties",
            "contentEncoding",
            "contentMediaType",
            "exclusiveMaximum",
            "exclusiveMinimum",
            "format",
            "items",
            "maximum",
            "maxItems",
            "maxLength",
            "maxProperties",
            "minimum",
            "minItems",
            "minLength",
            "minProperties",
            "multipleOf",
            "pattern",
        ];
        const QUIET: [&str; 4] = ["prefixItems", "unevaluatedProperties", "uniqueItems", "xml"];
        let keywords: BTreeSet<&String> = one.rest.keys().chain(other.rest.keys()).collect();
        for keyword in keywords {
            let known = KNOWN.contains(&keyword.as_str()) || QUIET.contains(&keyword.as_str());
            if known || one.rest.get(keyword) == other.rest.get(keyword) {
                continue;
            }
            if keyword == "default"
                || keyword == "readOnly"
                || keyword == "writeOnly"
                || keyword.starts_with("x-")
            {
                self.note(spot, &format!("`{keyword}` has changed"));
            } else {
                self.breaking(
                    spot,
                    &format!("`{keyword}` has changed, and what follows from it is not known"),
                );
            }
        }
    }
}

/// Whether members that are not listed are refused.
fn is_closed(shape: &Shape) -> bool {
    ["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|key| shape.rest.get(*key) == Some(&Value::Bool(false)))
}

/// Alternatives by what tells them apart: a tag, the only member, the name, or the type.
fn named(options: &[Value], document: &Value, budget: &mut u32) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for option in options {
        let shape = Shape::of(option, document, budget);
        let tag = shape.members.iter().find_map(|(name, schema)| {
            let value = schema.get("const")?;
            Some(format!("`{name}` = {value}"))
        });
        let only = || {
            shape.required.iter().next().filter(|_| shape.required.len() == 1).map(|name| format!("`{name}`"))
        };
        let name = || shape.name.as_ref().map(|name| format!("`{name}`"));
        let kind =
            || shape.types.as_ref().map(|types| types.iter().cloned().collect::<Vec<_>>().join(" or "));
        let mut key =
            tag.or_else(name).or_else(only).or_else(kind).unwrap_or_else(|| "of any type".to_owned());
        if all.contains_key(&key) {
            key = format!("{key} ({})", all.len() + 1);
        }
        all.insert(key, option.clone());
    }
    all
}
