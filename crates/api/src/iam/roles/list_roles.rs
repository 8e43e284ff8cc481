//! ListRoles: the roles of the account under a path, page by page.

use serde::{Deserialize, Serialize};
use wharf_identity::fold;
use wharf_policy::Action;

use crate::iam::shape::RoleShape;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListRoles {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    roles: Vec<RoleShape>,
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListRoles {
    const NAME: &'static str = "ListRoles";
    const ACTION: Action = Action::new("iam:ListRoles");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let path = self.path_prefix.as_deref().unwrap_or("/");
        let parts = [Self::NAME, path];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let (identity, account) = (call.identity(), call.account());
        let mut found = identity.roles(account, path, &page.after, page.rows()).await?;
        let paged = call.cut(&parts, &page, &mut found, |last| fold(&last.entity.name));
        Ok(Output { roles: found.iter().map(RoleShape::listed).collect(), paged })
    }
}
