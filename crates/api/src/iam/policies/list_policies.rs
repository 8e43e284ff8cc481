//! ListPolicies: the managed policies of AWS and of the account, page by page; AWS's go first.

use serde::{Deserialize, Serialize};
use wharf_identity::{Used, fold};
use wharf_policy::{Action, MANAGED, Managed};

use crate::iam::shape::PolicyShape;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPolicies {
    scope: Option<String>,
    only_attached: Option<bool>,
    path_prefix: Option<String>,
    policy_usage_filter: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    policies: Vec<PolicyShape>,
    #[serde(flatten)]
    paged: Paged,
}

/// A policy with its key: `aws/` or `own/`, and its name.
type Row = (String, PolicyShape);

const AWS: &str = "aws/";
const OWN: &str = "own/";

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    const ACTION: Action = Action::new("iam:ListPolicies");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let scope = self.scope.as_deref().unwrap_or("All");
        let path = self.path_prefix.as_deref().unwrap_or("/");
        let used = self.used();
        let parts = [Self::NAME, scope, path, &format!("{used:?}")];
        let page = call.page(&parts, self.marker.as_deref(), self.max_items)?;
        let mut rows = Vec::new();
        if scope != "Local" && !page.after.starts_with(OWN) {
            rows = of_aws(&call, path, used, page.after.strip_prefix(AWS)).await?;
        }
        let room = page.rows() - rows.len() as i64;
        if scope != "AWS" && room > 0 {
            let after = page.after.strip_prefix(OWN).unwrap_or_default();
            let (identity, account) = (call.identity(), call.account());
            for policy in identity.policies(account, path, used, after, room).await? {
                let key = format!("{OWN}{}", fold(&policy.entity.name));
                rows.push((key, PolicyShape::listed(&policy)));
            }
        }
        let paged = call.cut(&parts, &page, &mut rows, |(key, _)| key.clone());
        Ok(Output { policies: rows.into_iter().map(|(_, policy)| policy).collect(), paged })
    }
}

impl ListPolicies {
    fn used(&self) -> Used {
        let usage = self.policy_usage_filter.as_deref();
        let as_boundary = usage == Some("PermissionsBoundary");
        let attached = usage == Some("PermissionsPolicy")
            || (self.only_attached == Some(true) && !as_boundary);
        Used { attached, as_boundary }
    }
}

/// Those of AWS whose names follow `after`.
async fn of_aws(
    call: &Call,
    path: &str,
    used: Used,
    after: Option<&str>,
) -> Result<Vec<Row>, Error> {
    let follows = |policy: &&Managed| after.is_none_or(|after| policy.name > after);
    let mut wanted: Vec<&Managed> =
        MANAGED.iter().filter(|policy| policy.path.starts_with(path)).filter(follows).collect();
    wanted.sort_by_key(|policy| policy.name);
    let mut rows = Vec::new();
    for policy in wanted {
        let uses = call.identity().policy_uses(call.account(), &policy.arn()).await?;
        if (used.attached && uses.0 == 0) || (used.as_boundary && uses.1 == 0) {
            continue;
        }
        rows.push((format!("{AWS}{}", policy.name), PolicyShape::aws(policy, uses)));
    }
    Ok(rows)
}
