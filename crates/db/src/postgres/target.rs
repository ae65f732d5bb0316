//! Where the server is and how it is spoken to: the URL, with libpq's meaning.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::explained;
use super::tls::{self, Trust};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::url::DatabaseUrl;

/// A connection on which nothing moves is asked for a sign of life after this long, and again this often.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(30), Duration::from_secs(10), 3);

/// Everything that a connection is made with.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// The URL without user, password and settings, for messages.
    pub(super) shown: String,
}

impl Target {
    /// Reads a URL. `sslmode` and `sslrootcert` are read here, because the library knows but some of their values; the
    /// rest is the library's.
    pub(super) fn new(url: &str, options: &Options) -> Result<Self> {
        let (url, ssl) = Ssl::taken_from(url)?;
        let shown = DatabaseUrl::Postgres(url.clone()).to_string();
        let mut config =
            Config::from_str(&url).map_err(|error| Error::Url(format!("{shown}: {}", explained(&error))))?;
        let (idle, interval, retries) = KEEPALIVE;
        if config.get_keepalives_interval().is_none() {
            config.keepalives_idle(idle).keepalives_interval(interval).keepalives_retries(retries);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(idle);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.connect_time);
        }
        if config.get_application_name().is_none() {
            config.application_name("ketch");
        }
        // As in libpq, a socket of this machine is never encrypted.
        let local = config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_)));
        config.ssl_mode(match ssl.mode {
            _ if local && config.get_hostaddrs().is_empty() => SslMode::Disable,
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        let tls = tls::connector(ssl.trust(), ssl.root.as_deref())?;
        Ok(Self { config, tls, shown })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

struct Ssl {
    mode: Mode,
    /// A file of certificates as PEM; the system's when there is none.
    root: Option<PathBuf>,
}

impl Ssl {
    fn taken_from(url: &str) -> Result<(String, Self)> {
        let mut ssl = Self { mode: Mode::Prefer, root: None };
        let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), ssl)) };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => ssl.mode = Mode::from_str(mode)?,
                Some(("sslrootcert", path)) => ssl.root = root(path),
                _ => rest.push(pair),
            }
        }
        let url = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
        Ok((url, ssl))
    }

    fn trust(&self) -> Trust {
        match self.mode {
            // Old meaning that libpq keeps: who names an authority wants it asked.
            Mode::Require if self.root.is_some() => Trust::Authority,
            Mode::Disable | Mode::Prefer | Mode::Require => Trust::Anybody,
            Mode::VerifyCa => Trust::Authority,
            Mode::VerifyFull => Trust::AuthorityAndName,
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let why = "`sslmode` must be one of disable, prefer, require, verify-ca, verify-full";
                return Err(Error::Url(why.to_owned()));
            }
        })
    }
}

/// The path of `sslrootcert`; `system` is what is taken without one.
fn root(written: &str) -> Option<PathBuf> {
    // A plus sign is one: this is no form.
    let pair = format!("p={}", written.replace('+', "%2B"));
    let path = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, path)| path.into_owned())?;
    (!path.is_empty() && path != "system").then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_wrong_is_refused_without_its_password() {
        for url in [
            "postgres://me:hidden@db/app?sslmode=maybe",
            "postgres://me:hidden@db/app?colour=blue",
            "postgres://me:hidden@db:port/app",
            "postgres://me:hidden@db/app?sslmode=verify-full&sslrootcert=/no/such/file",
        ] {
            let error = Target::new(url, &Options::default()).err().expect(url).to_string();
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn settings_of_encryption_mean_what_they_mean_to_libpq() {
        for (query, trust) in [
            ("", Trust::Anybody),
            ("?sslmode=require", Trust::Anybody),
            ("?sslmode=require&sslrootcert=/a%20b", Trust::Authority),
            ("?sslmode=verify-ca", Trust::Authority),
            ("?application_name=x&sslmode=verify-full", Trust::AuthorityAndName),
        ] {
            let (url, ssl) = Ssl::taken_from(&format!("postgres://db/app{query}")).unwrap();
            assert_eq!(ssl.trust(), trust, "{query}");
            assert!(!url.contains("ssl"), "{url}");
        }
        let (_, ssl) = Ssl::taken_from("postgres://db/app?sslrootcert=/a%20b+c").unwrap();
        assert_eq!(ssl.root, Some(PathBuf::from("/a b+c")));
    }
}
