//! Whose certificates guests' requests over TLS believe: of the authorities that the operating system trusts, and of
//! those that the project adds. Nothing here turns the check off.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The largest file of certificates, in bytes. What operating systems come with has a quarter of that.
const LARGEST: u64 = 1 << 20;

/// The authorities that are trusted.
#[derive(Clone)]
pub(crate) struct Roots {
    /// Those beside the operating system's.
    added: Vec<CertificateDer<'static>>,
    /// How TLS is spoken with them; made when the first request wants it.
    config: Arc<OnceLock<Option<Arc<ClientConfig>>>>,
}

impl Default for Roots {
    /// Those of the operating system, read once.
    fn default() -> Self {
        static SYSTEM: LazyLock<Roots> = LazyLock::new(|| Roots::of(Vec::new()));
        SYSTEM.clone()
    }
}

impl Roots {
    /// The operating system's, and these.
    pub(crate) fn of(added: Vec<CertificateDer<'static>>) -> Self {
        Self { added, config: Arc::default() }
    }

    /// The certificates in a PEM file.
    ///
    /// # Errors
    /// That it cannot be read, or that one of its certificates is none, or that there is none.
    pub(crate) fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
        let mut pem = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
        file.take(LARGEST + 1).read_to_end(&mut pem).map_err(|error| format!("cannot be read: {error}"))?;
        if pem.len() as u64 > LARGEST {
            return Err(format!("has more than {LARGEST} bytes"));
        }
        let (mut found, mut store) = (Vec::new(), RootCertStore::empty());
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| format!("is no PEM: {error}"))?;
            let added = store.add(certificate.clone());
            added.map_err(|error| format!("has a certificate that cannot be trusted: {error}"))?;
            found.push(certificate);
        }
        if found.is_empty() { Err("has no certificate in it".to_owned()) } else { Ok(found) }
    }

    /// How TLS is spoken; none when nobody is trusted, which is told once in the log.
    pub(crate) async fn config(&self) -> Option<Arc<ClientConfig>> {
        if let Some(made) = self.config.get() {
            return made.clone();
        }
        // The operating system's are some hundreds of files.
        let roots = self.clone();
        let made = move || roots.config.get_or_init(|| roots.make()).clone();
        tokio::task::spawn_blocking(made).await.ok().flatten()
    }

    fn make(&self) -> Option<Arc<ClientConfig>> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        store.add_parsable_certificates(self.added.iter().cloned());
        if store.is_empty() {
            tracing::error!(
                "the operating system trusts no certificates: components cannot send requests over TLS. Install them \
                 (`apt install ca-certificates`), or name a file of them under `roots`"
            );
            return None;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        Some(Arc::new(config.with_root_certificates(store).with_no_client_auth()))
    }
}

impl PartialEq for Roots {
    fn eq(&self, other: &Self) -> bool {
        self.added == other.added
    }
}

impl Eq for Roots {}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Roots").field("added", &self.added.len()).finish_non_exhaustive()
    }
}
