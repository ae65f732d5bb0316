//! The engine that a URL names.

use std::sync::Arc;

use crate::driver::Driver;
use crate::error::{Error, Result};
use crate::options::Options;
use crate::sqlite::Sqlite;
use crate::url::DatabaseUrl;

/// Opens the database that a URL names, for [`Db::connect`](crate::Db::connect).
///
/// # Errors
/// Whatever the engine says: [`Error::Open`](crate::Error::Open), [`Error::Unavailable`](crate::Error::Unavailable), …
/// For PostgreSQL without the feature `postgres`, [`Error::Unsupported`](crate::Error::Unsupported).
pub async fn connect(url: &DatabaseUrl, options: &Options) -> Result<Arc<dyn Driver>> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let (path, options) = (path.clone(), options.clone());
            // To recover a long log takes its time.
            let opened = tokio::task::spawn_blocking(move || Sqlite::open(path, &options)).await;
            Ok(Arc::new(opened.map_err(|panic| Error::Panicked(panic.to_string()))??))
        }
        DatabaseUrl::Postgres(url) => postgres(url, options).await,
    }
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, options: &Options) -> Result<Arc<dyn Driver>> {
    Ok(Arc::new(crate::postgres::Postgres::connect(url, options).await?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str, _: &Options) -> Result<Arc<dyn Driver>> {
    Err(Error::Unsupported("PostgreSQL: this program was built without the feature `postgres`".to_owned()))
}
