//! ListAccessKeys: the keys of a user, or of whoever calls, without their secrets.

use serde::{Deserialize, Serialize};
use wharf_identity::KeyShape;
use wharf_policy::Action;

use super::shape;
use crate::iam::shape::seconds;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAccessKeys {
    user_name: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    access_key_metadata: Vec<Metadata>,
    #[serde(flatten)]
    paged: Paged,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    create_date: i64,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";
    const ACTION: Action = Action::new("iam:ListAccessKeys");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let owner = call.owner()?;
        let keys = call.identity().keys(owner).await?;
        let parts = [Self::NAME, owner.user.unwrap_or_default()];
        let (keys, paged) = call.slice(&parts, self.marker.as_deref(), self.max_items, keys)?;
        let user = call.user_name()?;
        let shape = |key: &KeyShape| Metadata {
            user_name: user.clone(),
            access_key_id: key.id.clone(),
            status: shape::status(key),
            create_date: seconds(key.created_at),
        };
        Ok(Output { access_key_metadata: keys.iter().map(shape).collect(), paged })
    }
}
