//! TLS from PEM files: the certificate that is served follows the files, without a restart. A
//! broken file changes nothing but the log. Making certificates is `tls/authority.rs`.

pub mod authority;

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;
use crate::shutdown::Stop;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often an end that is near is told.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// When an end is near.
const SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

/// Why TLS cannot be served from the files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds nothing of use.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key is not that of the certificate, or rustls refuses one of them.
    #[error("{} with {}: {source}", cert.display(), key.display())]
    Pair {
        /// The certificate file.
        cert: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
}

/// The certificate being served and the files it came from.
#[derive(Debug)]
pub struct Certificates {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// When they cannot be read or do not belong together.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let current = RwLock::new(Arc::new(read(&files, &provider)?));
        Ok(Arc::new(Self { files, provider, current }))
    }

    /// Accepts TLS 1.2 and 1.3 with the certificate of the moment, and HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// None in practice: the provider supports both versions.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again; connections accepted from now on get what is there.
    ///
    /// # Errors
    /// As [`Certificates::load`]; what was served is served on.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.files, &self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Reloads when the files change and on SIGHUP, until `stop`.
    ///
    /// # Errors
    /// When the signal handler cannot be installed.
    pub async fn follow(self: Arc<Self>, mut stop: Stop) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut seen = self.stamps();
        let mut told: Option<Instant> = None;
        loop {
            if told.is_none_or(|told| told.elapsed() > DAY) {
                told = Some(Instant::now());
                self.tell_of_end();
            }
            let asked = tokio::select! {
                () = stop.finishing() => return Ok(()),
                _ = hangup.recv() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let now = self.stamps();
            if asked || now != seen {
                seen = now;
                told = None;
                self.reload_and_tell();
            }
        }
    }

    fn reload_and_tell(&self) {
        let cert = self.files.cert.display();
        match self.reload() {
            Ok(()) => tracing::info!(%cert, "the TLS certificate was read again"),
            Err(error) => tracing::error!(
                %error,
                "the new TLS certificate cannot be used; the one before is served on"
            ),
        }
    }

    /// Says once a day that the certificate ends soon, or has ended.
    fn tell_of_end(&self) {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let cert = self.files.cert.display();
        let now = jiff::Timestamp::now();
        match end_of(&current) {
            Some(end) if end <= now => tracing::error!(
                %cert, %end,
                "the TLS certificate has expired, and clients refuse it: replace it, and it is read again"
            ),
            Some(end) if end.duration_since(now) < SOON => {
                tracing::warn!(%cert, %end, "the TLS certificate expires soon");
            }
            _ => {}
        }
    }

    fn stamps(&self) -> [Option<Stamp>; 2] {
        [stamp(&self.files.cert), stamp(&self.files.key)]
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

/// When the certificate of the server itself ends; None if that cannot be read.
fn end_of(certificate: &CertifiedKey) -> Option<jiff::Timestamp> {
    let (_, parsed) =
        x509_parser::parse_x509_certificate(certificate.end_entity_cert().ok()?).ok()?;
    jiff::Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}

/// What changes when a file is written or replaced: device, inode, size, time. Links are
/// followed, as Kubernetes swaps a link.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    let data = fs::metadata(path).ok()?;
    Some((data.dev(), data.ino(), data.size(), data.mtime(), data.mtime_nsec()))
}

fn read(files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let fault = |path: &Path, problem: &dyn std::fmt::Display| TlsError::File {
        path: path.to_path_buf(),
        problem: problem.to_string(),
    };
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault(&files.cert, &error))?;
    if chain.is_empty() {
        return Err(fault(&files.cert, &"there is no certificate in this file"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| fault(&files.key, &e))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Pair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        source,
    })
}

#[cfg(test)]
mod tests;
