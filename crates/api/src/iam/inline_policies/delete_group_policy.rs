//! DeleteGroupPolicy: removes a policy that belongs to one group.

use serde::Deserialize;
use wharf_identity::Kind;
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteGroupPolicy {
    group_name: String,
    policy_name: String,
}

impl Operation for DeleteGroupPolicy {
    const NAME: &'static str = "DeleteGroupPolicy";
    const ACTION: Action = Action::new("iam:DeleteGroupPolicy");
    type Output = ();

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<(), Error> {
        let (account, holder) = (call.account(), &self.group_name);
        Ok(call.identity().delete_inline(account, Kind::Group, holder, &self.policy_name).await?)
    }
}
