//! The host that a client used, and the registry that it names.

use http::header::HOST;
use http::request::Parts;
use wharf_policy::{AccountId, Region};
use wharf_registry::RegistryId;

/// The host with port, from `Host` or HTTP/2's `:authority`; empty if there is none, or one that
/// could not be a host.
pub(crate) fn of(parts: &Parts) -> &str {
    let header = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = header.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    host.filter(|host| host.bytes().all(allowed)).unwrap_or("")
}

/// Reads `<account>.dkr.ecr.<region>.<anything>`, with or without a port. Any other host names no
/// registry.
pub(crate) fn registry(host: &str) -> Option<RegistryId> {
    let mut labels = host.split(':').next()?.split('.');
    let account: AccountId = labels.next()?.parse().ok()?;
    if (labels.next()?, labels.next()?) != ("dkr", "ecr") {
        return None;
    }
    let region: Region = labels.next()?.parse().ok()?;
    labels.next()?;
    Some(RegistryId { account, region })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_shape_of_ecr_names_a_registry() {
        for host in [
            "000000000000.dkr.ecr.eu-west-1.localhost:5080",
            "000000000000.dkr.ecr.eu-west-1.amazonaws.com",
        ] {
            let id = registry(host).unwrap();
            assert_eq!((id.account.as_str(), id.region.as_str()), ("000000000000", "eu-west-1"));
        }
        for host in [
            "localhost:5080",
            "127.0.0.1",
            "",
            "0.dkr.ecr.eu-west-1.x",
            "000000000000.dkr.ecr.eu-west-1",
        ] {
            assert!(registry(host).is_none(), "{host}");
        }
    }
}
