//! Where a database is: `sqlite:data/app.db`, `postgres://user@host/name`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::Error;

/// Where a database is.
///
/// ```
/// use ketch_db::DatabaseUrl;
/// let url: DatabaseUrl = "sqlite:data/app.db".parse()?;
/// assert_eq!(url, DatabaseUrl::Sqlite("data/app.db".into()));
/// assert!("mysql://localhost/app".parse::<DatabaseUrl>().is_err());
/// # Ok::<(), ketch_db::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server: the URL as it was written, password included.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        match scheme {
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() || path == ":memory:" || path.contains(['?', '\0']) {
                    let why = format!("`{text}` must name a file, as in `sqlite:data/app.db`");
                    return Err(Error::Url(why));
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            "postgres" | "postgresql" if rest.starts_with("//") => Ok(Self::Postgres(text.to_owned())),
            // What was written may hold a password, so it is not told again.
            _ => Err(Error::Url(
                "it begins with neither `sqlite:` nor `postgres://`, as in `sqlite:data/app.db` or \
                 `postgres://user:password@host/name`"
                    .to_owned(),
            )),
        }
    }
}

/// Without the password, for logs.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(text) => match url::Url::parse(text) {
                Ok(url) if is_clear(&url, text) => {
                    let host = url.host_str().unwrap_or_default();
                    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                    write!(f, "postgres://{host}{port}{}", url.path())
                }
                _ => f.write_str("postgres://…"),
            },
        }
    }
}

/// Whether nothing of a password can be in the host, the port or the path: one with a `/`, `?` or `#` that is not written
/// as `%2F`, `%3F` or `%23` ends the place of the server before its `@`, and its begin may pass for a port.
fn is_clear(url: &url::Url, text: &str) -> bool {
    let user = !url.username().is_empty() || url.password().is_some();
    !text.contains('@') || user && !url.path().contains('@')
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let url: DatabaseUrl = "postgres://me:hidden@db.example:5433/app?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5433/app");
        assert!(!format!("{url:?}").contains("hidden"));
        for text in [
            "postgres://me:12/hidden@db/app",
            "postgres://me:12?hidden@db/app",
            "postgres://a@me:12/hidden@db",
        ] {
            let shown = text.parse::<DatabaseUrl>().unwrap().to_string();
            assert_eq!(shown, "postgres://…", "{text}");
        }
        let error = "postgres:me:hidden@db".parse::<DatabaseUrl>().unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }

    #[test]
    fn what_is_no_file_is_refused() {
        for text in
            ["", "sqlite:", "sqlite::memory:", "sqlite://", "sqlite:a.db?mode=ro", "app.db", "postgres:x"]
        {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }
}
