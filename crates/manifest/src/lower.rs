//! From a project to routes and middlewares.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::Method;
use ketch_db::Db;
use ketch_model::{
    Answer as Answers, Docs, Error, Level, Leveled, Op, Place, Problem, Sees, Settings, Value,
};
use ketch_syntax::{Key, suggestion};
use ketch_web::{Arg, Ctx, Fronted, Input, Middleware, Mode, Response, Route};
use serde_json::Map;

use crate::call::Call;
use crate::driver::{Bound, Controller, Driver, Wanted};
use crate::drivers::{self, Native, tables};
use crate::folder::Found;
use crate::known::{Known, Stored};
use crate::middleware::{Claims, Kind};
use crate::names::Taken;
use crate::outputs::Outputs;
use crate::project::Project;
use crate::reply::{Sent, Shape};
use crate::tree::{Declared, Param, Site};
use crate::{arguments, folder, inside, middleware, numbers, scopes, surplus, types};

/// What a project is lowered into: what the server says and has.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Settings of the server (level 1).
    pub server: &'a Settings,
    /// The functions that it may name.
    pub native: &'a Native,
    /// Drivers, [`shipped`](crate::shipped) ones among them. Those that ship and are not here are added, anew for each
    /// load; one that is kept here keeps its workers over a reload.
    pub drivers: &'a [Arc<dyn Driver>],
    /// The database, if there is one.
    pub db: Option<&'a Db>,
    /// What else is stored in it, and which SQL it speaks.
    pub stored: Stored<'a>,
    /// Whom the server is for: in development, outputs are checked.
    pub mode: Mode,
}

/// What a project comes to.
#[derive(Debug, Default)]
pub struct Lowered {
    /// Its endpoints.
    pub routes: Vec<Route>,
    /// Its middlewares, by name.
    pub middlewares: BTreeMap<String, Middleware>,
    /// Its controllers, to be asked once more when the database is connected ([`Controller::begin`]).
    pub controllers: Vec<Arc<dyn Controller>>,
}

impl Project {
    /// Makes routes. Problems go to `problems`, and what has one is left out.
    pub fn lower(&self, around: &Surroundings<'_>, problems: &mut Vec<Problem>) -> Lowered {
        let mut drivers: Vec<Arc<dyn Driver>> = around.drivers.to_vec();
        let missing = |it: &Arc<dyn Driver>| !around.drivers.iter().any(|had| had.name() == it.name());
        drivers.extend(drivers::shipped().into_iter().filter(missing));
        let redirects = self.file.redirects.as_slice().into();
        let known = Known::of(self, &around.stored, problems);
        let lowering =
            Lowering { project: self, around, drivers, redirects, known: &known, begun: RefCell::default() };
        let (settings, middlewares) = lowering.middlewares(problems);
        let mut lowered = Lowered { middlewares, ..Lowered::default() };
        let mut taken = Taken::default();
        let driver = |file: &Path| lowering.driver(None, file);
        let endpoints = types::resolved(self, driver, (around.db, &known), problems);
        for endpoint in &endpoints {
            problems.extend(arguments::faults(endpoint, self.file.seed));
            match lowering.endpoint(endpoint, &settings, &mut taken) {
                Ok(routes) => lowered.routes.extend(routes),
                Err(found) => problems.extend(found),
            }
        }
        for (declared, controller) in tables(self, around.db, &known, problems) {
            let answers = (Answers::Driver("table"), Some(Bound::Controller(controller)), Vec::new());
            match lowering.routes(&declared, answers, &settings, &mut taken) {
                Ok(routes) => lowered.routes.extend(routes),
                Err(found) => problems.extend(found),
            }
        }
        surplus::check(self, problems);
        lowered.controllers = lowering.begun.into_inner();
        lowered
    }
}

struct Lowering<'a> {
    project: &'a Project,
    around: &'a Surroundings<'a>,
    drivers: Vec<Arc<dyn Driver>>,
    redirects: Arc<[String]>,
    known: &'a Known,
    /// The controllers that have been made.
    begun: RefCell<Vec<Arc<dyn Controller>>>,
}

impl Lowering<'_> {
    /// The middlewares of the folder, and what the project says of them: they stand before every endpoint, after those of
    /// the server.
    fn middlewares(&self, problems: &mut Vec<Problem>) -> (Settings, BTreeMap<String, Middleware>) {
        let file = &self.project.file;
        let kind = if file.seed { Kind::Seed } else { Kind::Usual };
        let (mut settings, mut middlewares) = (Settings::new(), BTreeMap::new());
        for (name, path) in folder::middlewares(file, problems) {
            let wanted = self.wanted(&path, None);
            let here = inside::check(&file.root, &path).map_err(|why| vec![wanted.problem(why)]);
            let driver =
                || self.driver(None, &path).ok_or_else(|| vec![wanted.problem(no_driver(&path).to_owned())]);
            match here.and_then(|()| driver()).and_then(|driver| driver.middleware(&wanted)) {
                Ok(inspector) => {
                    let middleware = middleware::named(inspector, Arc::clone(&self.redirects), kind);
                    middlewares.insert(name.clone(), middleware);
                }
                Err(found) => {
                    problems.extend(found);
                    continue;
                }
            }
            let place = Place { file: path.display().to_string().into(), line: 1, column: 1 };
            settings = settings.with(Key::Middleware, Op::Add, Value::Names(vec![name]), place);
        }
        (settings, middlewares)
    }

    fn endpoint(
        &self,
        endpoint: &Declared,
        project: &Settings,
        taken: &mut Taken,
    ) -> Result<Vec<Route>, Vec<Problem>> {
        if endpoint.faulty {
            // That has been told, and what follows from it is not worth telling.
            let by_place = endpoint.run.is_none() && !is_stub(endpoint);
            return if by_place { self.file(endpoint).map(|_| Vec::new()) } else { Ok(Vec::new()) };
        }
        match self.bound(endpoint) {
            Ok((answer, bound)) => self.routes(endpoint, (answer, bound, Vec::new()), project, taken),
            // Whatever is wrong with what answers, the rest is looked at too.
            Err(found) => self.routes(endpoint, (Answers::Async, None, found), project, taken),
        }
    }

    fn routes(
        &self,
        endpoint: &Declared,
        (answer, bound, mut problems): (Answers, Option<Bound>, Vec<Problem>),
        project: &Settings,
        taken: &mut Taken,
    ) -> Result<Vec<Route>, Vec<Problem>> {
        if let Some(Bound::Controller(controller)) = &bound {
            self.begun.borrow_mut().push(Arc::clone(controller));
        }
        let closed = if self.project.file.seed { scopes::closes(endpoint) } else { None };
        let mut levels = vec![Leveled(Level::Server, self.around.server), Leveled(Level::Project, project)];
        levels.extend(endpoint.above.iter().map(|settings| Leveled(Level::Node, settings)));
        levels.push(Leveled(Level::Method, &endpoint.settings));
        levels.extend(closed.iter().map(|settings| Leveled(Level::Method, settings)));
        let slot = |param: &Param| if let Site::Slot(at) = param.site { Some(at + 1) } else { None };
        let required = endpoint.takes.iter().filter(|it| !it.optional);
        let least = required.filter_map(slot).max().unwrap_or(0);
        let most = endpoint.takes.iter().filter_map(slot).max().unwrap_or(0);
        let missing = (1..=most).find(|at| !endpoint.takes.iter().any(|param| slot(param) == Some(*at)));
        if let Some(missing) = missing {
            let message = format!("takes `URL#{}` and no `URL#{}`: count from 0", most - 1, missing - 1);
            problems.push(Problem::new(Some(endpoint.place.clone()), endpoint.subject(), message));
            return Err(problems);
        }
        let mut routes = Vec::new();
        for slots in least..=most {
            match self.route(endpoint, slots, answer, bound.clone(), &levels, taken) {
                Ok(route) => routes.push(route),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(routes) } else { Err(problems) }
    }

    /// What answers: `run`, a stub, or the file that is there.
    fn bound(&self, endpoint: &Declared) -> Result<(Answers, Option<Bound>), Vec<Problem>> {
        let problem =
            |message: String| vec![Problem::new(Some(endpoint.place.clone()), endpoint.subject(), message)];
        let run = endpoint.run.as_deref();
        if let Some(name) = run.and_then(|run| run.strip_prefix("native:")) {
            return match self.around.native.bound(name, endpoint) {
                Some(function) => Ok((Answers::Driver("native"), Some(Bound::Controller(function?)))),
                None => {
                    let hint = suggestion(name, self.around.native.names());
                    Err(problem(format!("no function `{name}` was given to this server{hint}")))
                }
            };
        }
        if is_stub(endpoint) {
            return Ok((Answers::Stub, None));
        }
        let (by, file) = match run.map(|run| self.split(run)) {
            Some((driver, file)) => (driver, PathBuf::from(file)),
            None => (None, self.file(endpoint)?),
        };
        inside::check(&self.project.file.root, &file)
            .map_err(|why| problem(format!("`{}` {why}", file.display())))?;
        let driver = self.driver(by, &file);
        let driver = driver.ok_or_else(|| problem(format!("`{}`: {}", file.display(), no_driver(&file))))?;
        let wanted = Wanted {
            endpoint: Some(endpoint),
            options: endpoint.options.iter().find(|(name, _)| name == driver.name()).map(|(_, value)| value),
            ..self.wanted(&file, None)
        };
        // What is wrong with a file as a whole is told of the endpoint that it answers.
        let placed = |problem: Problem| match problem.place {
            Some(_) => problem,
            None if problem.subject == endpoint.subject() => wanted.problem(problem.message),
            None => wanted.problem(format!("`{}` {}", problem.subject, problem.message)),
        };
        let bound = driver.controller(&wanted);
        let bound = bound.map_err(|found| found.into_iter().map(placed).collect::<Vec<_>>())?;
        Ok((Answers::Driver(driver.name()), Some(bound)))
    }

    /// The file that answers, by where it is.
    fn file(&self, endpoint: &Declared) -> Result<PathBuf, Vec<Problem>> {
        let root = &self.project.file.root;
        let message = match folder::controller(&self.project.file, endpoint) {
            Found::One(file) => return Ok(file),
            Found::Several(files) => {
                let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
                format!("has several controllers, `{}`: keep one, or name it in `run`", files.join("` and `"))
            }
            Found::None { wanted } => match folder::unbuilt_source(root, &wanted, &endpoint.method) {
                Some(source) => {
                    let main = source.folder.join(source.main);
                    format!("`{}` {}", main.display(), folder::unbuilt(&source))
                }
                None => {
                    let hint = surplus::near(&self.project.file, &wanted);
                    format!("has no controller: write `{}`{hint}", wanted.display())
                }
            },
        };
        Err(vec![Problem::new(Some(endpoint.place.clone()), endpoint.subject(), message)])
    }

    fn wanted<'w>(&'w self, file: &'w Path, endpoint: Option<&'w Declared>) -> Wanted<'w> {
        let (project, db) = (&self.project.file, self.around.db);
        Wanted { project, file, endpoint, options: None, db, known: self.known }
    }

    /// Cuts `exec:bin/resize` at the driver's name.
    fn split<'r>(&self, run: &'r str) -> (Option<&'r str>, &'r str) {
        match run.split_once(':') {
            Some((name, file)) if self.drivers.iter().any(|driver| driver.name() == name) => {
                (Some(name), file)
            }
            _ => (None, run),
        }
    }

    /// The driver of a file: the one that is named, else the one whose kind the file is, else the project's.
    fn driver(&self, named: Option<&str>, file: &Path) -> Option<&Arc<dyn Driver>> {
        let called = |name: &str| self.drivers.iter().find(|driver| driver.name() == name);
        if let Some(name) = named {
            return called(name);
        }
        let usual = self.project.file.driver.as_deref().map(|name| match name {
            "generic" => "exec",
            "plugin" => "wasm",
            other => other,
        });
        let kind = self.drivers.iter().find(|driver| driver.claims(file));
        kind.or_else(|| usual.and_then(called))
    }

    fn route(
        &self,
        endpoint: &Declared,
        slots: usize,
        answer: Answers,
        bound: Option<Bound>,
        levels: &[Leveled<'_>],
        taken: &mut Taken,
    ) -> Result<Route, Vec<Problem>> {
        let mut path = endpoint.path.clone();
        let segment = |slot| endpoint.takes.iter().find(|it| it.site == Site::Slot(slot));
        path.extend((0..slots).filter_map(segment).map(|param| format!("{{{}}}", param.wire)));
        let there = |site: Site| !matches!(site, Site::Slot(at) if at >= slots);
        let (takes, left): (Vec<_>, Vec<_>) = endpoint.takes.iter().cloned().partition(|it| there(it.site));
        let absent = left.into_iter().map(|it| (it.name, it.default.unwrap_or_default())).collect();
        let mut positional: Vec<&Param> =
            takes.iter().filter(|it| matches!(it.site, Site::Slot(_))).collect();
        positional.sort_by_key(|param| if let Site::Slot(at) = param.site { at } else { 0 });
        let positional = positional.into_iter().map(|param| param.name.as_str());
        let names = taken.name(&endpoint.method, &endpoint.path, positional);
        let whole = matches!(bound, Some(Bound::Whole(_)));
        let seen = if whole { Sees::Everything } else { Sees::Caller };
        let (mut described, errors) = (arguments::describe(&takes, seen), arguments::errors(&takes));
        let replies = match &bound {
            Some(Bound::Controller(controller)) => {
                controller.narrow(&mut described);
                controller.replies()
            }
            _ => None,
        };
        let (file, subject) = (&self.project.file, endpoint.subject());
        let shape = Shape {
            seed: file.seed,
            redirects: Arc::clone(&self.redirects),
            own_error: endpoint.gives.iter().any(|it| it.name == "error"),
        };
        let outputs = Outputs::of(endpoint, file.seed, self.around.mode);
        let described_output = outputs.describe();
        let path = path.join("/");
        let route = format!("/{path}").into();
        let answering =
            Answering { method: endpoint.method.clone(), takes, absent, route, bound, outputs, shape };
        let answering = Arc::new(answering);
        let handler = move |input: Input| Arc::clone(&answering).answer(input);
        let mut fronted = Fronted::new(names, endpoint.method.clone(), path, endpoint.place.clone(), handler);
        fronted.docs = Docs::from_comments(endpoint.info.as_deref(), endpoint.about.as_deref());
        fronted.args = described;
        // Of a stub whose output is not declared, its file says what it is.
        let of_file = answer == Answers::Stub && endpoint.gives.is_empty();
        let described = if of_file { Vec::new() } else { vec![described_output] };
        fronted.replies = replies.unwrap_or_else(|| (described, Vec::new()));
        fronted.replies.1.extend(errors);
        fronted.answer = answer;
        fronted.base = Some(file.root.clone());
        fronted.annotate = file.seed.then_some(numbers::annotate);
        fronted
            .route(levels)
            .map_err(|found| found.into_iter().map(|it| Problem { subject: subject.clone(), ..it }).collect())
    }
}

fn is_stub(endpoint: &Declared) -> bool {
    let said = endpoint.above.iter().chain([&endpoint.settings]);
    said.flat_map(Settings::entries).any(|entry| entry.key == Key::Stub)
}

/// What to do about a file that no driver knows.
fn no_driver(file: &Path) -> &'static str {
    if file.extension().is_some_and(|extension| extension == "wasm") {
        return "this server was built without WASM: build it with the feature `wasm`, or use the stock `ketch`";
    }
    "no driver knows this kind of file: name one in `run`, as in `exec:path/to/it`"
}

/// An endpoint that is being answered.
struct Answering {
    /// As declared: a HEAD is answered by what answers GET.
    method: Method,
    takes: Vec<Param>,
    /// What positional arguments that this route does not have are.
    absent: Map<String, serde_json::Value>,
    route: Arc<str>,
    bound: Option<Bound>,
    outputs: Outputs,
    shape: Shape,
}

impl Answering {
    async fn answer(self: Arc<Self>, mut input: Input) -> Result<Response, Error> {
        let claims = input.parts().extensions.get::<Claims>().cloned().unwrap_or_else(Claims::none).0;
        let exchange = input.exchange().clone();
        if let Some(Bound::Whole(whole)) = &self.bound {
            arguments::read_outside(&self.takes, &Ctx::read(&mut input, "ctx").await?).await?;
            return whole.answer(input).await;
        }
        // To share a request is to copy its head, so it is only done where a body is read too.
        let (ctx, input) = if arguments::read_a_body(&self.takes) {
            (Ctx::read(&mut input, "ctx").await?, Some(input))
        } else {
            (Ctx::taking(input), None)
        };
        let caller = ctx.caller();
        let (mut args, files) = arguments::read(&self.takes, &ctx, input).await?;
        let Some(Bound::Controller(controller)) = &self.bound else { return Ok(Response::default()) };
        args.extend(self.absent.clone());
        let call = Call {
            method: self.method.clone(),
            path: ctx.path().to_owned(),
            route: Arc::clone(&self.route),
            args,
            files,
            caller,
            claims,
            authorization: ctx.header::<Option<String>>("authorization")?,
            request_id: exchange.id(),
            time_left: exchange.time_left(),
        };
        let sent = Sent::of(&call.args);
        self.shape.reply(self.outputs.shape(controller.call(call).await?).await?, &sent)
    }
}
