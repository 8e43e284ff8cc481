//! PgBouncer between Wharf and PostgreSQL: good in session mode, refused in transaction mode, where
//! several connections are one session.

use std::net::TcpListener;
use std::process::{Child, Stdio};

use wharf_db::Db;
use wharf_testkit::eventually;
use wharf_testkit::postgres::{self, Cluster};

/// Ends with the test.
struct Pooler(Child);

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pooler in front of the cluster, and the URL of the database behind it.
fn pooler(cluster: &Cluster, url: &str, mode: &str, settings: &str) -> (Pooler, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = cluster.socket().parent().unwrap().display().to_string();
    let name = url.split(['/', '?']).nth(3).unwrap();
    let users = cluster.write("users", "\"wharf\" \"\"\n");
    let text = format!(
        "[databases]\n{name} = host={folder}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\n\
         pool_mode = {mode}\n{settings}\n",
        users.display()
    );
    let file = cluster.write("pgbouncer.ini", &text);
    let started = postgres::as_ordinary_user()
        .unwrap()
        .arg("/usr/sbin/pgbouncer")
        .arg(file)
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pgbouncer can be run: apt-get install pgbouncer");
    (Pooler(started), format!("postgres://wharf@127.0.0.1:{port}/{name}?sslmode=disable"))
}

async fn told(url: &str) -> String {
    // Until it listens.
    eventually("the pooler answers", async || {
        let told = Db::postgres(url).await.err().map(|error| error.to_string());
        let told = told.unwrap_or_else(|| "opened".to_owned());
        (!told.contains("is not there")).then_some(told)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_good_where_a_connection_is_a_session() {
    let cluster = Cluster::start();
    let url = cluster.new_database();
    let passes = "ignore_startup_parameters = extra_float_digits,options";
    let (one, behind) = pooler(&cluster, &url, "session", "");
    let refused = told(&behind).await;
    assert!(refused.contains("ignore_startup_parameters"), "{refused}");
    drop(one);
    let (one, behind) = pooler(&cluster, &url, "transaction", passes);
    let refused = told(&behind).await;
    assert!(refused.contains("transaction mode"), "{refused}");
    drop(one);
    let (_one, behind) = pooler(&cluster, &url, "session", passes);
    assert_eq!(told(&behind).await, "opened");
    let db = Db::postgres(&behind).await.unwrap();
    db.ping().await.unwrap();
    let alone = Db::postgres_alone(&url).await.err().unwrap().to_string();
    assert!(alone.contains("others are at"), "{alone}");
    db.close().await;
}
