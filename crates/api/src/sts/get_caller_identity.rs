//! GetCallerIdentity: who the credentials belong to. Every tool asks it first, and nobody can be
//! denied it.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCallerIdentity {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallerIdentity {
    user_id: String,
    account: String,
    arn: String,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    const ACTION: Action = Action::new("sts:GetCallerIdentity");
    type Output = CallerIdentity;

    fn subject(&self) -> Subject<'_> {
        Subject::Undecided
    }

    async fn run(self, call: Call) -> Result<CallerIdentity, Error> {
        let caller = call.caller();
        Ok(CallerIdentity {
            user_id: caller.user_id().into_owned(),
            account: caller.account.to_string(),
            arn: caller.arn.to_string(),
        })
    }
}
