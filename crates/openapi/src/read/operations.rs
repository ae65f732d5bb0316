//! Paths and their methods.

use serde_json::Value;

use super::library::{Place, said};
use super::{MOST_OPERATIONS, Need, Notes, Operation, Reading, is_empty, is_true, items, members, text};

const METHODS: [(&str, &str); 5] =
    [("get", "GET"), ("post", "POST"), ("put", "PUT"), ("patch", "PATCH"), ("delete", "DELETE")];

impl Reading<'_> {
    /// All operations. One that cannot be read is told of and left out.
    pub(super) fn operations(&mut self) -> Result<Vec<Operation>, String> {
        let library = self.shelf;
        let paths = Place::root().member("paths");
        let mut operations = Vec::new();
        for (path, _) in members(library.get(&paths)) {
            if path.starts_with("x-") {
                self.schemas.extension(path, &paths);
                continue;
            }
            let (at, item) = match library.follow(&paths.member(path)) {
                Ok(found) => found,
                Err(why) => {
                    self.told.add(&paths.member(path), format!("the path is left out: {why}"));
                    continue;
                }
            };
            for (name, value) in members(Some(item)) {
                let here = at.member(name);
                match name.as_str() {
                    "head" | "options" => {
                        self.told.add(&here, format!("{} is answered by itself", name.to_uppercase()));
                    }
                    "trace" => self.told.add(&here, "TRACE is left out: it is never answered"),
                    "servers" if !is_empty(value) => self.told.add(&here, "servers of one path are left out"),
                    name if name.starts_with("x-") => self.schemas.extension(name, &at),
                    _ => {}
                }
            }
            for (name, method) in METHODS {
                let here = at.member(name);
                if !library.get(&here).is_some_and(Value::is_object) {
                    continue;
                }
                // Some documents keep each operation in a file of its own.
                let here = match library.follow(&here) {
                    Ok((here, _)) => here,
                    Err(why) => {
                        self.told.add(&here, format!("the operation is left out: {why}"));
                        continue;
                    }
                };
                if operations.len() >= MOST_OPERATIONS {
                    return Err(format!("has more than {MOST_OPERATIONS} operations"));
                }
                operations.push(self.operation(path, method, &at, &here));
            }
        }
        Ok(operations)
    }

    fn operation(&mut self, path: &str, method: &'static str, item: &Place, at: &Place) -> Operation {
        let library = self.shelf;
        let own = library.get(at).unwrap_or(&Value::Null);
        let shared = library.get(item).unwrap_or(&Value::Null);
        // What is told meanwhile belongs to this operation, and stands at it too.
        let before = self.told.list.len();
        for (name, value) in members(Some(own)) {
            let here = at.member(name);
            match name.as_str() {
                "callbacks" if !is_empty(value) => {
                    for (callback, _) in members(Some(value)) {
                        self.told.add(
                            &here.member(callback),
                            "the callback is left out: it is a request that the API makes",
                        );
                    }
                }
                "servers" if !is_empty(value) => {
                    self.told.add(&here, "servers of one operation are left out")
                }
                "externalDocs" => self.told.add(&here, "`externalDocs` is left out"),
                name if name.starts_with("x-") => self.schemas.extension(name, at),
                _ => {}
            }
        }
        let parameters = self.parameters(&[item.member("parameters"), at.member("parameters")]);
        let body = self.body(&at.member("requestBody"), method);
        let (reply, others) = self.replies(&at.member("responses"));
        let (needs_at, needs) = self.needs(at, own);
        let said = |name: &str| own.get(name).or_else(|| shared.get(name)).and_then(text);
        Operation {
            at: at.to_string(),
            method,
            path: path.to_owned(),
            id: own.get("operationId").and_then(text),
            tags: items(own.get("tags")).filter_map(text).collect(),
            summary: said("summary"),
            description: said("description"),
            deprecated: is_true(own.get("deprecated")),
            parameters,
            body,
            reply,
            others,
            needs_at,
            needs,
            told: self.told.list[before..].to_vec(),
        }
    }

    /// Who may call, as alternatives, and where that stands.
    fn needs(&mut self, at: &Place, own: &Value) -> (String, Vec<Vec<Need>>) {
        let (place, said) = match own.get("security") {
            Some(own) => (at.member("security"), Some(own)),
            None => (Place::root().member("security"), self.shelf.get(&Place::root().member("security"))),
        };
        let mut all = Vec::new();
        for (index, alternative) in items(said).enumerate() {
            let here = place.member(&index.to_string());
            let needs: Vec<Need> = members(Some(alternative))
                .map(|(scheme, scopes)| Need {
                    scheme: scheme.clone(),
                    how: self.scheme(scheme, &here),
                    scopes: items(Some(scopes)).filter_map(text).collect(),
                })
                .collect();
            all.push(needs);
        }
        // Who need not bring anything may call.
        if all.iter().any(Vec::is_empty) {
            if all.len() > 1 {
                self.told.add(&place, "credentials may be left out, so that everybody may call");
            }
            return (place.to_string(), Vec::new());
        }
        (place.to_string(), all)
    }

    /// What a security scheme is, in words.
    fn scheme(&mut self, name: &str, at: &Place) -> String {
        let place = Place::root().member("components").member("securitySchemes").member(name);
        let Ok((_, scheme)) = self.shelf.follow(&place) else {
            self.told.add(at, format!("there is no security scheme `{name:.60}`"));
            return "an unknown scheme".to_owned();
        };
        let of = |name: &str| said(scheme, name);
        match of("type").as_str() {
            "apiKey" => format!("{} {}", of("in"), of("name")),
            "http" => format!("HTTP {}", of("scheme")),
            "oauth2" => "OAuth 2".to_owned(),
            "openIdConnect" => "OpenID Connect".to_owned(),
            "mutualTLS" => "a certificate".to_owned(),
            other => format!("{other:.60}"),
        }
    }
}

impl Notes {
    /// Adds what is said of one member of a value, if it is there.
    pub(super) fn without(&mut self, value: &Value, at: &Place, names: &[&str], what: &str) {
        for name in names {
            if value.get(name).is_some_and(|it| !is_empty(it) && *it != Value::Bool(false)) {
                self.add(&at.member(name), format!("`{name}` is left out{what}"));
            }
        }
    }
}
