//! From a declared service to routes: the levels come together and the handler gets its service.

use std::sync::Arc;

use ketch_model::{
    Answer, ArgSpec, Docs, Effective, Endpoint, In, Inferred, Level, Leveled, Names, Problem, Settings,
    resolve,
};
use ketch_syntax::{Template, kebab, suggestion};

use crate::cache;
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
    pub(crate) handler: Handler,
}

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

fn one<S: Service>(
    root: &str,
    declared: Declared<S>,
    levels: &[Leveled<'_>],
    service: Arc<S>,
) -> Result<Route, Vec<Problem>> {
    let Declared { name, method, docs, args, replies, answer, bind, place, .. } = declared;
    let names = Names { service: S::NAME.to_owned(), endpoint: name.to_owned(), tag: root.to_owned() };
    let settings = resolve(&names.full(), Inferred { root, route: &kebab(name) }, levels)?;
    let problem = |message: String| Problem::new(Some(place.clone()), names.full(), message);
    let path = settings.path().map_err(|fault| vec![problem(format!("its path cannot be read: {fault}"))])?;
    let (args, mut faults) = placed(args, &path, &settings);
    faults.extend(args.iter().filter_map(bad_pattern));
    if !faults.is_empty() {
        return Err(faults.into_iter().map(problem).collect());
    }
    let stub = stub::plan(&settings, &path, None).map_err(|fault| {
        vec![Problem::new(settings.stub.place.clone().or(Some(place.clone())), names.full(), fault)]
    })?;
    let declared = bind.to(service);
    let (answer, handler, (mut replies, errors)) = match (stub, answer) {
        (None, Answer::Stub) => {
            return Err(vec![problem(format!(
                "`{name}` has no body, and its stub was taken away: write a body"
            ))]);
        }
        (None, answer) => (answer, declared, replies),
        (Some(stub), Answer::Stub) if replies.0.is_empty() => {
            let promised = stub.describe();
            (Answer::Stub, stub.handler(Some(declared)), promised)
        }
        // What a method says that it returns is what the documents promise, whether it has a body or not.
        (Some(stub), answer) => {
            let (stub, replies) = stub.over(replies);
            (Answer::Stub, stub.handler((answer == Answer::Stub).then_some(declared)), replies)
        }
    };
    describe_status(&settings, answer, &mut replies)
        .map_err(|fault| vec![Problem::new(settings.status.place.clone(), names.full(), fault)])?;
    let docs = Docs::from_comments(docs, S::DOCS);
    let place = Some(place);
    let mut endpoint = Endpoint { names, method, path, settings, docs, args, replies, errors, answer, place };
    let faults = cache::check(&mut endpoint);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Route { endpoint, shed: Shed::WhenFull, handler })
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
