//! What a worker and the server say to each other: JSON-RPC 2.0, one message a line. The published page and schema come
//! from these types.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::middleware::Inspect;
use crate::told::{Called, Seen};

/// What the server writes on a worker's standard input. One line each, in UTF-8.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Request<'a> {
    /// Always `2.0`.
    jsonrpc: Version,
    /// The reply has the same. It counts up from 1 in each process.
    pub(crate) id: u64,
    #[serde(flatten)]
    pub(crate) ask: &'a Ask<'a>,
}

/// What is asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "method", content = "params", rename_all = "lowercase")]
pub(crate) enum Ask<'a> {
    /// A controller's call. The result is an object, the output fields.
    Call(Called<'a>),
    /// A middleware's look at a request. The result is an array of scopes, or an object.
    Inspect(Seen<'a>),
    /// Whether this program knows a type of this name, asked when the project is loaded. The result is a boolean.
    Match(Named<'a>),
    /// Whether a value is of a type. The result is a boolean.
    Check(Checked<'a>),
}

/// A type's name.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Named<'a> {
    /// As the manifest writes it, `boat-id` or `varchar(3, 5)`.
    pub(crate) name: &'a str,
}

/// A value to check.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Checked<'a> {
    /// The type, as the manifest writes it.
    pub(crate) name: &'a str,
    /// The value.
    pub(crate) value: &'a Value,
}

/// What a worker writes on its standard output: one line for each request, and nothing else. It has either `result` or
/// `error`.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "it describes what `reply` reads by hand, because a result may be null")]
pub(crate) struct Reply {
    /// Always `2.0`.
    jsonrpc: Version,
    /// The request's.
    id: u64,
    /// What it came to.
    result: Option<Value>,
    /// Why it came to nothing.
    error: Option<Failure>,
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub(crate) struct Failure {
    /// JSON-RPC's: -32601 when the method is not known, -32603 when the program failed, or one of its own.
    pub(crate) code: i64,
    /// What happened. It goes to the log, and to the client only when `data` has a `status`.
    pub(crate) message: String,
    /// What the client is told.
    pub(crate) data: Option<Told>,
}

/// What the client is told of a failure.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
pub(crate) struct Told {
    /// The reply's status, 400 to 599. Without it the reply is 502 and says nothing.
    pub(crate) status: u16,
    /// The code that programs go by; `controller_error` when it is left out.
    pub(crate) code: Option<String>,
}

/// What a middleware answers: the result of `inspect`, and what a oneshot middleware writes.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "it describes what the driver reads by hand, because mistakes must be told apart"
)]
pub(crate) enum Said {
    /// Scopes to grant.
    Scope(Vec<String>),
    /// More than scopes.
    Verdict(Verdict),
}

/// What a middleware answers when it says more than scopes. Other members are refused.
#[derive(Debug, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "as above")]
pub(crate) struct Verdict {
    /// Scopes to grant.
    scope: Option<Vec<String>>,
    /// What is known of the caller; `id` identifies it, `email` is its address.
    claims: Option<Map<String, Value>>,
    /// Headers of the reply.
    headers: Option<Headers>,
    /// Answers in place of the endpoint, 200 to 599.
    status: Option<u16>,
    /// The body of that answer; not without a status.
    body: Option<Value>,
}

/// Headers, by name or as pairs.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as above")]
pub(crate) enum Headers {
    /// Values by name.
    Named(BTreeMap<String, Values>),
    /// Names and values.
    Pairs(Vec<(String, String)>),
}

/// The values of a header.
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "as above")]
pub(crate) enum Values {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// The version of JSON-RPC.
#[derive(Debug, Default, Serialize, JsonSchema)]
enum Version {
    #[default]
    #[serde(rename = "2.0")]
    Two,
}

/// What is wrong with a line.
#[derive(Debug, PartialEq)]
pub(crate) enum Bad {
    /// It is no JSON-RPC reply.
    Stray,
    /// It is the reply to something else.
    Other,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stray => "a line on standard output is no JSON-RPC reply",
            Self::Other => "a reply has another id than the request",
        })
    }
}

impl<'a> Ask<'a> {
    /// Asks a controller.
    pub(crate) fn call(call: &'a Call) -> Self {
        Self::Call(Called::of(call, |path| path.to_string_lossy().into_owned()))
    }

    /// Asks a middleware.
    pub(crate) fn inspect(request: &'a Inspect) -> Self {
        Self::Inspect(Seen::of(request))
    }

    /// The line to write.
    pub(crate) fn line(&self, id: u64) -> Vec<u8> {
        let request = Request { jsonrpc: Version::Two, id, ask: self };
        let mut line = serde_json::to_vec(&request).expect("keys are text and numbers are finite");
        line.push(b'\n');
        line
    }
}

/// Reads a worker's line as the reply to the request with this id.
///
/// # Errors
/// What is wrong with it; the process cannot be trusted to be in step any more.
pub(crate) fn reply(line: &[u8], id: u64) -> Result<Result<Value, Failure>, Bad> {
    let mut members: Map<String, Value> = serde_json::from_slice(line).map_err(|_| Bad::Stray)?;
    if members.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Bad::Stray);
    }
    let (result, error) = (members.remove("result"), members.remove("error"));
    let said = match (result, error) {
        (Some(result), None) => Ok(result),
        // Some libraries write both, one of them null.
        (Some(result), Some(Value::Null)) => Ok(result),
        (None | Some(Value::Null), Some(error)) => Err(failure(&error).ok_or(Bad::Stray)?),
        _ => return Err(Bad::Stray),
    };
    if members.get("id").and_then(Value::as_u64) != Some(id) {
        return Err(Bad::Other);
    }
    Ok(said)
}

fn failure(error: &Value) -> Option<Failure> {
    let code = error.get("code")?.as_i64()?;
    let message = error.get("message")?.as_str()?.to_owned();
    let told = |data: &Value| {
        let status = u16::try_from(data.get("status")?.as_u64()?).ok()?;
        let code = data.get("code").and_then(Value::as_str).map(str::to_owned);
        (400..600).contains(&status).then_some(Told { status, code })
    };
    Some(Failure { code, message, data: error.get("data").and_then(told) })
}

#[cfg(test)]
mod tests {
    use ketch_testkit::expect_file;
    use serde_json::json;

    use super::*;

    /// The JSON Schema (2020-12) of both directions, and of what middlewares answer.
    fn schema() -> Value {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is wanted")]
        #[schemars(title = "Ketch worker protocol", untagged)]
        enum Message<'a> {
            Request(Request<'a>),
            Reply(Reply),
            Verdict(Said),
        }
        schemars::schema_for!(Message<'static>).to_value()
    }

    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let text = serde_json::to_string_pretty(&schema()).expect("it is JSON") + "\n";
        expect_file!["../../../../../docs/reference/worker-protocol.schema.json"].assert_eq(&text);
    }

    #[test]
    fn a_request_is_one_line() {
        let value = json!("two\nlines");
        let line = Ask::Check(Checked { name: "boat-id", value: &value }).line(7);
        assert_eq!(
            String::from_utf8(line).expect("it is UTF-8"),
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"check\",\"params\":{\"name\":\"boat-id\",\"value\":\"two\\nlines\"}}\n"
        );
    }

    #[test]
    fn what_is_no_reply_to_the_request_is_refused() {
        let stray = [
            "",
            "hello",
            "[]",
            "{}",
            r#"{"id":7,"result":1}"#,
            r#"{"jsonrpc":"1.0","id":7,"result":1}"#,
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":1,"error":{"code":1,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":"x"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":1} {}"#,
        ];
        for line in stray {
            assert_eq!(reply(line.as_bytes(), 7), Err(Bad::Stray), "{line}");
        }
        for id in ["8", "\"7\"", "null", "-7", "7.5"] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":1}}"#);
            assert_eq!(reply(line.as_bytes(), 7), Err(Bad::Other), "{line}");
        }
        assert_eq!(reply(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"\xff\"}", 7), Err(Bad::Stray));
    }

    #[test]
    fn a_result_may_be_null_and_an_error_may_say_a_status() {
        assert_eq!(reply(br#"{"jsonrpc":"2.0","id":7,"result":null}"#, 7), Ok(Ok(Value::Null)));
        let line = br#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no boat 7","data":{"status":404,"code":"no_boat"}}}"#;
        let data = Some(Told { status: 404, code: Some("no_boat".to_owned()) });
        assert_eq!(reply(line, 7), Ok(Err(Failure { code: 1, message: "no boat 7".to_owned(), data })));
        let line = br#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"x","data":{"status":200}}}"#;
        assert!(matches!(reply(line, 7), Ok(Err(Failure { data: None, .. }))), "an error is no success");
    }
}
