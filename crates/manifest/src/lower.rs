//! From a project to routes and middlewares.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ketch_db::Db;
use ketch_model::{Answer as Answers, Docs, Error, Level, Leveled, Names, Problem, Settings};
use ketch_syntax::suggestion;
use ketch_web::{Arg, Ctx, Fronted, Input, Middleware, Mode, Response, Route};
use serde_json::Map;

use crate::call::Call;
use crate::driver::{Bound, Driver, Wanted};
use crate::drivers::{self, Native};
use crate::middleware::Claims;
use crate::outputs::Outputs;
use crate::project::Project;
use crate::tree::{Declared, Site};
use crate::{arguments, folder, reply, types};

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
}

impl Project {
    /// Makes routes. Problems go to `problems`, and what has one is left out.
    pub fn lower(&self, around: &Surroundings<'_>, problems: &mut Vec<Problem>) -> Lowered {
        let mut drivers: Vec<Arc<dyn Driver>> = around.drivers.to_vec();
        let missing = |it: &Arc<dyn Driver>| !around.drivers.iter().any(|had| had.name() == it.name());
        drivers.extend(drivers::shipped().into_iter().filter(missing));
        let lowering = Lowering { project: self, around, drivers };
        let mut lowered = Lowered::default();
        let driver = |file: &Path| lowering.drivers.iter().find(|driver| driver.claims(file));
        let endpoints = types::resolved(self, driver, around.db, problems);
        for endpoint in &endpoints {
            problems.extend(arguments::faults(endpoint, self.file.seed));
            match lowering.endpoint(endpoint) {
                Ok(routes) => lowered.routes.extend(routes),
                Err(found) => problems.extend(found),
            }
        }
        lowered
    }
}

struct Lowering<'a> {
    project: &'a Project,
    around: &'a Surroundings<'a>,
    drivers: Vec<Arc<dyn Driver>>,
}

impl Lowering<'_> {
    fn endpoint(&self, endpoint: &Declared) -> Result<Vec<Route>, Vec<Problem>> {
        let (answer, bound) = self.bound(endpoint)?;
        let mut levels = vec![Leveled(Level::Server, self.around.server)];
        levels.extend(endpoint.above.iter().map(|settings| Leveled(Level::Service, settings)));
        levels.push(Leveled(Level::Endpoint, &endpoint.settings));
        let required = endpoint.takes.iter().filter(|it| !it.optional);
        let slot = |site: Site| if let Site::Slot(at) = site { Some(at + 1) } else { None };
        let least = required.filter_map(|it| slot(it.site)).max().unwrap_or(0);
        let most = endpoint.takes.iter().filter_map(|it| slot(it.site)).max().unwrap_or(0);
        (least..=most).map(|slots| self.route(endpoint, slots, answer, bound.clone(), &levels)).collect()
    }

    /// What answers: `run`, a stub, or the file that is there.
    fn bound(&self, endpoint: &Declared) -> Result<(Answers, Option<Bound>), Vec<Problem>> {
        let problem =
            |message: String| vec![Problem::new(Some(endpoint.place.clone()), endpoint.subject(), message)];
        if let Some(name) = endpoint.run.as_deref().and_then(|run| run.strip_prefix("native:")) {
            return match self.around.native.bound(name, endpoint) {
                Some(function) => Ok((Answers::Driver("native"), Some(Bound::Controller(function?)))),
                None => {
                    let hint = suggestion(name, self.around.native.names());
                    Err(problem(format!("no function `{name}` was given to this server{hint}")))
                }
            };
        }
        let said = endpoint.above.iter().chain([&endpoint.settings]);
        if said.flat_map(Settings::entries).any(|entry| entry.key == ketch_syntax::Key::Stub) {
            return Ok((Answers::Stub, None));
        }
        let file = match &endpoint.run {
            Some(file) => file.into(),
            None => folder::controller(&self.project.file, endpoint).ok_or_else(|| {
                let folder = self.project.file.folders.controllers.join(endpoint.path.join("/"));
                problem(format!("has no controller: write `{}`", folder.display()))
            })?,
        };
        let driver = self.drivers.iter().find(|driver| driver.claims(&file));
        let driver = driver.ok_or_else(|| problem(format!("no driver knows the file {}", file.display())))?;
        let options = endpoint.options.iter().find(|(name, _)| name == driver.name()).map(|(_, value)| value);
        let (project, db) = (&self.project.file, self.around.db);
        let wanted = Wanted { project, file: &file, endpoint: Some(endpoint), options, db };
        Ok((Answers::Driver(driver.name()), Some(driver.controller(&wanted)?)))
    }

    fn route(
        &self,
        endpoint: &Declared,
        slots: usize,
        answer: Answers,
        bound: Option<Bound>,
        levels: &[Leveled<'_>],
    ) -> Result<Route, Vec<Problem>> {
        let mut path = endpoint.path.clone();
        path.extend((0..slots).map(|slot| format!("{{url{slot}}}")));
        let there = |site: Site| !matches!(site, Site::Slot(at) if at >= slots);
        let takes: Arc<[_]> = endpoint.takes.iter().filter(|it| there(it.site)).cloned().collect();
        let absent: Map<_, _> = endpoint
            .takes
            .iter()
            .filter(|it| !there(it.site))
            .map(|it| (it.name.clone(), it.default.clone().unwrap_or_default()))
            .collect();
        let node = if endpoint.path.is_empty() { "root".to_owned() } else { endpoint.path.join("/") };
        let name = format!(
            "{}{}",
            endpoint.method.as_str().to_lowercase(),
            if slots > 0 { format!("_{slots}") } else { String::new() }
        );
        let names = Names { service: node.clone(), endpoint: name, tag: node };
        let route: Arc<str> = format!("/{}", path.join("/")).into();
        let (described, errors) = (arguments::describe(&takes), arguments::errors(&takes));
        let outputs = Arc::new(Outputs::of(endpoint, self.project.file.seed, self.around.mode));
        let gives = outputs.describe();
        let handler = move |input: Input| {
            let (takes, absent, route, bound) =
                (Arc::clone(&takes), absent.clone(), Arc::clone(&route), bound.clone());
            answered(input, takes, absent, route, bound, Arc::clone(&outputs))
        };
        let place = endpoint.place.clone();
        let mut fronted = Fronted::new(names, endpoint.method.clone(), path.join("/"), place, handler);
        fronted.docs = Docs::from_comments(endpoint.info.as_deref(), None);
        fronted.args = described;
        fronted.replies = (vec![gives], errors);
        fronted.answer = answer;
        fronted.base = Some(self.project.file.root.clone());
        fronted.route(levels)
    }
}

async fn answered(
    mut input: Input,
    takes: Arc<[crate::tree::Param]>,
    absent: Map<String, serde_json::Value>,
    route: Arc<str>,
    bound: Option<Bound>,
    outputs: Arc<Outputs>,
) -> Result<Response, Error> {
    let ctx = Ctx::read(&mut input, "ctx").await?;
    let claims = input.parts().extensions.get::<Claims>().cloned().unwrap_or_default().0;
    let (exchange, caller) = (input.exchange().clone(), ctx.caller());
    if let Some(Bound::Whole(whole)) = &bound {
        arguments::read_outside(&takes, &ctx).await?;
        return whole.answer(input).await;
    }
    let (mut args, files) = arguments::read(&takes, input).await?;
    let Some(Bound::Controller(controller)) = bound else { return Ok(Response::default()) };
    args.extend(absent);
    let call = Call {
        method: ctx.method().clone(),
        path: ctx.path().to_owned(),
        route,
        args,
        files,
        caller,
        claims,
        authorization: ctx.header::<Option<String>>("authorization")?,
        request_id: exchange.id(),
        time_left: exchange.time_left(),
    };
    reply::shape(outputs.shape(controller.call(call).await?).await?)
}
