//! A user, group, role or policy with all its policies, as GetAccountAuthorizationDetails shows it.

use serde::Serialize;
use wharf_aws::query;
use wharf_identity::{Entity, Kind, Used, fold, limit};
use wharf_policy::{MANAGED, Managed};

use crate::iam::attachments::{self, AttachedPolicy};
use crate::iam::shape::{GroupShape, PolicyShape, RoleShape, UserShape, VersionShape};
use crate::iam::tag;
use crate::query::{Call, Error};

/// The kinds in the order in which they are listed, by their names in the filter.
pub(super) const KINDS: [&str; 5] =
    ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"];

pub(super) enum Detail {
    User(User),
    Group(Group),
    Role(Role),
    Policy(ManagedPolicy),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    #[serde(flatten)]
    user: UserShape,
    user_policy_list: Vec<Inline>,
    group_list: Vec<String>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    #[serde(flatten)]
    group: GroupShape,
    group_policy_list: Vec<Inline>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Role {
    #[serde(flatten)]
    role: RoleShape,
    role_policy_list: Vec<Inline>,
    attached_managed_policies: Vec<AttachedPolicy>,
    /// There are none; Wharf has no machines.
    instance_profile_list: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedPolicy {
    #[serde(flatten)]
    policy: PolicyShape,
    policy_version_list: Vec<VersionShape>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inline {
    policy_name: String,
    policy_document: String,
}

/// More inline policies than fit into their limit.
const ALL: i64 = 10_000;

/// Up to `most` of a kind whose names follow `after`, each with the key of the next page.
pub(super) async fn list(
    call: &Call,
    kind: &str,
    after: &str,
    most: i64,
) -> Result<Vec<(String, Detail)>, Error> {
    match kind {
        "User" => users(call, after, most).await,
        "Group" => groups(call, after, most).await,
        "Role" => roles(call, after, most).await,
        "LocalManagedPolicy" => own_policies(call, after, most).await,
        _ => aws_policies(call, after).await,
    }
}

type Rows = Result<Vec<(String, Detail)>, Error>;

async fn users(call: &Call, after: &str, most: i64) -> Rows {
    let (identity, account) = (call.identity(), call.account());
    let mut rows = Vec::new();
    for user in identity.entities(account, Kind::User, "/", after, most).await? {
        let groups = identity.groups_of(&user, "", limit::GROUPS_OF_USER).await?;
        let detail = User {
            user: UserShape::whole(&user, tag::all(call, &user.id).await?, None),
            user_policy_list: inline(call, &user).await?,
            group_list: groups.into_iter().map(|group| group.name).collect(),
            attached_managed_policies: attachments::of(call, &user.id).await?,
        };
        rows.push((fold(&user.name), Detail::User(detail)));
    }
    Ok(rows)
}

async fn groups(call: &Call, after: &str, most: i64) -> Rows {
    let mut rows = Vec::new();
    let found = call.identity().entities(call.account(), Kind::Group, "/", after, most).await?;
    for group in found {
        let detail = Group {
            group: GroupShape::of(&group),
            group_policy_list: inline(call, &group).await?,
            attached_managed_policies: attachments::of(call, &group.id).await?,
        };
        rows.push((fold(&group.name), Detail::Group(detail)));
    }
    Ok(rows)
}

async fn roles(call: &Call, after: &str, most: i64) -> Rows {
    let mut rows = Vec::new();
    for role in call.identity().roles(call.account(), "/", after, most).await? {
        let id = &role.entity.id;
        let detail = Role {
            role: RoleShape::detail(&role, tag::all(call, id).await?),
            role_policy_list: inline(call, &role.entity).await?,
            attached_managed_policies: attachments::of(call, id).await?,
            instance_profile_list: [],
        };
        rows.push((fold(&role.entity.name), Detail::Role(detail)));
    }
    Ok(rows)
}

async fn own_policies(call: &Call, after: &str, most: i64) -> Rows {
    let (identity, account) = (call.identity(), call.account());
    let mut rows = Vec::new();
    for policy in identity.policies(account, "/", Used::default(), after, most).await? {
        let versions = identity.versions(account, &policy.entity.arn()).await?;
        let detail = ManagedPolicy {
            policy: PolicyShape::detail(&policy),
            policy_version_list: versions.iter().map(VersionShape::whole).collect(),
        };
        rows.push((fold(&policy.entity.name), Detail::Policy(detail)));
    }
    Ok(rows)
}

/// Those of AWS that somebody has.
async fn aws_policies(call: &Call, after: &str) -> Rows {
    let mut wanted: Vec<&Managed> = MANAGED.iter().filter(|policy| policy.name > after).collect();
    wanted.sort_by_key(|policy| policy.name);
    let mut rows = Vec::new();
    for policy in wanted {
        let uses = call.identity().policy_uses(call.account(), &policy.arn()).await?;
        if uses != (0, 0) {
            let detail = ManagedPolicy {
                policy: PolicyShape::aws(policy, uses),
                policy_version_list: vec![VersionShape::aws_whole(policy)],
            };
            rows.push((policy.name.to_owned(), Detail::Policy(detail)));
        }
    }
    Ok(rows)
}

async fn inline(call: &Call, holder: &Entity) -> Result<Vec<Inline>, Error> {
    let mut policies = Vec::new();
    for policy_name in call.identity().inline_names(&holder.id, "", ALL).await? {
        let document = call.identity().inline(holder, &policy_name).await?;
        policies.push(Inline { policy_name, policy_document: query::document(&document) });
    }
    Ok(policies)
}
