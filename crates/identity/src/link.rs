//! Links: addresses that carry their own, short-lived right to one thing, as presigned URLs do.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use wharf_policy::{AccountId, Proof, Region};

use crate::Identity;

const PURPOSE: &str = "link";

/// What a link is good for. The holder acts as the access key that made it, so a deactivated key
/// ends its links too, and the end of a session those that it made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    pub access_key_id: String,
    /// The session, if the access key is a session's.
    pub session: Option<Proof>,
    pub account: AccountId,
    pub region: Region,
    pub path: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

impl Identity {
    /// The query string that makes `link.path` reachable without further credentials.
    #[must_use]
    pub fn link_query(&self, link: &Link) -> String {
        let code = URL_SAFE_NO_PAD.encode(self.sign(PURPOSE, &message(link)));
        let Link { access_key_id, account, region, expires_at, .. } = link;
        let session = link.session.as_ref().map(|proof| URL_SAFE_NO_PAD.encode(&proof.0));
        let session = session.map(|text| format!("&wharf-session={text}")).unwrap_or_default();
        format!(
            "wharf-key={access_key_id}{session}&wharf-account={account}&wharf-region={region}\
             &wharf-expires={expires_at}&wharf-signature={code}"
        )
    }

    /// Reads a query string back; None unless it was made here, for this `path`, and is in time.
    #[must_use]
    pub fn read_link(&self, path: &str, query: &str, now: i64) -> Option<Link> {
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        let session = match value("wharf-session") {
            Some(text) => Some(Proof(URL_SAFE_NO_PAD.decode(text).ok()?.into())),
            None => None,
        };
        let link = Link {
            access_key_id: value("wharf-key")?.to_owned(),
            session,
            account: value("wharf-account")?.parse().ok()?,
            region: value("wharf-region")?.parse().ok()?,
            path: path.to_owned(),
            expires_at: value("wharf-expires")?.parse().ok()?,
        };
        let code = URL_SAFE_NO_PAD.decode(value("wharf-signature")?).ok()?;
        (self.is_signed(PURPOSE, &message(&link), &code) && link.expires_at > now).then_some(link)
    }
}

/// Length-prefixed, so that no two links have the same message.
fn message(link: &Link) -> Vec<u8> {
    let mut message = link.expires_at.to_be_bytes().to_vec();
    let Link { access_key_id, session, account, region, path, .. } = link;
    for part in [access_key_id.as_str(), account.as_str(), region.as_str(), path.as_str()] {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part.as_bytes());
    }
    message.extend(session.iter().flat_map(|proof| proof.0.iter()));
    message
}
