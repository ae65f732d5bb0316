//! A folder whose files are given out by the names that clients ask for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ketch_model::Error;

use super::{File, beneath, content_type, is_plain, on_disk};

/// A folder of files to give out. No path leads out of it, whatever stands in it.
///
/// ```
/// use ketch_web::{File, Folder};
/// # async fn upload(name: String) -> Result<File, ketch_model::Error> {
/// let uploads = Folder::new("uploads");
/// uploads.file(&name).await
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: Arc<Path>,
    hidden: bool,
}

impl Folder {
    /// The folder at this path, which is looked up for every file anew.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into(), hidden: false }
    }

    /// Gives out hidden files and folders (`.well-known`) too.
    #[must_use]
    pub fn with_hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Opens the file at a path below the folder, its parts cut by `/`, already decoded.
    ///
    /// # Errors
    /// 404 `not_found` for whatever is no visible regular file in the folder: an empty part, a hidden name (`.x`), `..`,
    /// an absolute path, a backslash, a control character, a link that leads out, a device, a name that is not there.
    pub async fn file(&self, path: impl AsRef<str>) -> Result<File, Error> {
        let below = path.as_ref();
        let given =
            |name: &str| is_plain(name) || self.hidden && name.strip_prefix('.').is_some_and(is_plain);
        if !below.split('/').all(given) {
            return Err(Error::new(404, "not_found", "there is no such file"));
        }
        let (folder, below) = (Arc::clone(&self.path), PathBuf::from(below));
        let content_type = content_type(&below);
        let opened = on_disk(move || beneath(&folder, &below)).await?;
        Ok(File { opened, content_type, download: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hidden_files_are_for_those_who_ask_for_them() {
        let top = std::env::temp_dir().join(format!("ketch-folder-{}", std::process::id()));
        std::fs::create_dir_all(top.join(".well-known")).unwrap();
        std::fs::write(top.join(".well-known/security.txt"), "x").unwrap();
        let folder = Folder::new(&top);
        assert_eq!(folder.file(".well-known/security.txt").await.unwrap_err().status(), 404);
        let folder = folder.with_hidden();
        assert!(folder.file(".well-known/security.txt").await.is_ok());
        for name in [".", "..", ".well-known/../.well-known/security.txt", "..well-known", "./.well-known"] {
            assert_eq!(folder.file(name).await.unwrap_err().status(), 404, "{name}");
        }
        std::fs::remove_dir_all(&top).unwrap();
    }
}
