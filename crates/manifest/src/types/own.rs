//! Types of a project's own: names that its checkers know.
//!
//! When the project is loaded, each such name is offered to the checkers in the order of their files, once; the first
//! that says yes has it. When a request comes, that one is asked about the value.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ketch_db::Db;
use ketch_model::{Error, Problem};
use ketch_syntax::suggestion;
use serde_json::Value;

use super::{Type, Wrong, below};
use crate::driver::{Checker, Driver, Wanted};
use crate::known::Known;
use crate::project::{Project, ProjectFile};
use crate::sources::{self, Answering, Part};
use crate::tree::Declared;
use crate::{folder, inside};

/// The most values of one request that are given to checkers: each may be a process.
const MOST: usize = 100;

/// A type that a checker knows.
#[derive(Clone)]
pub struct Own {
    name: Arc<str>,
    checker: Option<Arc<dyn Checker>>,
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Own").field(&self.name).finish()
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Own {
    /// A name that no checker has been asked about.
    pub(super) fn unknown(name: &str) -> Self {
        Self { name: name.into(), checker: None }
    }

    /// Its name, as written.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The files of a project's type checkers, in name order. JSON beside them is schemas.
pub(super) fn files(file: &ProjectFile) -> Vec<PathBuf> {
    let mut files = folder::files(&file.root, &file.folders.types);
    files.retain(|path| path.extension().is_none_or(|extension| extension != "json"));
    for (_, answering) in sources::answering_in(&file.root, &file.folders.types, Part::Type) {
        if let Answering::File(program) = answering {
            files.push(program);
        }
    }
    files
}

/// The endpoints of a project, with a checker for each type of its own. Checkers that cannot be made ready and names
/// that none of them knows are problems.
pub(crate) fn resolved<'d>(
    project: &Project,
    driver: impl Fn(&Path) -> Option<&'d Arc<dyn Driver>>,
    (db, known): (Option<&Db>, &Known),
    problems: &mut Vec<Problem>,
) -> Vec<Declared> {
    let file = &project.file;
    let mut checkers: Vec<Arc<dyn Checker>> = Vec::new();
    for (_, answering) in sources::answering_in(&file.root, &file.folders.types, Part::Type) {
        if let Answering::Unbuilt(source) = answering {
            let main = source.folder.join(source.main).display().to_string();
            problems.push(Problem::new(None, main, folder::unbuilt(&source)));
        }
    }
    for path in files(file) {
        if let Err(why) = inside::check(&file.root, &path) {
            problems.push(Problem::new(None, path.display().to_string(), why));
            continue;
        }
        let Some(driver) = driver(&path) else {
            problems.push(Problem::new(None, path.display().to_string(), "no driver knows this file"));
            continue;
        };
        // What the project file says for a driver it finds there.
        match driver.checker(&Wanted { project: file, file: &path, endpoint: None, options: None, db, known })
        {
            Ok(checker) => checkers.push(checker),
            Err(found) => problems.extend(found),
        }
    }
    let mut endpoints = project.endpoints.clone();
    let mut named = BTreeMap::new();
    for endpoint in &mut endpoints {
        let subject = endpoint.subject();
        let gives = endpoint.gives.iter_mut().map(|param| (param, file.seed));
        for (param, for_people) in endpoint.takes.iter_mut().map(|param| (param, false)).chain(gives) {
            let mut unknown = Vec::new();
            param.ty.each_own(&mut |own| {
                let asked = named.entry(own.name.clone()).or_insert_with(|| ask(&checkers, &own.name));
                match asked {
                    Ok(checker) => own.checker = Some(Arc::clone(checker)),
                    Err(why) => unknown.push(why.clone()),
                }
            });
            if for_people && !unknown.is_empty() {
                // Old projects say in words of their own what they give; nobody ever read it but people.
                param.ty = Type::Any;
                continue;
            }
            let subject = format!("{subject}: `{}`", param.wire);
            problems.extend(
                unknown.into_iter().map(|why| Problem::new(Some(param.place.clone()), subject.as_str(), why)),
            );
        }
    }
    endpoints
}

/// The first checker that knows a name.
fn ask(checkers: &[Arc<dyn Checker>], name: &str) -> Result<Arc<dyn Checker>, String> {
    for checker in checkers {
        match checker.matches(name) {
            Ok(true) => return Ok(Arc::clone(checker)),
            Ok(false) => {}
            Err(why) => return Err(format!("a type checker could not say whether it knows `{name}`: {why}")),
        }
    }
    let hint = suggestion(name, super::written::NAMES);
    Err(format!("`{name}` is no built-in type, and none of the project's type checkers knows it{hint}"))
}

/// The values of one request that checkers are still to be asked about.
#[derive(Debug, Default)]
pub(crate) struct Checks(usize);

impl Checks {
    /// Asks about every value of a type of the project's own in a value of `ty`.
    ///
    /// # Errors
    /// What the checker failed with.
    pub(crate) async fn ask(&mut self, ty: &Type, value: &Value) -> Result<Vec<Wrong>, Error> {
        let mut asked = Vec::new();
        collect(ty, value, &mut String::new(), &mut asked);
        let mut wrongs = Vec::new();
        for (at, own, value) in asked {
            self.0 += 1;
            if self.0 > MOST {
                let message = format!("has more than {MOST} values that need a type checker");
                wrongs.push(Wrong { at, ..Wrong::rule(message) });
                break;
            }
            let Some(checker) = &own.checker else {
                return Err(Error::internal(format!("no checker was found for `{}`", own.name)));
            };
            if !checker.check(&own.name, value).await? {
                wrongs.push(Wrong { at, ..Wrong::rule(format!("must be a `{}`", own.name)) });
            }
        }
        Ok(wrongs)
    }
}

/// The values in a value that are of types of the project's own, one more than are asked about at most.
fn collect<'v>(ty: &'v Type, value: &'v Value, at: &mut String, out: &mut Vec<(String, &'v Own, &'v Value)>) {
    if out.len() > MOST {
        return;
    }
    match (ty, value) {
        (Type::Own(own), value) => out.push((at.clone(), own, value)),
        (Type::Nullable(_), Value::Null) => {}
        (Type::Nullable(inner), value) => collect(inner, value, at, out),
        (Type::List(item), Value::Array(items)) if item.has_own() => {
            for (index, value) in items.iter().enumerate() {
                below(at, &index.to_string(), |at| collect(item, value, at, out));
            }
        }
        (Type::Map(_, inner), Value::Object(members)) if inner.has_own() => {
            for (name, value) in members {
                below(at, name, |at| collect(inner, value, at, out));
            }
        }
        _ => {}
    }
}

impl Type {
    /// Whether a checker must be asked.
    pub(crate) fn has_own(&self) -> bool {
        match self {
            Self::Own(_) => true,
            Self::List(inner) | Self::Nullable(inner) | Self::Map(_, inner) => inner.has_own(),
            _ => false,
        }
    }

    /// Whether a checker is all that knows it.
    pub(crate) fn is_own(&self) -> bool {
        match self {
            Self::Own(_) => true,
            Self::Nullable(inner) => inner.is_own(),
            _ => false,
        }
    }

    fn each_own(&mut self, change: &mut dyn FnMut(&mut Own)) {
        match self {
            Self::Own(own) => change(own),
            Self::List(inner) | Self::Nullable(inner) | Self::Map(_, inner) => inner.each_own(change),
            _ => {}
        }
    }
}
