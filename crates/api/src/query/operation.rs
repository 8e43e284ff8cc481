//! What an operation of IAM or STS is, and what it is run on. A [`Call`] can only be made here,
//! after the decision about the operation's own action.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wharf_identity::{Entity, Identity, Owner};
use wharf_policy::{AccountId, Action, Caller, Fact, Origin, Requester};

use super::subject::Found;
use super::{Error, Subject};
use crate::Api;

/// An operation that needs credentials: the value is its input, in the model's member names.
pub trait Operation: DeserializeOwned + Send + Sync + 'static {
    /// The name in the model and on the wire.
    const NAME: &'static str;
    /// The action that the caller must be allowed.
    const ACTION: Action;
    /// Whether conditions can ask for the boundary that the user or role has now, by
    /// `iam:PermissionsBoundary`.
    const SHOWS_BOUNDARY: bool = false;
    /// Its members in the model's names; `()` where the model has none.
    type Output: Serialize + Send;

    /// What the decision is about.
    fn subject(&self) -> Subject<'_>;

    /// What conditions can ask of the input, such as `aws:RequestTag/…` and `iam:PolicyARN`.
    fn facts(&self) -> Vec<(String, Fact)> {
        Vec::new()
    }

    /// The new name and path of what is renamed: the caller must be allowed there too.
    fn renamed(&self) -> Option<(Option<&str>, Option<&str>)> {
        None
    }

    /// Does it. The input fits the model, and the caller may.
    fn run(self, call: Call) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// Who a call without credentials turned out to be of, as soon as it is proven: for the audit trail.
pub type Proven = std::sync::OnceLock<Requester>;

/// An operation that needs no credentials: what is in the input proves who asks.
pub trait Unsigned: DeserializeOwned + Send + Sync + 'static {
    /// The name in the model and on the wire.
    const NAME: &'static str;
    /// Its members in the model's names.
    type Output: Serialize + Send;

    /// Does it. The input fits the model; everything else is still to be decided.
    fn run(
        self,
        api: Api,
        origin: std::sync::Arc<Origin>,
        proven: std::sync::Arc<Proven>,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// An authorised call.
pub struct Call {
    pub api: Api,
    pub requester: Requester,
    pub(super) found: Found,
}

impl Call {
    /// The user, group or role that the call is about.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn entity(&self) -> Result<&Entity, Error> {
        match &self.found {
            Found::Entity(entity) => Ok(entity),
            Found::Absent(kind, name) => {
                let (kind, name) = (*kind, name.clone());
                Err(wharf_identity::Error::NoSuchEntity { kind, name }.into())
            }
            Found::Root | Found::Nothing => {
                Err(Error::Validation("The root of an account is no user".to_owned()))
            }
        }
    }

    /// Whose access keys the call is about.
    ///
    /// # Errors
    /// If there is no such user.
    pub fn owner(&self) -> Result<Owner<'_>, Error> {
        let user = match &self.found {
            Found::Root => None,
            _ => Some(self.entity()?.id.as_str()),
        };
        Ok(Owner { account: self.account(), user })
    }

    /// The name of the user that the call is about; of the root the account's id, as AWS shows it.
    pub fn user_name(&self) -> Result<String, Error> {
        match &self.found {
            Found::Root => Ok(self.account().to_string()),
            _ => Ok(self.entity()?.name.clone()),
        }
    }

    /// Whether the call is about the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        matches!(self.found, Found::Root)
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.requester.caller()
    }

    /// The account of who calls, which is the one that is changed.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.requester.caller().account
    }

    /// The rooms.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.api.identity
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.api.registry.now()
    }
}
