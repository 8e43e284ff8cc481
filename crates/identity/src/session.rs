//! Sessions: temporary credentials that nobody stores. The session token is the session, sealed for
//! its access key; the secret follows from the token. Who the session is of, and what it may do, is
//! looked up at each call, so that it ends with its role or user and follows their policies.
//!
//! What STS asks before it begins one is in the operations.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wharf_db::Cached;
use wharf_policy::{AccountId, Caller, Managed, PARTITION, Policy, Principal, Proof};

use crate::authority::{Authority, Source};
use crate::entity::Kind;
use crate::{AccessKey, Error, Identity, access_key, random};

/// What a session is to be, and what its token carries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    #[serde(rename = "a")]
    pub account: AccountId,
    #[serde(rename = "w")]
    pub subject: Subject,
    /// The inline session policy.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The ARNs of managed policies that are session policies too. They count as they are at each
    /// call; a session does not outlive one of them.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// The keys of those tags that go on to the next role.
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    pub transitive: Vec<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The ARN of the provider whose token began it.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// Whose session it is. Ids are never used twice, so that a role made anew does not revive it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Subject {
    #[serde(rename = "o")]
    Root,
    /// A user, by GetSessionToken.
    #[serde(rename = "u")]
    User { id: String },
    #[serde(rename = "r")]
    Role { id: String, session: String },
    /// By GetFederationToken, with the rights of a user, or of the root.
    #[serde(rename = "f")]
    Federated { name: String, user: Option<String> },
}

/// Temporary credentials, freshly made.
#[derive(Clone)]
pub struct Temporary {
    pub access_key_id: String,
    pub secret: String,
    pub token: String,
    /// Seconds since 1970.
    pub expires: i64,
}

/// Why temporary credentials were refused that were once good.
#[derive(Debug, thiserror::Error)]
pub enum SessionFault {
    #[error("the session has ended")]
    Expired,
    #[error(transparent)]
    Fault(#[from] Error),
}

/// What a token seals. Times are in seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Sealed {
    #[serde(flatten)]
    terms: Terms,
    #[serde(rename = "i")]
    issued: i64,
    #[serde(rename = "e")]
    expires: i64,
    #[serde(rename = "x", default, skip_serializing_if = "String::is_empty")]
    padding: String,
}

/// The form of what is sealed; another form will have another number.
const VERSION: u8 = 1;
/// What policies and tags may take of a token, in bytes. A token as a whole is then below 8 KiB.
const ALLOTTED: usize = 5000;
/// Longer tokens are not looked at.
const MOST_CHARACTERS: usize = 12 * 1024;

impl Terms {
    /// Terms without any policy or tag.
    #[must_use]
    pub fn of(account: AccountId, subject: Subject) -> Terms {
        Terms {
            account,
            subject,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            transitive: Vec::new(),
            source_identity: None,
            provider: None,
        }
    }

    /// How much of what they may take is taken by policies and tags, in percent; None without any.
    /// More than 100 is too much.
    #[must_use]
    pub fn packed_size(&self) -> Option<usize> {
        let Terms { policy, policy_arns, tags, transitive, .. } = self;
        if policy.is_none() && policy_arns.is_empty() && tags.is_empty() {
            return None;
        }
        let packed = serde_json::to_vec(&(policy, policy_arns, tags, transitive));
        let length = packed.map_or(usize::MAX / 100, |packed| packed.len());
        Some((length * 100).div_ceil(ALLOTTED))
    }
}

impl Identity {
    /// Begins a session of `seconds` from the full second that `now`, in milliseconds, is in. Its
    /// token is filled up to `least` characters. The caller has seen to it that
    /// [`Terms::packed_size`] is at most 100.
    pub fn begin_session(
        &self,
        terms: &Terms,
        seconds: i64,
        least: usize,
        now: i64,
    ) -> Result<Temporary, Error> {
        let access_key_id = random::key_id("ASIA", &terms.account)?;
        let (terms, issued) = (terms.clone(), now.div_euclid(1000));
        let expires = issued + seconds;
        let mut sealed = Sealed { terms, issued, expires, padding: String::new() };
        let mut proof = self.sealed(&access_key_id, &sealed)?;
        // Each byte is more than a character.
        sealed.padding = "x".repeat(least.saturating_sub(proof.len()));
        if !sealed.padding.is_empty() {
            proof = self.sealed(&access_key_id, &sealed)?;
        }
        Ok(Temporary {
            secret: self.session_secret(&proof),
            token: URL_SAFE_NO_PAD.encode(&proof),
            access_key_id,
            expires,
        })
    }

    fn sealed(&self, access_key_id: &str, sealed: &Sealed) -> Result<Vec<u8>, Error> {
        let text = serde_json::to_vec(sealed).map_err(|error| Error::Damaged(error.to_string()))?;
        let mut proof = vec![VERSION];
        proof.extend(self.key.seal_apart(&purpose(access_key_id), &text)?);
        Ok(proof)
    }

    /// The temporary access key of this id and token, with the principal as it is now. None if they
    /// were not made here or not for each other, or if who they are of is no longer there.
    ///
    /// # Errors
    /// [`SessionFault::Expired`] when they were good once.
    pub async fn session(
        &self,
        access_key_id: &str,
        token: &str,
        now: i64,
    ) -> Result<Option<Arc<AccessKey>>, SessionFault> {
        if token.len() > MOST_CHARACTERS || !access_key::is_well_formed(access_key_id) {
            return Ok(None);
        }
        let Ok(proof) = URL_SAFE_NO_PAD.decode(token) else { return Ok(None) };
        self.proven(access_key_id, &Proof(proof.into()), now).await
    }

    /// The principal of an access key, or of a session's if there is a proof of one, as it is now;
    /// None once it is no more.
    pub async fn principal(
        &self,
        access_key_id: &str,
        proof: Option<&Proof>,
        now: i64,
    ) -> Result<Option<Arc<Principal>>, Error> {
        let key = match proof {
            None => self.access_key(access_key_id).await?,
            Some(proof) => match self.proven(access_key_id, proof, now).await {
                Ok(key) => key,
                Err(SessionFault::Expired) => None,
                Err(SessionFault::Fault(error)) => return Err(error),
            },
        };
        Ok(key.map(|key| key.principal.clone()))
    }

    async fn proven(
        &self,
        access_key_id: &str,
        proof: &Proof,
        now: i64,
    ) -> Result<Option<Arc<AccessKey>>, SessionFault> {
        let print = print(access_key_id, proof);
        let epoch = self.epochs.current(access_key_id).await;
        let cached = self.sessions.get(&print).and_then(|cached| cached.fresh(epoch));
        let (expires, key) = match cached {
            Some(found) => found,
            None => {
                let Some(sealed) = self.opened(access_key_id, proof) else { return Ok(None) };
                let expires = sealed.expires;
                if now >= expires * 1000 {
                    return Err(SessionFault::Expired);
                }
                let Some(principal) = self.standing(access_key_id, proof, sealed).await? else {
                    return Ok(None);
                };
                let secret = self.session_secret(&proof.0);
                let found = (expires, Arc::new(AccessKey { principal: principal.into(), secret }));
                if let Some(epoch) = epoch {
                    self.sessions.insert(print, Cached { epoch, value: found.clone() });
                }
                found
            }
        };
        if now >= expires * 1000 { Err(SessionFault::Expired) } else { Ok(Some(key)) }
    }

    fn opened(&self, access_key_id: &str, proof: &Proof) -> Option<Sealed> {
        let (version, sealed) = proof.0.split_first()?;
        let text = self.key.open_apart(&purpose(access_key_id), sealed)?;
        (*version == VERSION).then(|| serde_json::from_slice(&text).ok())?
    }

    /// The principal as it is now; None once it is no more.
    async fn standing(
        &self,
        access_key_id: &str,
        proof: &Proof,
        sealed: Sealed,
    ) -> Result<Option<Principal>, Error> {
        let Some(holder) = self.holder(&sealed.terms, access_key_id).await? else {
            return Ok(None);
        };
        let Some(session) = self.session_policies(&sealed.terms).await? else { return Ok(None) };
        let time = |seconds| {
            Timestamp::from_second(seconds).map_err(|error| Error::Damaged(error.to_string()))
        };
        let tags = merged(&sealed.terms.tags, &holder.caller.tags);
        let known = wharf_policy::Session {
            issued: time(sealed.issued)?,
            expires: time(sealed.expires)?,
            second_factor: false,
            source_identity: sealed.terms.source_identity,
            federated_provider: sealed.terms.provider,
            transitive: sealed.terms.transitive,
            proof: proof.clone(),
        };
        let caller = Caller {
            tags: tags.into(),
            session: Some(known.into()),
            ..Arc::unwrap_or_clone(holder.caller)
        };
        let session = (!session.is_empty()).then(|| session.into());
        Ok(Some(Principal { caller: caller.into(), session, ..holder }))
    }

    /// Who it is of, with the policies that they have now.
    async fn holder(&self, terms: &Terms, access_key_id: &str) -> Result<Option<Principal>, Error> {
        let account = &terms.account;
        match &terms.subject {
            Subject::Root if !self.has_account(account).await? => Ok(None),
            Subject::Root => {
                Ok(Some(Principal::root(Caller::root(account.clone(), access_key_id.to_owned()))))
            }
            Subject::User { id } => {
                let user = self.present(id, Kind::User).await?;
                Ok(user.map(|user| user.principal(access_key_id)))
            }
            Subject::Role { id, session } => {
                let role = self.present(id, Kind::Role).await?;
                Ok(role.map(|role| {
                    let caller = Caller::role_session(
                        account.clone(),
                        &role.arn,
                        id,
                        session,
                        access_key_id,
                    );
                    role.with_caller(caller)
                }))
            }
            Subject::Federated { name, user: Some(id) } => {
                let user = self.present(id, Kind::User).await?;
                Ok(user.map(|user| {
                    let account = account.clone();
                    let caller =
                        Caller::federated_user(account, name, &user.arn, id, access_key_id);
                    user.with_caller(caller)
                }))
            }
            Subject::Federated { name, user: None } => {
                self.of_root(account, name, access_key_id).await
            }
        }
    }

    /// A federated user of the root: all rights, which session policies then bound.
    async fn of_root(
        &self,
        account: &AccountId,
        name: &str,
        access_key_id: &str,
    ) -> Result<Option<Principal>, Error> {
        if !self.has_account(account).await? {
            return Ok(None);
        }
        let root = format!("arn:{PARTITION}:iam::{account}:root");
        let id = account.as_str();
        let caller = Caller::federated_user(account.clone(), name, &root, id, access_key_id);
        let everything =
            Managed::policy(&format!("arn:{PARTITION}:iam::aws:policy/AdministratorAccess"));
        let identity = everything.into_iter().collect();
        Ok(Some(Principal { identity, ..Principal::root(caller) }))
    }

    async fn present(&self, id: &str, kind: Kind) -> Result<Option<Arc<Authority>>, Error> {
        Ok(self.authority(id).await?.filter(|found| found.kind == kind))
    }

    /// The session policies, empty where there are none; None once a managed one is gone: what it
    /// denied must not be allowed by its absence.
    async fn session_policies(&self, terms: &Terms) -> Result<Option<Vec<Arc<Policy>>>, Error> {
        let mut policies = Vec::new();
        if let Some(document) = terms.policy.clone() {
            let name = "session policy".to_owned();
            policies.push(self.compile(&Source { name, arn: None, holder: None, document })?);
        }
        for arn in &terms.policy_arns {
            match self.managed_policy(&terms.account, arn).await? {
                Some(policy) => policies.push(policy),
                None => return Ok(None),
            }
        }
        Ok(Some(policies))
    }

    /// 40 characters, as every secret access key has. No two tokens have the same.
    fn session_secret(&self, proof: &[u8]) -> String {
        let mut secret = STANDARD.encode(self.sign("session secret", proof));
        secret.truncate(40);
        secret
    }
}

/// One key seals one session, so that a token is of no use with another access key.
fn purpose(access_key_id: &str) -> String {
    format!("session token {access_key_id}")
}

fn print(access_key_id: &str, proof: &Proof) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&(access_key_id.len() as u64).to_be_bytes());
    context.update(access_key_id.as_bytes());
    context.update(&proof.0);
    let mut print = [0; 32];
    print.copy_from_slice(context.finish().as_ref());
    print
}

/// The tags of the session, then those of the role that it does not override.
fn merged(session: &[(String, String)], own: &[(String, String)]) -> Vec<(String, String)> {
    let overridden = |key: &str| session.iter().any(|(other, _)| other.eq_ignore_ascii_case(key));
    let rest = own.iter().filter(|(key, _)| !overridden(key));
    session.iter().chain(rest).cloned().collect()
}
