//! A policy document: its grammar as types, read from text and printed again. What a statement
//! means is in [`crate::Policy`], what each kind of policy may say in [`Grammar`].
//!
//! Source: the IAM User Guide, "Grammar of the IAM JSON policy language".

mod conditions;
mod ecr;
mod fault;
mod identity;
mod issuer;
mod limit;
mod print;
mod read;
mod trust;

pub use fault::{Fault, Wrong};
pub use limit::{MOST_VALUES, counted_length};

/// The newer version of the language, the only one that knows variables.
pub const VERSION_2012: &str = "2012-10-17";
/// The older version, which is meant where a document names none.
pub const VERSION_2008: &str = "2008-10-17";

/// A policy document.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    /// As written; only [`VERSION_2012`] and [`VERSION_2008`] are accepted for writing.
    pub version: Option<String>,
    pub id: Option<String>,
    pub statements: Vec<Statement>,
    /// Whether the statement stood there by itself instead of in a list.
    alone: bool,
}

/// A statement of a policy.
#[derive(Clone, PartialEq, Debug)]
pub struct Statement {
    pub sid: Option<String>,
    pub effect: Effect,
    pub principal: Option<Principal>,
    pub action: Option<Patterns>,
    pub resource: Option<Patterns>,
    /// Operator by operator; all must hold.
    pub condition: Option<Vec<Test>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    Allow,
    Deny,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, PartialEq, Debug)]
pub struct Principal {
    /// Whether it is `NotPrincipal`.
    pub not: bool,
    pub who: Who,
}

/// Who is meant.
#[derive(Clone, PartialEq, Debug)]
pub enum Who {
    /// A bare string; only `*` is valid.
    Text(String),
    /// Kinds (`AWS`, `Federated`, `Service`) and names of that kind.
    Kinds(Vec<(String, Texts)>),
}

/// `Action`, `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, PartialEq, Debug)]
pub struct Patterns {
    /// Whether it is the form with `Not`.
    pub not: bool,
    pub texts: Texts,
}

/// One string, or a list of strings.
#[derive(Clone, PartialEq, Debug)]
pub struct Texts {
    pub items: Vec<String>,
    alone: bool,
}

/// An operator and the keys that it compares.
#[derive(Clone, PartialEq, Debug)]
pub struct Test {
    pub operator: String,
    pub keys: Vec<(String, Values)>,
}

/// What a key is compared with: one value, or a list.
#[derive(Clone, PartialEq, Debug)]
pub struct Values {
    pub items: Vec<Scalar>,
    alone: bool,
}

/// A value of a condition.
#[derive(Clone, PartialEq, Debug)]
pub enum Scalar {
    Text(String),
    /// A number, `true` or `false` without quotation marks.
    Bare(String),
}

/// The kinds of policy by what they may say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grammar {
    /// Managed and inline policies, permissions boundaries and session policies.
    Identity,
    /// The trust policy of a role.
    Trust,
    Repository,
    Registry(Scope),
}

/// Which requests the policy of a registry is asked about: the account setting
/// `REGISTRY_POLICY_SCOPE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Replication, import from upstream and creation of repositories.
    V1,
    /// Every request of ECR.
    V2,
}

impl Scope {
    /// The actions that scope V1 knows.
    pub const V1_ACTIONS: [&str; 3] =
        ["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository"];

    /// Whether the policy of a registry is asked about this action.
    #[must_use]
    pub fn covers(self, action: &str) -> bool {
        match self {
            Scope::V1 => Scope::V1_ACTIONS.iter().any(|known| known.eq_ignore_ascii_case(action)),
            Scope::V2 => true,
        }
    }
}

impl Document {
    /// Reads a document that is to be written: structure, length, and all that `grammar` asks.
    ///
    /// # Errors
    /// The first fault, in the order in which AWS looks; its `Display` is AWS's sentence.
    pub fn accept(text: &str, grammar: Grammar) -> Result<Document, Fault> {
        let document = Document::parse(text, grammar)?;
        let checked = match grammar {
            Grammar::Identity => identity::check(&document),
            Grammar::Trust => trust::check(&document),
            Grammar::Repository => ecr::check(&document, None),
            Grammar::Registry(scope) => ecr::check(&document, Some(scope)),
        };
        checked.map_err(|found| found.under(grammar))?;
        Ok(document)
    }

    /// Reads a document that was accepted once: only its structure. What a later version of the
    /// grammar refuses still has its meaning, and fails closed where it has none.
    ///
    /// # Errors
    /// If it is no policy document at all, or too long.
    pub fn parse(text: &str, grammar: Grammar) -> Result<Document, Fault> {
        read::read(text, grammar.most()).map_err(|found| found.under(grammar))
    }

    /// Whether variables such as `${aws:username}` stand for values here.
    #[must_use]
    pub fn knows_variables(&self) -> bool {
        self.version.as_deref() == Some(VERSION_2012)
    }

    /// The condition keys that the document asks for, in conditions and in variables: sorted, each
    /// once, as written. What `GetContextKeysForCustomPolicy` tells.
    #[must_use]
    pub fn context_keys(&self) -> Vec<String> {
        conditions::keys(self)
    }

    /// Puts others in the place of principals' names: `with` is given the kind (`AWS`, …) and each
    /// name, and answers with the new one if it is to change. So the names of users and roles of
    /// this deployment become ids that are never used twice when a policy is stored, and names
    /// again when it is shown.
    ///
    /// # Errors
    /// The first that `with` makes.
    pub fn rename_principals<E>(
        &mut self,
        mut with: impl FnMut(&str, &str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        for statement in &mut self.statements {
            let Some(Principal { who: Who::Kinds(kinds), .. }) = &mut statement.principal else {
                continue;
            };
            for (kind, names) in kinds {
                for name in &mut names.items {
                    if let Some(new) = with(kind, name)? {
                        *name = new;
                    }
                }
            }
        }
        Ok(())
    }
}

impl Grammar {
    /// The greatest length of a text in characters: the bounds of `PolicyDocument` in IAM's
    /// service model and of `policyText` in ECR's. Quotas of users, roles and policies are
    /// narrower, and are other errors.
    #[must_use]
    pub fn most(self) -> usize {
        match self {
            Grammar::Identity | Grammar::Trust => 131_072,
            Grammar::Repository | Grammar::Registry(_) => 10_240,
        }
    }
}

impl Scalar {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Scalar::Text(text) | Scalar::Bare(text) => text,
        }
    }
}

impl Effect {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        }
    }
}
