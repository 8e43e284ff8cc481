//! What is told of a password.

use serde::Serialize;
use wharf_identity::LoginProfile;

use crate::iam::shape::seconds;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProfileShape {
    user_name: String,
    create_date: i64,
    password_reset_required: bool,
}

impl ProfileShape {
    pub(super) fn of(user: &str, profile: &LoginProfile) -> ProfileShape {
        ProfileShape {
            user_name: user.to_owned(),
            create_date: seconds(profile.created_at),
            password_reset_required: profile.reset_required,
        }
    }
}
