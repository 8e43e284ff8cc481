//! The managed policies of a user, group or role, page by page.

use serde::Serialize;
use wharf_identity::limit;

use crate::query::{Call, Error, Paged};

/// A page of attached policies.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attached {
    attached_policies: Vec<AttachedPolicy>,
    #[serde(flatten)]
    paged: Paged,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

/// A page of the policies of what the call is about, those under a path only if one is named.
pub(super) async fn list(
    call: &Call,
    operation: &str,
    path_prefix: Option<&str>,
    marker: Option<&str>,
    most: Option<i64>,
) -> Result<Attached, Error> {
    let holder = call.entity()?;
    let prefix = path_prefix.unwrap_or("/");
    let mut all = of(call, &holder.id).await?;
    all.retain(|policy| policy.path().starts_with(prefix));
    let parts = [operation, &holder.id, prefix];
    let (attached_policies, paged) = call.slice(&parts, marker, most, all)?;
    Ok(Attached { attached_policies, paged })
}

/// All managed policies of an entity; there are ten at most.
pub(crate) async fn of(call: &Call, id: &str) -> Result<Vec<AttachedPolicy>, Error> {
    let arns = call.identity().attached(id, "", limit::ATTACHED_POLICIES).await?;
    Ok(arns.into_iter().map(AttachedPolicy::new).collect())
}

impl AttachedPolicy {
    fn new(policy_arn: String) -> AttachedPolicy {
        let policy_name = policy_arn.rsplit('/').next().unwrap_or_default().to_owned();
        AttachedPolicy { policy_name, policy_arn }
    }

    /// `/`, or segments between slashes.
    fn path(&self) -> &str {
        let rest = self.policy_arn.find(":policy").map_or(0, |at| at + ":policy".len());
        let end = self.policy_arn.rfind('/').map_or(rest, |at| at + 1);
        &self.policy_arn[rest..end]
    }
}
