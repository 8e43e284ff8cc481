//! What was decided about a request, for the audit trail: each decision with the policy and the
//! statement that it rests on. It holds no text of a policy.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Evaluation, Layer, Outcome, Request};

/// The decisions about one request, in their order. Clones write into the same trail.
#[derive(Clone, Default, Debug)]
pub struct Trail(Option<Arc<Mutex<Vec<Decided>>>>);

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// `service:Operation`.
    pub action: Box<str>,
    /// The ARN, or `*`.
    pub resource: Box<str>,
    pub outcome: Outcome,
    /// The kind of policy that decided; none where nothing needed to.
    pub layer: Option<Layer>,
    /// The name of the policy that decided, or its ARN; none where silence did.
    pub policy: Option<Box<str>>,
    /// The `Sid` of the statement that decided.
    pub sid: Option<Box<str>>,
}

impl Trail {
    /// A trail that keeps what it is told; the default forgets it.
    #[must_use]
    pub fn kept() -> Trail {
        Trail(Some(Arc::default()))
    }

    /// What was decided so far.
    #[must_use]
    pub fn decisions(&self) -> Vec<Decided> {
        let Some(kept) = &self.0 else { return Vec::new() };
        kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(&self, request: &Request<'_>, evaluation: &Evaluation<'_>) {
        let Some(kept) = &self.0 else { return };
        let statement = evaluation.statement;
        let decided = Decided {
            action: request.action.into(),
            resource: request.resource.to_string().into(),
            outcome: evaluation.outcome,
            layer: evaluation.layer,
            policy: statement.map(|one| one.policy.arn().unwrap_or(one.policy.name()).into()),
            sid: statement.and_then(|one| one.sid).map(Into::into),
        };
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(decided);
    }
}
