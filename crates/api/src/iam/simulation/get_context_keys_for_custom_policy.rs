//! GetContextKeysForCustomPolicy: the condition keys that policies which nobody has ask for.

use serde::Deserialize;
use wharf_policy::Action;

use super::sources::{self, ContextKeys};
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetContextKeysForCustomPolicy {
    policy_input_list: Vec<String>,
}

impl Operation for GetContextKeysForCustomPolicy {
    const NAME: &'static str = "GetContextKeysForCustomPolicy";
    const ACTION: Action = Action::new("iam:GetContextKeysForCustomPolicy");
    type Output = ContextKeys;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, _: Call) -> Result<ContextKeys, Error> {
        ContextKeys::of(&sources::inputs("PolicyInputList", Some(self.policy_input_list)))
    }
}
