//! Wharf scaled out, as the book tells: replicas with nothing of their own behind HAProxy, on
//! PostgreSQL and S3; or one of the two engines exchanged for the embedded one.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    Client, Host, Server, Signal, Wire, base64,
    postgres::DATABASE_URL,
    proxy::{PROXY, backends},
    server::{ACCESS_KEY, SECRET_KEY},
    store::{ADDRESS, BUCKET, STORE, STORE_KEY},
};

/// How long HAProxy may take until it sees a replica come or go.
const SEEN_WITHIN: Duration = Duration::from_secs(30);

/// Variables of a replica, by name.
type Settings = Vec<(&'static str, String)>;

/// Where the rows are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Database {
    /// In the data folder.
    Sqlite,
    /// In a PostgreSQL of the test's own.
    Postgres,
}

/// Where the bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blobs {
    /// In the data folder.
    Files,
    /// In an S3 server of the test's own; clients pull through Wharf.
    Streamed,
    /// In an S3 server of the test's own; clients are sent there.
    Redirected,
    /// As streamed, over a [`Wire`] that can fail.
    Wired,
    /// As streamed, over TLS with a certificate of a private authority.
    Encrypted,
}

/// An installation with everything that it stands on.
pub struct Deployment {
    /// The host that all of it runs on. Scripts find the registry in `$REGISTRY` and have what
    /// `wharf env` prints in their environment.
    pub host: Host,
    /// The replicas; HAProxy calls the first one `wharf-1`.
    pub replicas: Vec<Replica>,
    /// Between Wharf and the store.
    pub wire: Option<Wire>,
}

/// One `wharf serve`, which can be ended and started again.
pub struct Replica {
    /// As HAProxy calls it.
    pub name: String,
    /// Where it listens itself.
    pub address: SocketAddr,
    settings: Settings,
    server: Option<Server>,
}

impl Deployment {
    /// Two replicas on PostgreSQL and S3.
    ///
    /// # Errors
    /// When something of it is not installed, or does not start; with its log.
    pub fn scaled_out(blobs: Blobs) -> Result<Self> {
        Self::start(Database::Postgres, blobs, 2)
    }

    /// So many replicas on these engines; more than one needs both PostgreSQL and S3.
    ///
    /// # Errors
    /// As [`Deployment::scaled_out`].
    pub fn start(database: Database, blobs: Blobs, replicas: u8) -> Result<Self> {
        let mut host = Host::start()?;
        host.sh("for n in 1 2 3; do echo 127.0.0.1$n wharf-$n >> /etc/hosts; done")?;
        let mut settings = shared(&host)?;
        if database == Database::Postgres {
            host.postgres()?;
            settings.push(("WHARF_DATABASE_URL", DATABASE_URL.to_owned()));
        }
        let wire = make_store(&mut host, blobs, &mut settings)?;
        let replicas = (1..=replicas).map(|number| Replica::new(&host, number, &settings));
        let mut deployment = Self { replicas: replicas.collect(), host, wire };
        for replica in &mut deployment.replicas {
            replica.start(&deployment.host)?;
        }
        deployment.open()?;
        Ok(deployment)
    }

    /// The proxy, and what clients need to know.
    fn open(&mut self) -> Result<()> {
        self.host.proxy()?;
        for (name, value) in [
            ("WHARF_PUBLIC_URL", format!("http://{PROXY}")),
            ("WHARF_ROOT_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("WHARF_ROOT_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("REGISTRY", PROXY.to_owned()),
        ] {
            self.host.set(name, value);
        }
        self.host.export()?;
        for replica in &self.replicas {
            replica.is_seen(&self.host, true)?;
        }
        Ok(())
    }

    /// The wire between Wharf and the store.
    ///
    /// # Errors
    /// When the deployment was started without one.
    pub fn wire(&self) -> Result<&Wire> {
        self.wire.as_ref().context("a deployment with Blobs::Wired has a wire")
    }
}

/// Where clients reach the proxy, for a [`Client`] inside the host.
#[must_use]
pub fn front() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// What every replica is told: who its root is, how clients reach it, and the key that seals.
fn shared(host: &Host) -> Result<Settings> {
    let key = host.path("installation.key");
    fs::write(&key, base64(&[7; 32]))?;
    Ok(vec![
        ("WHARF_SECRET_KEY_FILE", key.display().to_string()),
        ("WHARF_PUBLIC_URL", format!("http://{PROXY}")),
        ("WHARF_REGISTRY_HOST", PROXY.to_owned()),
        ("WHARF_TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
    ])
}

/// The store, if blobs go there, with the wire in front of it, if there is one.
fn make_store(host: &mut Host, blobs: Blobs, settings: &mut Settings) -> Result<Option<Wire>> {
    let store = format!("http://{STORE}");
    match blobs {
        Blobs::Files => return Ok(None),
        Blobs::Streamed | Blobs::Redirected => {
            host.store()?;
            settings.extend(in_store(&store, blobs == Blobs::Redirected));
        }
        Blobs::Encrypted => {
            settings.push(("WHARF_BLOBS_CA_FILE", host.store_over_tls()?));
            settings.extend(in_store(&format!("https://{STORE}"), false));
        }
        Blobs::Wired => {
            host.store()?;
            let from = "127.0.0.2:7070";
            settings.extend(in_store(&format!("http://{from}"), false));
            return Ok(Some(Wire::start(host, from.parse()?, ADDRESS.parse()?)?));
        }
    }
    Ok(None)
}

fn in_store(endpoint: &str, redirect: bool) -> [(&'static str, String); 7] {
    let redirect = if redirect { "on" } else { "off" };
    [
        ("WHARF_BLOBS", format!("s3://{BUCKET}/registry")),
        ("WHARF_BLOBS_ENDPOINT", endpoint.to_owned()),
        ("WHARF_BLOBS_REGION", "us-east-1".to_owned()),
        ("WHARF_BLOBS_PATH_STYLE", "on".to_owned()),
        ("WHARF_BLOBS_REDIRECT", redirect.to_owned()),
        ("AWS_ACCESS_KEY_ID", STORE_KEY.0.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", STORE_KEY.1.to_owned()),
    ]
}

impl Replica {
    fn new(host: &Host, number: u8, shared: &[(&'static str, String)]) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 10 + number], 5080));
        let data = host.path(&format!("data/{number}"));
        let mut settings = shared.to_vec();
        settings.push(("WHARF_LISTEN", address.to_string()));
        settings.push(("WHARF_DATA", data.display().to_string()));
        Self { name: format!("wharf-{number}"), address, settings, server: None }
    }

    /// Starts it, and returns when it is ready itself.
    ///
    /// # Errors
    /// With its log, when it ends or is not ready in time.
    pub fn start(&mut self, host: &Host) -> Result<()> {
        let settings: Vec<_> = self.settings.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.server = Some(host.inside(async || Server::start(host, &settings).await)?);
        Ok(())
    }

    /// Kills it as `kill -9` does.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.take()?.kill()
    }

    /// Stops it as an operator does.
    ///
    /// # Errors
    /// When it does not end with success within a minute.
    pub fn stop(&mut self, host: &Host) -> Result<()> {
        let server = self.take()?;
        host.inside(async || server.stop().await)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.server.as_ref().context("this replica does not run")?.signal(signal)
    }

    /// Removes all that it has on its disk, while it does not run.
    ///
    /// # Errors
    /// When it runs, or the disk refuses.
    pub fn forget(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "{} runs", self.name);
        let data = self.settings.iter().find(|(name, _)| *name == "WHARF_DATA");
        fs::remove_dir_all(Path::new(&data.context("it has a folder")?.1))?;
        Ok(())
    }

    /// Changes a setting for the next start.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.retain(|(other, _)| *other != name);
        self.settings.push((name, value.into()));
    }

    /// Waits until HAProxy has seen that it came, or that it went.
    ///
    /// # Errors
    /// When HAProxy has not in half a minute.
    pub fn is_seen(&self, host: &Host, up: bool) -> Result<()> {
        host.inside(async || {
            let seen = async {
                loop {
                    let found = backends().await?.into_iter().find(|b| b.name == self.name);
                    let backend = found.context("HAProxy does not know this replica")?;
                    if backend.up == up {
                        return Ok(());
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            match tokio::time::timeout(SEEN_WITHIN, seen).await {
                Ok(seen) => seen,
                Err(_) => {
                    bail!("HAProxy does not see {} {}", self.name, ["go", "come"][up as usize])
                }
            }
        })
    }

    fn take(&mut self) -> Result<Server> {
        self.server.take().context("this replica does not run")
    }
}

/// A client of one replica, past the proxy. Call it inside the host.
///
/// # Errors
/// When the replica gives no token.
pub async fn at(replica: &Replica) -> Result<Client> {
    Client::login(replica.address).await
}
