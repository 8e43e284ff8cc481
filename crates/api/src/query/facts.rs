//! What an input tells to conditions.

use wharf_identity::Tag;
use wharf_policy::Fact;

/// `aws:RequestTag/…` and `aws:TagKeys`.
pub(crate) fn tags(tags: &[Tag]) -> Vec<(String, Fact)> {
    let one = |tag: &Tag| (format!("aws:RequestTag/{}", tag.key), Fact::One(tag.value.clone()));
    let keys: Vec<String> = tags.iter().map(|tag| tag.key.clone()).collect();
    tags.iter().map(one).chain(tag_keys(&keys)).collect()
}

/// `aws:TagKeys`.
pub(crate) fn tag_keys(keys: &[String]) -> Vec<(String, Fact)> {
    if keys.is_empty() {
        return Vec::new();
    }
    vec![("aws:TagKeys".to_owned(), Fact::Many(keys.to_vec()))]
}

/// `iam:PolicyARN`: the policy that is attached or detached.
pub(crate) fn policy_arn(arn: &str) -> Vec<(String, Fact)> {
    vec![("iam:PolicyARN".to_owned(), Fact::One(arn.to_owned()))]
}

/// `iam:PermissionsBoundary`: the boundary after the call.
pub(crate) fn boundary(arn: Option<&str>) -> Vec<(String, Fact)> {
    let fact = |arn: &str| ("iam:PermissionsBoundary".to_owned(), Fact::One(arn.to_owned()));
    arn.map(fact).into_iter().collect()
}
