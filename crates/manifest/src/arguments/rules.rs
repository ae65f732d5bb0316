//! What about an endpoint's arguments and outputs cannot work, found when the project is loaded.

use http::{HeaderName, Method};
use ketch_model::Problem;

use crate::tree::{Declared, Param, Site};
use crate::types::Type;

/// Everything that is wrong with the arguments and outputs of an endpoint.
pub(crate) fn faults(endpoint: &Declared, seed: bool) -> Vec<Problem> {
    let subject = endpoint.subject();
    let takes = endpoint.takes.iter().filter_map(|param| Some((param, argument(endpoint, param, seed)?)));
    let gives = endpoint.gives.iter().filter_map(|param| Some((param, output(param)?)));
    takes
        .chain(gives)
        .map(|(param, message)| {
            Problem::new(Some(param.place.clone()), format!("{subject}: `{}`", param.wire), message)
        })
        .collect()
}

fn argument(endpoint: &Declared, param: &Param, seed: bool) -> Option<String> {
    let wire = &param.wire;
    if param.ty.is_file() && param.site != Site::Body {
        return Some(format!("is a file, which only a form can bring: call it `{wire}`, without a source"));
    }
    if param.ty.is_file() && param.default.is_some() {
        return Some("is a file, which has no default".to_owned());
    }
    if nested_file(&param.ty) {
        return Some(
            "a file is an argument of its own or one of a list: write `FILE` or `[FILE]`".to_owned(),
        );
    }
    match param.site {
        // aicra never read it; its projects keep what they had.
        Site::Body if endpoint.method == Method::GET && !seed => Some(format!(
            "is read from the body, which a GET does not have: write `GET@{wire}` for the query"
        )),
        Site::Header if HeaderName::try_from(wire).is_err() => Some(
            "is no header's name, so it never comes: write one such as `HEADER@accept-language`".to_owned(),
        ),
        // A cookie's name is a token too (RFC 6265, 4.1.1).
        Site::Cookie if HeaderName::try_from(wire).is_err() => {
            Some("is no cookie's name, so it never comes: write one such as `COOKIE@session`".to_owned())
        }
        Site::Path if param.optional => {
            Some(format!("is `{{{wire}}}` of the path and always there: drop the `?` of its type"))
        }
        Site::Path | Site::Slot(_) | Site::Cookie if param.ty.item().is_some() => {
            Some("is one value, and cannot be a list: take it from the query or the body".to_owned())
        }
        _ => None,
    }
}

fn output(param: &Param) -> Option<String> {
    (param.ty.is_file() || nested_file(&param.ty)).then(|| "is a file, which an output cannot be".to_owned())
}

fn nested_file(ty: &Type) -> bool {
    match ty {
        Type::List(inner) => !matches!(**inner, Type::File) && (inner.is_file() || nested_file(inner)),
        Type::Map(_, inner) | Type::Nullable(inner) => inner.is_file() || nested_file(inner),
        _ => false,
    }
}
