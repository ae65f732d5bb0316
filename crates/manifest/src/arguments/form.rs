//! URL-encoded forms (WHATWG URL, section 5): the fields that are declared, and nothing of the others.

use std::collections::BTreeMap;

use ketch_model::Error;
use percent_encoding::percent_decode;
use url::form_urlencoded;

use super::Given;
use super::body::add_text;
use crate::tree::Param;

/// # Errors
/// 400 when the form is not UTF-8 once decoded.
pub(super) fn members(wanted: &[&Param], bytes: &[u8]) -> Result<BTreeMap<String, Given>, Error> {
    // The reader would replace what is not UTF-8. No separator can be part of a character, so all is looked at in one.
    if percent_decode(bytes).decode_utf8().is_err() {
        return Err(Error::new(400, "invalid_form", "the form is not UTF-8 once it is decoded"));
    }
    let mut all: BTreeMap<String, Given> = BTreeMap::new();
    for (name, text) in form_urlencoded::parse(bytes) {
        if let Some(param) = wanted.iter().find(|param| param.wire == name) {
            add_text(all.entry(name.into_owned()).or_default(), &param.ty, text.into_owned());
        }
    }
    Ok(all)
}
