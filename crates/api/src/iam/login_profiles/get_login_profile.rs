//! GetLoginProfile: whether a user has a password, and since when.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::shape::ProfileShape;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetLoginProfile {
    user_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    login_profile: ProfileShape,
}

impl Operation for GetLoginProfile {
    const NAME: &'static str = "GetLoginProfile";
    const ACTION: Action = Action::new("iam:GetLoginProfile");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let user = &call.entity()?.name;
        let profile = call.identity().login_profile(call.account(), user).await?;
        Ok(Output { login_profile: ProfileShape::of(user, &profile) })
    }
}
