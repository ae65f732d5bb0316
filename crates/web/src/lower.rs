//! From what a front declares to routes: the levels come together and the handler is bound.
//!
//! [`lower`] takes services; [`Fronted`] is one endpoint of any other front, such as a manifest.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use http::Method;
use ketch_model::{
    Answer, ArgSpec, Docs, Effective, Endpoint, Error, ErrorSpec, In, Inferred, Level, Leveled, Names, Place,
    Problem, ReplySpec, Settings, resolve,
};
use ketch_syntax::{Template, kebab, suggestion};

use crate::cache;
use crate::exchange::{Input, Response};
use crate::good_reply::describe_status;
use crate::rules::bad_pattern;
use crate::schemas::Schemas;
use crate::service::{Configured, Declared, Handler, Service};
use crate::stub;

/// An endpoint and what answers it.
#[derive(Clone)]
pub struct Route {
    /// The endpoint, as data.
    pub endpoint: Endpoint,
    /// Whether it is refused when the server is full.
    pub shed: Shed,
    pub(crate) annotate: Option<Annotate>,
    /// Which state of what answers this is, where that can change while the server runs: replies that were kept of another
    /// are not this one's.
    pub revision: Option<u64>,
    pub(crate) handler: Handler,
}

/// Adds to an error what the clients of an endpoint look for in it, beside what every error has.
pub type Annotate = fn(Error) -> Error;

/// Whether an endpoint is refused when the server is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// It answers 503.
    WhenFull,
    /// It answers all the same: it is how one learns that the server is full.
    Never,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("endpoint", &self.endpoint)
            .field("shed", &self.shed)
            .finish_non_exhaustive()
    }
}

/// The routes of a service, below the server's settings. Problems go to `problems`, and what has one is left out.
pub fn lower<S: Service>(
    configured: Configured<S>,
    server: &Settings,
    schemas: &mut Schemas,
    problems: &mut Vec<Problem>,
) -> Vec<Route> {
    let Configured { service, settings, endpoints } = configured;
    let service = Arc::new(service);
    let attribute = S::settings();
    let root = kebab(S::NAME.strip_suffix("Service").filter(|name| !name.is_empty()).unwrap_or(S::NAME));
    let mut routes = Vec::new();
    for declared in S::endpoints(schemas) {
        let code = endpoints
            .iter()
            .filter(|(name, _)| *name == declared.name)
            .fold(Settings::new(), |all, (_, more)| all.then(more.clone()));
        let own = declared.settings.clone();
        let levels = [
            Leveled(Level::Server, server),
            Leveled(Level::Service, &attribute),
            Leveled(Level::ServiceCode, &settings),
            Leveled(Level::Endpoint, &own),
            Leveled(Level::EndpointCode, &code),
        ];
        match one(&root, declared, &levels, Arc::clone(&service)) {
            Ok(route) => routes.push(route),
            Err(found) => problems.extend(found),
        }
    }
    routes
}

/// One endpoint as a front declares it, before the levels come together.
pub struct Fronted {
    /// Who it is.
    pub names: Names,
    /// The HTTP method.
    pub method: Method,
    /// The root that follows from a name, if nothing says another; empty for none.
    pub root: String,
    /// The route that follows from a name, if nothing says another.
    pub route: String,
    /// What the documents say.
    pub docs: Docs,
    /// Its arguments, in order.
    pub args: Vec<ArgSpec>,
    /// Its replies and errors.
    pub replies: (Vec<ReplySpec>, Vec<ErrorSpec>),
    /// What produces its reply.
    pub answer: Answer,
    /// Where it is written.
    pub place: Place,
    /// The folder of its project: its stub is in it, and nowhere else.
    pub base: Option<PathBuf>,
    /// Adds to its errors what its clients look for in them.
    pub annotate: Option<Annotate>,
    pub(crate) handler: Handler,
}

impl std::fmt::Debug for Fronted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fronted")
            .field("names", &self.names)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Fronted {
    /// An endpoint of which only its name, method, route and place are known; `handler` answers it. With the setting
    /// `stub` and [`Answer::Stub`] the handler reads the arguments, and the stub's file is the reply.
    pub fn new<F, Fut>(
        names: Names,
        method: Method,
        route: impl Into<String>,
        place: Place,
        handler: F,
    ) -> Self
    where
        F: Fn(Input) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response, Error>> + Send + 'static,
    {
        Self {
            names,
            method,
            root: String::new(),
            route: route.into(),
            docs: Docs::default(),
            args: Vec::new(),
            replies: Default::default(),
            answer: Answer::Async,
            place,
            base: None,
            annotate: None,
            handler: Arc::new(move |input| Box::pin(handler(input))),
        }
    }

    /// The route, once the levels have come together; weakest first.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn route(self, levels: &[Leveled<'_>]) -> Result<Route, Vec<Problem>> {
        let Self { names, method, root, route, docs, args, replies, answer, place, base, annotate, handler } =
            self;
        let settings = resolve(&names.full(), Inferred { root: &root, route: &route }, levels)?;
        let problem = |message: String| Problem::new(Some(place.clone()), names.full(), message);
        let path =
            settings.path().map_err(|fault| vec![problem(format!("its path cannot be read: {fault}"))])?;
        let (args, mut faults) = placed(args, &path, &settings);
        faults.extend(args.iter().filter_map(bad_pattern));
        if !faults.is_empty() {
            return Err(faults.into_iter().map(problem).collect());
        }
        let unknown = unknown_captures(&settings, &path);
        if !unknown.is_empty() {
            let place = settings.scope.place;
            return Err(unknown
                .into_iter()
                .map(|it| Problem::new(place.clone(), names.full(), it))
                .collect());
        }
        let stub = stub::plan(&settings, &path, base.as_deref()).map_err(|fault| {
            vec![Problem::new(settings.stub.place.clone().or(Some(place.clone())), names.full(), fault)]
        })?;
        let (answer, handler, (mut replies, errors)) = match (stub, answer) {
            (None, Answer::Stub) => {
                return Err(vec![problem(format!(
                    "`{}` has no body, and its stub was taken away: write a body",
                    names.endpoint
                ))]);
            }
            (None, answer) => (answer, handler, replies),
            (Some(stub), Answer::Stub) if replies.0.is_empty() => {
                let (promised, mut errors) = stub.describe();
                errors.extend(replies.1);
                (Answer::Stub, stub.handler(Some(handler)), (promised, errors))
            }
            // What a method says that it returns is what the documents promise, whether it has a body or not.
            (Some(stub), answer) => {
                let (stub, replies) = stub.over(replies);
                (Answer::Stub, stub.handler((answer == Answer::Stub).then_some(handler)), replies)
            }
        };
        describe_status(&settings, answer, &mut replies)
            .map_err(|fault| vec![Problem::new(settings.status.place.clone(), names.full(), fault)])?;
        let place = Some(place);
        let mut endpoint =
            Endpoint { names, method, path, settings, docs, args, replies, errors, answer, place };
        let faults = cache::check(&mut endpoint);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Route { endpoint, shed: Shed::WhenFull, annotate, revision: None, handler })
    }
}

fn one<S: Service>(
    root: &str,
    declared: Declared<S>,
    levels: &[Leveled<'_>],
    service: Arc<S>,
) -> Result<Route, Vec<Problem>> {
    let Declared { name, method, docs, args, replies, answer, bind, place, .. } = declared;
    let names = Names { service: S::NAME.to_owned(), endpoint: name.to_owned(), tag: root.to_owned() };
    let docs = Docs::from_comments(docs, S::DOCS);
    let (root, route, handler) = (root.to_owned(), kebab(name), bind.to(service));
    Fronted {
        names,
        method,
        root,
        route,
        docs,
        args,
        replies,
        answer,
        place,
        base: None,
        annotate: None,
        handler,
    }
    .route(levels)
}

/// Gives each argument its final place: levels 1 to 3 and 5 may have put names into the path, or taken them out.
fn placed(mut args: Vec<ArgSpec>, path: &Template, settings: &Effective) -> (Vec<ArgSpec>, Vec<String>) {
    let mut faults = Vec::new();
    for arg in &mut args {
        let in_path = path.params().any(|param| param.name == arg.name);
        if in_path && arg.place == In::Query && !arg.repeated {
            arg.place = In::Path;
            arg.required = true;
        } else if !in_path && arg.place == In::Path {
            let origin = settings.route.level;
            faults.push(format!(
                "`{}` is read from the path, but the route `{path}` ({origin}) has no `{{{}}}`",
                arg.name, arg.name
            ));
        }
    }
    for param in path.params() {
        let taken = args.iter().any(|arg| arg.place == In::Path && arg.name == param.name);
        if !taken {
            let known = args.iter().filter(|arg| arg.place == In::Query).map(|arg| arg.name.as_str());
            let hint = suggestion(&param.name, known);
            faults.push(format!("`{{{}}}` in the path `{path}` matches no argument{hint}", param.name));
        }
    }
    (args, faults)
}

/// The names in braces of the scope that the path does not have: nobody could ever call.
fn unknown_captures(settings: &Effective, path: &Template) -> Vec<String> {
    let known = |name: &str| path.params().any(|param| param.name == name);
    let scope = &settings.scope;
    let captures = scope.value.captures().filter(|name| !known(name));
    captures
        .map(|name| {
            let hint = suggestion(name, path.params().map(|param| param.name.as_str()));
            format!(
                "the scope `{}` ({}) speaks of `{{{name}}}`, which the path `{path}` does not have{hint}",
                scope.value, scope.level
            )
        })
        .collect()
}
