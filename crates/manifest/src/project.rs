//! A project: the folder, its project file, and the API that it declares.

use std::path::{Path, PathBuf};

use ketch_model::Problem;
use ketch_web::Redirect;

use crate::drivers::Tabled;
use crate::fields::Fields;
use crate::source::{Json, Source, Spanned};
use crate::tree::{self, Declared};

/// A project, read and checked as far as its files go.
#[derive(Debug)]
pub struct Project {
    /// Its project file.
    pub file: ProjectFile,
    /// Its endpoints, in the order written.
    pub endpoints: Vec<Declared>,
    /// The nodes that are tables of the database.
    pub tables: Vec<Tabled>,
}

/// What the project file says, `ketch.json` or `aicra.json`.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// The project's folder.
    pub root: PathBuf,
    /// Whether it is an `aicra.json`: absent scopes deny then, and executables get their JSON in argv too.
    pub seed: bool,
    /// The driver of controllers whose kind does not say.
    pub driver: Option<String>,
    /// Whether the built-in types are there.
    pub default_types: bool,
    /// Where things are.
    pub folders: Folders,
    /// The origins beside the site itself that replies may lead to, `https://app.example`.
    pub redirects: Vec<String>,
    /// The part that its migrations are recorded as: `app` unless something else was said.
    pub part: String,
    /// What it says for each driver, by the driver's name.
    pub options: Vec<(String, Spanned)>,
}

/// The folders of a project, below its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Controllers.
    pub controllers: PathBuf,
    /// Middlewares.
    pub middlewares: PathBuf,
    /// Type checkers.
    pub types: PathBuf,
    /// Migrations.
    pub migrations: PathBuf,
}

impl Default for Folders {
    fn default() -> Self {
        let [controllers, middlewares, types, migrations] =
            ["controller", "middleware", "type", "migrations"].map(PathBuf::from);
        Self { controllers, middlewares, types, migrations }
    }
}

impl Project {
    /// Reads the project in a folder. What can be read is there even when there are problems, so that one run finds all.
    pub fn open(folder: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let file = ProjectFile::open(folder, problems)?;
        let api = Source::read(&file.root.join("api.json"), "api.json").and_then(|source| source.parse());
        let api = api.map_err(|problem| problems.push(problem)).ok()?;
        let (endpoints, tables) = tree::read(&api, &file, problems);
        Some(Self { file, endpoints, tables })
    }
}

impl ProjectFile {
    pub(crate) fn open(folder: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let there = ["ketch.json", "aicra.json"].into_iter().find(|name| folder.join(name).is_file());
        let seed = there == Some("aicra.json");
        let mut file = Self {
            root: folder.to_owned(),
            seed,
            driver: None,
            default_types: true,
            folders: Folders::default(),
            redirects: Vec::new(),
            part: "app".to_owned(),
            options: Vec::new(),
        };
        let Some(name) = there else { return Some(file) };
        let read = Source::read(&folder.join(name), name).and_then(|source| source.parse());
        let value = read.map_err(|problem| problems.push(problem)).ok()?;
        let mut fields = Fields::of(&value, name, problems)?;
        file.driver = fields.text("driver", problems).map(str::to_owned);
        for (key, folder, types) in [
            ("types", &mut file.folders.types, true),
            ("controllers", &mut file.folders.controllers, false),
            ("middlewares", &mut file.folders.middlewares, false),
            ("migrations", &mut file.folders.migrations, false),
        ] {
            let Some(mut section) = fields.get(key).and_then(|it| Fields::of(it, key, problems)) else {
                continue;
            };
            if let Some(path) = section.text("folder", problems) {
                *folder = path.into();
            }
            if types {
                file.default_types = section.flag("default", problems).unwrap_or(!seed);
            }
            if key == "migrations"
                && let Some(part) = section.text("part", problems)
            {
                part.clone_into(&mut file.part);
            }
            section.finish(problems);
        }
        file.redirects = fields.get("redirects").map(|it| redirects(it, problems)).unwrap_or_default();
        for driver in ["exec", "sql", "wasm"] {
            file.options.extend(fields.get(driver).map(|value| (driver.to_owned(), value.clone())));
        }
        for ignored in ["root", "host", "port", "$schema"] {
            let _unused = fields.get(ignored);
        }
        fields.finish(problems);
        Some(file)
    }
}

/// The origins that replies may lead to.
fn redirects(value: &Spanned, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut origins = Vec::new();
    let items =
        if let Json::List(items) = &value.value { items.as_slice() } else { std::slice::from_ref(value) };
    for item in items {
        match &item.value {
            Json::Text(text) if Redirect::<303>::to_allowed("/", &[text]).is_ok() => {
                origins.push(text.clone())
            }
            _ => {
                let message = "lists origins: `[\"https://app.example\"]`, each without a path";
                problems.push(Problem::new(Some(item.place.clone()), "redirects", message));
            }
        }
    }
    origins
}
