//! What an operation takes: parameters, and the body.

use ketch_model::In;
use serde_json::{Value, json};

use super::library::{Place, said};
use super::{Body, Parameter, Reading, Style, is_true, items, members, text};

/// How our own documents mark a parameter that is the rest of the path.
const CATCH_ALL: &str = "x-ketch-catch-all";
/// Headers that OpenAPI leaves to other parts of a document: as parameters they are ignored.
const RULED: [&str; 3] = ["accept", "content-type", "authorization"];

impl Reading<'_> {
    /// The parameters of lists of which a later one's stand in place of an earlier one's.
    pub(super) fn parameters(&mut self, lists: &[Place]) -> Vec<Parameter> {
        let mut all: Vec<Parameter> = Vec::new();
        for list in lists {
            for index in 0..items(self.shelf.get(list)).count() {
                let Some(parameter) = self.parameter(&list.member(&index.to_string())) else { continue };
                let same = |other: &Parameter| {
                    other.place == parameter.place
                        && match parameter.place {
                            In::Header => other.name.eq_ignore_ascii_case(&parameter.name),
                            _ => other.name == parameter.name,
                        }
                };
                match all.iter().position(same) {
                    Some(known) => all[known] = parameter,
                    None => all.push(parameter),
                }
            }
        }
        all
    }

    fn parameter(&mut self, at: &Place) -> Option<Parameter> {
        let (at, value) = match self.shelf.follow(at) {
            Ok(found) => found,
            Err(why) => {
                self.told.add(at, format!("the parameter is left out: {why}"));
                return None;
            }
        };
        let (name, place) = (said(value, "name"), said(value, "in"));
        let place = match place.as_str() {
            "path" => In::Path,
            "query" => In::Query,
            "header" => In::Header,
            "cookie" => In::Cookie,
            _ => {
                self.told.add(&at, "the parameter is left out: `in` is path, query, header or cookie");
                return None;
            }
        };
        if name.is_empty() {
            self.told.add(&at, "the parameter is left out: it has no name");
            return None;
        }
        if place == In::Header && RULED.iter().any(|ruled| name.eq_ignore_ascii_case(ruled)) {
            self.told
                .add(&at, format!("`{name}` is left out: OpenAPI says it by content types and security"));
            return None;
        }
        self.told.without(value, &at, &["allowEmptyValue", "allowReserved"], "");
        for (name, _) in members(Some(value)).filter(|(name, _)| name.starts_with("x-") && *name != CATCH_ALL)
        {
            self.schemas.extension(name, &at);
        }
        let (style, schema) = self.value(value, place, &at);
        let examples = members(value.get("examples")).find_map(|(_, example)| example.get("value").cloned());
        let deprecated = is_true(value.get("deprecated")).then(|| "Deprecated.".to_owned());
        let about: Vec<String> =
            deprecated.into_iter().chain(value.get("description").and_then(text)).collect();
        Some(Parameter {
            at: at.to_string(),
            name,
            place,
            required: place == In::Path || is_true(value.get("required")),
            description: Some(about.join(" ")).filter(|text| !text.is_empty()),
            schema,
            style,
            example: value.get("example").cloned().or(examples),
            catch_all: is_true(value.get(CATCH_ALL)),
        })
    }

    /// How a parameter is written, and what it accepts.
    fn value(&mut self, value: &Value, place: In, at: &Place) -> (Style, Value) {
        if let Some((media_type, _)) = members(value.get("content")).next() {
            let schema =
                self.schemas.read(&at.member("content").member(media_type).member("schema"), &mut self.told);
            return (if is_json(media_type) { Style::Json } else { Style::Odd }, schema);
        }
        let explode = value.get("explode").and_then(Value::as_bool);
        let written = said(value, "style");
        let style = match (place, written.as_str()) {
            (In::Query, "" | "form") if explode.unwrap_or(true) => Style::Plain,
            (In::Query, "" | "form") => Style::Joined(","),
            (In::Query, "spaceDelimited") => Style::Joined(" "),
            (In::Query, "pipeDelimited") => Style::Joined("|"),
            (In::Query, "deepObject") => Style::Deep,
            (In::Path, "" | "simple") => Style::Joined(","),
            (In::Header, "" | "simple") | (In::Cookie, "" | "form") => Style::Plain,
            _ => Style::Odd,
        };
        if value.get("schema").is_none() {
            // Swagger 2 had the type here, and many documents still do.
            return (style, json!({ "type": "string" }));
        }
        (style, self.schemas.read(&at.member("schema"), &mut self.told))
    }

    /// The body, of the media type that can best be said.
    pub(super) fn body(&mut self, at: &Place, method: &str) -> Option<Body> {
        self.shelf.get(at)?;
        let (at, value) = match self.shelf.follow(at) {
            Ok(found) => found,
            Err(why) => {
                self.told.add(at, format!("the body is left out: {why}"));
                return None;
            }
        };
        let content = at.member("content");
        let types: Vec<&String> = members(value.get("content")).map(|(name, _)| name).collect();
        if types.is_empty() {
            return None;
        }
        if method == "GET" {
            self.told.add(&at, "the body is left out: that of a GET is not read");
            return None;
        }
        let best = *types.iter().min_by_key(|name| rank(name))?;
        for other in types.iter().filter(|other| **other != best) {
            let same = value["content"][other.as_str()].get("schema")
                == value["content"][best.as_str()].get("schema");
            // Whatever reads JSON reads forms too.
            if rank(other) >= 3 || !same {
                self.told.add(
                    &content.member(other),
                    format!("the body of this type is left out: `{best}` stands for all"),
                );
            }
        }
        let media = content.member(best);
        if rank(best) < 3 {
            self.encodings(&media.member("encoding"));
        }
        let schema = self.schemas.read(&media.member("schema"), &mut self.told);
        Some(Body {
            at: media.member("schema").to_string(),
            required: value.get("required").and_then(Value::as_bool),
            description: value.get("description").and_then(text),
            media_type: best.clone(),
            schema,
        })
    }

    /// How members of a form are encoded is up to whoever reads them.
    fn encodings(&mut self, at: &Place) {
        for (name, encoding) in members(self.shelf.get(at)) {
            let here = at.member(name);
            self.told.without(encoding, &here, &["headers", "style", "explode", "allowReserved"], "");
            if let Some(types) = encoding.get("contentType").and_then(text) {
                self.told.add(
                    &here.member("contentType"),
                    format!("that this part is {types:.80} is left out: its type is not looked at"),
                );
            }
        }
    }
}

/// Which media type says a body best: the least.
fn rank(media_type: &str) -> usize {
    match essence(media_type).as_str() {
        "application/json" => 0,
        it if it.starts_with("application/") && it.ends_with("+json") => 0,
        "multipart/form-data" => 1,
        "application/x-www-form-urlencoded" => 2,
        "*/*" | "application/*" => 3,
        _ => 4,
    }
}

/// A media type without its parameters.
pub(super) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(super) fn is_json(media_type: &str) -> bool {
    let essence = essence(media_type);
    essence == "application/json"
        || essence.ends_with("+json")
        || essence == "*/*"
        || essence == "application/*"
}
