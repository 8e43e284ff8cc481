//! Web identities: tokens of OpenID Connect issuers that an account has registered, verified by the
//! keys that the issuer publishes. What a token may do is up to the trust policies of roles.
//!
//! Sources: "Create an OpenID Connect (OIDC) identity provider in IAM", User Guide; OpenID Connect
//! Core 1.0, section 3.1.3.7.

mod claims;
mod fault;
mod keys;
mod token;

use wharf_policy::AccountId;

use crate::{Identity, Provider};

pub use claims::Claims as WebClaims;
pub use fault::WebIdentityFault;
pub(crate) use keys::Issuers;

use claims::Claims;
use token::Jwt;

/// The holder of a token that has been verified.
#[derive(Debug)]
pub struct WebIdentity {
    pub provider: Provider,
    pub claims: Claims,
}

impl Identity {
    /// Verifies a token for roles of `account`: its issuer is registered there, one of the issuer's
    /// keys has signed it, it is in time, and for an audience that is registered.
    ///
    /// # Errors
    /// The first check that fails, in AWS's order and words.
    pub async fn web_identity(
        &self,
        account: &AccountId,
        token: &str,
        now: i64,
    ) -> Result<WebIdentity, WebIdentityFault> {
        let token = Jwt::read(token).ok_or(WebIdentityFault::NoToken)?;
        let issuer = token.issuer().ok_or(WebIdentityFault::NoToken)?;
        let provider = self.provider_of_issuer(account, issuer).await?;
        let provider =
            provider.ok_or_else(|| WebIdentityFault::UnknownIssuer(issuer.to_owned()))?;
        let key = self.issuers.key(&self.outbound, issuer, &token, now).await?;
        token.verify(&key)?;
        let claims = Claims::read(token.into_payload(), &provider, now.div_euclid(1000))?;
        Ok(WebIdentity { provider, claims })
    }
}
