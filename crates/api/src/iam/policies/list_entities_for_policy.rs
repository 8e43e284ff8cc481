//! ListEntitiesForPolicy: the users, groups and roles that a managed policy speaks for or bounds.

use serde::{Deserialize, Serialize};
use wharf_identity::{Holder, Kind};
use wharf_policy::{Action, Managed};

use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListEntitiesForPolicy {
    policy_arn: String,
    entity_filter: Option<String>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policy_groups: Vec<PolicyGroup>,
    policy_users: Vec<PolicyUser>,
    policy_roles: Vec<PolicyRole>,
    #[serde(flatten)]
    paged: Option<Paged>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyGroup {
    group_name: String,
    group_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyUser {
    user_name: String,
    user_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRole {
    role_name: String,
    role_id: String,
}

/// How many rows are read at a time.
const BATCH: i64 = 1000;

/// The two ways to use a policy, in the order in which they are listed.
const USES: [(&str, bool); 2] = [("PermissionsPolicy", false), ("PermissionsBoundary", true)];

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
    const ACTION: Action = Action::new("iam:ListEntitiesForPolicy");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        if Managed::find(&self.policy_arn).is_none() {
            call.identity().policy(call.account(), &self.policy_arn).await?;
        }
        let or_any = |text: &Option<String>| text.clone().unwrap_or_default();
        let (kind, path) = (or_any(&self.entity_filter), or_any(&self.path_prefix));
        let usage = or_any(&self.policy_usage_filter);
        let parts = [Self::NAME, &self.policy_arn, &kind, &path, &usage];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let mut found = self.holders(&call, &page.after, page.rows()).await?;
        let paged = call.cut(&parts, &page, &mut found, |(key, _)| key.clone());
        let mut output = Output { paged: Some(paged), ..Output::default() };
        for (_, holder) in found {
            output.take(holder);
        }
        Ok(output)
    }
}

impl ListEntitiesForPolicy {
    /// Up to `most` holders behind the key `after`, which is a use and an id.
    async fn holders(
        &self,
        call: &Call,
        after: &str,
        most: i64,
    ) -> Result<Vec<(String, Holder)>, Error> {
        let (last_use, last_id) = after.split_once('/').unwrap_or_default();
        let mut found = Vec::new();
        for (usage, as_boundary) in USES {
            let wanted = self.policy_usage_filter.as_deref().is_none_or(|wanted| wanted == usage);
            // PermissionsBoundary is listed last.
            if !wanted || (last_use == USES[1].0 && !as_boundary) {
                continue;
            }
            let mut after = if last_use == usage { last_id.to_owned() } else { String::new() };
            while (found.len() as i64) < most {
                let (account, arn) = (call.account(), &self.policy_arn);
                let rows =
                    call.identity().holders(account, arn, as_boundary, &after, BATCH).await?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.id);
                for holder in rows {
                    if self.is_wanted(&holder)
                        && !(as_boundary && self.is_listed_already(call, &holder).await?)
                    {
                        found.push((format!("{usage}/{}", holder.id), holder));
                    }
                }
            }
        }
        found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(found)
    }

    fn is_wanted(&self, holder: &Holder) -> bool {
        let path = self.path_prefix.as_deref().unwrap_or("/");
        let kind = self.entity_filter.as_deref();
        holder.path.starts_with(path) && kind.is_none_or(|kind| kind == holder.kind.title())
    }

    /// Whether the policy is attached to whom it bounds, and both uses are listed.
    async fn is_listed_already(&self, call: &Call, holder: &Holder) -> Result<bool, Error> {
        if self.policy_usage_filter.is_some() {
            return Ok(false);
        }
        let attached = call.identity().attached(&holder.id, "", BATCH).await?;
        Ok(attached.contains(&self.policy_arn))
    }
}

impl Output {
    fn take(&mut self, holder: Holder) {
        let (name, id) = (holder.name, holder.id);
        match holder.kind {
            Kind::User => self.policy_users.push(PolicyUser { user_name: name, user_id: id }),
            Kind::Group => self.policy_groups.push(PolicyGroup { group_name: name, group_id: id }),
            Kind::Role => self.policy_roles.push(PolicyRole { role_name: name, role_id: id }),
            Kind::Policy | Kind::Provider => {}
        }
    }
}
