//! What an operator is told when PostgreSQL does not let Wharf in: what is wrong and what to do, once.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use wharf_db::{Db, Snapshot};
use wharf_testkit::postgres::Cluster;

/// Of local connections: who may come without a password, who with one, and who not at all.
const RULES: &str = "
local all wharf trust
local all guest,stranger,poor,late scram-sha-256
local all keyed trust
hostssl all all 127.0.0.1/32 trust
";

const ROLES: &str = "
CREATE ROLE guest LOGIN PASSWORD 'a/b@c#d%e';
CREATE ROLE late LOGIN PASSWORD 'secret' CONNECTION LIMIT 0;
CREATE ROLE poor LOGIN PASSWORD 'secret';
CREATE ROLE outsider LOGIN PASSWORD 'secret';
CREATE ROLE keyed NOLOGIN;
";

/// The database's name and the query that leads to it.
fn parts(url: &str) -> (&str, &str) {
    let (front, query) = url.split_once('?').unwrap();
    (front.rsplit_once('/').unwrap().1, query)
}

async fn told(url: &str) -> String {
    let error = Db::postgres(url).await.map(drop).expect_err(url);
    // As the program prints it: with the causes that have something to add.
    let (mut told, mut source) = (error.to_string(), std::error::Error::source(&error));
    while let Some(cause) = source {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        source = cause.source();
    }
    told
}

#[tokio::test]
async fn each_refusal_says_what_to_do() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let _ = cluster.ask(&url, ROLES);
    let closed = cluster.new_database();
    let (database, query) = parts(&url);
    let (closed, _) = parts(&closed);
    let _ = cluster.ask(&url, &format!("REVOKE CONNECT ON DATABASE {closed} FROM PUBLIC"));
    let _ = cluster.ask(&url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let rules = cluster.write("rules", RULES);
    cluster.crash();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    cluster.start_with(&format!(
        "-c hba_file={} -c listen_addresses=127.0.0.1 -c port={port}",
        rules.display()
    ));
    let at = |login: &str, database: &str| {
        format!("postgres://{login}@h/{database}?{query}&port={port}")
    };
    let tcp = |query: &str| format!("postgres://guest@127.0.0.1:{port}/{database}?{query}");

    let right = "guest:a%2Fb%40c%23d%25e";
    let table = [
        (at("guest:wrong", database), &["does not take the password of the user guest", "%2F"][..]),
        (at("guest", database), &["does not take the password"]),
        // Decoded it is another password.
        (at("guest:a%2Fb%40c%23d%25%65%65", database), &["does not take the password", "%25"]),
        (at(right, "nowhere"), &["createdb --encoding=UTF8 --owner=guest nowhere"]),
        (at("keyed", database), &["has no user keyed who may log in", "createuser"]),
        (at("stranger:x", database), &["stranger"]),
        (at("outsider:secret", database), &["no line in pg_hba.conf", "outsider"]),
        (at("late:secret", database), &["no connection left", "pool_max_conns"]),
        (at("poor:secret", closed), &["GRANT CONNECT ON DATABASE", "TO poor"]),
        (at(right, database), &["make tables", "OWNER TO guest", "GRANT CREATE"]),
        (tcp("sslmode=require"), &["has no TLS", "ssl = on"]),
        (tcp("sslmode=disable"), &["no line in pg_hba.conf", "it may ask for TLS"]),
        ("postgres://guest@no-such-host.invalid/x".to_owned(), &["no host no-such-host.invalid"]),
        (at("guest", database).replace(&format!("port={port}"), "port=1"), &["is not there"]),
    ];
    for (url, expected) in table {
        let told = told(&url).await;
        for words in expected {
            assert!(told.contains(words), "{url}: {told}");
        }
        for secret in ["wrong", "secret@", "a/b@c"] {
            assert!(!told.contains(secret), "{told}");
        }
        let once = told.matches("error returned from database").count()
            + told.matches("error communicating").count();
        assert_eq!(once, 0, "{told}");
        assert!(Snapshot::postgres(&url).await.is_err());
    }
}

#[tokio::test]
async fn whatever_else_listens_there_is_found_out() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told_of = async |address| told(&format!("postgres://u@{address}/x?sslmode=disable")).await;
    let said = told_of(closed).await;
    assert!(said.contains(&format!("at {closed} is not there")), "{said}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let said = told_of(silent.local_addr().unwrap()).await;
    assert!(said.contains("did not answer") && said.contains("firewall"), "{said}");

    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let served = std::thread::spawn(move || {
            let (mut connection, _) = other.accept().unwrap();
            let _ = connection.read(&mut [0; 1000]).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
        });
        let said = told_of(address).await;
        assert!(said.contains("check host and port") || said.contains("hung up"), "{said}");
        served.join().unwrap();
    }
}
