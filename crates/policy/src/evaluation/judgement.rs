//! The judgement: every layer is asked whether it denies, then what allows is weighed.

use std::sync::Arc;

use super::{Deciding, Facts, Outcome, Policies, Request};
use crate::audience::Grant;
use crate::document::Effect;
use crate::policy::{Policy, Question};
use crate::{Caller, Kind, Layer};

/// Asks the policies in the order in which their denies are named, then weighs what they say.
pub(super) fn judge<'a>(
    request: &Request<'a>,
    policies: &Policies<'a>,
    question: &Question<'_>,
    facts: &mut Facts<'a>,
) -> Verdict<'a> {
    let layer = policies.resource.layer();
    let owner = policies.resource.voices(request);
    let owner = match ask(owner, question, facts) {
        Voice::Denies(statement) => return Verdict::denied(layer, statement),
        // A token opens all that its holder may do: only the holder's own policies give it.
        Voice::Grants(..) if gives_tokens(request.action) => (Grant::None, None),
        Voice::Grants(grant, statement) => (grant, statement),
    };
    if request.caller.kind == Kind::WebIdentity {
        return match owner {
            (Grant::None, _) => Verdict::silent(layer),
            (_, statement) => Verdict::allowed(layer, statement),
        };
    }
    match ceilings(request.caller, policies, question, facts) {
        Ok(own) => weigh(request, layer, owner, own),
        Err(denied) => denied,
    }
}

fn gives_tokens(action: &str) -> bool {
    action.eq_ignore_ascii_case("ecr:GetAuthorizationToken")
}

/// What the caller's side says.
struct Own<'a> {
    identity: Option<Option<Deciding<'a>>>,
    boundary: bool,
    session: bool,
    token: bool,
}

impl Own<'_> {
    /// The first of the ceilings that does not allow.
    fn ceiling(&self) -> Option<Layer> {
        match (self.boundary, self.session) {
            (false, _) => Some(Layer::Boundary),
            (true, false) => Some(Layer::Session),
            (true, true) => None,
        }
    }

    /// The first that does not allow.
    fn silent(&self) -> Option<Layer> {
        if self.identity.is_none() { Some(Layer::Identity) } else { self.ceiling() }
    }
}

/// Asks the caller's policies, or tells which of them denies.
fn ceilings<'a>(
    caller: &Caller,
    policies: &Policies<'a>,
    question: &Question<'_>,
    facts: &mut Facts<'a>,
) -> Result<Own<'a>, Verdict<'a>> {
    let mut allows =
        |layer, voices: &mut dyn Iterator<Item = &'a Policy>| match ask(voices, question, facts) {
            Voice::Denies(statement) => Err(Verdict::denied(layer, statement)),
            Voice::Grants(Grant::None, _) => Ok(None),
            Voice::Grants(_, statement) => Ok(Some(statement)),
        };
    let root = caller.kind == Kind::Root;
    let identity = match root {
        true => Some(None),
        false => allows(Layer::Identity, &mut policies.identity.iter().map(Arc::as_ref))?,
    };
    let boundary = match policies.boundary {
        Some(boundary) if !root => {
            allows(Layer::Boundary, &mut std::iter::once(boundary))?.is_some()
        }
        _ => true,
    };
    let mut set = |policies: Option<&'a [Arc<Policy>]>| match policies {
        Some(set) => Ok(Some(allows(Layer::Session, &mut set.iter().map(Arc::as_ref))?.is_some())),
        None => Ok(None),
    };
    let federated = matches!(caller.kind, Kind::FederatedUser { .. });
    let session = set(policies.session)?.unwrap_or(!federated);
    let token = set(policies.token)?.unwrap_or(true);
    Ok(Own { identity, boundary, session, token })
}

/// Weighs what the owner of the resource grants against what the caller's side says.
fn weigh<'a>(
    request: &Request<'a>,
    layer: Layer,
    (grant, granting): (Grant, Option<Deciding<'a>>),
    own: Own<'a>,
) -> Verdict<'a> {
    let foreign = request.caller.account != *request.resource.account();
    let must_grant = foreign || layer == Layer::Trust;
    if must_grant && grant == Grant::None {
        return Verdict::silent(layer);
    }
    // A grant from another account opens the door and no more.
    let silent = match if foreign { Grant::None } else { grant } {
        Grant::None | Grant::Delegated => own.silent(),
        Grant::Capped => own.ceiling(),
        Grant::Full => None,
    };
    match (silent, own.identity) {
        (Some(silent), _) => Verdict::silent(silent),
        (None, _) if !own.token => Verdict::silent(Layer::Session),
        (None, Some(statement)) if own.ceiling().is_none() => {
            Verdict::allowed(Layer::Identity, statement)
        }
        (None, _) => Verdict::allowed(layer, granting),
    }
}

/// What a set of policies says.
enum Voice<'a> {
    Denies(Deciding<'a>),
    /// The strongest grant, and the statement that makes it.
    Grants(Grant, Option<Deciding<'a>>),
}

/// Asks each statement; the first that denies ends it. A statement that could grant no more than is
/// granted already is left out.
fn ask<'a>(
    policies: impl Iterator<Item = &'a Policy>,
    question: &Question<'_>,
    facts: &mut Facts<'a>,
) -> Voice<'a> {
    let (mut strongest, mut granting) = (Grant::None, None);
    for policy in policies {
        for (index, rule) in policy.rules().iter().enumerate() {
            if rule.effect == Effect::Allow && strongest == Grant::Full {
                continue;
            }
            let grant = rule.applies(question, facts);
            if grant > Grant::None && rule.effect == Effect::Deny {
                return Voice::Denies(Deciding::new(policy, index, rule));
            }
            if grant > strongest {
                (strongest, granting) = (grant, Some(Deciding::new(policy, index, rule)));
            }
        }
    }
    Voice::Grants(strongest, granting)
}

/// An evaluation without the missing keys.
pub(super) struct Verdict<'a> {
    pub(super) outcome: Outcome,
    pub(super) layer: Option<Layer>,
    pub(super) statement: Option<Deciding<'a>>,
}

impl<'a> Verdict<'a> {
    pub(super) fn allowed(layer: Layer, statement: Option<Deciding<'a>>) -> Verdict<'a> {
        Verdict { outcome: Outcome::Allow, layer: Some(layer), statement }
    }

    pub(super) fn denied(layer: Layer, statement: Deciding<'a>) -> Verdict<'a> {
        Verdict { outcome: Outcome::ExplicitDeny, layer: Some(layer), statement: Some(statement) }
    }

    pub(super) fn silent(layer: Layer) -> Verdict<'a> {
        Verdict { outcome: Outcome::ImplicitDeny, layer: Some(layer), statement: None }
    }
}
