//! HAProxy on a test's host, with the configuration that the book recommends, and what it tells
//! about the replicas behind it.

use anyhow::{Context as _, Result};

use crate::{Client, Host};

/// The configuration: the file that the book and the Compose example use too.
const CONFIGURATION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/haproxy/haproxy.cfg");
/// Where clients reach the registry.
pub const PROXY: &str = "localhost:8080";
/// Where HAProxy tells what it knows.
const STATISTICS: ([u8; 4], u16) = ([127, 0, 0, 1], 8404);

/// What HAProxy knows of one replica.
#[derive(Clone, Debug)]
pub struct Backend {
    /// As the configuration names it: `wharf-1`.
    pub name: String,
    /// Whether it gets requests.
    pub up: bool,
    /// Requests that it has not answered yet.
    pub requests: u64,
    /// Bytes of answers that came from it and have ended.
    pub sent: u64,
}

impl Host {
    /// Starts HAProxy in front of `wharf-1`, `wharf-2` and `wharf-3`, whom `/etc/hosts` must know.
    ///
    /// # Errors
    /// With its log, when it ends or does not answer in time.
    pub fn proxy(&mut self) -> Result<()> {
        let ready = format!("curl --fail --silent --output /dev/null {PROXY}/healthz");
        self.daemon("haproxy", &["-db", "-f", CONFIGURATION], &ready)
    }
}

/// Asks HAProxy. Call it inside the host.
///
/// # Errors
/// When it does not answer, or not as HAProxy does.
pub async fn backends() -> Result<Vec<Backend>> {
    let answer = Client::to(STATISTICS.into()).get("/;csv").await?.expect(200)?;
    let page = String::from_utf8(answer.body.to_vec())?;
    let mut lines = page.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().context("no head of the table")?;
    let at = |name: &str| {
        let place = head.iter().position(|column| column.trim_start_matches("# ") == name);
        place.with_context(|| format!("no column {name}"))
    };
    let (group, name, state) = (at("pxname")?, at("svname")?, at("status")?);
    let (requests, sent) = (at("scur")?, at("bout")?);
    let replicas = lines
        .filter(|line| line.get(group) == Some(&"replicas") && line.get(name) != Some(&"BACKEND"));
    let read = |line: Vec<&str>| {
        Ok(Backend {
            name: line[name].to_owned(),
            up: line[state].starts_with("UP"),
            requests: line[requests].parse()?,
            sent: line[sent].parse()?,
        })
    };
    replicas.map(read).collect()
}
