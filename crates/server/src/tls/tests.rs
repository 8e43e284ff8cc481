//! Certificates as made by `tls init`, served, replaced and broken, against a verifying client.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::authority::{Made, Wanted, init};
use super::*;

fn made(folder: &Path, hosts: &[&str]) -> Made {
    let wanted = Wanted {
        folder: folder.to_path_buf(),
        hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
        region: "eu-west-1".into(),
        days: 825,
    };
    init(&wanted).unwrap()
}

fn files(made: &Made) -> TlsFiles {
    TlsFiles { cert: made.cert.clone(), key: made.key.clone() }
}

fn trusting(authority: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Shakes hands over a real socket; the certificate that the client verified.
async fn handshake(
    certificates: &Arc<Certificates>,
    client: &TlsConnector,
    name: &str,
) -> io::Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let acceptor = certificates.acceptor().unwrap();
    let accept = async { acceptor.accept(listener.accept().await?.0).await };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (client, _server) = tokio::join!(client.connect(name, stream), accept);
    let client = client?;
    Ok(client.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

#[tokio::test]
async fn a_made_certificate_is_good_for_its_names_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let made = made(folder.path(), &["registry.example.com", "192.0.2.7", "*.apps.example.com"]);
    let certificates = Certificates::load(files(&made)).unwrap();
    let client = trusting(&made.authority);
    for (name, good) in [
        ("localhost", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("registry.localhost", false),
        ("000000000000.dkr.ecr.eu-west-1.localhost", true),
        ("registry.example.com", true),
        ("192.0.2.7", true),
        ("a.apps.example.com", true),
        ("000000000000.dkr.ecr.us-east-1.localhost", false),
        ("example.com", false),
        ("192.0.2.8", false),
    ] {
        let shaken = handshake(&certificates, &client, name).await;
        assert_eq!(shaken.is_ok(), good, "{name}: {shaken:?}");
    }
}

#[tokio::test]
async fn a_second_init_keeps_the_authority_and_a_reload_serves_the_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(folder.path(), &[]);
    assert!(!first.kept);
    let authority = fs::read(&first.authority).unwrap();
    let certificates = Certificates::load(files(&first)).unwrap();
    let client = trusting(&first.authority);
    let before = handshake(&certificates, &client, "localhost").await.unwrap();
    assert!(made(folder.path(), &["b.example.com"]).kept);
    assert_eq!(fs::read(&first.authority).unwrap(), authority);
    certificates.reload().unwrap();
    let after = handshake(&certificates, &client, "b.example.com").await.unwrap();
    assert_ne!(before, after);
    for file in [&first.key, &folder.path().join("ca.key")] {
        let mode = fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_broken_file_is_refused_and_the_old_certificate_stays() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made_here = made(folder.path(), &[]);
    let made_there = made(other.path(), &[]);
    let certificates = Certificates::load(files(&made_here)).unwrap();
    let client = trusting(&made_here.authority);
    let before = handshake(&certificates, &client, "localhost").await.unwrap();
    let key = fs::read(&made_there.key).unwrap();
    for broken in [&b""[..], b"garbage", &key, &key[..key.len() / 2]] {
        fs::write(&made_here.key, broken).unwrap();
        let error = certificates.reload().unwrap_err().to_string();
        assert!(error.contains("server.key"), "{error}");
        let now = handshake(&certificates, &client, "localhost").await.unwrap();
        assert_eq!(now, before);
    }
    fs::remove_file(&made_here.cert).unwrap();
    assert!(certificates.reload().is_err());
}

#[test]
fn half_an_authority_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(folder.path(), &[]);
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    let wanted = Wanted {
        folder: folder.path().to_path_buf(),
        hosts: Vec::new(),
        region: "us-east-1".into(),
        days: 1,
    };
    let before = fs::read(&first.cert).unwrap();
    assert!(init(&wanted).err().unwrap().to_string().contains("one half"));
    fs::copy(&first.key, folder.path().join("ca.key")).unwrap();
    assert!(init(&wanted).err().unwrap().to_string().contains("is not the key of"));
    assert_eq!(fs::read(&first.cert).unwrap(), before);
}

#[test]
fn what_is_not_a_host_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for host in ["bad host", "a!", "", "*.", "*.com", "a..b", "https://a", "a:5080"] {
        let wanted = Wanted {
            folder: folder.path().join("tls"),
            hosts: vec![host.into()],
            region: "us-east-1".into(),
            days: 1,
        };
        assert!(init(&wanted).is_err(), "{host:?} was taken");
        assert!(!folder.path().join("tls").exists());
    }
}

#[tokio::test]
async fn changed_files_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(folder.path(), &[]);
    let certificates = Certificates::load(files(&first)).unwrap();
    let (stopper, stop) = crate::shutdown::stop();
    let following = tokio::spawn(Arc::clone(&certificates).follow(stop));
    let served = || Arc::clone(&certificates.current.read().unwrap()).cert[0].to_vec();
    let before = served();
    // Until the follower has taken its first look a change could be the state it starts from.
    tokio::task::yield_now().await;
    made(folder.path(), &[]);
    let noticed = async {
        while served() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), noticed).await.unwrap();
    stopper.advance();
    following.await.unwrap().unwrap();
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so_and_https_is_served() {
    use crate::listen::{Limits, Listen, Open};

    let folder = tempfile::tempdir().unwrap();
    let made = made(folder.path(), &[]);
    let certificates = Certificates::load(files(&made)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stopper, stop) = crate::shutdown::stop();
    let listen = Listen {
        listener,
        tls: Some(certificates.acceptor().unwrap()),
        limits: Limits::default(),
        open: Open::default(),
    };
    let service = tower::service_fn(async |_| {
        Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::from("secure")))
    });
    tokio::spawn(listen.serve(service, stop));
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(request).await.unwrap();
    plain.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    assert!(answer.ends_with(b"here"), "{answer:?}");
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let mut secure = trusting(&made.authority).connect(name, stream).await.unwrap();
    secure.write_all(request).await.unwrap();
    answer.clear();
    secure.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"secure"), "{answer:?}");
}

#[test]
fn the_end_of_a_certificate_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::load(files(&made(folder.path(), &[]))).unwrap();
    let end = end_of(&certificates.current.read().unwrap()).unwrap();
    let days = end.duration_since(jiff::Timestamp::now()).as_hours() / 24;
    assert!((823..=825).contains(&days), "{days}");
}
