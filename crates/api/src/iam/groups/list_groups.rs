//! ListGroups: the groups of the account under a path, page by page.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_identity::fold;
use wharf_policy::Action;

use crate::iam::shape::GroupShape;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListGroups {
    path_prefix: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    groups: Vec<GroupShape>,
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListGroups {
    const NAME: &'static str = "ListGroups";
    const ACTION: Action = Action::new("iam:ListGroups");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let path = self.path_prefix.as_deref().unwrap_or("/");
        let parts = [Self::NAME, path];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let (account, kind) = (call.account(), Kind::Group);
        let mut found =
            call.identity().entities(account, kind, path, &page.after, page.rows()).await?;
        let paged = call.cut(&parts, &page, &mut found, |last| fold(&last.name));
        Ok(Output { groups: found.iter().map(GroupShape::of).collect(), paged })
    }
}
