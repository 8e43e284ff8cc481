//! What an operation of IAM or STS is, and what it is run on. A [`Call`] can only be made here,
//! after the decision about the operation's own action.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wharf_identity::Identity;
use wharf_policy::{AccountId, Action, Caller, Fact, Origin, Requester};

use super::{Error, Subject};
use crate::Api;

/// An operation that needs credentials: the value is its input, in the model's member names.
pub trait Operation: DeserializeOwned + Send + Sync + 'static {
    /// The name in the model and on the wire.
    const NAME: &'static str;
    /// The action that the caller must be allowed.
    const ACTION: Action;
    /// Its members in the model's names; `()` where the model has none.
    type Output: Serialize + Send;

    /// What the decision is about.
    fn subject(&self) -> Subject<'_>;

    /// What conditions can ask of the input, such as `aws:RequestTag/…` and `iam:PolicyARN`.
    fn facts(&self) -> Vec<(String, Fact)> {
        Vec::new()
    }

    /// Does it. The input fits the model, and the caller may.
    fn run(self, call: Call) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

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
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// An authorised call.
pub struct Call {
    pub api: Api,
    pub requester: Requester,
}

impl Call {
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
