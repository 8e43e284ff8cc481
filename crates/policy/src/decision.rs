//! The decision, and the sentence that AWS tells whoever is refused.

use std::sync::Arc;

use crate::{Action, Caller, Kind, Resource};

/// What came out, and why. There is no default and no way to read it as a bool.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Decision {
    Allow,
    Deny(Denial),
}

/// A refusal: who, what, on which resource, and the kind of policy that was silent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denial {
    pub principal: Arc<str>,
    pub action: Action,
    pub resource: String,
    pub layer: Layer,
}

/// The kind of policy that decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    Identity,
    Resource,
}

/// Decides whether `caller` may do `action` on `resource`. The root of an account may do
/// everything in its own account; nobody reaches into another account, and the answer does not
/// tell whether that account exists.
pub fn decide(caller: &Caller, action: Action, resource: &Resource<'_>) -> Decision {
    if caller.account != *resource.account() {
        return deny(caller, action, resource, Layer::Resource);
    }
    match caller.kind {
        Kind::Root => Decision::Allow,
        _ => deny(caller, action, resource, Layer::Identity),
    }
}

fn deny(caller: &Caller, action: Action, resource: &Resource<'_>, layer: Layer) -> Decision {
    Decision::Deny(Denial {
        principal: caller.arn.clone(),
        action,
        resource: resource.to_string(),
        layer,
    })
}

impl std::fmt::Display for Denial {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Denial { principal, action, resource, layer } = self;
        let kind = match layer {
            Layer::Identity => "identity-based",
            Layer::Resource => "resource-based",
        };
        write!(
            out,
            "User: {principal} is not authorized to perform: {action} on resource: {resource} \
             because no {kind} policy allows the {action} action"
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{AccountId, Region};

    #[test]
    fn root_rules_its_account_and_no_other() {
        let own: AccountId = "000000000000".parse().unwrap();
        let other: AccountId = "222222222222".parse().unwrap();
        let region: Region = "eu-west-1".parse().unwrap();
        let root = Caller::root(own.clone(), "AKIA".to_owned());
        let resource =
            |account| Resource::Repository { account, region: &region, name: "team/app" };
        assert_eq!(decide(&root, Action::PUT_IMAGE, &resource(&own)), Decision::Allow);
        let Decision::Deny(denial) = decide(&root, Action::PUT_IMAGE, &resource(&other)) else {
            panic!("the root of another account was let in")
        };
        assert_eq!(
            denial.to_string(),
            "User: arn:aws:iam::000000000000:root is not authorized to perform: ecr:PutImage on \
             resource: arn:aws:ecr:eu-west-1:222222222222:repository/team/app because no \
             resource-based policy allows the ecr:PutImage action"
        );
    }
}
