//! GetAccessKeyInfo: whose account an access key is of, whether the key is still good or not.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::long_term;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAccessKeyInfo {
    access_key_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyInfo {
    account: String,
}

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";
    const ACTION: Action = Action::new("sts:GetAccessKeyInfo");
    type Output = AccessKeyInfo;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<AccessKeyInfo, Error> {
        long_term::check_session(call.caller(), Self::NAME)?;
        let id = &self.access_key_id;
        let account = call.identity().account_of_access_key(id).await?;
        let account = account.ok_or_else(|| {
            Error::Validation(format!(
                "1 validation error detected: Value '{id}' at 'accessKeyId' failed to satisfy constraint: Member must be the id of an access key of an account that is here"
            ))
        })?;
        Ok(AccessKeyInfo { account: account.to_string() })
    }
}
