//! A driver for tests: the file is what is answered. No process runs, so that what is tested is what becomes of it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ketch_manifest::{
    Answer, Bound, Call, Checker, Controller, Driver, Inspect, Inspector, Pending, Verdict, Wanted, Whole,
};
use ketch_model::{Error, Problem};
use ketch_web::{Input, Response};
use serde_json::{Map, Value};

/// Files that end in `.said` hold JSON, which is what they answer; `"echo"` answers the arguments with the special
/// variables, `"panic"` falls over, `"fail"` is an error with a cause, `"whole"` is given the request and answers its query.
#[derive(Debug)]
pub(crate) struct Said;

#[derive(Clone, Debug)]
struct Words(Value);

impl Driver for Said {
    fn name(&self) -> &'static str {
        "said"
    }

    fn claims(&self, file: &Path) -> bool {
        file.extension().is_some_and(|extension| extension == "said")
    }

    fn controller(&self, wanted: &Wanted<'_>) -> Result<Bound, Vec<Problem>> {
        let words = Arc::new(words(wanted)?);
        Ok(if words.0 == "whole" { Bound::Whole(words) } else { Bound::Controller(words) })
    }

    fn middleware(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Inspector>, Vec<Problem>> {
        Ok(Arc::new(words(wanted)?))
    }

    fn checker(&self, wanted: &Wanted<'_>) -> Result<Arc<dyn Checker>, Vec<Problem>> {
        Ok(Arc::new(words(wanted)?))
    }
}

fn words(wanted: &Wanted<'_>) -> Result<Words, Vec<Problem>> {
    let text = fs::read_to_string(wanted.project.root.join(wanted.file)).expect("the file is there");
    serde_json::from_str(&text).map(Words).map_err(|error| vec![wanted.problem(error.to_string())])
}

impl Words {
    /// Falls over or fails, if it is to.
    fn well(&self) -> Result<(), Error> {
        match self.0.as_str() {
            Some("panic") => panic!("it fell over"),
            None if self.0["panic"] == true => panic!("it fell over"),
            Some("fail") => Err(Error::internal("the secret cause")),
            _ => Ok(()),
        }
    }
}

impl Whole for Words {
    fn answer(&self, input: Input) -> Pending<Result<Response, Error>> {
        let query = input.parts().uri.query().unwrap_or_default().to_owned();
        Box::pin(std::future::ready(Ok(Response::new(query.into()))))
    }
}

impl Controller for Words {
    fn call(&self, call: Call) -> Pending<Result<Answer, Error>> {
        let words = self.clone();
        Box::pin(async move {
            words.well()?;
            match words.0 {
                Value::String(echo) if echo == "echo" => {
                    let told = call.with_specials().to_string();
                    Ok(Answer::Fields(serde_json::from_str(&told).expect("it is an object")))
                }
                // `{"_STATUS_": "$status"}` answers what the argument `status` is.
                Value::Object(fields) => Ok(Answer::Fields(filled(fields, &call.args))),
                other => panic!("a controller that says {other}"),
            }
        })
    }
}

fn filled(fields: Map<String, Value>, args: &Map<String, Value>) -> Map<String, Value> {
    let value = |value: Value| match value.as_str().and_then(|text| text.strip_prefix('$')) {
        Some(name) => args.get(name).cloned().unwrap_or_default(),
        None => value,
    };
    fields.into_iter().map(|(name, said)| (name, value(said))).collect()
}

impl Inspector for Words {
    fn inspect(&self, request: Inspect) -> Pending<Result<Verdict, Error>> {
        let words = self.clone();
        Box::pin(async move {
            words.well()?;
            Ok(verdict(&words.0, &request))
        })
    }
}

/// `"grant"` grants what the header `x-scope` lists and identifies who is in `x-id`; `{"seen": "x-seen"}` tells in a header
/// what was seen, `{"target": "x-target"}` the path and query; `{"if": "x-stop", …}` says the rest only when there is such a header.
fn verdict(words: &Value, request: &Inspect) -> Verdict {
    let header =
        |wanted: &str| request.headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let mut verdict = Verdict::default();
    if words == "grant" {
        let scope = header("x-scope").into_iter().flat_map(|scope| scope.split(' '));
        verdict.scope = scope.map(str::to_owned).collect();
        verdict.claims.extend(header("x-id").map(|id| ("id".to_owned(), id.as_str().into())));
        return verdict;
    }
    if words.get("if").and_then(Value::as_str).is_some_and(|name| header(name).is_none()) {
        return verdict;
    }
    let texts = |name: &str| words[name].as_array().cloned().unwrap_or_default();
    verdict.scope = texts("scope").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    verdict.claims = words["claims"].as_object().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    verdict.headers = texts("headers").iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
    verdict.status = words["status"].as_u64().and_then(|status| status.try_into().ok());
    verdict.body = words.get("body").cloned();
    if let Some(name) = words["target"].as_str() {
        verdict.headers.push((name.to_owned(), request.target.clone()));
    }
    if let Some(name) = words["seen"].as_str() {
        let seen = format!("{} {} {:?} {:?}", request.method, request.route, request.required, request.scope);
        verdict.headers.push((name.to_owned(), seen));
    }
    verdict
}

/// It knows the type that it names, whose values are all those that it lists; with `"panic": true` it falls over, and
/// `"fails_at": ["text", "number"]` says which values it cannot deal with.
impl Checker for Words {
    fn matches(&self, name: &str) -> Result<bool, String> {
        Ok(self.0["type"] == name)
    }

    fn check(&self, _: &str, value: &Value) -> Pending<Result<bool, Error>> {
        let known = self.0["values"].as_array().is_some_and(|values| values.contains(value));
        let kind = if value.is_string() { "text" } else { "number" };
        let fails = self.0["fails_at"].as_array().is_some_and(|kinds| kinds.iter().any(|it| it == kind));
        let well = self.well();
        Box::pin(async move {
            well?;
            if fails { Err(Error::new(502, "bad_checker", "it is broken")) } else { Ok(known) }
        })
    }
}
