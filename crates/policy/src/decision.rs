//! The decision, and the sentence that AWS tells whoever is refused.

use std::fmt;
use std::sync::Arc;

use crate::{
    Action, Caller, Context, Key, Policies, Request, Resource, Value, evaluation::evaluate,
};

/// What came out, and why. There is no default and no way to read it as a bool.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Decision {
    Allow,
    Deny(Denial),
}

/// A refusal: who, what, on which resource, and the kind of policy that denied or was silent. Its
/// `Display` is AWS's sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denial {
    pub principal: Arc<str>,
    pub action: Box<str>,
    pub resource: String,
    pub layer: Layer,
    /// Whether a statement says Deny; otherwise none says Allow.
    pub explicit: bool,
    /// The ARN of the managed policy that says Deny.
    pub policy: Option<Box<str>>,
}

/// The kind of policy that decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    Identity,
    Boundary,
    Session,
    /// The policy of a repository or registry.
    Resource,
    /// The trust policy of a role.
    Trust,
}

/// Decides without any policy: the root of an account may do everything in its own account, and
/// nobody else anything. The answer does not tell whether another account exists.
pub fn decide(caller: &Caller, action: Action, resource: &Resource<'_>) -> Decision {
    let request =
        Request { caller, action: action.as_str(), resource: *resource, context: &Nothing };
    evaluate(&request, &Policies::default()).decision(&request)
}

/// A context that knows nothing.
struct Nothing;

impl Context for Nothing {
    fn value(&self, _: &Key) -> Option<Value<'_>> {
        None
    }
}

impl Denial {
    /// The sentence without the reason: what AssumeRole answers, so that a role which is not there
    /// cannot be told from one that does not trust the caller.
    #[must_use]
    pub fn without_reason(&self) -> String {
        let Denial { principal, action, resource, .. } = self;
        format!("User: {principal} is not authorized to perform: {action} on resource: {resource}")
    }

    /// The sentence with the ARN of the policy behind it, where a managed policy denies: what AWS
    /// tells callers of the same account since 2026.
    #[must_use]
    pub fn with_policy(&self) -> String {
        match &self.policy {
            Some(arn) => format!("{self}: {arn}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (article, kind) = self.layer.words();
        out.write_str(&self.without_reason())?;
        if self.explicit {
            write!(out, " with an explicit deny in {article} {kind}")
        } else {
            write!(out, " because no {kind} allows the {} action", self.action)
        }
    }
}

impl Layer {
    /// The article and the words that AWS's sentences have for it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Layer::Identity => ("an", "identity-based policy"),
            Layer::Boundary => ("a", "permissions boundary"),
            Layer::Session => ("a", "session policy"),
            Layer::Resource => ("a", "resource-based policy"),
            Layer::Trust => ("the", "role trust policy"),
        }
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

    #[test]
    fn the_sentence_of_every_refusal() {
        const START: &str = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: \
             ecr:GetAuthorizationToken on resource: *";
        for (layer, explicit, end) in [
            (
                Layer::Identity,
                false,
                "because no identity-based policy allows the ecr:GetAuthorizationToken action",
            ),
            (
                Layer::Resource,
                false,
                "because no resource-based policy allows the ecr:GetAuthorizationToken action",
            ),
            (
                Layer::Boundary,
                false,
                "because no permissions boundary allows the ecr:GetAuthorizationToken action",
            ),
            (
                Layer::Session,
                false,
                "because no session policy allows the ecr:GetAuthorizationToken action",
            ),
            (
                Layer::Trust,
                false,
                "because no role trust policy allows the ecr:GetAuthorizationToken action",
            ),
            (Layer::Identity, true, "with an explicit deny in an identity-based policy"),
            (Layer::Resource, true, "with an explicit deny in a resource-based policy"),
            (Layer::Boundary, true, "with an explicit deny in a permissions boundary"),
            (Layer::Session, true, "with an explicit deny in a session policy"),
            (Layer::Trust, true, "with an explicit deny in the role trust policy"),
        ] {
            let denial = Denial {
                principal: "arn:aws:iam::111122223333:user/alice".into(),
                action: "ecr:GetAuthorizationToken".into(),
                resource: "*".to_owned(),
                layer,
                explicit,
                policy: explicit.then(|| "arn:aws:iam::111122223333:policy/no".into()),
            };
            assert_eq!(denial.to_string(), format!("{START} {end}"));
            assert_eq!(denial.without_reason(), START);
            let policy = if explicit { ": arn:aws:iam::111122223333:policy/no" } else { "" };
            assert_eq!(denial.with_policy(), format!("{START} {end}{policy}"));
        }
    }
}
