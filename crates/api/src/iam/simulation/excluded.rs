//! Policies that a simulation leaves out although somebody has them.

use serde::Deserialize;
use wharf_identity::Source;
use wharf_policy::Managed;

/// One of: all policies of a type, the managed policy of an ARN, an inline policy.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Excluded {
    policy_type: Option<String>,
    policy_arn: Option<String>,
    inline_policy_identifier: Option<Inline>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Inline {
    policy_name: String,
    /// `user`, `group` or `role`, in whatever case.
    attachment_type: String,
    attachment_name: String,
}

/// Whether a policy that somebody has is left out.
pub(super) fn is_excluded(source: &Source, is_boundary: bool, excluded: &[Excluded]) -> bool {
    excluded.iter().any(|one| {
        one.policy_type.as_deref().is_some_and(|wanted| is_of_type(source, is_boundary, wanted))
            || one.policy_arn.is_some() && one.policy_arn == source.arn
            || one.inline_policy_identifier.as_ref().is_some_and(|inline| inline.means(source))
    })
}

fn is_of_type(source: &Source, is_boundary: bool, wanted: &str) -> bool {
    let is_aws = source.arn.as_deref().is_some_and(|arn| Managed::find(arn).is_some());
    match wanted {
        "permission-boundary" => is_boundary,
        "inline" => !is_boundary && source.arn.is_none(),
        "aws-managed" => !is_boundary && is_aws,
        "user-managed" => !is_boundary && source.arn.is_some() && !is_aws,
        // There are no organisations.
        _ => false,
    }
}

impl Inline {
    fn means(&self, source: &Source) -> bool {
        source.holder.as_ref().is_some_and(|(kind, holder)| {
            source.name == self.policy_name
                && kind.as_str().eq_ignore_ascii_case(&self.attachment_type)
                && *holder == self.attachment_name
        })
    }
}
