//! Files that stand in other files: an object that says `"$include": "user.json"` has the members of that file's object
//! too. What the file says is told with the file's own places.
//!
//! Files are relative to the one that names them and inside of the project's folder, however links lead.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use ketch_model::{Place, Problem};

use crate::fields::near;
use crate::source::{Json, Source, Spanned};

/// How many files may stand in one another.
const DEEPEST: usize = 8;

/// How many times files may be named in one project.
const MOST: usize = 512;

/// Bytes of all files of a project together, each counted whenever it is named.
const MOST_BYTES: usize = 16 << 20;

/// The inclusions of a project.
pub(crate) struct Includes<'p> {
    folder: PathBuf,
    problems: &'p mut Vec<Problem>,
    /// The files that stand in one another at this moment, outermost first.
    open: Vec<PathBuf>,
    files: Vec<PathBuf>,
    count: usize,
    bytes: usize,
}

impl<'p> Includes<'p> {
    /// The value of the file `name` with everything that it includes, and the files of that below the folder.
    pub(crate) fn resolve(
        folder: &Path,
        name: &str,
        value: Spanned,
        problems: &'p mut Vec<Problem>,
    ) -> (Spanned, Vec<PathBuf>) {
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let open = vec![folder.join(name)];
        let mut all = Self { folder, problems, open, files: Vec::new(), count: 0, bytes: 0 };
        let value = all.value(value);
        (value, all.files)
    }

    fn value(&mut self, mut value: Spanned) -> Spanned {
        match &mut value.value {
            Json::List(items) => {
                *items = std::mem::take(items).into_iter().map(|item| self.value(item)).collect();
            }
            Json::Object(members) => *members = self.object(std::mem::take(members)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => {}
        }
        value
    }

    fn object(&mut self, members: Vec<(String, Place, Spanned)>) -> Vec<(String, Place, Spanned)> {
        let mut own = Vec::with_capacity(members.len());
        let mut others = Vec::new();
        for (name, place, value) in members {
            match name.as_str() {
                "$include" => others.extend(self.named(&value)),
                // A default is the user's value, whatever is in it.
                "default" => own.push((name, place, value)),
                _ => own.push((name, place, self.value(value))),
            }
        }
        for member in others {
            self.merge(&mut own, member);
        }
        own
    }

    /// Adds a member of an included file. Paths below a node may come from several files; anything else from one.
    fn merge(&mut self, members: &mut Vec<(String, Place, Spanned)>, member: (String, Place, Spanned)) {
        let (name, place, value) = member;
        let Some((_, first, known)) = members.iter_mut().find(|(known, _, _)| *known == name) else {
            members.push((name, place, value));
            return;
        };
        match (&mut known.value, value.value) {
            (Json::Object(known), Json::Object(more)) if name == "/" => {
                for member in more {
                    self.merge(known, member);
                }
            }
            _ if name == "$schema" => {}
            _ => {
                let message = format!("`{name}` is written twice: here and {}", near(first, &place));
                self.problems.push(Problem::new(Some(place), "$include", message));
            }
        }
    }

    /// The members of the files that an `$include` names.
    fn named(&mut self, value: &Spanned) -> Vec<(String, Place, Spanned)> {
        let texts = match &value.value {
            Json::Text(_) => value.as_text().map(|text| vec![text]),
            Json::List(items) => items.iter().map(Spanned::as_text).collect(),
            _ => None,
        };
        let Some(texts) = texts else {
            let message =
                format!("is {}, and must be a file, or a list of files: \"user.json\"", value.kind());
            self.tell(&value.place, message);
            return Vec::new();
        };
        texts.into_iter().filter_map(|(file, place)| self.file(file, place)).flatten().collect()
    }

    fn file(&mut self, file: &str, place: &Place) -> Option<Vec<(String, Place, Spanned)>> {
        self.count += 1;
        if self.count > MOST {
            if self.count == MOST + 1 {
                self.tell(place, format!("more than {MOST} inclusions in one project are too many"));
            }
            return None;
        }
        let path = match self.find(file) {
            Ok(path) => path,
            Err(message) => {
                self.tell(place, message);
                return None;
            }
        };
        let name = path.strip_prefix(&self.folder).unwrap_or(&path).display().to_string();
        if self.open.contains(&path) {
            self.tell(place, format!("`{name}` stands in itself: a file cannot include what includes it"));
            return None;
        }
        if self.open.len() > DEEPEST {
            self.tell(place, format!("files stand in one another more than {DEEPEST} deep here"));
            return None;
        }
        if !self.files.iter().any(|known| known.as_os_str() == name.as_str()) {
            self.files.push(PathBuf::from(&name));
        }
        let source = match Source::read(&path, &name) {
            Ok(source) => source,
            Err(problem) => {
                self.tell(place, format!("`{name}` {}", problem.message));
                return None;
            }
        };
        self.bytes += source.text().len();
        if self.bytes > MOST_BYTES {
            self.tell(place, format!("the files of a project may have {} MiB together", MOST_BYTES >> 20));
            return None;
        }
        let value = source.parse(self.problems)?;
        let Json::Object(members) = value.value else {
            let message = format!("the file is {}, and must be an object: `{{ … }}`", value.kind());
            self.problems.push(Problem::new(Some(value.place), "$include", message));
            return None;
        };
        self.open.push(path);
        let members = self.object(members);
        self.open.pop();
        Some(members)
    }

    /// Where a file is, or why it cannot be.
    fn find(&self, file: &str) -> Result<PathBuf, String> {
        let relative = Path::new(file);
        if relative.is_absolute() {
            return Err(format!("`{file}` must be relative to the file that it stands in"));
        }
        let outside = || format!("`{file}` leads out of the project's folder");
        let here = self.open.last().and_then(|path| path.parent()).unwrap_or(&self.folder);
        // By its words first: whether there is such a file outside is nobody's business.
        let mut path = here.to_owned();
        for component in relative.components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::ParentDir if path != self.folder => drop(path.pop()),
                Component::CurDir => {}
                _ => return Err(outside()),
            }
        }
        let found = fs::canonicalize(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("there is no file `{file}`"),
            _ => format!("`{file}` cannot be read: {error}"),
        })?;
        if found.starts_with(&self.folder) { Ok(found) } else { Err(outside()) }
    }

    fn tell(&mut self, place: &Place, message: String) {
        self.problems.push(Problem::new(Some(place.clone()), "$include", message));
    }
}
