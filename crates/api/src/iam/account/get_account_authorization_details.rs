//! GetAccountAuthorizationDetails: all users, groups, roles and policies of the account with their
//! documents, page by page, in this order.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use super::detail::{self, Detail, Group, ManagedPolicy, Role, User};
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAccountAuthorizationDetails {
    filter: Option<Vec<String>>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    user_detail_list: Vec<User>,
    group_detail_list: Vec<Group>,
    role_detail_list: Vec<Role>,
    policies: Vec<ManagedPolicy>,
    #[serde(flatten)]
    paged: Option<Paged>,
}

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    const ACTION: Action = Action::new("iam:GetAccountAuthorizationDetails");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let filter = self.filter.unwrap_or_default();
        let parts = [Self::NAME, &filter.join(",")];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let (last_kind, last_name) = page.after.split_once('/').unwrap_or_default();
        let begun = detail::KINDS.iter().position(|kind| *kind == last_kind);
        let mut rows: Vec<(String, Detail)> = Vec::new();
        for kind in detail::KINDS.iter().skip(begun.unwrap_or(0)) {
            let room = page.rows() - rows.len() as i64;
            if room <= 0 {
                break;
            }
            if !filter.is_empty() && !filter.iter().any(|wanted| wanted == kind) {
                continue;
            }
            let after = if *kind == last_kind { last_name } else { "" };
            for (name, detail) in detail::list(&call, kind, after, room).await? {
                rows.push((format!("{kind}/{name}"), detail));
            }
        }
        let paged = call.cut(&parts, &page, &mut rows, |(key, _)| key.clone());
        let mut output = Output { paged: Some(paged), ..Output::default() };
        for (_, detail) in rows {
            output.take(detail);
        }
        Ok(output)
    }
}

impl Output {
    fn take(&mut self, detail: Detail) {
        match detail {
            Detail::User(user) => self.user_detail_list.push(user),
            Detail::Group(group) => self.group_detail_list.push(group),
            Detail::Role(role) => self.role_detail_list.push(role),
            Detail::Policy(policy) => self.policies.push(policy),
        }
    }
}
