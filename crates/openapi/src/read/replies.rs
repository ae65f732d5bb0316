//! What an operation answers.

use serde_json::{Value, json};

use super::library::{Place, said};
use super::parameters::{essence, is_json};
use super::{Reading, Reply, is_empty, members, text};

impl Reading<'_> {
    /// The reply when all is well, and the statuses of the others with what they mean.
    pub(super) fn replies(&mut self, at: &Place) -> (Reply, Vec<(String, String)>) {
        let library = self.shelf;
        let mut good: Option<(u16, Place)> = None;
        let mut others = Vec::new();
        let statuses: Vec<(&String, &Value)> = members(library.get(at)).collect();
        for (name, _) in &statuses {
            let Some(status) = status(name).filter(|status| (200..300).contains(status)) else { continue };
            if good.as_ref().is_none_or(|(known, _)| status < *known) {
                good = Some((status, at.member(name)));
            }
        }
        let only_default = good.is_none() && statuses.iter().any(|(name, _)| *name == "default");
        if only_default {
            good = Some((200, at.member("default")));
        }
        let chosen = good.as_ref().map(|(_, place)| place.clone());
        for (name, _) in statuses {
            let here = at.member(name);
            if chosen.as_ref() == Some(&here) {
                continue;
            }
            if name.starts_with("x-") {
                self.schemas.extension(name, at);
                continue;
            }
            let Ok((_, response)) = library.follow(&here) else {
                self.told.add(&here, "the reply is left out: its reference leads nowhere");
                continue;
            };
            // What this server answers by itself it says by itself.
            let is_ours = response.get("x-ketch-errors").is_some()
                || response["content"].get("application/problem+json").is_some();
            if !is_ours {
                others.push((name.clone(), said(response, "description")));
            }
        }
        let reply = good.map(|(status, place)| self.reply(status, &place));
        let nothing =
            Reply { at: at.to_string(), status: 200, media_type: None, schema: json!({}), example: None };
        (reply.unwrap_or(nothing), others)
    }

    fn reply(&mut self, status: u16, at: &Place) -> Reply {
        let library = self.shelf;
        let nothing =
            Reply { at: at.to_string(), status, media_type: None, schema: json!({}), example: None };
        let (at, response) = match library.follow(at) {
            Ok(found) => found,
            Err(why) => {
                self.told.add(at, format!("what is answered is left out: {why}"));
                return nothing;
            }
        };
        for (name, _) in members(response.get("links")) {
            self.told.add(&at.member("links").member(name), "the link is left out");
        }
        for (name, _) in members(response.get("headers")) {
            let how = "the header of the reply is left out: a controller sets it with `_HEADERS_`";
            self.told.add(&at.member("headers").member(name), how);
        }
        let content = at.member("content");
        let types: Vec<&String> = members(response.get("content")).map(|(name, _)| name).collect();
        let Some(best) = types.iter().copied().min_by_key(|name| usize::from(!is_json(name))) else {
            return nothing;
        };
        for other in
            types.iter().filter(|other| **other != best && essence(other) != "application/problem+json")
        {
            self.told.add(
                &content.member(other),
                format!("a reply of this type is left out: `{best}` is answered"),
            );
        }
        let place = content.member(best);
        let media = library.get(&place).unwrap_or(&Value::Null);
        let example = self.example(media, &place);
        let schema = self.schemas.read(&place.member("schema"), &mut self.told);
        Reply {
            at: place.member("schema").to_string(),
            status,
            media_type: Some(essence(best)),
            schema,
            example,
        }
    }

    /// The first example of a media type.
    fn example(&mut self, media: &Value, at: &Place) -> Option<Value> {
        if let Some(example) = media.get("example").filter(|it| !it.is_null()) {
            return Some(example.clone());
        }
        let examples = at.member("examples");
        for (name, _) in members(media.get("examples")) {
            let Ok((_, example)) = self.shelf.follow(&examples.member(name)) else { continue };
            if let Some(value) = example.get("value") {
                return Some(value.clone());
            }
            if example.get("externalValue").and_then(text).is_some() {
                self.told.add(&examples.member(name), "the example is left out: it is elsewhere");
            }
        }
        media.get("schema").and_then(|schema| schema.get("example")).filter(|it| !is_empty(it)).cloned()
    }
}

/// A status; `2XX` is the first of its kind.
fn status(name: &str) -> Option<u16> {
    match name {
        "2XX" | "2xx" => Some(200),
        name => name.parse().ok(),
    }
}
