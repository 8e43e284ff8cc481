//! PutGroupPolicy: a policy that belongs to one group, in the place of one of the same name.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutGroupPolicy {
    group_name: String,
    policy_name: String,
    policy_document: String,
}

impl Operation for PutGroupPolicy {
    const NAME: &'static str = "PutGroupPolicy";
    const ACTION: Action = Action::new("iam:PutGroupPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, holder) = (call.account(), &self.group_name);
        let (policy, document) = (&self.policy_name, &self.policy_document);
        Ok(call.identity().put_inline(account, Kind::Group, holder, policy, document).await?)
    }
}
