//! The keys of issuers: found by discovery, kept for an hour, fetched again for a key that is not
//! among them. However many tokens come, an issuer is asked once a minute at most.
//!
//! Source: OpenID Connect Discovery 1.0, sections 3 and 4.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::WebIdentityFault;
use super::token::{Jwt, is_usable};
use crate::outbound::{Outbound, Unreachable};

/// How long keys are taken as they are, in milliseconds.
const FRESH: i64 = 60 * 60 * 1000;
/// How long they are taken while the issuer does not answer, in milliseconds.
const STALE: i64 = 24 * 60 * 60 * 1000;
/// How often an issuer is asked for a key that is not among those it has shown, in milliseconds.
const PAUSE: i64 = 60 * 1000;
/// How long an issuer that did not answer is not asked again, in milliseconds.
const PAUSE_AFTER_FAILURE: i64 = 5 * 1000;
/// Discovery and keys together.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many issuers are remembered.
const REMEMBERED: u64 = 1000;
/// More keys of an issuer are not looked at.
const MOST_KEYS: usize = 100;

/// What is known of issuers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Issuers(Cache<String, Arc<Issuer>>);

/// An issuer. Who has the turn asks; others who need the answer wait, those who know the key do not.
#[derive(Default)]
struct Issuer {
    turn: tokio::sync::Mutex<()>,
    known: Mutex<Known>,
}

/// What is known of one.
#[derive(Default)]
struct Known {
    keys: Option<Fetched>,
    /// When it was asked last, in milliseconds since 1970.
    asked: Option<i64>,
    /// Why that failed.
    failure: Option<Failure>,
}

struct Fetched {
    keys: Vec<Jwk>,
    at: i64,
}

#[derive(Clone, Copy)]
enum Failure {
    Unreachable,
    NoKey,
}

/// Of the discovery document, what is needed.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

impl Default for Issuers {
    fn default() -> Issuers {
        Issuers(Cache::new(REMEMBERED))
    }
}

impl Issuers {
    /// The key of `issuer` that is said to have signed the token.
    pub(super) async fn key(
        &self,
        outbound: &Outbound,
        issuer: &str,
        token: &Jwt<'_>,
        now: i64,
    ) -> Result<Jwk, WebIdentityFault> {
        let one = self.0.get_with(issuer.to_owned(), Arc::default);
        if let Some(key) = one.known().choose(token, now, FRESH) {
            return Ok(key);
        }
        let _turn = one.turn.lock().await;
        // Whoever had the turn before may have fetched it.
        if let Some(key) = one.known().choose(token, now, FRESH) {
            return Ok(key);
        }
        if one.known().begin(now) {
            let fetched = tokio::time::timeout(PATIENCE, fetch(outbound, issuer)).await;
            let slow = |_| Err(Unreachable::Down("it is too slow".to_owned()));
            one.known().learn(issuer, fetched.unwrap_or_else(slow), now);
        }
        let known = one.known();
        known.choose(token, now, STALE).ok_or_else(|| known.fault())
    }
}

impl Issuer {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The token's key, if the keys are not older than `age`.
    fn choose(&self, token: &Jwt<'_>, now: i64, age: i64) -> Option<Jwk> {
        let fetched = self.keys.as_ref().filter(|fetched| now - fetched.at < age)?;
        token.choose(&fetched.keys).cloned()
    }

    /// Whether the issuer may be asked now; then it counts as asked.
    fn begin(&mut self, now: i64) -> bool {
        let pause = if self.failure.is_some() { PAUSE_AFTER_FAILURE } else { PAUSE };
        let may = self.asked.is_none_or(|asked| now - asked >= pause || now < asked);
        if may {
            self.asked = Some(now);
        }
        may
    }

    fn learn(&mut self, issuer: &str, fetched: Result<Vec<Jwk>, Unreachable>, now: i64) {
        self.failure = match fetched {
            Ok(keys) => {
                self.keys = Some(Fetched { keys, at: now });
                None
            }
            Err(fault) => {
                tracing::warn!(issuer, %fault, "the keys of an issuer of tokens were not fetched");
                Some(match fault {
                    Unreachable::Down(_) => Failure::Unreachable,
                    Unreachable::Forbidden(_) | Unreachable::Odd(_) => Failure::NoKey,
                })
            }
        };
    }

    fn fault(&self) -> WebIdentityFault {
        match self.failure {
            Some(Failure::Unreachable) => WebIdentityFault::Unreachable,
            Some(Failure::NoKey) | None => WebIdentityFault::NoKey,
        }
    }
}

async fn fetch(outbound: &Outbound, issuer: &str) -> Result<Vec<Jwk>, Unreachable> {
    let odd = |what: &str, error: &dyn std::fmt::Display| {
        Unreachable::Odd(format!("{what} of {issuer} cannot be read: {error}"))
    };
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let address = Url::parse(&address).map_err(|error| odd("the URL", &error))?;
    let text = outbound.fetch(&address).await?;
    let found: Configuration =
        serde_json::from_slice(&text).map_err(|error| odd("the configuration", &error))?;
    if found.issuer != issuer {
        let other = format!("it is that of {}", found.issuer);
        return Err(odd("the configuration", &other));
    }
    let address = Url::parse(&found.jwks_uri).map_err(|error| odd("the jwks_uri", &error))?;
    let text = outbound.fetch(&address).await?;
    let found: Keys = serde_json::from_slice(&text).map_err(|error| odd("the keys", &error))?;
    // One that cannot be read is of a kind that is not taken either.
    let keys = found.keys.into_iter().take(MOST_KEYS);
    let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(keys.filter(is_usable).collect())
}
