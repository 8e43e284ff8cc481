//! Page tokens: where a list goes on. A token is bound to the list it came from, so it cannot be
//! used to look into another one, and a made-up one is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wharf_identity::Identity;
use wharf_registry::Error;

const PURPOSE: &str = "page token";
const CODE_LENGTH: usize = 16;

/// ECR's page size where the caller names none.
pub(crate) const DEFAULT_PAGE: i64 = 100;

/// One list: an operation with everything that shapes its result.
pub(crate) struct List<'a> {
    pub(crate) identity: &'a Identity,
    /// The operation, the registry, the repository and the filters.
    pub(crate) parts: &'a [&'a str],
}

impl List<'_> {
    /// The token that makes the next page begin behind `last`.
    pub(crate) fn token(&self, last: &str) -> String {
        let mut bytes = self.code(last)[..CODE_LENGTH].to_vec();
        bytes.extend(last.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key behind which the page begins; the empty one without a token.
    pub(crate) fn after(&self, token: Option<&str>) -> Result<String, Error> {
        let Some(token) = token else { return Ok(String::new()) };
        self.read(token).ok_or_else(|| Error::Parameter {
            path: "NextToken",
            reason: "Invalid next token provided".to_owned(),
        })
    }

    /// The key in a token; None if it is none of this list.
    pub(crate) fn read(&self, token: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (code, last) = bytes.split_at_checked(CODE_LENGTH)?;
        let last = std::str::from_utf8(last).ok()?;
        // A token is no secret that guards anything; plain comparison is enough.
        (self.code(last)[..CODE_LENGTH] == *code).then(|| last.to_owned())
    }

    fn code(&self, last: &str) -> [u8; 32] {
        let parts: Vec<&str> = self.parts.iter().copied().chain([last]).collect();
        let message = serde_json::to_vec(&parts).expect("a list of strings is JSON");
        self.identity.sign(PURPOSE, &message)
    }
}

/// Takes one row more than a page was asked for as the sign that there is a next page.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: i64) -> bool {
    let more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    more
}

/// `maxResults` or a list of ids, not both.
pub(crate) fn refuse_both(is_paged: bool, ids: &'static str, has_ids: bool) -> Result<(), Error> {
    if is_paged && has_ids {
        let reason = format!("nextToken and maxResults cannot be combined with {ids}");
        return Err(Error::Parameter { path: "maxResults", reason });
    }
    Ok(())
}
