//! aicra's error numbers: what each is called, which status it comes to, and which number an error of the server's own
//! has in a project with an `aicra.json`, whose clients read numbers.

use ketch_model::{Error, FieldError, In};
use serde_json::Value;

/// One of the numbers.
#[derive(Debug)]
pub(crate) struct Number {
    /// The number.
    pub(crate) number: i64,
    /// The status of the reply.
    pub(crate) status: u16,
    /// The code that programs go by.
    pub(crate) code: &'static str,
    /// aicra's words for it.
    pub(crate) reason: &'static str,
}

/// The number of success.
pub(crate) const SUCCESS: i64 = 0;
const UNKNOWN_CONTROLLER: i64 = 200;
const UNKNOWN_METHOD: i64 = 201;
const UNCALLABLE: i64 = 202;
const PERMISSION: i64 = 300;
const MISSING: i64 = 400;
const INVALID: i64 = 401;

/// What a number that is not in the table comes to: the controller refused, for a reason of its own.
const OTHER: Number = Number { number: -1, status: 400, code: "refused", reason: "unknown reason" };

const NUMBERS: [Number; 19] = [
    number(-1, 500, "unknown", "unknown error"),
    number(SUCCESS, 200, "success", "all right"),
    number(1, 500, "failure", "it failed"),
    number(2, 404, "no_match_found", "no resource found"),
    number(3, 409, "already_exists", "resource already exists"),
    number(4, 500, "config", "configuration error"),
    number(100, 500, "upload", "upload failed"),
    number(101, 500, "download", "download failed"),
    number(102, 500, "missing_download_headers", "download headers are missing"),
    number(103, 500, "missing_download_body", "download body is missing"),
    number(UNKNOWN_CONTROLLER, 404, "unknown_controller", "unknown controller"),
    number(UNKNOWN_METHOD, 405, "unknown_method", "unknown method"),
    number(UNCALLABLE, 502, "uncallable_controller", "uncallable controller"),
    number(203, 501, "uncallable_method", "uncallable method"),
    number(PERMISSION, 403, "permission", "permission error"),
    number(301, 401, "token", "token error"),
    number(MISSING, 400, "missing_param", "missing parameter"),
    number(INVALID, 400, "invalid_param", "invalid parameter"),
    number(402, 500, "invalid_default_param", "invalid default param"),
];

const fn number(number: i64, status: u16, code: &'static str, reason: &'static str) -> Number {
    Number { number, status, code, reason }
}

/// What is known of a number.
pub(crate) fn known(number: i64) -> &'static Number {
    NUMBERS.iter().find(|known| known.number == number).unwrap_or(&OTHER)
}

/// An error with aicra's `error`, `reason` and `arguments`; one that a controller numbered keeps its own.
pub(crate) fn annotate(error: Error) -> Error {
    if error.members().any(|(name, _)| name == "error") {
        return error;
    }
    let number = known(number_of(&error));
    let arguments: Vec<Value> = error.fields().iter().map(|field| argument(field).into()).collect();
    let error = error.member("error", number.number).member("reason", number.reason);
    if arguments.is_empty() { error } else { error.member("arguments", arguments) }
}

fn number_of(error: &Error) -> i64 {
    let missing = error.fields().first().is_some_and(|field| field.code == "missing");
    match error.status().as_u16() {
        400 if missing => MISSING,
        401 | 403 | 429 => PERMISSION,
        404 => UNKNOWN_CONTROLLER,
        405 => UNKNOWN_METHOD,
        400..=499 => INVALID,
        _ => UNCALLABLE,
    }
}

/// An argument as a seed's manifest calls it: `URL#0`, `GET@page`, `name`.
fn argument(field: &FieldError) -> String {
    let slot = |name: &str| {
        let digits = name.strip_prefix("url")?;
        digits.parse::<usize>().ok().map(|slot| format!("URL#{slot}"))
    };
    match field.place {
        In::Path => slot(&field.name).unwrap_or_else(|| field.name.clone()),
        In::Query => format!("GET@{}", field.name),
        In::Body => field.name.trim_start_matches('/').to_owned(),
        In::Header | In::Cookie | In::Context => field.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_numbers_as_they_are() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/aicra.md");
        let page = std::fs::read_to_string(page).unwrap();
        let row = |Number { number, status, code, reason }: &Number| {
            format!("| {number} | {status} | `{code}` | {reason} |")
        };
        let other = row(&OTHER).replace("| -1 |", "| another |");
        let missing: Vec<String> =
            NUMBERS.iter().map(row).chain([other]).filter(|row| !page.contains(row)).collect();
        assert!(missing.is_empty(), "docs/reference/aicra.md has no row\n{}", missing.join("\n"));
    }

    #[test]
    fn an_error_of_the_server_has_one_number() {
        let field = |place, name: &str, code| FieldError {
            place,
            name: name.to_owned(),
            code,
            message: "must be there".to_owned(),
        };
        let missing = Error::arguments(vec![
            field(In::Path, "url0", "missing"),
            field(In::Query, "page", "invalid"),
            field(In::Body, "/mail", "missing"),
        ]);
        let own = Error::new(409, "taken", "x").member("error", 3);
        for (error, number) in [
            (Error::new(404, "not_found", "x"), 200),
            (Error::new(405, "method_not_allowed", "x"), 201),
            (Error::new(504, "deadline_exceeded", "x"), 202),
            (Error::internal("x"), 202),
            (Error::new(401, "unauthorized", "x"), 300),
            (Error::new(413, "body_too_large", "x"), 401),
            (missing, 400),
            (own, 3),
        ] {
            let error = annotate(annotate(error));
            let member =
                |name: &str| error.members().find(|(known, _)| *known == name).map(|(_, value)| value);
            assert_eq!(member("error"), Some(&Value::from(number)), "{error}");
            if number == 400 {
                assert_eq!(member("arguments"), Some(&serde_json::json!(["URL#0", "GET@page", "mail"])));
            }
        }
    }
}
