//! OpenAPI documents of others: whatever one holds, it is read or refused, and its schemas get names that a file can have.

use serde_json::Value;

/// Tries one document, which may refer to itself as a file.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return };
    let mut file = |path: &str| {
        let inside = path.split('/').all(|part| part != "..") && !path.starts_with('/');
        assert!(inside, "no file outside is asked for: {path}");
        Ok(document.clone())
    };
    let Ok(description) = ketch_openapi::read(document.clone(), &mut file) else { return };
    for name in description.schemas.keys() {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        assert!(plain && !name.starts_with('.') && name.len() <= 100, "{name} is no name for a file");
    }
}
