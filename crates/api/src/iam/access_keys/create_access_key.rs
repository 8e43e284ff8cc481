//! CreateAccessKey: a key for a user, or for whoever calls. Its secret is told this once.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::shape;
use crate::iam::shape::seconds;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAccessKey {
    user_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    access_key: AccessKey,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKey {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    secret_access_key: String,
    create_date: i64,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";
    const ACTION: Action = Action::new("iam:CreateAccessKey");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let (key, secret) = call.identity().create_key(call.owner()?, call.now()).await?;
        let access_key = AccessKey {
            user_name: call.user_name()?,
            status: shape::status(&key),
            create_date: seconds(key.created_at),
            access_key_id: key.id,
            secret_access_key: secret,
        };
        Ok(Output { access_key })
    }
}
