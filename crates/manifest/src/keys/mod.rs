//! The keys of manifests: one table from which the reader, the JSON Schema and the reference page are made.
//!
//! A key that is read but not listed fails the tests of its reader: [`Fields`](crate::Fields) looks each one up here.

mod api;
mod drivers;
mod page;
mod project;
mod schema;

use ketch_syntax::{KEYS, Key, Kind, Spec};

pub use api::{METHOD, NODE, PARAM};
pub use drivers::{EXEC, SQL, WASM};
pub use page::page;
pub use project::PROJECT;
pub(crate) use project::{API, CACHE, CONTROLLERS, MIDDLEWARES, MIGRATIONS, TYPES};
pub use schema::{api_schema, project_schema};

/// An object of a manifest: what may stand in it.
#[derive(Debug)]
pub struct Keys {
    /// Its name in the schema and on the reference page.
    pub name: &'static str,
    /// What it is, in one or two sentences.
    pub about: &'static str,
    /// Its members.
    pub members: &'static [Member],
    /// Which settings may stand among them.
    pub settings: Which,
}

/// One member.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What its value looks like.
    pub form: Form,
    /// What holds when it is left out.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
}

/// What a member's value looks like.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number, 0 or more.
    Count,
    /// A time: `"30s"`.
    Duration,
    /// Bytes: `"64kb"`.
    Size,
    /// Text, or `{"env": "NAME"}`: that of a variable of the server's environment.
    Secret,
    /// A list of texts.
    Texts,
    /// Text, or a list of texts.
    TextOrTexts,
    /// An object of texts whose names are the user's.
    TextMap,
    /// An object of texts, or `true`, whose names are the user's.
    Variables,
    /// An object of `"ro"` or `"rw"`, whose names are folders.
    Folders,
    /// The name of a type.
    Type,
    /// Any JSON value.
    Any,
    /// An object.
    Object(&'static Keys),
    /// An object of such objects, whose names are the user's.
    Map(&'static Keys),
}

/// Which settings an object may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// None.
    None,
    /// Those that are inherited.
    Inherited,
    /// Those that belong to one endpoint too.
    All,
}

impl Which {
    /// The settings. `root` and `route` are never among them: the tree itself says where an endpoint is.
    pub fn specs(self) -> impl Iterator<Item = &'static Spec> {
        KEYS.iter().filter(move |spec| match self {
            Self::None => false,
            Self::Inherited => spec.inherited && spec.key != Key::Root,
            Self::All => ![Key::Root, Key::Route].contains(&spec.key),
        })
    }
}

impl Keys {
    /// Whether a member may have this name.
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name) || self.setting(name).is_some()
    }

    /// The options of a driver that has some.
    pub(crate) fn of_driver(name: &str) -> Option<&'static Self> {
        [("exec", &EXEC), ("sql", &SQL), ("wasm", &WASM)]
            .into_iter()
            .find_map(|(of, keys)| (of == name).then_some(keys))
    }

    /// The setting that this name is of; `+name` and `-name` are of lists.
    fn setting(&self, name: &str) -> Option<&'static Spec> {
        let bare = name.strip_prefix(['+', '-']);
        self.settings.specs().find(|spec| match bare {
            Some(bare) => spec.kind == Kind::Names && spec.names.contains(&bare),
            None => spec.names.contains(&name),
        })
    }
}

impl Member {
    /// Whether nothing holds when it is left out.
    pub fn is_required(&self) -> bool {
        matches!(self.form, Form::Type)
    }

    /// Whether it is there for old files only.
    pub fn is_old(&self) -> bool {
        self.about.starts_with("Accepted for old files")
    }
}

const fn member(name: &'static str, form: Form, default: &'static str, about: &'static str) -> Member {
    Member { name, form, default, about }
}
