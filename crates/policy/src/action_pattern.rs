//! Patterns of actions: `ecr:PutImage`, `ecr:Get*`, `*`. They compare without regard to case.

use crate::glob::Glob;

/// A pattern in `Action` and `NotAction`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ActionPattern {
    /// `*`, every action of every service.
    All,
    /// What is no pattern of an action: blank, padded, or with a wildcard before the colon.
    Nothing,
    /// Both in lower case; wildcards stand in the name only.
    Of { service: Box<str>, name: Glob },
}

impl ActionPattern {
    pub(crate) fn parse(text: &str) -> ActionPattern {
        if text == "*" {
            return ActionPattern::All;
        }
        match text.split_once(':') {
            Some((service, name)) if is_service(service) && !name.contains(':') => {
                ActionPattern::Of {
                    service: service.to_ascii_lowercase().into(),
                    name: Glob::parse(&name.to_ascii_lowercase()),
                }
            }
            _ => ActionPattern::Nothing,
        }
    }

    /// Whether it matches an action whose service and name are given in lower case.
    pub(crate) fn matches(&self, service: &str, name: &str) -> bool {
        match self {
            ActionPattern::All => true,
            ActionPattern::Nothing => false,
            ActionPattern::Of { service: own, name: pattern } => {
                **own == *service && pattern.matches(name)
            }
        }
    }
}

/// Whether `text` can be the name of a service before the colon of an action.
pub(crate) fn is_service(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_actions() {
        for (pattern, action, matches) in [
            ("ecr:PutImage", "ecr:PutImage", true),
            ("ECR:putimage", "ecr:PutImage", true),
            ("ecr:*", "ecr:PutImage", true),
            ("*", "iam:CreateUser", true),
            ("ecr:Get*", "ecr:GetDownloadUrlForLayer", true),
            ("ecr:*image*", "ecr:BatchGetImage", true),
            ("ecr:Put?mage", "ecr:PutImage", true),
            ("ecr:Put?", "ecr:PutImage", false),
            ("ecr:PutImage", "ecr:PutImageTagMutability", false),
            ("ecr:*", "ecr-public:PutImage", false),
            ("e*:PutImage", "ecr:PutImage", false),
            ("*:*", "ecr:PutImage", false),
            ("*:PutImage", "ecr:PutImage", false),
            ("ecr: PutImage", "ecr:PutImage", false),
            (" ecr:PutImage", "ecr:PutImage", false),
            ("ecr:PutImage ", "ecr:PutImage", false),
            ("", "ecr:PutImage", false),
            ("**", "ecr:PutImage", false),
            ("PutImage", "ecr:PutImage", false),
            ("ecr:Put:Image", "ecr:PutImage", false),
        ] {
            let action = action.to_ascii_lowercase();
            let (service, name) = action.split_once(':').unwrap_or_default();
            assert_eq!(ActionPattern::parse(pattern).matches(service, name), matches, "{pattern}");
        }
    }
}
