//! The body of an operation as members, each of which becomes an argument.

use ketch_openapi::{Description, Operation};

use super::endpoint::Notes;
use super::members::{Member, Members};

/// The members of an operation's body.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) members: Vec<Member>,
    /// Whether it is a form with parts, where texts may be files.
    pub(super) form: bool,
}

/// Reads the body of an operation. What it has that is no list of members is told.
pub(super) fn body(operation: &Operation, spec: &Description, notes: &mut Notes) -> Taken {
    let Some(body) = &operation.body else { return Taken::default() };
    let at = body.at.as_str();
    let media_type = body.media_type.as_str();
    let form = media_type.starts_with("multipart/");
    let is_read =
        form || media_type.contains("json") || media_type.contains("urlencoded") || media_type.contains('*');
    if !is_read {
        notes.add(at, format!("the body is left out: it is {media_type:.80}, and a manifest reads JSON and forms; a WASM component of `wasi:http` reads anything"));
        return Taken::default();
    }
    let Some(members) = Members::of(&body.schema, &spec.schemas) else {
        notes.add(at, "the body is left out: it is no object with members that are declared; a WASM component of `wasi:http` reads anything");
        return Taken::default();
    };
    for lost in &members.lost {
        notes.add(at, format!("of the body, {lost}"));
    }
    let mut list = Vec::new();
    for mut member in members.list {
        if member.schema.get("readOnly").is_some() {
            continue;
        }
        if !can_be_key(&member.name) {
            notes.add(at, format!("the member `{:.60}` of the body is left out: the name means something else in a manifest", member.name));
            continue;
        }
        member.required &= body.required != Some(false);
        list.push(member);
    }
    match body.required {
        None if list.iter().any(|member| member.required) => {
            notes.add(at, "the document lets the whole body be left out, although members of it are required: it is required here");
        }
        Some(false) if !list.is_empty() => {
            notes.add(at, "the whole body may be left out, and so may each of its members here")
        }
        _ => {}
    }
    Taken { members: list, form }
}

/// Whether a name is a member of the body when it is a key of `in`.
fn can_be_key(name: &str) -> bool {
    let source = name
        .split_once('@')
        .is_some_and(|(said, _)| ["GET", "HEADER", "COOKIE"].iter().any(|it| said.eq_ignore_ascii_case(it)));
    let braces = name.starts_with('{') && name.ends_with('}');
    !(name.is_empty() || source || braces || name.starts_with("URL#") || name == "$include")
}
