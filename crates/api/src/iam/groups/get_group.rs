//! GetGroup: a group and its members, page by page.

use serde::{Deserialize, Serialize};
use wharf_identity::Kind;
use wharf_identity::fold;
use wharf_policy::Action;

use crate::iam::shape::{GroupShape, UserShape};
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetGroup {
    group_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    group: GroupShape,
    users: Vec<UserShape>,
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for GetGroup {
    const NAME: &'static str = "GetGroup";
    const ACTION: Action = Action::new("iam:GetGroup");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Named(Kind::Group, &self.group_name)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let group = call.entity()?;
        let parts = [Self::NAME, &group.id];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let mut users = call.identity().members(group, &page.after, page.rows()).await?;
        let paged = call.cut(&parts, &page, &mut users, |last| fold(&last.name));
        let users = users.iter().map(UserShape::listed).collect();
        Ok(Output { group: GroupShape::of(group), users, paged })
    }
}
