//! The API file: a tree of nodes with methods, and what each method takes and gives.

use http::Method;
use ketch_model::{Op, Place, Problem, Settings, Value};
use ketch_syntax::{KEYS, Key};

use crate::drivers::Tabled;
use crate::fields::Fields;
use crate::project::ProjectFile;
use crate::scopes;
use crate::source::{Json, Spanned};
use crate::types::{Type, Types};

/// The methods that a node may have.
pub(crate) const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// One method of one node.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The node's path, as written: `["user", "{id}"]`.
    pub path: Vec<String>,
    /// The method.
    pub method: Method,
    /// What it is, for the documents.
    pub info: Option<String>,
    /// What it takes, in the order written.
    pub takes: Vec<Param>,
    /// What it gives, in the order written.
    pub gives: Vec<Param>,
    /// What the nodes above it say, outermost first.
    pub above: Vec<Settings>,
    /// What it says itself.
    pub settings: Settings,
    /// What it says runs it: a file, or a driver and what that knows.
    pub run: Option<String>,
    /// What it says for drivers, by their names.
    pub options: Vec<(String, Spanned)>,
    /// Where it is written.
    pub place: Place,
}

/// An argument or an output.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name where it comes from: in the path, query, header, cookie, or the body.
    pub wire: String,
    /// Where it comes from.
    pub site: Site,
    /// Its name for the controller.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it is when it is left out.
    pub default: Option<serde_json::Value>,
    /// What it is, for the documents.
    pub info: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// Where an argument comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// `{name}` in the path.
    Path,
    /// `URL#n`: the n-th segment after the node's path.
    Slot(usize),
    /// `GET@name`.
    Query,
    /// `HEADER@name`.
    Header,
    /// `COOKIE@name`.
    Cookie,
    /// A member of the body.
    Body,
}

impl Declared {
    /// What messages call it: `POST /user/{id}`.
    pub fn subject(&self) -> String {
        format!("{} /{}", self.method, self.path.join("/"))
    }
}

/// The endpoints of an API file, and the tables that are endpoints.
pub(crate) fn read(
    api: &Spanned,
    file: &ProjectFile,
    problems: &mut Vec<Problem>,
) -> (Vec<Declared>, Vec<Tabled>) {
    let types = Types::of(file);
    let mut reader = Reader { seed: file.seed, types, problems, endpoints: Vec::new(), tables: Vec::new() };
    reader.node(api, &[], &[]);
    (reader.endpoints, reader.tables)
}

struct Reader<'p> {
    seed: bool,
    types: Types,
    problems: &'p mut Vec<Problem>,
    endpoints: Vec<Declared>,
    tables: Vec<Tabled>,
}

impl Reader<'_> {
    fn node(&mut self, node: &Spanned, path: &[String], above: &[Settings]) {
        let Some(mut fields) = Fields::of(node, format!("/{}", path.join("/")), self.problems) else {
            return;
        };
        let _editors = fields.get("$schema");
        let mut above = above.to_vec();
        above.push(settings(&mut fields, self.seed, self.problems));
        self.tables.extend(Tabled::read(&mut fields, path, &above, self.problems));
        for name in METHODS {
            if let Some(value) = fields.get(name) {
                self.method(name, value, path, &above);
            }
        }
        let children = fields.get("/");
        fields.finish(self.problems);
        let subject = format!("/{}", path.join("/"));
        let Some(mut children) = children.and_then(|it| Fields::of(it, subject, self.problems)) else {
            return;
        };
        for (name, _, child) in children.others() {
            let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
            self.node(child, &path, &above);
        }
    }

    fn method(&mut self, name: &str, value: &Spanned, path: &[String], above: &[Settings]) {
        let subject = format!("{name} /{}", path.join("/"));
        let Some(mut fields) = Fields::of(value, subject.as_str(), self.problems) else { return };
        let info = fields.text("info", self.problems).map(str::to_owned);
        if self.seed && info.as_deref().unwrap_or_default().trim().is_empty() {
            let message = "has no `info`: say what it does";
            self.problems.push(Problem::new(Some(value.place.clone()), subject.as_str(), message));
        }
        let takes = fields.get("in").map(|it| self.params(it, &subject, path)).unwrap_or_default();
        let gives = fields.get("out").map(|it| self.params(it, &subject, &[])).unwrap_or_default();
        let run = fields.text("run", self.problems).map(str::to_owned);
        let settings = settings(&mut fields, self.seed, self.problems);
        let mut options = Vec::new();
        for driver in ["exec", "sql", "wasm"] {
            options.extend(fields.get(driver).map(|value| (driver.to_owned(), value.clone())));
        }
        // What the driver `sql` is to give, beside `run`.
        options.extend(fields.get("returns").map(|value| ("returns".to_owned(), value.clone())));
        let _unused = fields.get("download");
        fields.finish(self.problems);
        let method = Method::from_bytes(name.as_bytes()).expect("the names are methods");
        let (path, above, place) = (path.to_vec(), above.to_vec(), value.place.clone());
        self.endpoints.push(Declared {
            path,
            method,
            info,
            takes,
            gives,
            above,
            settings,
            run,
            options,
            place,
        });
    }

    fn params(&mut self, value: &Spanned, subject: &str, path: &[String]) -> Vec<Param> {
        let Some(mut fields) = Fields::of(value, subject, self.problems) else { return Vec::new() };
        let others = fields.others();
        others
            .into_iter()
            .filter_map(|(key, place, value)| self.param(key, place, value, subject, path))
            .collect()
    }

    fn param(
        &mut self,
        key: &str,
        place: &Place,
        value: &Spanned,
        subject: &str,
        path: &[String],
    ) -> Option<Param> {
        let subject = format!("{subject}: `{key}`");
        let mut fields = Fields::of(value, subject.as_str(), self.problems)?;
        let info = fields.text("info", self.problems).map(str::to_owned);
        let name = fields.text("name", self.problems).map(str::to_owned);
        let default = fields.get("default").map(Spanned::plain);
        let text = fields.text("type", self.problems);
        fields.finish(self.problems);
        let mut problem = |message: String| {
            self.problems.push(Problem::new(Some(place.clone()), subject.as_str(), message));
        };
        let Some(text) = text else {
            problem("has no `type`".to_owned());
            return None;
        };
        let (optional, text) = text.strip_prefix('?').map_or((false, text), |text| (true, text));
        let ty = match self.types.parse(text) {
            Ok(ty) => ty,
            Err(why) => {
                problem(why);
                return None;
            }
        };
        let (wire, site) = site(key, path);
        let name = name.unwrap_or_else(|| wire.clone());
        Some(Param { wire, site, name, ty, optional, default, info, place: place.clone() })
    }
}

/// Where a key of `in` says that an argument comes from, and its name there.
fn site(key: &str, path: &[String]) -> (String, Site) {
    let after = |prefix: &str| key.strip_prefix(prefix).map(str::to_owned);
    if let Some(slot) = after("URL#").and_then(|digits| digits.parse().ok()) {
        return (format!("url{slot}"), Site::Slot(slot));
    }
    if let Some(name) = after("GET@") {
        return (name, Site::Query);
    }
    if let Some(name) = after("HEADER@") {
        return (name, Site::Header);
    }
    if let Some(name) = after("COOKIE@") {
        return (name, Site::Cookie);
    }
    let captured =
        path.iter().any(|segment| segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) == Some(key));
    (key.to_owned(), if captured { Site::Path } else { Site::Body })
}

/// The settings among an object's members. Lists may be added to with `+name` and dropped from with `-name`.
fn settings(fields: &mut Fields<'_>, seed: bool, problems: &mut Vec<Problem>) -> Settings {
    let mut settings = Settings::new();
    // The tree itself says where an endpoint is.
    for spec in KEYS.iter().filter(|spec| ![Key::Root, Key::Route].contains(&spec.key)) {
        let key = spec.key;
        let Some(value) = spec.names.iter().find_map(|name| fields.get(name)) else { continue };
        if key == Key::Scope {
            match scopes::read(value, seed) {
                Ok(read) => settings = settings.with(key, Op::Set, read, value.place.clone()),
                Err(fault) => {
                    problems.push(Problem::new(Some(value.place.clone()), fields.subject(), fault));
                }
            }
            continue;
        }
        match setting(value) {
            Some(read) => settings = settings.with(key, Op::Set, read, value.place.clone()),
            None => {
                let message = format!("`{}` is {}, which is no setting's value", key.name(), value.kind());
                problems.push(Problem::new(Some(value.place.clone()), fields.subject(), message));
            }
        }
    }
    settings
}

fn setting(value: &Spanned) -> Option<Value> {
    match &value.value {
        Json::Text(text) => Some(Value::Text(text.clone())),
        Json::Bool(flag) => Some(Value::Flag(*flag)),
        Json::Number(digits) => Some(Value::Text(digits.clone())),
        Json::List(_) => texts(value).map(Value::Names),
        Json::Null | Json::Object(_) => None,
    }
}

fn texts(value: &Spanned) -> Option<Vec<String>> {
    let Json::List(items) = &value.value else { return None };
    let text = |item: &Spanned| if let Json::Text(text) = &item.value { Some(text.clone()) } else { None };
    items.iter().map(text).collect()
}
