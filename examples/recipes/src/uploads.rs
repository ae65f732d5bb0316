//! Files that come and go: streamed from a form into a folder, and out of it again, whole or in ranges.
//!
//! `curl -F file=@report.pdf localhost:8080/uploads` tells where the file is. None is ever in memory as a whole. They are
//! saved under names of ours: the sender's word for a name is only handed back to whoever downloads it.

use std::path::PathBuf;

use ketch::prelude::*;

struct UploadService {
    path: PathBuf,
    folder: Folder,
}

/// Files.
#[service(root = "uploads")]
impl UploadService {
    /// Takes files, at most 100 MB in one form, and tells the path of each. Other fields are passed over.
    #[post("/", limit = "100mb", timeout = "10m")]
    async fn take(&self, ctx: Ctx, mut form: Multipart) -> Result<Created<Vec<String>>> {
        tokio::fs::create_dir_all(&self.path).await.map_err(Error::internal)?;
        let mut paths = Vec::new();
        while let Some(mut part) = form.next().await? {
            if part.file_name().is_some() {
                let name = format!("{}-{}", ctx.request_id(), paths.len());
                part.save_to(self.path.join(&name)).await?;
                paths.push(format!("/uploads/{name}"));
            }
        }
        Ok(Created(paths))
    }

    /// Gives a file out. Browsers save it, under `name` if it is given: what strangers sent is not shown as a page of ours.
    #[get("{id}", timeout = "10m")]
    async fn give(&self, id: String, name: Option<String>) -> Result<File> {
        let file = self.folder.file(&id).await?;
        Ok(file.download(name.unwrap_or(id)))
    }
}

/// The server, with its files in this folder, which is made when the first one comes.
pub fn server_at(path: impl Into<PathBuf>) -> Server {
    let path = path.into();
    Server::new().title("Uploads").add(UploadService { folder: Folder::new(&path), path })
}

/// The server, with its files in the machine's folder for what is temporary.
pub fn server() -> Server {
    server_at(std::env::temp_dir().join("ketch-uploads"))
}
