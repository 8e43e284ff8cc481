//! ListUsers: the users of the account under a path, page by page.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_identity::fold;
use wharf_policy::Action;

use crate::iam::shape::UserShape;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListUsers {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    users: Vec<UserShape>,
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListUsers {
    const NAME: &'static str = "ListUsers";
    const ACTION: Action = Action::new("iam:ListUsers");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let path = self.path_prefix.as_deref().unwrap_or("/");
        let parts = [Self::NAME, path];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let (account, kind) = (call.account(), Kind::User);
        let mut found =
            call.identity().entities(account, kind, path, &page.after, page.rows()).await?;
        let paged = call.cut(&parts, &page, &mut found, |last| fold(&last.name));
        Ok(Output { users: found.iter().map(UserShape::listed).collect(), paged })
    }
}
