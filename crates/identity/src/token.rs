//! Registry tokens: the password that GetAuthorizationToken hands out and `docker login` keeps.
//!
//! A token says who (an access key) and where (a Region), never what its holder may do. Its code
//! is checked without the database, so a restart or another replica changes nothing; whether the
//! key is still active is looked up at each call.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use wharf_policy::{AccountId, Caller, Region};

use crate::Identity;

/// ECR's lifetime of a token.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The user name that goes with every token.
const USER: &str = "AWS";
const PURPOSE: &str = "registry token";
const CODE_LENGTH: usize = 32;
/// Longer passwords are not looked at.
const MAX_PASSWORD: usize = 4096;

/// A freshly made token.
pub struct Token {
    /// Base64 of `AWS:<password>`, as in `authorizationData`.
    pub authorization: String,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// What a genuine token says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    #[serde(rename = "k")]
    pub access_key_id: String,
    #[serde(rename = "a")]
    pub account: AccountId,
    #[serde(rename = "r")]
    pub region: Region,
    /// Milliseconds since 1970.
    #[serde(rename = "e")]
    pub expires_at: i64,
}

/// Why a password is no token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenFault {
    /// Not made here, or damaged on the way.
    Unknown,
    /// Genuine once, but its 12 hours are over.
    Expired,
}

impl Identity {
    /// Makes a token for `caller` in `region` that is good for [`TOKEN_LIFETIME`] from `now`.
    #[must_use]
    pub fn issue_token(&self, caller: &Caller, region: &Region, now: i64) -> Token {
        let expires_at = now + TOKEN_LIFETIME.as_millis() as i64;
        let claims = Claims {
            access_key_id: caller.access_key_id.clone(),
            account: caller.account.clone(),
            region: region.clone(),
            expires_at,
        };
        let mut bytes = self.sign(PURPOSE, &encode(&claims)).to_vec();
        bytes.extend(encode(&claims));
        // The URL-safe alphabet has no colon, on which clients split user and password.
        let password = URL_SAFE_NO_PAD.encode(bytes);
        Token { authorization: STANDARD.encode(format!("{USER}:{password}")), expires_at }
    }

    /// Reads the value of an `Authorization: Basic …` header (the part behind `Basic `).
    pub fn read_token(&self, basic: &str, now: i64) -> Result<Arc<Claims>, TokenFault> {
        let claims = match self.tokens.get(basic) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.verified(basic).ok_or(TokenFault::Unknown)?);
                self.tokens.insert(basic.to_owned(), claims.clone());
                claims
            }
        };
        if claims.expires_at <= now { Err(TokenFault::Expired) } else { Ok(claims) }
    }

    fn verified(&self, basic: &str) -> Option<Claims> {
        if basic.len() > MAX_PASSWORD {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(basic.trim()).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        if user != USER {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(password).ok()?;
        let (code, message) = bytes.split_first_chunk::<CODE_LENGTH>()?;
        if !self.is_signed(PURPOSE, message, code) {
            return None;
        }
        serde_json::from_slice(message).ok()
    }
}

fn encode(claims: &Claims) -> Vec<u8> {
    serde_json::to_vec(claims).expect("claims are plain strings and a number")
}
