//! A project: the folder, its project file, and the API that it declares.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ketch_model::{Inferred, Level, Leveled, Place, Problem, Problems, Settings, resolve};
use ketch_syntax::suggestion;
use ketch_web::Redirect;
use url::Url;

use crate::caches::CacheDefinition;
use crate::drivers::Tabled;
use crate::fields::{Fields, Spelling};
use crate::footprint::Footprint;
use crate::include::Includes;
use crate::keys::{self, Keys, PROJECT, Which};
use crate::source::{Source, Spanned};
use crate::stray::{self, is_there};
use crate::tree::{self, Declared, Tree};

/// A project, read and checked as far as its files go.
#[derive(Debug)]
pub struct Project {
    /// Its project file.
    pub file: ProjectFile,
    /// Its endpoints, in the order written.
    pub endpoints: Vec<Declared>,
    /// The nodes that are tables of the database.
    pub tables: Vec<Tabled>,
    /// The files that were read: the project file, the API file and what these include.
    pub files: Vec<PathBuf>,
    /// Whether nothing of the API file had to be left out.
    pub(crate) complete: bool,
}

/// What the project file says, `ketch.json` or `aicra.json`.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// The folder of controllers, middlewares and the rest: the project's own unless `root` says another.
    pub root: PathBuf,
    /// Whether it is an `aicra.json`: absent scopes deny then, and executables get their JSON in argv too.
    pub seed: bool,
    /// The driver of controllers whose kind does not say, by its own name: `exec`, `wasm`.
    pub driver: Option<String>,
    /// Whether the built-in types are there.
    pub default_types: bool,
    /// Where things are.
    pub folders: Folders,
    /// What the documents say of the API.
    pub api: Api,
    /// The caches that it defines.
    pub caches: Vec<CacheDefinition>,
    /// Origins that redirects may lead to.
    pub redirects: Vec<String>,
    /// Settings of all its endpoints.
    pub settings: Settings,
    /// The part that its migrations are recorded as: `app` unless something else was said.
    pub part: String,
    /// What it says for each driver, by the driver's name.
    pub options: Vec<(String, Spanned)>,
    /// What the files come to that its programs may load, once it has been asked for.
    sources: Arc<OnceLock<u64>>,
}

/// What the documents say of an API as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Api {
    /// Its title.
    pub title: Option<String>,
    /// The version of the whole.
    pub version: Option<String>,
    /// What it is.
    pub description: Option<String>,
}

/// The folders of a project, below its root.
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

/// One of a project's folders.
type FolderOf = fn(&mut Folders) -> &mut PathBuf;

/// The API file.
const API_FILE: &str = "api.json";

impl Project {
    /// Reads the project in a folder. What can be read is there even when there are problems, so that one run finds all.
    /// The problems are those of the files; [`lower`](Self::lower) finds the others.
    pub fn open(folder: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        let mut found = Vec::new();
        let project = Self::read(folder, &mut found);
        problems.extend(Problems::sorted(found).0);
        project
    }

    /// The files that the API file includes, below the project's folder, and those that `run` names, below its root. As
    /// far as it can be read.
    pub(crate) fn named(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let mut unheard = Vec::new();
        let api = Source::read(&folder.join(API_FILE), API_FILE).ok();
        let Some(api) = api.and_then(|source| source.parse(&mut unheard)) else { return Default::default() };
        let (api, included) = Includes::resolve(folder, API_FILE, api, &mut unheard);
        let mut run = Vec::new();
        api.texts_called("run", &mut run);
        let file = |run: &str| PathBuf::from(run.split_once(':').map_or(run, |(_, file)| file));
        (included, run.into_iter().filter(|run| !run.starts_with("native:")).map(file).collect())
    }

    fn read(folder: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        if !folder.is_dir() {
            let message = if folder.exists() { "is no folder" } else { "is not there" };
            let message = format!("{message}: a project is a folder with an `{API_FILE}`");
            problems.push(Problem::new(None, folder.display().to_string(), message));
            return None;
        }
        let mut files = Vec::new();
        let file = ProjectFile::read(folder, &mut files, problems);
        let api = folder.join(API_FILE);
        if !is_there(&api) {
            let message = format!(
                "has no `{API_FILE}`, which says what the API is; begin with `{{ \"GET\": {{ \"info\": \"Says hello.\" }} }}`"
            );
            problems.push(Problem::new(None, folder.display().to_string(), message));
            return None;
        }
        files.push(api.clone());
        let api =
            Source::read(&api, API_FILE).map_err(|problem| problems.push(problem)).ok()?.parse(problems)?;
        let file = file?;
        let read = problems.len();
        let (api, included) = Includes::resolve(folder, API_FILE, api, problems);
        files.extend(included.iter().map(|file| folder.join(file)));
        let all_read = problems.len() == read;
        let Tree { endpoints, tables, complete } = tree::read(&api, &file, problems);
        Some(Self { file, endpoints, tables, files, complete: complete && all_read })
    }
}

impl ProjectFile {
    /// What holds when there is no project file.
    pub(crate) fn of(folder: &Path, seed: bool) -> Self {
        Self {
            root: folder.to_owned(),
            seed,
            driver: None,
            default_types: true,
            folders: Folders::default(),
            api: Api::default(),
            caches: Vec::new(),
            redirects: Vec::new(),
            settings: Settings::new(),
            part: "app".to_owned(),
            options: Vec::new(),
            sources: Arc::default(),
        }
    }

    /// A number that differs when a file does that its programs may load: what one imports, it reads only once. It is
    /// that of when it was asked for first.
    pub(crate) fn sources(&self) -> u64 {
        *self.sources.get_or_init(|| Footprint::new(&self.root, &self.root, &self.folders).sources())
    }

    /// Reads the project file of a folder alone.
    pub(crate) fn open(folder: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        Self::read(folder, &mut Vec::new(), problems)
    }

    fn read(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) -> Option<Self> {
        for (name, meant) in stray::slips(folder) {
            let message = format!("is not read: did you mean `{meant}`? Rename it, or take it away");
            problems.push(Problem::new(None, name, message));
        }
        // One that leads nowhere is there too: without what it says, endpoints may stand open.
        let there = ["ketch.json", "aicra.json"].map(|name| is_there(&folder.join(name)).then_some(name));
        if let [Some(one), Some(other)] = there {
            let message = format!(
                "there is an `{other}` too: keep one of them, `{one}` unless the project is an old one"
            );
            problems.push(Problem::new(None, one, message));
        }
        let Some(name) = there.into_iter().flatten().next() else { return Some(Self::of(folder, false)) };
        let mut file = Self::of(folder, name == "aicra.json");
        files.push(folder.join(name));
        let source = Source::read(&folder.join(name), name).map_err(|problem| problems.push(problem)).ok()?;
        let value = source.parse(problems)?;
        file.fill(&value, name, problems)?;
        Some(file)
    }

    /// What a value says as a project file of this name.
    pub(crate) fn of_value(folder: &Path, name: &str, value: &Spanned, problems: &mut Vec<Problem>) -> Self {
        let mut file = Self::of(folder, name == "aicra.json");
        let _unreadable = file.fill(value, name, problems);
        file
    }

    fn fill(&mut self, value: &Spanned, name: &str, problems: &mut Vec<Problem>) -> Option<()> {
        let spelling = if self.seed { Spelling::Seed } else { Spelling::Exact };
        let mut fields = Fields::by(&PROJECT, value, name, problems)?.spelled(spelling);
        if let Some(value) = fields.get("root")
            && let Some(root) = fields.text("root", problems)
        {
            self.root = self.root.join(root);
            if !self.root.is_dir() {
                let message = format!("the `root` {} is no folder", self.root.display());
                problems.push(Problem::new(Some(value.place.clone()), name, message));
            }
        }
        self.driver =
            fields.get("driver").and_then(|it| driver(it, fields.text("driver", problems)?, name, problems));
        let sections: [(&str, &'static Keys, FolderOf); 4] = [
            ("types", &keys::TYPES, |folders| &mut folders.types),
            ("controllers", &keys::CONTROLLERS, |folders| &mut folders.controllers),
            ("middlewares", &keys::MIDDLEWARES, |folders| &mut folders.middlewares),
            ("migrations", &keys::MIGRATIONS, |folders| &mut folders.migrations),
        ];
        for (name, keys, folder) in sections {
            self.section(&mut fields, name, keys, folder, problems);
        }
        if let Some(mut api) = fields.get("api").and_then(|it| Fields::by(&keys::API, it, "api", problems)) {
            let mut text = |name| api.text(name, problems).map(str::to_owned);
            self.api =
                Api { title: text("title"), version: text("version"), description: text("description") };
            api.finish(problems);
        }
        if let Some(caches) = fields.get("caches") {
            self.caches = CacheDefinition::read_all(caches, spelling, problems);
        }
        for (origin, place) in fields.texts("redirects", problems).unwrap_or_default() {
            match origin_fault(origin) {
                None => self.redirects.push(origin.to_owned()),
                Some(message) => problems.push(Problem::new(Some(place.clone()), name, message)),
            }
        }
        self.settings = tree::settings(&mut fields, Which::Inherited, spelling, problems);
        let levels = [Leveled(Level::Project, &self.settings)];
        problems.extend(resolve(name, Inferred { root: "", route: "" }, &levels).err().unwrap_or_default());
        for driver in tree::DRIVERS {
            self.options
                .extend(fields.options(driver, problems).map(|value| (driver.to_owned(), value.clone())));
        }
        for ignored in ["host", "port", "$schema"] {
            let _unused = fields.get(ignored);
        }
        fields.finish(problems);
        Some(())
    }

    fn section(
        &mut self,
        fields: &mut Fields<'_>,
        name: &str,
        keys: &'static Keys,
        folder: FolderOf,
        problems: &mut Vec<Problem>,
    ) {
        let section = fields.get(name).and_then(|it| Fields::by(keys, it, name, problems));
        let Some(section) = section else { return };
        let mut section = section.spelled(if self.seed { Spelling::Seed } else { Spelling::Exact });
        if let Some(value) = section.get("folder")
            && let Some(path) = section.text("folder", problems)
        {
            match within(path, &value.place, name) {
                Ok(path) => {
                    // Without it, what it guards would stand open. An old project denies what nothing opens.
                    if name == "middlewares"
                        && !self.seed
                        && self.root.is_dir()
                        && !self.root.join(&path).is_dir()
                    {
                        let message = format!(
                            "the folder `{}` is not there: make it, or write where the middlewares are",
                            path.display()
                        );
                        problems.push(Problem::new(Some(value.place.clone()), name, message));
                    }
                    *folder(&mut self.folders) = path;
                }
                Err(problem) => problems.push(problem),
            }
        }
        if name == "types" {
            self.default_types = section.flag("default", problems).unwrap_or(!self.seed);
        }
        if name == "migrations"
            && let Some(part) = section.text("part", problems)
        {
            part.clone_into(&mut self.part);
        }
        section.finish(problems);
    }
}

/// A driver's own name.
fn driver(value: &Spanned, text: &str, file: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let name = match lower.as_str() {
        "generic" | "exec" => "exec",
        "plugin" | "wasm" => "wasm",
        _ => {
            let hint = suggestion(&lower, ["exec", "wasm", "generic", "plugin"]);
            let message = format!("there is no driver `{text}`{hint}");
            problems.push(Problem::new(Some(value.place.clone()), file, message));
            return None;
        }
    };
    Some(name.to_owned())
}

/// A folder below the project's root.
fn within(path: &str, place: &Place, section: &str) -> Result<PathBuf, Problem> {
    let problem = |message: String| Problem::new(Some(place.clone()), section, message);
    let mut folder = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => folder.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                return Err(problem(format!(
                    "the folder `{path}` leads out of the project: `..` is not for here"
                )));
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(problem(format!("the folder `{path}` must be relative to `root`")));
            }
        }
    }
    if folder.as_os_str().is_empty() {
        return Err(problem(format!("the folder `{path}` is the project itself: name a folder in it")));
    }
    Ok(folder)
}

/// Why a text is no origin.
fn origin_fault(text: &str) -> Option<String> {
    if text.contains('*') {
        return Some(format!(
            "`{text}` is no origin: none stands for many here; name each, `https://app.example`"
        ));
    }
    if Redirect::<303>::to_allowed("/", &[text]).is_ok() {
        return None;
    }
    let origin =
        Url::parse(text).ok().filter(|url| url.has_host()).map(|url| url.origin().ascii_serialization());
    match origin {
        Some(origin) if origin != "null" && origin != text => {
            Some(format!("`{text}` is more than an origin: write `{origin}`"))
        }
        _ => Some(format!("`{text}` is no origin: write `https://app.example`")),
    }
}
