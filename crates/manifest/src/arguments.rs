//! From a request to arguments: every declared one is found, converted by its type and checked; all that is wrong is
//! answered together, in the order declared.

use bytes::Bytes;
use ketch_model::{ArgSpec, Error, FieldError, In};
use ketch_web::{Arg, Ctx, Input, media_type};
use serde_json::{Map, Value, json};

use crate::call::Files;
use crate::tree::{Param, Site};

/// The arguments as the documents describe them.
pub(crate) fn describe(takes: &[Param]) -> Vec<ArgSpec> {
    let mut args = Vec::new();
    let mut members = Map::new();
    let mut required = Vec::new();
    for param in takes {
        let place = match param.site {
            Site::Path | Site::Slot(_) => In::Path,
            Site::Query => In::Query,
            Site::Header => In::Header,
            Site::Cookie => In::Cookie,
            Site::Body => {
                members.insert(param.wire.clone(), param.ty.schema());
                required.extend((!param.optional).then(|| param.wire.clone()));
                continue;
            }
        };
        let about = param.info.clone();
        let spec = ArgSpec::new(param.wire.as_str(), place, param.ty.schema());
        args.push(ArgSpec { required: !param.optional, about, ..spec });
    }
    if !members.is_empty() {
        let schema = json!({ "type": "object", "properties": members, "required": required });
        let required = !required.is_empty();
        let media_type = Some("application/json");
        args.push(ArgSpec { required, media_type, ..ArgSpec::new("body", In::Body, schema) });
    }
    args
}

/// Reads the arguments of a request.
///
/// # Errors
/// 400 with one entry for each that is missing or wrong; what the body's reader says.
pub(crate) async fn read(takes: &[Param], mut input: Input) -> Result<(Map<String, Value>, Files), Error> {
    let ctx = Ctx::read(&mut input, "ctx").await?;
    let mut body = if takes.iter().any(|param| param.site == Site::Body) {
        members(&ctx, &mut input).await?
    } else {
        Map::new()
    };
    let (mut args, mut faults) = (Map::new(), Vec::new());
    for param in takes {
        let text = |text: Option<String>| text.map(|text| param.ty.convert(&text));
        let (place, found) = match param.site {
            Site::Path | Site::Slot(_) => (In::Path, text(ctx.param(&param.wire)?)),
            Site::Query => (In::Query, text(ctx.query(&param.wire)?)),
            Site::Header => (In::Header, text(ctx.header(&param.wire)?)),
            Site::Cookie => (In::Cookie, text(ctx.cookie(&param.wire)?)),
            Site::Body => {
                let member = body.remove(&param.wire);
                (In::Body, member.map(|value| param.ty.check(&value).map(|()| value)))
            }
        };
        let value = match found {
            Some(Ok(value)) => value,
            Some(Err(message)) => {
                faults.push(fault(place, param, "invalid", message));
                continue;
            }
            None if param.optional => param.default.clone().unwrap_or_default(),
            None => {
                faults.push(fault(place, param, "missing", "must be there".to_owned()));
                continue;
            }
        };
        args.insert(param.name.clone(), value);
    }
    if faults.is_empty() { Ok((args, Files::default())) } else { Err(Error::arguments(faults)) }
}

fn fault(place: In, param: &Param, code: &'static str, message: String) -> FieldError {
    let name = if place == In::Body { format!("/{}", param.wire) } else { param.wire.clone() };
    FieldError { place, name, code, message: format!("`{}` {message}", param.wire) }
}

/// The members of the body.
async fn members(ctx: &Ctx, input: &mut Input) -> Result<Map<String, Value>, Error> {
    if media_type(ctx.headers()).is_none() {
        return Ok(Map::new());
    }
    let bytes = Bytes::read(input, "body").await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(400, "invalid_json", format!("the body is no JSON object: {error}")))
}
