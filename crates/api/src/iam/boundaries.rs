//! Permissions boundaries. A file an operation.

mod delete_role_permissions_boundary;
mod delete_user_permissions_boundary;
mod put_role_permissions_boundary;
mod put_user_permissions_boundary;

pub use delete_role_permissions_boundary::DeleteRolePermissionsBoundary;
pub use delete_user_permissions_boundary::DeleteUserPermissionsBoundary;
pub use put_role_permissions_boundary::PutRolePermissionsBoundary;
pub use put_user_permissions_boundary::PutUserPermissionsBoundary;
