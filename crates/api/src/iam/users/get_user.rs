//! GetUser: a user with everything that is told of it; who calls, if none is named.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::iam::shape::UserShape;
use crate::iam::shape::seconds;
use crate::iam::tag;
use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetUser {
    user_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user: Either,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Either {
    User(UserShape),
    Root(RootShape),
}

/// The root has neither name nor path.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RootShape {
    user_id: String,
    arn: String,
    create_date: i64,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
    const ACTION: Action = Action::new("iam:GetUser");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        if call.is_root() {
            let user = RootShape::of(&call).await?;
            return Ok(Output { user: Either::Root(user) });
        }
        let user = call.entity()?;
        let tags = tag::all(&call, &user.id).await?;
        let last_used = password_last_used(&call, &user.name).await?;
        Ok(Output { user: Either::User(UserShape::whole(user, tags, last_used)) })
    }
}

impl RootShape {
    async fn of(call: &Call) -> Result<RootShape, Error> {
        let accounts = call.identity().accounts().await?;
        let own = accounts.into_iter().find(|one| one.id == *call.account());
        Ok(RootShape {
            user_id: call.account().to_string(),
            arn: call.caller().arn.to_string(),
            create_date: own.map(|account| seconds(account.created_at)).unwrap_or_default(),
        })
    }
}

async fn password_last_used(call: &Call, user: &str) -> Result<Option<i64>, Error> {
    match call.identity().login_profile(call.account(), user).await {
        Ok(profile) => Ok(profile.last_used),
        Err(wharf_identity::Error::NoSuchLoginProfile(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
