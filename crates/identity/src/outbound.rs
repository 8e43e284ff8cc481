//! Connections that the server makes to addresses which somebody else chose, such as issuers of
//! tokens: only HTTPS, only the public internet and what the operator allows, no redirects, and
//! bounded in time and size.
//!
//! A name is resolved once, each of its addresses is checked, and only those are connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, redirect};
use url::{Host, Url};

/// To have a connection, name resolution and TLS included.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// From the beginning of a request to the end of its answer.
const WHOLE_TIME: Duration = Duration::from_secs(5);
/// The most bytes of an answer.
const MOST_BYTES: usize = 1024 * 1024;

/// What may be connected to although it is loopback, link-local or private, and on other ports than
/// 443.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed {
    hosts: Vec<String>,
    networks: Vec<IpNet>,
}

/// The way out. Cheap to clone.
#[derive(Clone, Default)]
pub struct Outbound {
    allowed: Arc<Allowed>,
    roots: Vec<Certificate>,
    /// Made at the first use: a system without certificates can serve all that needs none.
    client: Arc<OnceLock<Result<Client, String>>>,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The address is none that this server connects to; nothing was sent.
    #[error("{0}")]
    Forbidden(String),
    /// No connection, or no answer in time.
    #[error("{0}")]
    Down(String),
    /// An answer that is none of use.
    #[error("{0}")]
    Odd(String),
}

/// Text that is no list of certificates.
#[derive(Debug, thiserror::Error)]
#[error("this holds no PEM certificates: {0}")]
pub struct NoCertificates(String);

impl Outbound {
    /// A way out that trusts the system's roots, and those in `roots` (PEM).
    ///
    /// # Errors
    /// If there is a PEM text and it holds no certificates.
    pub fn new(allowed: Allowed, roots: Option<&[u8]>) -> Result<Outbound, NoCertificates> {
        let roots = match roots {
            None => Vec::new(),
            Some(pem) => match Certificate::from_pem_bundle(pem) {
                Ok(roots) if !roots.is_empty() => roots,
                Ok(_) => return Err(NoCertificates("it is empty".to_owned())),
                Err(error) => return Err(NoCertificates(error.to_string())),
            },
        };
        Ok(Outbound { allowed: allowed.into(), roots, client: Arc::default() })
    }

    /// Whether the operator allows the host of this URL by its name or address, so that it may be on
    /// any port.
    #[must_use]
    pub fn allows_url(&self, url: &str) -> bool {
        let url = Url::parse(url).ok();
        url.and_then(|url| Some(self.allowed.names(url.host_str()?))).unwrap_or(false)
    }

    /// Fetches `url`: status 200 and at most 1 MiB.
    ///
    /// # Errors
    /// Says what is wrong in words for the log; they tell more than a stranger is to know.
    pub async fn fetch(&self, url: &Url) -> Result<Vec<u8>, Unreachable> {
        self.allowed.check(url).map_err(Unreachable::Forbidden)?;
        let client = self.client.get_or_init(|| self.client());
        let client = client.as_ref().map_err(|error| Unreachable::Down(error.clone()))?;
        let mut response = client.get(url.clone()).send().await.map_err(|error| told(&error))?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(Unreachable::Odd(format!("{url} answers {}", response.status())));
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| told(&error))? {
            if body.len() + piece.len() > MOST_BYTES {
                return Err(Unreachable::Odd(format!(
                    "{url} answers more than {MOST_BYTES} bytes"
                )));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn client(&self) -> Result<Client, String> {
        let client = Client::builder()
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .timeout(WHOLE_TIME)
            .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Checked(self.allowed.clone()))
            .tls_certs_merge(self.roots.clone());
        client.build().map_err(|error| format!("no TLS client: {}", with_causes(&error)))
    }
}

/// A refusal of the resolver is in the chain of causes.
fn told(error: &reqwest::Error) -> Unreachable {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        if let Some(Forbidden(sentence)) = one.downcast_ref() {
            return Unreachable::Forbidden(sentence.clone());
        }
        cause = one.source();
    }
    Unreachable::Down(with_causes(error))
}

fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        text = format!("{text}: {one}");
        cause = one.source();
    }
    text
}

impl fmt::Debug for Outbound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Outbound({:?}, {} roots)", self.allowed, self.roots.len())
    }
}

impl FromStr for Allowed {
    type Err = String;

    /// Hosts, addresses and networks (CIDR), separated by commas.
    fn from_str(text: &str) -> Result<Allowed, String> {
        let mut allowed = Allowed::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if let Ok(network) = item.parse::<IpNet>() {
                allowed.networks.push(network);
            } else if let Ok(address) = item.parse::<IpAddr>() {
                allowed.networks.push(address.into());
            } else {
                match Host::parse(item) {
                    Ok(Host::Domain(host)) if !host.contains('*') => allowed.hosts.push(host),
                    _ => {
                        return Err(format!(
                            "{item} is no host, and no network such as 10.0.0.0/8"
                        ));
                    }
                }
            }
        }
        Ok(allowed)
    }
}

impl Allowed {
    /// Whether the host is on the list: by its name, or by its address if it is one.
    fn names(&self, host: &str) -> bool {
        match Host::parse(host) {
            Ok(Host::Domain(host)) => self.hosts.contains(&host),
            Ok(Host::Ipv4(address)) => self.holds(address.into()),
            Ok(Host::Ipv6(address)) => self.holds(address.into()),
            Err(_) => false,
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    fn admits(&self, address: IpAddr) -> bool {
        is_public(address) || self.holds(address)
    }

    /// What can be said of a URL before its host is resolved.
    fn check(&self, url: &Url) -> Result<(), String> {
        let host = url.host().ok_or_else(|| format!("{url} names no host"))?;
        let address = match &host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::from(*address)),
            Host::Ipv6(address) => Some(IpAddr::from(*address)),
        };
        if let Some(address) = address
            && !self.admits(address)
        {
            return Err(forbidden(&host.to_string(), address));
        }
        let named = self.names(&host.to_string());
        match url.port() {
            Some(port) if !named => Err(format!(
                "{url} is on port {port}; put {host} on the list outbound_allow to use it"
            )),
            _ => Ok(()),
        }
    }
}

fn forbidden(host: &str, address: IpAddr) -> String {
    format!(
        "{host} is at {address}, which is no public address; put it on the list outbound_allow if \
         this server is to connect to it"
    )
}

/// Resolves, and lets nothing through of which any address is forbidden.
struct Checked(Arc<Allowed>);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Forbidden(String);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if !allowed.names(host)
                && let Some(bad) = found.iter().find(|found| !allowed.admits(found.ip()))
            {
                return Err(Forbidden(forbidden(host, bad.ip())).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Whether the address is one of the public internet, as IANA's registries of special-purpose
/// addresses have it.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let octets = address.octets();
    let embedded =
        |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
    match (first, second) {
        // NAT64 and 6to4 lead to an IPv4 address.
        (0x64, 0xff9b) => is_public_v4(embedded(12)),
        (0x2002, _) => is_public_v4(embedded(2)),
        // Documentation, benchmarks, Teredo and other special purposes.
        (0x2001, 0xdb8) => false,
        (0x2001, second) if second < 0x200 => false,
        _ => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_public() {
        for (address, public) in [
            ("8.8.8.8", true),
            ("100.63.255.255", true),
            ("2606:4700::1111", true),
            ("64:ff9b::8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.31.0.1", false),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("192.0.0.8", false),
            ("198.19.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::127.0.0.1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2002:7f00:1::", false),
            ("64:ff9b::10.0.0.1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn what_the_list_allows() {
        let allowed: Allowed = "idp.example, 10.0.0.0/8,127.0.0.1".parse().unwrap();
        for (url, good) in [
            ("https://anything.example/", true),
            ("https://anything.example:443/", true),
            ("https://anything.example:8443/", false),
            ("https://idp.example:8443/", true),
            ("https://IDP.example:8443/", true),
            ("https://sub.idp.example:8443/", false),
            ("https://10.1.2.3:6443/", true),
            ("https://127.0.0.1/", true),
            ("https://127.0.0.2/", false),
            ("https://2130706434/", false),
            ("https://0x7f.2/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]/", true),
            ("https://169.254.169.254/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(allowed.check(&url).is_ok(), good, "{url}");
        }
        let outbound = Outbound::new(allowed.clone(), None).unwrap();
        assert!(outbound.allows_url("https://[::ffff:10.0.0.1]:6443/x"));
        assert!(!outbound.allows_url("https://elsewhere.example:8443"));
        for wrong in ["10.0.0.0/40", "a b", "http://idp.example", "*"] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
        assert!(Outbound::new(allowed, Some(b"no certificate")).is_err());
    }
}
