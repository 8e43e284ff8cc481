//! How a request came: what the keys `aws:SourceIp`, `aws:SecureTransport` and the like hold.
//!
//! Source: "AWS global condition context keys", IAM User Guide.

use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;

use crate::{Context, Key, Region, Value};

/// Where a request came from, as far as it can be believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Source {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the client spoke HTTPS, to us or to a trusted proxy.
    pub https: bool,
}

/// The circumstances of a request.
#[derive(Clone, Debug)]
pub struct Origin {
    pub source: Source,
    /// The header, which a client writes as it likes.
    pub user_agent: Option<Box<str>>,
    /// The header, which a client writes as it likes.
    pub referer: Option<Box<str>>,
    /// The Region that is asked.
    pub region: Region,
    /// Our clock, in milliseconds since 1970.
    pub now: i64,
}

impl Source {
    /// A source that no network holds and no condition on HTTPS lets in.
    pub const UNKNOWN: Source = Source { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), https: false };
}

impl Context for Origin {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        match key.name() {
            "aws:sourceip" => Some(Value::one(self.source.address.to_canonical().to_string())),
            "aws:securetransport" => Some(Value::truth(self.source.https)),
            "aws:useragent" => self.user_agent.as_deref().map(Value::one),
            "aws:referer" => self.referer.as_deref().map(Value::one),
            "aws:requestedregion" => Some(Value::one(self.region.as_str())),
            "aws:currenttime" => self.time().map(|time| Value::one(time.to_string())),
            "aws:epochtime" => self.time().map(|time| Value::one(time.as_second().to_string())),
            _ => None,
        }
    }
}

impl Origin {
    /// Whole seconds, as AWS has them.
    fn time(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.now.div_euclid(1000)).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_keys_of_a_request() {
        let source = Source { address: "::ffff:203.0.113.7".parse().unwrap(), https: true };
        let origin = Origin {
            source,
            user_agent: Some("docker/27".into()),
            referer: None,
            region: "eu-west-1".parse().unwrap(),
            now: 1_767_225_600_999,
        };
        for (key, value) in [
            ("aws:SourceIp", Some("203.0.113.7")),
            ("aws:SecureTransport", Some("true")),
            ("aws:UserAgent", Some("docker/27")),
            ("aws:Referer", None),
            ("aws:RequestedRegion", Some("eu-west-1")),
            ("aws:CurrentTime", Some("2026-01-01T00:00:00Z")),
            ("aws:EpochTime", Some("1767225600")),
            ("aws:SourceVpc", None),
        ] {
            assert_eq!(origin.value(&Key::new(key)), value.map(Value::one), "{key}");
        }
    }
}
