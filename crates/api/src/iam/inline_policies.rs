//! Policies that belong to one user, group or role. A file an operation.

mod delete_group_policy;
mod delete_role_policy;
mod delete_user_policy;
mod get_group_policy;
mod get_role_policy;
mod get_user_policy;
mod list_group_policies;
mod list_role_policies;
mod list_user_policies;
mod names;
mod put_group_policy;
mod put_role_policy;
mod put_user_policy;

pub use delete_group_policy::DeleteGroupPolicy;
pub use delete_role_policy::DeleteRolePolicy;
pub use delete_user_policy::DeleteUserPolicy;
pub use get_group_policy::GetGroupPolicy;
pub use get_role_policy::GetRolePolicy;
pub use get_user_policy::GetUserPolicy;
pub use list_group_policies::ListGroupPolicies;
pub use list_role_policies::ListRolePolicies;
pub use list_user_policies::ListUserPolicies;
pub use put_group_policy::PutGroupPolicy;
pub use put_role_policy::PutRolePolicy;
pub use put_user_policy::PutUserPolicy;
