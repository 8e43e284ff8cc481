//! The decision, and the sentence that AWS tells whoever is refused.

use std::fmt;
use std::sync::Arc;

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
    use super::*;

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
