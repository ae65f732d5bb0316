//! The one error body, as the documents describe it. It is written in `web`; an end-to-end test compares the two.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What the schema is called, unless a type of the application has that name.
const NAME: &str = "Problem";

/// A name for the error body's schema that no type of the application has.
pub(crate) fn schema_name(taken: &BTreeMap<String, Value>) -> String {
    let more = (2..).map(|number| format!("{NAME}Details{number}"));
    [NAME.to_owned(), format!("{NAME}Details")]
        .into_iter()
        .chain(more)
        .find(|name| !taken.contains_key(name))
        .expect("numbers do not end")
}

/// The body of an error reply.
pub(crate) fn content(schema: &str) -> Value {
    json!({ "application/problem+json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

/// The reply that every endpoint may give.
pub(crate) fn response(schema: &str) -> Value {
    json!({
        "description": "What went wrong (RFC 9457). Every endpoint may answer so: 500, 503 when the server is full, 504 \
                        when the endpoint took too long.",
        "content": content(schema),
    })
}

/// The error body.
pub(crate) fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "description": "The one error body (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code", "message", "request_id"],
        "properties": {
            "type": text("Always `about:blank`: the code says what it is."),
            "title": text("The status in words."),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": text("What went wrong, for people."),
            "code": text("What went wrong, for programs."),
            "message": text("The same as `detail`."),
            "request_id": text("The request's name in the server's log."),
            "errors": {
                "type": "array",
                "description": "One entry for each argument or member of the body that is not as it should be.",
                "items": {
                    "type": "object",
                    "required": ["code", "message"],
                    "properties": {
                        "parameter": text("The argument's name."),
                        "in": { "enum": ["path", "query", "header", "cookie", "context"] },
                        "pointer": text("The member of the body, as a JSON Pointer after `#`."),
                        "code": text("`missing`, `invalid`, `repeated`; or `rule` when it can be read but breaks a rule."),
                        "message": text("What to send instead."),
                    },
                },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_the_application_keeps_its_name() {
        let taken = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        assert_eq!(schema_name(&taken(&[])), "Problem");
        assert_eq!(schema_name(&taken(&["Problem"])), "ProblemDetails");
        assert_eq!(schema_name(&taken(&["Problem", "ProblemDetails"])), "ProblemDetails2");
    }
}
