//! A server under measurement, whichever it is: where it answers, how it is asked, how images get
//! into it. How each kind is started is in [`super::targets`].

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::api::Api;
use super::client::{Answer, Client};
use super::image::Image;
use super::process::ServerProcess;
use super::reader;
use super::targets::engines::Engines;
use super::targets::{distribution, nginx, peer, wharf};

const START: Duration = Duration::from_secs(20);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Ours, with authentication and access log.
    Wharf,
    /// Debian's docker-registry, without either.
    Distribution,
    /// nginx with sendfile over the same bytes as plain files.
    Nginx,
    /// Hash, write, fsync and nothing else.
    Bare,
    /// distribution 3, as distribution 2.8.
    Distribution3,
    /// Ours on PostgreSQL and S3 instead of SQLite and files.
    Scaled,
    /// Two replicas of it; each connection goes to the next one.
    Replicas,
}

impl Kind {
    /// Whether it is ours, on whatever engines.
    pub fn is_wharf(self) -> bool {
        matches!(self, Self::Wharf | Self::Scaled | Self::Replicas)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Wharf => "wharf",
            Self::Distribution => "distribution 2.8",
            Self::Nginx => "nginx",
            Self::Bare => "bare",
            Self::Distribution3 => "distribution 3",
            Self::Scaled => "wharf on PostgreSQL and S3",
            Self::Replicas => "two replicas of it",
        })
    }
}

/// A running server.
#[derive(Debug)]
pub struct Target {
    /// Which one.
    pub kind: Kind,
    /// Where it listens, each replica.
    addresses: Vec<SocketAddr>,
    asked: AtomicUsize,
    /// From the start of the program to its first answer.
    pub started_in: Duration,
    /// The CPU time that it had spent by then.
    pub started_with: Duration,
    /// The kernel's view of it.
    pub process: ServerProcess,
    /// Its data folder.
    pub dir: PathBuf,
    authorization: Option<String>,
    api: Option<Arc<Api>>,
    /// What it keeps its rows and bytes in, if that is running beside it. Dropped last.
    _engines: Option<Engines>,
}

impl Target {
    /// Starts a server with its data in `dir`, which may hold an earlier run's, and waits until it
    /// answers.
    ///
    /// # Errors
    /// Fails if it does not start, or not within 20 seconds.
    pub async fn start(kind: Kind, dir: &Path) -> anyhow::Result<Self> {
        Self::begin(kind, dir).await.with_context(|| format!("starting {kind}"))
    }

    async fn begin(kind: Kind, dir: &Path) -> anyhow::Result<Self> {
        let begin = Instant::now();
        let mut engines = None;
        let (mut process, addresses) = match kind {
            Kind::Wharf => one(wharf::start(&dir.join("data"), &[], begin + START).await?),
            Kind::Scaled | Kind::Replicas => {
                let (settings, started) = Engines::start(dir)?;
                engines = Some(started);
                wharf::replicas(dir, &settings, kind == Kind::Replicas, begin + START).await?
            }
            Kind::Distribution => one(distribution::start(dir, "docker-registry".as_ref())?),
            Kind::Distribution3 => one(distribution::start(dir, &distribution::build_3()?)?),
            Kind::Nginx => one(nginx::start(dir)?),
            Kind::Bare => one(peer::start(dir)?),
        };
        let address = addresses[0];
        while !answers(address).await {
            process.check()?;
            ensure!(begin.elapsed() < START, "no answer within {START:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (started_in, started_with) = (begin.elapsed(), process.cpu()?);
        process.adopt_children()?;
        let api = if kind.is_wharf() { Some(Arc::new(Api::of(address, dir)?)) } else { None };
        let authorization = match &api {
            Some(api) => Some(api.registry_authorization().await?),
            None => None,
        };
        let (asked, dir) = (AtomicUsize::new(0), dir.to_owned());
        let _engines = engines;
        Ok(Self {
            kind,
            addresses,
            asked,
            started_in,
            started_with,
            process,
            dir,
            authorization,
            api,
            _engines,
        })
    }

    /// Where the next connection goes.
    pub fn address(&self) -> SocketAddr {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        self.addresses[asked % self.addresses.len()]
    }

    /// A new connection that pushes and asks.
    ///
    /// # Errors
    /// Fails if the server is gone.
    pub async fn client(&self) -> anyhow::Result<Client> {
        self.client_at(self.address()).await
    }

    /// As [`Target::client`], to a replica that was chosen before.
    ///
    /// # Errors
    /// Fails if the server is gone.
    pub async fn client_at(&self, address: SocketAddr) -> anyhow::Result<Client> {
        Client::connect(address, self.authorization.clone()).await
    }

    /// The text of a request for [`reader::Reader`]. `headers` are whole lines.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        status: u16,
        length: u64,
    ) -> reader::Request {
        let authorization = match &self.authorization {
            Some(value) => format!("Authorization: {value}\r\n"),
            None => String::new(),
        };
        let host = self.addresses[0];
        let text =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}{headers}\r\n");
        reader::Request { text, status, length }
    }

    /// Makes a repository, over `client`, where one must be made before it is pushed to.
    ///
    /// # Errors
    /// Fails if the server refuses it.
    pub async fn create_repository(&self, client: &mut Client, name: &str) -> anyhow::Result<()> {
        match &self.api {
            Some(api) => api.create_repository(client, name).await,
            None => Ok(()),
        }
    }

    /// Its API.
    ///
    /// # Errors
    /// Fails if this is no Wharf.
    pub fn api(&self) -> anyhow::Result<&Arc<Api>> {
        self.api.as_ref().with_context(|| format!("{} has no ECR API", self.kind))
    }

    /// Calls an operation of the ECR API over `client`, signed.
    ///
    /// # Errors
    /// Fails if this is no Wharf, or the call is refused.
    pub async fn call(
        &self,
        client: &mut Client,
        operation: &str,
        input: &Value,
    ) -> anyhow::Result<Answer> {
        self.api()?.call(client, operation, input).await
    }

    /// Puts an image under `tag` into `repository`, however this server gets its images.
    ///
    /// # Errors
    /// Fails if the server refuses it.
    pub async fn publish(&self, repository: &str, tag: &str, image: &Image) -> anyhow::Result<()> {
        if self.kind == Kind::Nginx {
            return nginx::publish(&self.dir, repository, tag, image).await;
        }
        self.client().await?.push_image(repository, tag, image).await
    }
}

fn one((process, address): (ServerProcess, SocketAddr)) -> (ServerProcess, Vec<SocketAddr>) {
    (process, vec![address])
}

/// Whether any HTTP answer comes.
async fn answers(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut start = [0; 5];
        stream.read_exact(&mut start).await?;
        Ok::<_, std::io::Error>(&start == b"HTTP/")
    };
    ask.await.unwrap_or(false)
}

/// A loopback address that nobody listens on, for servers that must be told theirs. The port could
/// be taken before the server binds it; the server then fails to start, and says so.
///
/// # Errors
/// Fails if there is no free port.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
