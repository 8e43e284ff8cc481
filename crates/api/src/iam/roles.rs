//! Roles, who may take them, and their tags. A file an operation.

mod create_role;
mod delete_role;
mod get_role;
mod list_role_tags;
mod list_roles;
mod tag_role;
mod untag_role;
mod update_assume_role_policy;
mod update_role;
mod update_role_description;

pub use create_role::CreateRole;
pub use delete_role::DeleteRole;
pub use get_role::GetRole;
pub use list_role_tags::ListRoleTags;
pub use list_roles::ListRoles;
pub use tag_role::TagRole;
pub use untag_role::UntagRole;
pub use update_assume_role_policy::UpdateAssumeRolePolicy;
pub use update_role::UpdateRole;
pub use update_role_description::UpdateRoleDescription;
