//! Manifests: whatever stands in a project file or an API file, its problems are found and are at places of it.

/// Tries one file.
pub(crate) fn run(bytes: &[u8]) {
    ketch_manifest::__fuzz::manifest(bytes);
}
