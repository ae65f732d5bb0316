//! The way in for the fuzz target of types. Not an interface for people: it changes without notice.

use serde_json::Value;

use super::{MOST, Type};

/// A type on the first line, and a value: whatever it is, what is accepted stays so, its schema is one, and what is told
/// of the rest is bounded.
pub fn check_types(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (written, value) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(ty) = Type::parse(written) else { return };
    assert_eq!(Type::parse(written).as_ref(), Ok(&ty), "it reads the same twice");
    assert!(ty.schema().is_object());
    match ty.convert(value) {
        Ok(converted) => keeps(&ty, converted),
        Err(wrongs) => assert!(!wrongs.is_empty() && wrongs.len() <= MOST),
    }
    if let Ok(json) = serde_json::from_str::<Value>(value) {
        match ty.accept(json) {
            Ok(accepted) => keeps(&ty, accepted),
            Err(wrongs) => assert!(!wrongs.is_empty() && wrongs.len() <= MOST),
        }
    }
}

/// What is of a type stays as it is when it is looked at again.
fn keeps(ty: &Type, value: Value) {
    assert_eq!(ty.accept(value.clone()), Ok(value), "{ty:?}");
}
