//! GetContextKeysForPrincipalPolicy: the condition keys that the policies of a user, group or role
//! ask for.

use serde::Deserialize;
use wharf_policy::Action;

use super::sources::{self, ContextKeys, Given};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetContextKeysForPrincipalPolicy {
    policy_source_arn: String,
    policy_input_list: Option<Vec<String>>,
}

impl Operation for GetContextKeysForPrincipalPolicy {
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";
    const ACTION: Action = Action::new("iam:GetContextKeysForPrincipalPolicy");
    type Output = ContextKeys;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_source_arn)
    }

    async fn run(self, call: Call) -> Result<ContextKeys, Error> {
        let source = call.entity_of_arn(&self.policy_source_arn)?;
        let mut given = sources::inputs("PolicyInputList", self.policy_input_list);
        if let Some(found) = call.identity().policy_sources(&source.id).await? {
            given.extend(found.identity.into_iter().chain(found.boundary).map(Given::stored));
        }
        ContextKeys::of(&given)
    }
}
