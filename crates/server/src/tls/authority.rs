//! A private certificate authority and server certificates from it, for installations without a
//! certificate of their own. Files that are there are never lost: an authority is kept, and the
//! server certificate is replaced in one step.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::ServerName;
use time::{Duration, OffsetDateTime};

/// How long an authority is valid, in days: ten years.
const AUTHORITY_DAYS: i64 = 3653;

/// What `tls init` is to make.
pub struct Wanted {
    /// The folder for the four files.
    pub folder: PathBuf,
    /// The names and addresses beside [`local_names`].
    pub hosts: Vec<String>,
    /// The Region whose registry hosts are covered.
    pub region: String,
    /// How long the server certificate is valid, in days.
    pub days: u16,
}

/// What `tls init` has made.
pub struct Made {
    /// The certificate that clients are to trust.
    pub authority: PathBuf,
    /// The server certificate, for `tls_cert`.
    pub cert: PathBuf,
    /// Its key, for `tls_key`.
    pub key: PathBuf,
    /// All names the server certificate is for.
    pub names: Vec<String>,
    /// Whether the authority was there already.
    pub kept: bool,
}

/// Makes an authority unless there is one, and a server certificate.
///
/// # Errors
/// When files cannot be written, when only half of an authority is there, when the files there are
/// not an authority, and for a host that is not a name.
pub fn init(wanted: &Wanted) -> anyhow::Result<Made> {
    let names = names(wanted)?;
    let folder = &wanted.folder;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = |name: &str| folder.join(name);
    let (authority, authority_key) = (file("ca.crt"), file("ca.key"));
    let kept = authority.exists() || authority_key.exists();
    let issuer = match kept {
        true => load(&authority, &authority_key)?,
        false => make(&authority, &authority_key)?,
    };
    let made = Made { authority, cert: file("server.crt"), key: file("server.key"), names, kept };
    issue(&issuer, &made, wanted.days)?;
    Ok(made)
}

/// The names every certificate is for, and all registry hosts of a Region under localhost. (A
/// wildcard right under a top-level name, `*.localhost`, is refused by most clients.)
pub fn local_names(region: &str) -> [String; 4] {
    ["localhost".into(), "127.0.0.1".into(), "::1".into(), format!("*.dkr.ecr.{region}.localhost")]
}

fn names(wanted: &Wanted) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::from(local_names(&wanted.region));
    for host in &wanted.hosts {
        let name = host.strip_prefix("*.").unwrap_or(host);
        ensure!(
            ServerName::try_from(name).is_ok() && (name.contains('.') || name == host),
            "{host} is not a host name or an IP address"
        );
        if !names.contains(host) {
            names.push(host.clone());
        }
    }
    Ok(names)
}

fn make(cert: &Path, key: &Path) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Wharf private authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = validity(AUTHORITY_DAYS);
    let pair = KeyPair::generate()?;
    let signed = params.self_signed(&pair)?;
    // The key first: an authority without its key could never be used.
    create(key, pair.serialize_pem().as_bytes(), 0o600)?;
    create(cert, signed.pem().as_bytes(), 0o644)?;
    Ok(Issuer::new(params, pair))
}

fn load(cert: &Path, key: &Path) -> anyhow::Result<Issuer<'static, KeyPair>> {
    let read = |path: &Path| {
        fs::read_to_string(path).with_context(|| {
            let path = path.display();
            format!("there is only one half of an authority: cannot read {path}")
        })
    };
    let (cert_pem, key_pem) = (read(cert)?, read(key)?);
    let pair = KeyPair::from_pem(&key_pem).with_context(|| key.display().to_string())?;
    let public = x509_parser::pem::parse_x509_pem(cert_pem.as_bytes())
        .with_context(|| cert.display().to_string())?
        .1;
    let parsed = public.parse_x509().with_context(|| cert.display().to_string())?;
    ensure!(parsed.is_ca(), "{} is not the certificate of an authority", cert.display());
    ensure!(
        parsed.public_key().subject_public_key.data == pair.public_key_raw(),
        "{} is not the key of {}",
        key.display(),
        cert.display()
    );
    Ok(Issuer::from_ca_cert_pem(&cert_pem, pair)?)
}

fn issue(issuer: &Issuer<'_, KeyPair>, made: &Made, days: u16) -> anyhow::Result<()> {
    let mut params = CertificateParams::new(made.names.clone())
        .with_context(|| format!("one of these is not a host name: {}", made.names.join(", ")))?;
    params.distinguished_name.push(DnType::CommonName, "Wharf");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = validity(days.into());
    let pair = KeyPair::generate()?;
    let signed = params.signed_by(&pair, issuer)?;
    replace(&made.key, pair.serialize_pem().as_bytes(), 0o600)?;
    replace(&made.cert, signed.pem().as_bytes(), 0o644)
}

/// From a little before now, as clocks differ.
fn validity(days: i64) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    (now - Duration::hours(1), now + Duration::days(days) - Duration::hours(1))
}

/// Writes a file that must not be there yet.
fn create(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file in one step, so that nobody reads half of it.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", new.display()));
        }
        _ => create(&new, bytes, mode)?,
    }
    fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
}

impl Made {
    /// What to do next, for the person at the terminal. `registry` is the host and port that
    /// images are named by, `endpoint` the URL of the API.
    pub fn next_steps(&self, registry: &str, endpoint: &str, flags: &str) -> String {
        let authority = self.authority.display();
        let mut text = match self.kept {
            true => format!("Kept the authority {authority} and made a new server certificate.\n"),
            false => format!("Made the authority {authority} and a server certificate.\n"),
        };
        let _ = write!(
            text,
            "The certificate is for {names}.\n\n\
             Serve HTTPS:\n  wharf serve{flags} --tls-cert {cert} --tls-key {key}\n\n\
             Let clients trust it:\n  \
             docker   mkdir -p /etc/docker/certs.d/{registry} && cp {authority} /etc/docker/certs.d/{registry}/ca.crt\n  \
             podman   mkdir -p /etc/containers/certs.d/{registry} && cp {authority} /etc/containers/certs.d/{registry}/ca.crt\n  \
             aws      export AWS_CA_BUNDLE={authority}\n  \
             curl     curl --cacert {authority} {endpoint}/healthz\n",
            names = self.names.join(", "),
            cert = self.cert.display(),
            key = self.key.display(),
        );
        text
    }
}
