//! The names of the policies that belong to a user, group or role, page by page.

use serde::Serialize;

use crate::query::{Call, Error, Paged};

/// A page of names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Names {
    policy_names: Vec<String>,
    #[serde(flatten)]
    paged: Paged,
}

/// A page of the names of what the call is about.
pub(super) async fn list(
    call: &Call,
    operation: &str,
    marker: Option<&str>,
    most: Option<i64>,
) -> Result<Names, Error> {
    let holder = call.entity()?;
    let parts = [operation, &holder.id];
    let page = call.page(&parts, marker, most)?;
    let mut policy_names =
        call.identity().inline_names(&holder.id, &page.after, page.rows()).await?;
    let paged = call.cut(&parts, &page, &mut policy_names, String::clone);
    Ok(Names { policy_names, paged })
}
