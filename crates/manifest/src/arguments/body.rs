//! The members of a body, in any of the three forms that are read: JSON, a URL-encoded form, a form with parts.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use ketch_model::{Error, FieldError};
use ketch_web::{Arg, Ctx, Input, Multipart, media_type};

use super::{Given, form, json, multipart};
use crate::call::Files;
use crate::tree::{Param, Site};
use crate::types::Type;

/// The media types that are read, JSON first.
pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const PARTS: &str = "multipart/form-data";

/// What the body has for each argument that is read from it. The body of a GET is left alone, and so is one of which
/// nothing is declared.
///
/// # Errors
/// 415 for another media type, 400 when it cannot be read, 413 over a limit.
pub(super) async fn read(
    takes: &[Param],
    ctx: &Ctx,
    input: &mut Input,
) -> Result<(BTreeMap<String, Given>, Files), Error> {
    let wanted: Vec<&Param> = takes.iter().filter(|param| param.site == Site::Body).collect();
    if wanted.is_empty() || *ctx.method() == Method::GET || *ctx.method() == Method::HEAD {
        return Ok(Default::default());
    }
    let files = wanted.iter().any(|param| param.ty.is_file());
    match media_type(ctx.headers()).as_deref() {
        Some(PARTS) => {
            let parts = Multipart::read(input, "body").await?;
            return multipart::members(&wanted, parts, limit(ctx)).await;
        }
        Some(essence)
            if essence == JSON || (essence.starts_with("application/") && essence.ends_with("+json")) =>
        {
            let bytes = Bytes::read(input, "body").await?;
            return json::members(&wanted, &bytes, limit(ctx)).map(|members| (members, Files::default()));
        }
        Some(FORM) => {
            let bytes = Bytes::read(input, "body").await?;
            return form::members(&wanted, &bytes).map(|members| (members, Files::default()));
        }
        Some("") | None => {}
        Some(_) => return Err(unsupported(files)),
    }
    // Without a type there is nothing to be read, unless there is nothing there.
    if Bytes::read(input, "body").await?.is_empty() {
        Ok(Default::default())
    } else {
        Err(unsupported(files))
    }
}

/// The endpoint's limit for the whole body, in bytes.
fn limit(ctx: &Ctx) -> usize {
    usize::try_from(ctx.endpoint().settings.limit.value).unwrap_or(usize::MAX)
}

fn unsupported(files: bool) -> Error {
    let read = if files { PARTS.to_owned() } else { format!("{JSON}, {FORM} or {PARTS}") };
    Error::new(
        415,
        "unsupported_media_type",
        format!("the body is read as {read}: say so in its `Content-Type`"),
    )
}

/// The most values of one list that come as text, each with its name.
const VALUES: usize = 10_000;

/// Adds text to what came for an argument. Of a single value no more is kept than it takes to see that it came twice.
pub(super) fn add_text(given: &mut Given, ty: &Type, text: String) {
    let most = if ty.item().is_some() || ty.is_any() { VALUES } else { 2 };
    match given {
        Given::Nothing => *given = Given::Texts(vec![text]),
        Given::Texts(texts) if texts.len() < most => texts.push(text),
        Given::Texts(_) if most == VALUES => {
            *given = Given::Wrong(FieldError::RULE, format!("is given more than {VALUES} times"));
        }
        Given::Texts(_) | Given::Wrong(..) => {}
        Given::Json(_) | Given::Files(_) => {
            *given = Given::Wrong("invalid", "comes as a file and as text".to_owned());
        }
    }
}
