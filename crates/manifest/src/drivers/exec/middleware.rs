//! Middlewares that are programs. They fail closed: what cannot be understood refuses the request.

use std::sync::Arc;

use ketch_model::Error;
use serde_json::{Map, Value, json};

use super::errors::Part;
use super::oneshot::Asked;
use super::program::{Program, args};
use super::protocol::{Ask, Seen};
use crate::driver::{Inspector, Pending};
use crate::middleware::{Inspect, Verdict};

/// A middleware.
#[derive(Debug)]
pub(super) struct Inspecting {
    pub(super) program: Arc<Program>,
    pub(super) seed: bool,
}

impl Inspector for Inspecting {
    fn inspect(&self, request: Inspect) -> Pending<Result<Verdict, Error>> {
        let (program, seed) = (Arc::clone(&self.program), self.seed);
        Box::pin(async move {
            let (part, id, time) = (Part::Middleware, Some(request.request_id), request.time_left);
            let result = match program.workers() {
                Some(pool) => program.result(pool, part, &Ask::inspect(&request), time, id).await?,
                None => {
                    let input = serde_json::to_vec(&Seen::of(&request)).map_err(Error::internal)?;
                    let args = if seed {
                        args(&[], json!(request.scope).to_string().as_bytes(), true)
                    } else {
                        args(&["INSPECT"], &[], false)
                    };
                    program.document(Asked { part, args, input, time, id }).await?
                }
            };
            verdict(result, seed).map_err(|why| program.bad(part, format_args!("answered {why}")))
        })
    }
}

/// Reads what a middleware said.
pub(super) fn verdict(said: Value, seed: bool) -> Result<Verdict, String> {
    let mut members = match said {
        // There, what is no text was passed over.
        Value::Array(items) if seed => {
            let scope = items.into_iter().filter_map(text).collect();
            return Ok(Verdict { scope, ..Verdict::default() });
        }
        Value::Array(_) => return Ok(Verdict { scope: texts(said, "an array")?, ..Verdict::default() }),
        Value::Object(members) => members,
        _ => return Err("neither an array of scopes nor an object".to_owned()),
    };
    let mut take = |name: &str| members.remove(name).filter(|value| !value.is_null());
    let verdict = Verdict {
        scope: take("scope").map(|it| texts(it, "`scope`")).transpose()?.unwrap_or_default(),
        claims: match take("claims") {
            None => Map::new(),
            Some(Value::Object(claims)) => claims,
            Some(_) => return Err("`claims` that are no object".to_owned()),
        },
        headers: take("headers").map(headers).transpose()?.unwrap_or_default(),
        status: take("status").map(|it| status(&it)).transpose()?,
        body: take("body"),
    };
    match members
        .keys()
        .find(|name| !["scope", "claims", "headers", "status", "body"].contains(&name.as_str()))
    {
        // A misspelled `status` must not let anybody pass.
        Some(unknown) => {
            Err(format!("with `{}`, which is no member", super::errors::shown(unknown.as_bytes())))
        }
        None if verdict.body.is_some() && verdict.status.is_none() => {
            Err("a `body` without a `status`".to_owned())
        }
        None => Ok(verdict),
    }
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn texts(value: Value, name: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("{name} that is no array of texts");
    let Value::Array(items) = value else { return Err(wrong()) };
    items.into_iter().map(|item| text(item).ok_or_else(wrong)).collect()
}

/// An object, whose values are texts or lists of them, or a list of pairs.
fn headers(value: Value) -> Result<Vec<(String, String)>, String> {
    let wrong = || "`headers` that are neither an object nor pairs of texts".to_owned();
    let mut headers = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let values = match value {
                    Value::String(value) => vec![value],
                    list => texts(list, "a header")?,
                };
                headers.extend(values.into_iter().map(|value| (name.clone(), value)));
            }
        }
        Value::Array(pairs) => {
            for pair in pairs {
                let [name, value] = texts(pair, "a header")?.try_into().map_err(|_| wrong())?;
                headers.push((name, value));
            }
        }
        _ => return Err(wrong()),
    }
    Ok(headers)
}

fn status(value: &Value) -> Result<u16, String> {
    let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
    status.filter(|status| (200..600).contains(status)).ok_or_else(|| "a `status` that is none".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_grants_and_an_object_says_more() {
        let granted = verdict(json!(["a", "b"]), false).expect("it is a verdict");
        assert_eq!(granted, Verdict { scope: vec!["a".to_owned(), "b".to_owned()], ..Verdict::default() });
        let said = json!({
            "scope": ["a"], "claims": { "id": "7" }, "headers": { "x-a": ["1", "2"] }, "status": 401, "body": {},
        });
        let verdict = verdict(said, false).expect("it is a verdict");
        assert_eq!((verdict.status, verdict.headers.len(), verdict.body), (Some(401), 2, Some(json!({}))));
        assert_eq!(verdict.claims["id"], "7");
    }

    #[test]
    fn what_cannot_be_understood_is_no_verdict() {
        let wrong = [
            json!(null),
            json!("admin"),
            json!(["admin", 7]),
            json!({ "scope": "admin" }),
            json!({ "status": 99 }),
            json!({ "status": "401" }),
            json!({ "staus": 401 }),
            json!({ "body": "no" }),
            json!({ "claims": [] }),
            json!({ "headers": [["x-a"]] }),
        ];
        for said in wrong {
            assert!(verdict(said.clone(), false).is_err(), "{said}");
        }
        let seed = verdict(json!(["admin", 7]), true).expect("other items were passed over there");
        assert_eq!(seed.scope, ["admin"]);
    }
}
