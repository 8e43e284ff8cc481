//! What authentication hands to the decision: who calls, and what is known of them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{AccountId, Key, PARTITION, Value};

/// Who is calling, proven by a signature or a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    pub kind: Kind,
    pub account: AccountId,
    /// The ARN that error sentences and logs show; of a session, the session's.
    pub arn: Arc<str>,
    /// What `aws:PrincipalArn` holds: of a role's session the role's ARN with its path, otherwise
    /// the same as [`Caller::arn`].
    pub principal_arn: Arc<str>,
    /// The id that is never used twice: `AIDA…` of a user, `AROA…` of the role of a session; of a
    /// root the account's id. [`Caller::user_id`] is what GetCallerIdentity tells.
    pub unique_id: String,
    /// The access key that proved it.
    pub access_key_id: String,
    /// Tags of the user, or of the role and its session, the session's in front.
    pub tags: Arc<[(String, String)]>,
    /// Of temporary credentials.
    pub session: Option<Arc<Session>>,
    /// The service of AWS in whose place our own worker acts, such as
    /// `replication.ecr.amazonaws.com`.
    pub service: Option<Arc<str>>,
}

/// The kind of a caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The account itself: everything in its own account. Its GetSessionToken sessions too.
    Root,
    /// A user, with long-term keys or by GetSessionToken.
    User,
    /// A session of a role. Its identity policies and boundary are those of the role.
    RoleSession,
    /// A session by GetFederationToken. Its identity policies and boundary are those of the user.
    FederatedUser {
        /// The ARN of the user who asked for it.
        user: Arc<str>,
        user_id: Arc<str>,
    },
    /// The holder of an OpenID Connect token that asks for a role. [`Caller::arn`] is the
    /// provider's; nothing but trust policies can allow it anything.
    WebIdentity,
}

/// What is known of temporary credentials.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Session {
    /// `aws:TokenIssueTime`.
    pub issued: Timestamp,
    /// Whether a second factor was given: `aws:MultiFactorAuthPresent`. The age of it is left to the
    /// context, which knows the clock.
    pub second_factor: bool,
    /// `aws:SourceIdentity`.
    pub source_identity: Option<String>,
    /// `aws:FederatedProvider`: the ARN of the provider, or the name of a built-in one.
    pub federated_provider: Option<String>,
    /// The keys of those tags that go on to the sessions which this one begins.
    pub transitive: Vec<String>,
    /// When it ends.
    pub expires: Timestamp,
    pub proof: Proof,
}

/// The sealed form of a session, which tokens and links made by it carry on. It proves nothing
/// without the installation key, and is not shown all the same.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Proof(pub Arc<[u8]>);

impl fmt::Debug for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Proof(***)")
    }
}

impl Caller {
    /// The root of an account.
    #[must_use]
    pub fn root(account: AccountId, access_key_id: String) -> Caller {
        let arn = format!("arn:{PARTITION}:iam::{account}:root");
        let unique_id = account.to_string();
        Caller::new(Kind::Root, account, arn, unique_id, access_key_id)
    }

    /// The user of this ARN.
    #[must_use]
    pub fn user(account: AccountId, arn: &str, unique_id: &str, access_key_id: &str) -> Caller {
        Caller::new(Kind::User, account, arn.to_owned(), unique_id.to_owned(), access_key_id.into())
    }

    /// A session of the role of this ARN, with the role's id.
    #[must_use]
    pub fn role_session(
        account: AccountId,
        role: &str,
        role_id: &str,
        session: &str,
        access_key_id: &str,
    ) -> Caller {
        let name = role.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:{PARTITION}:sts::{account}:assumed-role/{name}/{session}");
        let caller =
            Caller::new(Kind::RoleSession, account, arn, role_id.to_owned(), access_key_id.into());
        Caller { principal_arn: role.into(), ..caller }
    }

    /// A session by GetFederationToken of this name, asked for by the user of this ARN and id.
    #[must_use]
    pub fn federated_user(
        account: AccountId,
        name: &str,
        user: &str,
        user_id: &str,
        access_key_id: &str,
    ) -> Caller {
        let kind = Kind::FederatedUser { user: user.into(), user_id: user_id.into() };
        let arn = format!("arn:{PARTITION}:sts::{account}:federated-user/{name}");
        let unique_id = format!("{account}:{name}");
        Caller::new(kind, account, arn, unique_id, access_key_id.into())
    }

    /// The holder of a token of the OpenID Connect provider of this ARN.
    #[must_use]
    pub fn web_identity(account: AccountId, provider: &str) -> Caller {
        let kind = Kind::WebIdentity;
        Caller::new(kind, account, provider.to_owned(), String::new(), String::new())
    }

    fn new(
        kind: Kind,
        account: AccountId,
        arn: String,
        unique_id: String,
        access_key_id: String,
    ) -> Caller {
        let arn: Arc<str> = arn.into();
        Caller {
            kind,
            account,
            principal_arn: arn.clone(),
            arn,
            unique_id,
            access_key_id,
            tags: Arc::new([]),
            session: None,
            service: None,
        }
    }

    /// What `aws:userid` and GetCallerIdentity tell: `AIDA…`, `AROA…:session`, the account's id, or
    /// `account:name`.
    #[must_use]
    pub fn user_id(&self) -> Cow<'_, str> {
        match self.kind {
            Kind::RoleSession => format!("{}:{}", self.unique_id, last_segment(&self.arn)).into(),
            _ => self.unique_id.as_str().into(),
        }
    }

    /// The value of a key that says who calls; `None` where it is another kind of key, or has no
    /// value for this caller.
    pub(crate) fn value(&self, key: &Key) -> Option<Value<'_>> {
        if self.kind == Kind::WebIdentity {
            return None;
        }
        let session = self.session.as_deref();
        match key.name() {
            "aws:principalarn" => Some(Value::one(&*self.principal_arn)),
            "aws:principalaccount" => Some(Value::one(self.account.as_str())),
            "aws:principaltype" => Some(Value::one(self.kind.principal_type())),
            "aws:principaltag" => {
                let tags = self.tags.iter().map(|(tag, value)| (tag.as_str(), value.as_str()));
                key.tag_in(tags).map(Value::one)
            }
            "aws:userid" => Some(Value::One(self.user_id())),
            "aws:username" => {
                (self.kind == Kind::User).then(|| Value::one(last_segment(&self.arn)))
            }
            "aws:principalisawsservice" => Some(Value::truth(false)),
            "aws:viaawsservice" => Some(Value::truth(self.service.is_some())),
            "aws:tokenissuetime" => session.map(|session| Value::one(session.issued.to_string())),
            "aws:multifactorauthpresent" => {
                session.map(|session| Value::truth(session.second_factor))
            }
            "aws:sourceidentity" => {
                session.and_then(|session| session.source_identity.as_deref()).map(Value::one)
            }
            "aws:federatedprovider" => {
                session.and_then(|session| session.federated_provider.as_deref()).map(Value::one)
            }
            _ => None,
        }
    }
}

impl Kind {
    fn principal_type(&self) -> &'static str {
        match self {
            Kind::Root => "Account",
            Kind::User => "User",
            Kind::RoleSession => "AssumedRole",
            Kind::FederatedUser { .. } => "FederatedUser",
            Kind::WebIdentity => "Anonymous",
        }
    }
}

fn last_segment(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
