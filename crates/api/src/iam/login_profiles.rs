//! Passwords, for the console. A file an operation.

mod change_password;
mod create_login_profile;
mod delete_login_profile;
mod get_login_profile;
mod shape;
mod update_login_profile;

pub use change_password::ChangePassword;
pub use create_login_profile::CreateLoginProfile;
pub use delete_login_profile::DeleteLoginProfile;
pub use get_login_profile::GetLoginProfile;
pub use update_login_profile::UpdateLoginProfile;
