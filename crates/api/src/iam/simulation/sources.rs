//! The policies and the caller of a simulation: stored ones, and those that the request brings.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use wharf_identity::{Kind, Source};
use wharf_policy::{Caller, Document, Grammar, Managed, PARTITION, Policy};

use crate::query::{Call, Error};

/// A policy as text, with what AWS calls it in the statements that matched.
pub(super) struct Given {
    /// `SourcePolicyId`.
    pub(super) id: String,
    /// `SourcePolicyType`.
    pub(super) kind: &'static str,
    pub(super) arn: Option<String>,
    pub(super) text: String,
}

impl Given {
    /// A policy that somebody has.
    pub(super) fn stored(source: Source) -> Given {
        let (id, kind) = match (&source.arn, &source.holder) {
            (Some(arn), _) if Managed::find(arn).is_some() => (source.name, "aws-managed"),
            (Some(_), _) | (None, None) => (source.name, "user-managed"),
            (None, Some((kind, holder))) => {
                let id = format!("{}_{holder}_{}", kind.as_str(), source.name);
                let kind = match kind {
                    Kind::Group => "group",
                    Kind::Role => "role",
                    _ => "user",
                };
                (id, kind)
            }
        };
        Given { id, kind, arn: source.arn, text: source.document }
    }

    /// Reads it. One that is stored can be read; one that the request brings, perhaps not.
    pub(super) fn document(&self) -> Result<Document, Error> {
        Document::parse(&self.text, Grammar::Identity).map_err(|fault| invalid(&self.id, &fault))
    }

    pub(super) fn policy(&self) -> Result<Arc<Policy>, Error> {
        let policy = Policy::new(&self.document()?, Grammar::Identity, &self.id);
        Ok(Arc::new(match &self.arn {
            Some(arn) => policy.with_arn(arn),
            None => policy,
        }))
    }
}

/// Policies of the request, which are called by the list and their place in it.
pub(super) fn inputs(list: &str, texts: Option<Vec<String>>) -> Vec<Given> {
    let texts = texts.unwrap_or_default().into_iter().enumerate();
    let given = |(index, text)| {
        let id = format!("{list}.{}", index + 1);
        Given { id, kind: "none", arn: None, text }
    };
    texts.map(given).collect()
}

/// The user of this ARN, who need not be there.
pub(super) fn caller(call: &Call, arn: &str) -> Result<Caller, Error> {
    let own = format!("arn:{PARTITION}:iam::");
    let parts = arn.strip_prefix(&own).and_then(|rest| rest.split_once(":user/"));
    let account = parts
        .and_then(|(account, name)| (!name.is_empty()).then(|| account.parse().ok()).flatten());
    match account {
        Some(account) => Ok(Caller::user(account, arn, "", &call.caller().access_key_id)),
        None => Err(input(format!("CallerArn must be the ARN of a user: {arn}"))),
    }
}

/// Nobody in particular, of the caller's account.
pub(super) fn nobody(call: &Call) -> Caller {
    let account = call.account().clone();
    let arn = format!("arn:{PARTITION}:iam::{account}:user/nobody");
    Caller::user(account, &arn, "", "")
}

pub(super) fn needs_caller() -> Error {
    input(
        "CallerArn is required where a ResourcePolicy is given and the policies are no user's"
            .into(),
    )
}

/// What cannot be read of a policy.
pub(super) fn invalid(id: &str, fault: &wharf_policy::Fault) -> Error {
    input(format!("Invalid policy {id}: {fault}"))
}

pub(super) fn input(message: String) -> Error {
    Error::Declared { code: "InvalidInput", status: 400, message }
}

/// The keys that policies ask for.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextKeys {
    context_key_names: Vec<String>,
}

impl ContextKeys {
    pub(super) fn of(given: &[Given]) -> Result<ContextKeys, Error> {
        let mut names = BTreeSet::new();
        for policy in given {
            names.extend(policy.document()?.context_keys());
        }
        Ok(ContextKeys { context_key_names: names.into_iter().collect() })
    }
}
