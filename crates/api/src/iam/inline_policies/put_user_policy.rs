//! PutUserPolicy: a policy that belongs to one user, in the place of one of the same name.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutUserPolicy {
    user_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    const ACTION: Action = Action::new("iam:PutUserPolicy");
    const SHOWS_BOUNDARY: bool = true;
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, holder) = (call.account(), &self.user_name);
        let (policy, document) = (&self.policy_name, &self.policy_document);
        Ok(call.identity().put_inline(account, Kind::User, holder, policy, document).await?)
    }
}
