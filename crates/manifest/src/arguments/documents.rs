//! The arguments of an endpoint as documents describe them.

use ketch_model::{ArgSpec, ErrorSpec, In, Sees};
use serde_json::{Map, Value, json};

use super::body::{FORM, JSON, PARTS};
use super::place;
use crate::drivers::is_absent;
use crate::tree::{Param, Site};
use crate::types::Type;

/// One entry for each argument outside the body, one for each form of the body that is read, and one for what every
/// controller sees beside them: who calls, and with which credentials; `seen` says whether that is all.
pub(crate) fn describe(takes: &[Param], seen: Sees) -> Vec<ArgSpec> {
    let mut args: Vec<ArgSpec> = takes.iter().filter(|param| param.site != Site::Body).map(outside).collect();
    let members: Vec<&Param> = takes.iter().filter(|param| param.site == Site::Body).collect();
    if !members.is_empty() {
        args.extend(bodies(&members));
    }
    let call = ArgSpec::new("call", In::Context, Value::Bool(true));
    args.push(ArgSpec { required: false, sees: seen, ..call });
    args
}

/// Changes what documents say of an argument, wherever it stands. If that is anything, they say too that breaking it is 422.
/// `change` is given the schema of its type, without the `null` that may stand beside it.
pub fn narrowed(args: &mut [ArgSpec], place: In, name: &str, change: impl Fn(&mut Value)) {
    for arg in args.iter_mut().filter(|arg| arg.place == place) {
        let schema = match place {
            In::Body => arg.schema.pointer_mut("/properties").and_then(|members| members.get_mut(name)),
            _ => Some(&mut arg.schema).filter(|_| arg.name == name),
        };
        let Some(schema) = schema else { continue };
        let before = schema.clone();
        match schema.pointer_mut("/anyOf/0") {
            Some(inner) => change(inner),
            None => change(schema),
        }
        arg.rules |= *schema != before;
    }
}

/// What reading them may be answered with, beyond what every body may.
pub(crate) fn errors(takes: &[Param]) -> Vec<ErrorSpec> {
    let body = takes.iter().filter(|param| param.site == Site::Body);
    let files = body.clone().any(|param| param.ty.is_file());
    let description = "The body has more values than are read";
    let values = ErrorSpec { status: 413, code: "too_many_values", description };
    let description = "There is no room for the files of the form";
    let room = ErrorSpec { status: 507, code: "no_room", description };
    let json = (!files && body.count() > 0).then_some(values);
    json.into_iter().chain(files.then_some(room)).collect()
}

fn outside(param: &Param) -> ArgSpec {
    let (place, about) = (place(param.site), param.info.clone());
    // A list is one name several times.
    let whole = param.ty.is_json_text();
    let repeated = param.ty.item().is_some() && !whole && matches!(place, In::Query | In::Header);
    let spec = ArgSpec::new(param.wire.as_str(), place, of_text(param));
    let required = !param.optional || place == In::Path;
    let media_type = whole.then_some(JSON);
    ArgSpec { required, repeated, about, media_type, rules: param.ty.has_rules(), ..spec }
}

/// The type's schema with the argument's default.
fn of_json(param: &Param) -> Value {
    let mut schema = param.ty.schema();
    if let Some(default) = param.default.as_ref().filter(|it| !is_absent(it)) {
        schema["default"] = default.clone();
    }
    schema
}

/// The same of an argument that comes as text. A list comes as its values, so that one without any is not there.
fn of_text(param: &Param) -> Value {
    let mut schema = param.ty.text_schema();
    if let Some(default) = param.default.as_ref().filter(|it| !it.is_null() && !is_absent(it)) {
        schema["default"] = default.clone();
    }
    let by_values = param.ty.item().is_some() && (param.site == Site::Body || !param.ty.is_json_text());
    if !param.optional && (by_values || param.ty.is_any()) {
        schema["minItems"] = json!(1);
    }
    schema
}

/// JSON unless files are among the members, a URL-encoded form where all of them can be fields, and parts.
fn bodies(members: &[&Param]) -> Vec<ArgSpec> {
    let required: Vec<&str> =
        members.iter().filter(|param| !param.optional).map(|param| param.wire.as_str()).collect();
    let rules = members.iter().any(|param| param.ty.has_rules());
    let files = members.iter().any(|param| param.ty.is_file());
    let fields = members.iter().all(|param| is_field(&param.ty));
    let spec = |media_type: &'static str| {
        let schema = object(members, &required, if media_type == JSON { of_json } else { of_text });
        let (media_type, required) = (Some(media_type), !required.is_empty());
        ArgSpec { required, rules, media_type, ..ArgSpec::new("body", In::Body, schema) }
    };
    let forms = [(JSON, !files), (FORM, !files && fields), (PARTS, true)];
    forms.into_iter().filter(|(_, read)| *read).map(|(media_type, _)| spec(media_type)).collect()
}

fn object(members: &[&Param], required: &[&str], schema: fn(&Param) -> Value) -> Value {
    let properties: Map<String, Value> = members
        .iter()
        .map(|param| {
            let mut schema = schema(param);
            if let Some(about) = &param.info {
                schema["description"] = json!(about);
            }
            (param.wire.clone(), schema)
        })
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Whether a URL-encoded form can say it: one value, or a list of them.
fn is_field(ty: &Type) -> bool {
    let one =
        |ty: &Type| !matches!(ty, Type::List(_) | Type::Map(..) | Type::Schema(_) | Type::Any | Type::File);
    match ty {
        Type::Nullable(inner) => is_field(inner),
        Type::List(item) => one(item),
        other => one(other),
    }
}
