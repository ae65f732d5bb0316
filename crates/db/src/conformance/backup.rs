//! Copies of all data in a file.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::case::{Capability, Case, case};
use super::check::{Checked, Failure, holds, same};
use super::setting::{boat, boats};
use crate::db::Db;
use crate::driver::Dialect;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::params;
use crate::sqlite::Sqlite;

pub(super) const CASES: &[Case] = &[
    case!("backup", equals_what_it_copies).needs(Capability::Backup),
    case!("backup", is_of_one_moment).needs(Capability::Backup),
    case!("backup", never_writes_over_a_file).needs(Capability::Backup),
];

/// A folder that goes with its case.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::result::Result<Self, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("ketch-copies-{}-{next}", std::process::id()));
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(Failure::wrong(format!("cannot make a folder for copies: {error}"))),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone_already = std::fs::remove_dir_all(&self.0);
    }
}

/// The rows of a copy. What is no SQLite file is not read.
async fn rows(db: &Db, copy: PathBuf) -> Result<Option<Vec<(i64, String)>>> {
    if db.dialect()? != Dialect::Sqlite {
        return Ok(None);
    }
    let options = Options::default();
    let copied = Db::with_driver(Sqlite::open(copy, &options)?, &options);
    let rows = copied.query("select id, name from boats order by id", params! {}).await;
    copied.close().await;
    rows.map(Some)
}

async fn equals_what_it_copies(db: Db) -> Checked {
    let folder = Folder::new()?;
    boats(&db).await?;
    for id in 0..200 {
        boat(&db, id, &format!("boat {id}, {}", "x".repeat(200))).await?;
    }
    let copy = folder.0.join("copy.db");
    db.backup(&copy).await?;
    holds("the copy is a file with content", std::fs::metadata(&copy).is_ok_and(|it| it.len() > 0))?;
    let original: Vec<(i64, String)> = db.query("select id, name from boats order by id", params! {}).await?;
    if let Some(copied) = rows(&db, copy).await? {
        same("rows of the copy", &copied, &original)?;
    }
    same("written afterwards", &boat(&db, 1_000, "Spray").await?, &1)
}

async fn is_of_one_moment(db: Db) -> Checked {
    let folder = Folder::new()?;
    boats(&db).await?;
    let writer = db.clone();
    let writes = tokio::spawn(async move {
        for id in 0..200_i64 {
            let insert = "insert into boats (id, name) values (:id, :name)";
            let one = (insert, params! { id: 2 * id, name: format!("left {id}") });
            let other = (insert, params! { id: 2 * id + 1, name: format!("right {id}") });
            writer.batch([one, other]).await?;
        }
        Ok::<_, Error>(())
    });
    for turn in 0..3 {
        let copy = folder.0.join(format!("copy-{turn}.db"));
        db.backup(&copy).await?;
        if let Some(copied) = rows(&db, copy).await? {
            holds("both rows of a pair are copied or none", copied.len() % 2 == 0)?;
            let gapless = copied.iter().zip(0..).all(|((id, _), expected)| *id == expected);
            holds("what is copied was written before what is not", gapless)?;
        }
    }
    Ok(writes.await.expect("the writes do not panic")?)
}

async fn never_writes_over_a_file(db: Db) -> Checked {
    let folder = Folder::new()?;
    boats(&db).await?;
    let there = folder.0.join("there.db");
    if let Err(error) = std::fs::write(&there, "precious") {
        return Err(Failure::wrong(format!("cannot write a file: {error}")));
    }
    match db.backup(&there).await {
        Ok(()) => return Err(Failure::wrong("expected an error, found a copy over a file")),
        Err(error @ Error::Unsupported(_)) => return Err(error.into()),
        Err(_) => {}
    }
    let content = std::fs::read_to_string(&there).unwrap_or_default();
    same("the file that was there", &content.as_str(), &"precious")
}
