//! Where a request really came from when a proxy stands before us. Only proxies that the operator
//! named are believed; anyone else could write what he likes into these headers.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;
use wharf_policy::Source;

use crate::listen::Peer;

/// The networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
#[derive(Clone, Debug, Default)]
pub struct Trusted(pub Vec<IpNet>);

impl Trusted {
    /// The source of a request from `peer`: the last address in `X-Forwarded-For` that is not a
    /// trusted proxy. What lies further left was written by the client and means nothing.
    pub fn source(&self, peer: &Peer, headers: &HeaderMap) -> Source {
        let mut source = Source { address: peer.address.ip().to_canonical(), https: peer.tls };
        if !self.contains(source.address) {
            return source;
        }
        if let Some(scheme) = headers.get_all("x-forwarded-proto").iter().next_back() {
            // Each proxy may append its own, in a line of its own or behind a comma; the last one
            // is what the nearest proxy saw.
            let last = scheme.as_bytes().rsplit(|&b| b == b',').next();
            source.https = last.is_some_and(|s| s.trim_ascii().eq_ignore_ascii_case(b"https"));
        }
        for hop in hops(headers) {
            let Some(address) = hop else { break };
            source.address = address;
            if !self.contains(address) {
                break;
            }
        }
        source
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }
}

/// The addresses of `X-Forwarded-For` from the nearest to the farthest; none for what is not an
/// address.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    lines.into_iter().rev().flat_map(|line| {
        let line = line.to_str().unwrap_or_default();
        line.rsplit(',').map(|hop| address(hop.trim()))
    })
}

/// An address as proxies write it: plain, with a port, or bracketed.
fn address(text: &str) -> Option<IpAddr> {
    let parsed = text.parse().or_else(|_| {
        let with_port = text.parse().map(|socket: std::net::SocketAddr| socket.ip());
        with_port.or_else(|_| text.trim_matches(['[', ']']).parse())
    });
    parsed.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_trusted_hops_are_believed() {
        let trusted = Trusted(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let table: [(&str, &[&str], &str, &str, bool); 10] = [
            ("192.0.2.1", &["203.0.113.9"], "https", "192.0.2.1", false),
            ("10.0.0.1", &[], "", "10.0.0.1", false),
            ("10.0.0.1", &["203.0.113.9"], "https", "203.0.113.9", true),
            ("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.2.2.2"], "http", "203.0.113.9", false),
            ("10.0.0.1", &["1.1.1.1", "203.0.113.9"], "http, https", "203.0.113.9", true),
            ("10.0.0.1", &["10.9.9.9"], "https, http", "10.9.9.9", false),
            ("10.0.0.1", &["1.1.1.1, garbage, 10.2.2.2"], "", "10.2.2.2", false),
            ("10.0.0.1", &["203.0.113.9:4711"], "HTTPS", "203.0.113.9", true),
            ("::ffff:10.0.0.1", &["[2001:db8::1]:443"], "", "2001:db8::1", false),
            ("fd00::1", &["2001:db8::2"], "", "2001:db8::2", false),
        ];
        for (peer, forwarded, scheme, address, https) in table {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            headers.insert("x-forwarded-proto", scheme.parse().unwrap());
            let address_of_peer: IpAddr = peer.parse().unwrap();
            let peer = Peer { address: (address_of_peer, 1).into(), tls: false };
            let expected = Source { address: address.parse().unwrap(), https };
            assert_eq!(trusted.source(&peer, &headers), expected, "{peer:?} {forwarded:?}");
        }
    }
}
