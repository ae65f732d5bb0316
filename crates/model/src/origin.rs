//! Where things were said: levels, places in source text, values with their origin, and problems.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// Who said a value. Later ones win over earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nobody: it follows from a name, or is the default.
    Inferred,
    /// 1: the server, in code.
    Server,
    /// 2: the service, in its attribute.
    Service,
    /// 2: a manifest's folder, by what is in it.
    Project,
    /// 2: a node of a manifest; a child's comes after its parent's.
    Node,
    /// 3: the service, in code.
    ServiceCode,
    /// 4: the endpoint, in its attribute.
    Endpoint,
    /// 4: a method of a manifest's node.
    Method,
    /// 5: the endpoint, in code.
    EndpointCode,
}

impl Level {
    /// The five levels that Rust code can write, weakest first.
    pub const WRITTEN: [Self; 5] =
        [Self::Server, Self::Service, Self::ServiceCode, Self::Endpoint, Self::EndpointCode];

    /// Whether what it says is said of several endpoints.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Server | Self::Service | Self::Project | Self::Node | Self::ServiceCode)
    }

    /// The level's name in `routes --explain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inferred => "inferred",
            Self::Server => "server code",
            Self::Service => "service attribute",
            Self::Project => "manifest folder",
            Self::Node => "manifest node",
            Self::ServiceCode => "service code",
            Self::Endpoint => "endpoint attribute",
            Self::Method => "manifest method",
            Self::EndpointCode => "endpoint code",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A position in source text: a Rust file or a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the compiler or the reader names it.
    pub file: Cow<'static, str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl Place {
    /// A place in a file whose name is known while compiling.
    pub const fn new(file: &'static str, line: u32, column: u32) -> Self {
        Self { file: Cow::Borrowed(file), line, column }
    }

    /// The caller of the function that is marked `#[track_caller]` and calls this.
    #[track_caller]
    pub fn caller() -> Self {
        let at = std::panic::Location::caller();
        Self::new(at.file(), at.line(), at.column())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A value, the level that gave it and where that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<T> {
    /// The value.
    pub value: T,
    /// The level that gave it.
    pub level: Level,
    /// Where it is written; none for what was inferred.
    pub place: Option<Place>,
}

impl<T> Resolved<T> {
    /// A value that nobody wrote.
    pub const fn inferred(value: T) -> Self {
        Self { value, level: Level::Inferred, place: None }
    }
}

/// Something that keeps a server from being built: what, about which endpoint, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is written, when that is known.
    pub place: Option<Place>,
    /// What it is about: `HolaService::shout`, or `server`.
    pub subject: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    /// A problem of `subject`.
    pub fn new(place: Option<Place>, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place, subject: subject.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// Every problem of one attempt, in a stable order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The problems by file, line and column, those without a place last, each once. What a whole node, service or server
    /// says wrong is found at each of its endpoints.
    pub fn sorted(mut problems: Vec<Problem>) -> Self {
        let mut told = HashSet::new();
        let is_new = |problem: &Problem| match &problem.place {
            Some(place) => told.insert((Some(place.clone()), problem.message.clone())),
            None => told.insert((None, problem.to_string())),
        };
        problems.retain(is_new);
        problems.sort_by_key(|problem| (problem.place.is_none(), problem.place.clone()));
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let word = if count == 1 { "problem" } else { "problems" };
        write!(f, "{count} {word} to solve before the server can start:")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
