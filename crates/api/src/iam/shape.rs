//! Users, groups, roles and policies as answers show them. Which members a listing leaves out, the
//! operations say.
//!
//! Source: the data types of the IAM API reference.

use serde::Serialize;
use wharf_aws::query;
use wharf_identity::{Entity, Managed, Role, Tag, Version};
use wharf_policy::Managed as Aws;

/// Milliseconds as IAM prints a time: whole seconds since 1970.
pub(super) fn seconds(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserShape {
    path: String,
    user_name: String,
    user_id: String,
    arn: String,
    create_date: i64,
    password_last_used: Option<i64>,
    permissions_boundary: Option<Boundary>,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupShape {
    path: String,
    group_name: String,
    group_id: String,
    arn: String,
    create_date: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleShape {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    create_date: i64,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<i64>,
    permissions_boundary: Option<Boundary>,
    tags: Option<Vec<Tag>>,
    role_last_used: Option<RoleLastUsed>,
}

/// The permissions boundary of a user or role.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

/// When a role was used last; empty if never.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleLastUsed {
    last_used_date: Option<i64>,
    region: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyShape {
    policy_name: String,
    policy_id: String,
    arn: String,
    path: String,
    default_version_id: String,
    attachment_count: i64,
    permissions_boundary_usage_count: i64,
    is_attachable: bool,
    description: Option<String>,
    create_date: i64,
    update_date: i64,
    tags: Option<Vec<Tag>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionShape {
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    create_date: i64,
}

impl UserShape {
    /// As listings show it: without boundary and tags.
    pub(super) fn listed(user: &Entity) -> UserShape {
        UserShape {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id.clone(),
            arn: user.arn(),
            create_date: seconds(user.created_at),
            password_last_used: None,
            permissions_boundary: None,
            tags: None,
        }
    }

    /// With everything.
    pub(super) fn whole(user: &Entity, tags: Vec<Tag>, password_last_used: Option<i64>) -> Self {
        UserShape {
            permissions_boundary: Boundary::of(user),
            tags: some(tags),
            password_last_used: password_last_used.map(seconds),
            ..UserShape::listed(user)
        }
    }
}

impl GroupShape {
    pub(super) fn of(group: &Entity) -> GroupShape {
        GroupShape {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id.clone(),
            arn: group.arn(),
            create_date: seconds(group.created_at),
        }
    }
}

impl RoleShape {
    /// As ListRoles shows it: without boundary, tags and last use.
    pub(super) fn listed(role: &Role) -> RoleShape {
        let entity = &role.entity;
        RoleShape {
            path: entity.path.clone(),
            role_name: entity.name.clone(),
            role_id: entity.id.clone(),
            arn: entity.arn(),
            create_date: seconds(entity.created_at),
            assume_role_policy_document: query::document(&role.trust_policy),
            description: entity.description.clone(),
            max_session_duration: Some(role.max_session),
            permissions_boundary: None,
            tags: None,
            role_last_used: None,
        }
    }

    /// As CreateRole shows it: the length of sessions only if it was asked for.
    pub(super) fn made(role: &Role, tags: Vec<Tag>, max_session: Option<i64>) -> RoleShape {
        RoleShape {
            max_session_duration: max_session,
            permissions_boundary: Boundary::of(&role.entity),
            tags: some(tags),
            ..RoleShape::listed(role)
        }
    }

    /// As GetAccountAuthorizationDetails shows it: without description and length of sessions.
    pub(super) fn detail(role: &Role, tags: Vec<Tag>) -> RoleShape {
        RoleShape { description: None, max_session_duration: None, ..RoleShape::whole(role, tags) }
    }

    /// With everything.
    pub(super) fn whole(role: &Role, tags: Vec<Tag>) -> RoleShape {
        RoleShape {
            permissions_boundary: Boundary::of(&role.entity),
            tags: some(tags),
            role_last_used: Some(RoleLastUsed::of(role)),
            ..RoleShape::listed(role)
        }
    }
}

impl RoleLastUsed {
    pub(super) fn of(role: &Role) -> RoleLastUsed {
        let (at, region) = role.last_used.clone().unzip();
        RoleLastUsed { last_used_date: at.map(seconds), region }
    }
}

impl Boundary {
    pub(super) fn of(entity: &Entity) -> Option<Boundary> {
        let permissions_boundary_arn = entity.boundary.clone()?;
        // AWS sends this word, whatever its model says.
        Some(Boundary { permissions_boundary_type: "Policy", permissions_boundary_arn })
    }
}

impl PolicyShape {
    /// As listings show it: without description and tags.
    pub(super) fn listed(policy: &Managed) -> PolicyShape {
        let entity = &policy.entity;
        PolicyShape {
            policy_name: entity.name.clone(),
            policy_id: entity.id.clone(),
            arn: entity.arn(),
            path: entity.path.clone(),
            default_version_id: version_id(policy.default_version),
            attachment_count: policy.attachments,
            permissions_boundary_usage_count: policy.bounds,
            is_attachable: true,
            description: None,
            create_date: seconds(entity.created_at),
            update_date: seconds(policy.updated_at),
            tags: None,
        }
    }

    /// As CreatePolicy shows it: without description.
    pub(super) fn made(policy: &Managed, tags: Vec<Tag>) -> PolicyShape {
        PolicyShape { tags: some(tags), ..PolicyShape::listed(policy) }
    }

    /// As GetAccountAuthorizationDetails shows it: without tags.
    pub(super) fn detail(policy: &Managed) -> PolicyShape {
        PolicyShape { tags: None, ..PolicyShape::whole(policy, Vec::new()) }
    }

    /// With everything.
    pub(super) fn whole(policy: &Managed, tags: Vec<Tag>) -> PolicyShape {
        PolicyShape {
            description: policy.entity.description.clone(),
            tags: Some(tags),
            ..PolicyShape::listed(policy)
        }
    }

    /// One of AWS's, with the number of its uses, as listings show it.
    pub(super) fn aws(policy: &Aws, (attachments, bounds): (i64, i64)) -> PolicyShape {
        PolicyShape {
            policy_name: policy.name.to_owned(),
            policy_id: policy.id.to_owned(),
            arn: policy.arn(),
            path: policy.path.to_owned(),
            default_version_id: policy.version.to_owned(),
            attachment_count: attachments,
            permissions_boundary_usage_count: bounds,
            is_attachable: true,
            description: None,
            create_date: moment(policy.created),
            update_date: moment(policy.updated),
            tags: None,
        }
    }

    /// One of AWS's, with its description.
    pub(super) fn aws_whole(policy: &Aws, uses: (i64, i64)) -> PolicyShape {
        PolicyShape {
            description: Some(policy.description.to_owned()),
            tags: Some(Vec::new()),
            ..PolicyShape::aws(policy, uses)
        }
    }
}

impl VersionShape {
    /// Without the document.
    pub(super) fn listed(version: &Version) -> VersionShape {
        VersionShape {
            document: None,
            version_id: version_id(version.number),
            is_default_version: version.is_default,
            create_date: seconds(version.created_at),
        }
    }

    pub(super) fn whole(version: &Version) -> VersionShape {
        let document = Some(query::document(&version.document));
        VersionShape { document, ..VersionShape::listed(version) }
    }

    /// The only version that is kept of one of AWS's policies, without the document.
    pub(super) fn aws(policy: &Aws) -> VersionShape {
        VersionShape {
            document: None,
            version_id: policy.version.to_owned(),
            is_default_version: true,
            create_date: moment(policy.updated),
        }
    }

    pub(super) fn aws_whole(policy: &Aws) -> VersionShape {
        VersionShape { document: Some(query::document(policy.text)), ..VersionShape::aws(policy) }
    }
}

fn version_id(number: i64) -> String {
    format!("v{number}")
}

/// The times of AWS's policies are constants in ISO 8601.
fn moment(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second).unwrap_or_default()
}

/// A member that is left out when it is empty.
fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}
