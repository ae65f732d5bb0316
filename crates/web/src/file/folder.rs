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
}

impl Folder {
    /// The folder at this path, which is looked up for every file anew.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into() }
    }

    /// Opens the file at a path below the folder, its parts cut by `/`, already decoded.
    ///
    /// # Errors
    /// 404 `not_found` for whatever is no visible regular file in the folder: an empty part, a hidden name (`.x`), `..`,
    /// an absolute path, a backslash, a control character, a link that leads out, a device, a name that is not there.
    pub async fn file(&self, path: impl AsRef<str>) -> Result<File, Error> {
        let below = path.as_ref();
        if !below.split('/').all(is_plain) {
            return Err(Error::new(404, "not_found", "there is no such file"));
        }
        let (folder, below) = (Arc::clone(&self.path), PathBuf::from(below));
        let content_type = content_type(&below);
        let opened = on_disk(move || beneath(&folder, &below)).await?;
        Ok(File { opened, content_type, download: None })
    }
}
