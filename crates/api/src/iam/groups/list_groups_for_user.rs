//! ListGroupsForUser: the groups that a user is in, page by page.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_identity::fold;
use wharf_policy::Action;

use crate::iam::shape::GroupShape;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListGroupsForUser {
    user_name: String,
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

impl Operation for ListGroupsForUser {
    const NAME: &'static str = "ListGroupsForUser";
    const ACTION: Action = Action::new("iam:ListGroupsForUser");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::User, &self.user_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let user = call.entity()?;
        let parts = [Self::NAME, &user.id];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let mut groups = call.identity().groups_of(user, &page.after, page.rows()).await?;
        let paged = call.cut(&parts, &page, &mut groups, |last| fold(&last.name));
        Ok(Output { groups: groups.iter().map(GroupShape::of).collect(), paged })
    }
}
