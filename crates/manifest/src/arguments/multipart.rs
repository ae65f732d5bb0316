//! Forms with parts: text is read, files are written to the disk as they come.
//!
//! Nothing of a form outlives its call: the folder of its files is removed when the last handle on it is dropped, however
//! the call ends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use ketch_model::Error;
use ketch_web::{Multipart, Part};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;

use super::Given;
use super::body::add_text;
use crate::call::Files;
use crate::tree::Param;

/// Parts that no argument is called like are passed over, unread.
///
/// # Errors
/// 400 when the form is malformed, 413 over a limit, 500 when files cannot be written, 507 when there is no room.
pub(super) async fn members(
    wanted: &[&Param],
    mut parts: Multipart,
    limit: usize,
) -> Result<(BTreeMap<String, Given>, Files), Error> {
    let mut all: BTreeMap<String, Given> = BTreeMap::new();
    let mut files = Files::default();
    while let Some(mut part) = parts.next().await? {
        let Some(param) = wanted.iter().find(|param| param.wire == part.name()) else { continue };
        let given = all.entry(param.wire.clone()).or_default();
        match part.file_name() {
            // A browser sends a part without a name when no file was chosen.
            Some("") => {}
            Some(_) if param.ty.is_file() => {
                // Nothing is written that is refused anyway.
                let before = match given {
                    Given::Nothing => 0,
                    Given::Files(files) if param.ty.item().is_some() => files.len(),
                    Given::Files(_) => {
                        *given = Given::Wrong("repeated", "is given more than once".to_owned());
                        continue;
                    }
                    Given::Wrong(..) => continue,
                    Given::Texts(_) | Given::Json(_) => {
                        *given = Given::Wrong("invalid", "comes as a file and as text".to_owned());
                        continue;
                    }
                };
                let name = match param.ty.item() {
                    Some(_) => format!("{}/{before}", param.name),
                    None => param.name.clone(),
                };
                let file = save(&mut part, &mut files, name).await?;
                match given {
                    Given::Files(files) => files.push(file),
                    given => *given = Given::Files(vec![file]),
                }
            }
            Some(_) => {
                let message = format!("is a file, and must be {}", param.ty.noun());
                *given = Given::Wrong("invalid", message);
            }
            None => match part.bytes(limit).await.map(|bytes| String::from_utf8(bytes.into()))? {
                Ok(text) => add_text(given, &param.ty, text),
                Err(_) => *given = Given::Wrong("invalid", "is not UTF-8".to_owned()),
            },
        }
    }
    Ok((all, files))
}

/// Writes one file, and describes it.
async fn save(part: &mut Part<'_>, files: &mut Files, argument: String) -> Result<Value, Error> {
    let folder = match &files.folder {
        Some(folder) => Arc::clone(folder),
        None => {
            let folder = tempfile::Builder::new().prefix("ketch-files-").tempdir().map_err(unwritten)?;
            Arc::clone(files.folder.insert(Arc::new(folder)))
        }
    };
    // The sender's name is no name for a file here.
    let path = TempDir::path(&folder).join(files.by_name.len().to_string());
    let file = OpenOptions::new().write(true).create_new(true).open(&path).await.map_err(unwritten)?;
    let (size, sha256) = copy(part, file).await?;
    let text = path.to_str().ok_or_else(|| Error::internal("the folder of temporary files is not UTF-8"))?;
    let described = json!({
        "path": text,
        "name": part.file_name(),
        "type": part.content_type().unwrap_or("application/octet-stream"),
        "size": size,
        "sha256": sha256,
    });
    files.by_name.insert(argument, path);
    Ok(described)
}

/// Copies a part to a file; its size in bytes, and its digest.
async fn copy(part: &mut Part<'_>, mut file: File) -> Result<(u64, String), Error> {
    let (mut size, mut digest) = (0, Sha256::new());
    while let Some(data) = part.chunk().await? {
        file.write_all(&data).await.map_err(unwritten)?;
        digest.update(&data);
        size += data.len() as u64;
    }
    file.flush().await.map_err(unwritten)?;
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    Ok((size, text))
}

fn unwritten(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::new(507, "no_room", "there is no room for the files of this form; try again later")
                .because(error)
        }
        _ => Error::internal(error),
    }
}
