//! The way to PostgreSQL under TLS, as the URL says.

use std::net::TcpListener;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use wharf_db::Db;
use wharf_testkit::postgres::Cluster;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), certificate }
}

/// Restarts the cluster on a TCP port of its own, with a certificate for localhost or without.
fn listen(cluster: &Cluster, authority: Option<&Authority>) -> u16 {
    // The port was free a moment ago; PostgreSQL cannot take one by itself.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut settings = format!("-c listen_addresses=127.0.0.1 -c port={port}");
    if let Some(authority) = authority {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap().pem();
        let certificate = cluster.write("server.crt", &certificate);
        let key = cluster.write("server.key", &key.serialize_pem());
        settings += &format!(
            " -c ssl=on -c ssl_cert_file={} -c ssl_key_file={}",
            certificate.display(),
            key.display()
        );
    }
    cluster.crash();
    cluster.start_with(&settings);
    port
}

#[tokio::test]
async fn the_connection_is_as_safe_as_the_url_demands() {
    let cluster = Cluster::start();
    let name = cluster.new_database();
    let name = name.split(['/', '?']).nth(3).unwrap();
    let (right, wrong) = (authority(), authority());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, authority: &Authority| {
        let path = folder.path().join(name);
        std::fs::write(&path, &authority.certificate).unwrap();
        path.display().to_string()
    };
    let (right_file, wrong_file) = (file("right.pem", &right), file("wrong.pem", &wrong));

    let port = listen(&cluster, Some(&right));
    let url = |host: &str, query: &str| format!("postgres://wharf@{host}:{port}/{name}?{query}");
    let verified = format!("sslmode=verify-full&sslrootcert={right_file}");
    let table = [
        ("localhost", "sslmode=disable".to_owned(), Some("f")),
        ("localhost", "sslmode=prefer".to_owned(), Some("t")),
        ("127.0.0.1", "sslmode=require".to_owned(), Some("t")),
        ("localhost", verified.clone(), Some("t")),
        // The certificate is for another name.
        ("127.0.0.1", verified, None),
        ("localhost", format!("sslmode=verify-full&sslrootcert={wrong_file}"), None),
        // No public authority has signed it.
        ("localhost", "sslmode=verify-full".to_owned(), None),
    ];
    for (host, query, encrypted) in table {
        let opened = Db::postgres(&url(host, &query)).await;
        assert_eq!(opened.is_ok(), encrypted.is_some(), "{host} {query}: {:?}", opened.err());
        let (Ok(db), Some(encrypted)) = (opened, encrypted) else { continue };
        db.ping().await.unwrap();
        let asked = cluster.ask(
            &url("127.0.0.1", "sslmode=disable"),
            "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE application_name = 'wharf'",
        );
        assert_eq!(asked, encrypted, "{query}");
        db.close().await;
        drop(db);
    }

    let port = listen(&cluster, None);
    let url = format!("postgres://wharf@localhost:{port}/{name}?sslmode=require");
    let error = Db::postgres(&url).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("does not support TLS"), "{error}");
}
