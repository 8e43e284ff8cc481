//! Registry tokens: the password that GetAuthorizationToken hands out and `docker login` keeps.
//!
//! A token says who (an access key, or a session) and where (a Region), never what its holder may
//! do. Its code is checked without the database, so a restart or another replica changes nothing;
//! whether the key is still active is looked up at each call.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use wharf_policy::{AccountId, Caller, Proof, Region};

use crate::Identity;

/// ECR's lifetime of a token. That of a session does not outlive the session.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The user name that goes with every token.
const USER: &str = "AWS";
const PURPOSE: &str = "registry token";
const CODE_LENGTH: usize = 32;
/// Longer passwords are not looked at. One with a session of the largest size is shorter.
const MAX_PASSWORD: usize = 16 * 1024;
/// Between the claims, in which it cannot occur, and the session.
const SEPARATOR: u8 = 0;

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
    /// The session that it was given to, if the access key is a session's.
    #[serde(skip)]
    pub session: Option<Proof>,
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
    /// Makes a token for `caller` in `region` that is good for [`TOKEN_LIFETIME`] from `now`, or as
    /// long as the caller's session is.
    #[must_use]
    pub fn issue_token(&self, caller: &Caller, region: &Region, now: i64) -> Token {
        let whole = now + TOKEN_LIFETIME.as_millis() as i64;
        let session = caller.session.as_deref();
        let expires_at = session.map_or(whole, |own| own.expires.as_millisecond().min(whole));
        let claims = Claims {
            access_key_id: caller.access_key_id.clone(),
            account: caller.account.clone(),
            region: region.clone(),
            expires_at,
            session: session.map(|session| session.proof.clone()),
        };
        let mut bytes = self.sign(PURPOSE, &encode(&claims)).to_vec();
        bytes.extend(encode(&claims));
        // The URL-safe alphabet has no colon, on which clients split user and password.
        let password = URL_SAFE_NO_PAD.encode(bytes);
        Token { authorization: STANDARD.encode(format!("{USER}:{password}")), expires_at }
    }

    /// Reads the value of an `Authorization: Basic …` header (the part behind `Basic `).
    pub fn read_token(&self, basic: &str, now: i64) -> Result<Arc<Claims>, TokenFault> {
        let basic = basic.trim();
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
        let pair = String::from_utf8(STANDARD.decode(basic).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        if user != USER {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(password).ok()?;
        let (code, message) = bytes.split_first_chunk::<CODE_LENGTH>()?;
        if !self.is_signed(PURPOSE, message, code) {
            return None;
        }
        let mut parts = message.splitn(2, |byte| *byte == SEPARATOR);
        let claims: Claims = serde_json::from_slice(parts.next()?).ok()?;
        Some(Claims { session: parts.next().map(|proof| Proof(proof.into())), ..claims })
    }
}

fn encode(claims: &Claims) -> Vec<u8> {
    let mut message = serde_json::to_vec(claims).expect("claims are plain strings and a number");
    if let Some(session) = &claims.session {
        message.push(SEPARATOR);
        message.extend_from_slice(&session.0);
    }
    message
}
