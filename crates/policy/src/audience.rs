//! The names of principals in policies, and how strongly naming a caller grants.
//!
//! Source: the IAM User Guide, "AWS JSON policy elements: Principal" and "Policy evaluation for
//! requests within a single account".

use crate::arn::Arn;
use crate::document::{Effect, Principal, Who};
use crate::{AccountId, Caller, Kind, PARTITION};

/// How far a grant of a resource's policy reaches in the caller's own account; the greater wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Grant {
    None,
    /// The account is named: its own policies must allow as well.
    Delegated,
    /// A role is named: boundary and session policies still bound what its sessions may do.
    Capped,
    /// A user or one session is named: nothing that is silent stands in the way.
    Full,
}

/// A name in a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Name {
    Everyone,
    Account(AccountId),
    User(Box<str>),
    Role(Box<str>),
    /// One session of a role, by its name.
    Session(Box<str>),
    FederatedUser(Box<str>),
    /// A user or role by the id that is never used twice.
    Id(Box<str>),
    /// A provider of identities: the ARN, or the host of a built-in one.
    Provider(Box<str>),
    Service(Box<str>),
}

/// The providers that need no registration.
const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "graph.facebook.com",
    "www.amazon.com",
    "cognito-identity.amazonaws.com",
];

impl Name {
    /// The name that `text` is as a principal of this kind; `None` if it is not valid. There are no
    /// wildcards but `*` alone, and nobody in other partitions.
    pub(crate) fn parse(kind: &str, text: &str) -> Option<Name> {
        match kind {
            "AWS" => aws(text),
            "Federated" => provider(text).then(|| Name::Provider(text.into())),
            "Service" => service(text).then(|| Name::Service(text.into())),
            _ => None,
        }
    }

    /// How strongly this name means the caller.
    fn grant(&self, caller: &Caller) -> Grant {
        let named = |own: bool, grant: Grant| if own { grant } else { Grant::None };
        match (self, &caller.kind) {
            (Name::Provider(own), Kind::WebIdentity) => named(**own == *caller.arn, Grant::Full),
            (Name::Everyone, Kind::Root | Kind::User) => Grant::Full,
            // The stricter reading: AWS does not say whether `*` lifts a session over its caps.
            (Name::Everyone, Kind::RoleSession | Kind::FederatedUser { .. }) => Grant::Capped,
            (_, Kind::WebIdentity) => Grant::None,
            (Name::Account(own), _) => named(*own == caller.account, Grant::Delegated),
            (Name::User(own), Kind::User) => named(**own == *caller.arn, Grant::Full),
            (Name::User(own), Kind::FederatedUser { user, .. }) => {
                named(**own == **user, Grant::Capped)
            }
            (Name::Role(own), Kind::RoleSession) => {
                named(**own == *caller.principal_arn, Grant::Capped)
            }
            (Name::Session(own), Kind::RoleSession)
            | (Name::FederatedUser(own), Kind::FederatedUser { .. }) => {
                named(**own == *caller.arn, Grant::Full)
            }
            (Name::Id(own), Kind::User) => named(**own == *caller.unique_id, Grant::Full),
            (Name::Id(own), Kind::RoleSession) => named(**own == *caller.unique_id, Grant::Capped),
            (Name::Id(own), Kind::FederatedUser { user_id, .. }) => {
                named(**own == **user_id, Grant::Capped)
            }
            (Name::Service(own), _) => {
                named(caller.service.as_deref() == Some(&**own), Grant::Capped)
            }
            _ => Grant::None,
        }
    }
}

fn aws(text: &str) -> Option<Name> {
    if text == "*" {
        return Some(Name::Everyone);
    }
    if let Ok(account) = text.parse() {
        return Some(Name::Account(account));
    }
    if is_id(text) {
        return Some(Name::Id(text.into()));
    }
    let [_, PARTITION, service, "", account, rest] = Arn::parse(text)?.parts else {
        return None;
    };
    let account: AccountId = account.parse().ok()?;
    if rest.contains(['*', '?']) {
        return None;
    }
    let named = |prefix: &str| rest.strip_prefix(prefix).is_some_and(is_name);
    match service {
        "iam" if rest == "root" => Some(Name::Account(account)),
        "iam" if named("user/") => Some(Name::User(text.into())),
        "iam" if named("role/") => Some(Name::Role(text.into())),
        "sts" if named("assumed-role/") && rest.matches('/').count() == 2 => {
            Some(Name::Session(text.into()))
        }
        "sts" if named("federated-user/") => Some(Name::FederatedUser(text.into())),
        _ => None,
    }
}

/// A path and a name: no segment but those of the path may be empty.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && !text.ends_with('/')
}

/// `AIDA…` of a user, `AROA…` of a role.
fn is_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && (text.starts_with("AIDA") || text.starts_with("AROA"))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn provider(text: &str) -> bool {
    if BUILT_IN.contains(&text) {
        return true;
    }
    let Some([_, PARTITION, "iam", "", account, rest]) = Arn::parse(text).map(|arn| arn.parts)
    else {
        return false;
    };
    let named = |prefix: &str| rest.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
    account.parse::<AccountId>().is_ok()
        && !rest.contains(['*', '?'])
        && (named("oidc-provider/") || named("saml-provider/"))
}

fn service(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    text.strip_suffix(".amazonaws.com")
        .is_some_and(|name| !name.is_empty() && name.bytes().all(allowed) && !name.starts_with('.'))
}

/// Whom a statement is about.
#[derive(Debug)]
pub(crate) struct Audience {
    not: bool,
    names: Box<[Name]>,
}

impl Audience {
    /// What is no valid name means nobody.
    pub(crate) fn of(principal: &Principal) -> Audience {
        let names = match &principal.who {
            Who::Text(text) => (text == "*").then_some(Name::Everyone).into_iter().collect(),
            Who::Kinds(kinds) => {
                let texts = kinds
                    .iter()
                    .flat_map(|(kind, texts)| texts.items.iter().map(move |text| (kind, text)));
                texts.filter_map(|(kind, text)| Name::parse(kind, text)).collect()
            }
        };
        Audience { not: principal.not, names }
    }

    /// Of a statement that names none although it must: nobody is allowed, everybody is denied.
    pub(crate) fn nobody(effect: Effect) -> Audience {
        let names = (effect == Effect::Deny).then_some(Name::Everyone).into_iter().collect();
        Audience { not: false, names }
    }

    /// How strongly an Allow for this audience means the caller. `NotPrincipal` allows nobody:
    /// it is refused when written.
    pub(crate) fn grant(&self, caller: &Caller) -> Grant {
        if self.not {
            return Grant::None;
        }
        self.names.iter().map(|name| name.grant(caller)).max().unwrap_or(Grant::None)
    }

    /// Whether a Deny for this audience means the caller.
    pub(crate) fn denies(&self, caller: &Caller) -> bool {
        if self.not {
            return !self.exempts(caller);
        }
        self.names.iter().any(|name| *name == Name::Everyone || name.grant(caller) != Grant::None)
    }

    /// Whether everyone is meant.
    pub(crate) fn is_everyone(&self) -> bool {
        !self.not && self.names.contains(&Name::Everyone)
    }

    /// Whether `NotPrincipal` leaves the caller out: only where each name that means it is listed,
    /// its account, the role and the session.
    fn exempts(&self, caller: &Caller) -> bool {
        let listed = |wanted: Name| self.names.contains(&wanted);
        if listed(Name::Everyone) || self.names.iter().any(|name| is_whole(name, caller)) {
            return true;
        }
        let account = listed(Name::Account(caller.account.clone()));
        let by_id = |id: &str| listed(Name::Id(id.into()));
        let arn = || (*caller.arn).into();
        account
            && match &caller.kind {
                Kind::Root => true,
                Kind::User => listed(Name::User(arn())) || by_id(&caller.unique_id),
                Kind::RoleSession => {
                    let role = listed(Name::Role((*caller.principal_arn).into()));
                    (role || by_id(&caller.unique_id)) && listed(Name::Session(arn()))
                }
                Kind::FederatedUser { user, user_id } => {
                    let user = listed(Name::User((**user).into())) || by_id(user_id);
                    user && listed(Name::FederatedUser(arn()))
                }
                Kind::WebIdentity => false,
            }
    }
}

/// Whether the name is all that there is of the caller: one of AWS's services, or an identity that
/// a provider vouches for.
fn is_whole(name: &Name, caller: &Caller) -> bool {
    matches!(name, Name::Service(_) | Name::Provider(_)) && name.grant(caller) != Grant::None
}

#[cfg(test)]
mod tests;
