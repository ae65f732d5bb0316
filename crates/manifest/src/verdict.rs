//! What middlewares answer, whichever driver runs them: an array of scopes, or an object that says more. What cannot be
//! understood is no verdict, so that it refuses the request.

use serde_json::{Map, Value};

use crate::middleware::Verdict;
use crate::one_line::shown;

/// Reads what a middleware said.
///
/// # Errors
/// What it is instead of a verdict, as in "it answered …".
pub fn read(said: Value) -> Result<Verdict, String> {
    let mut members = match said {
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
        Some(unknown) => Err(format!("with `{}`, which is no member", shown(unknown.as_bytes()))),
        None if verdict.body.is_some() && verdict.status.is_none() => {
            Err("a `body` without a `status`".to_owned())
        }
        None => Ok(verdict),
    }
}

/// The same of a project of aicra's, where an array's items that are no text were passed over.
///
/// # Errors
/// As [`read`].
pub(crate) fn of_seed(said: Value) -> Result<Verdict, String> {
    match said {
        Value::Array(items) => {
            let scope = items.into_iter().filter_map(text).collect();
            Ok(Verdict { scope, ..Verdict::default() })
        }
        more => read(more),
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
    use serde_json::json;

    use super::*;

    #[test]
    fn an_array_grants_and_an_object_says_more() {
        let granted = read(json!(["a", "b"])).expect("it is a verdict");
        assert_eq!(granted, Verdict { scope: vec!["a".to_owned(), "b".to_owned()], ..Verdict::default() });
        let said = json!({
            "scope": ["a"], "claims": { "id": "7" }, "headers": { "x-a": ["1", "2"] }, "status": 401, "body": {},
        });
        let verdict = read(said).expect("it is a verdict");
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
            assert!(read(said.clone()).is_err(), "{said}");
        }
        let seed = of_seed(json!(["admin", 7])).expect("other items were passed over there");
        assert_eq!(seed.scope, ["admin"]);
    }
}
