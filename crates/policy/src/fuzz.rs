//! The way in for a fuzzer: bytes become a document, a caller, an action, a resource and a context,
//! and whatever they are, they are evaluated. The mutations and the seeds are the fuzzer's own.

use std::sync::Arc;

use crate::{
    Caller, Document, Fact, Facts, Grammar, Kind, Outcome, Policies, Policy, Request, Resource,
    ResourcePolicies, Scope, document::Effect, evaluate,
};

/// Reads `bytes` as lines (action, resource, key, value) and, behind them, a document; reads the
/// document under every grammar and evaluates it in every place where a policy can stand, for each
/// kind of caller. What an accepted document prints must read the same again, and a document without
/// an Allow must allow nothing to anybody but a root.
///
/// # Panics
/// If there is an error in this crate.
pub fn evaluate_bytes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(5, '\n');
    let [action, resource, key, value, document] =
        [(); 5].map(|()| lines.next().unwrap_or_default());
    let one = Fact::One(value.to_owned());
    let many = Fact::Many(value.split(',').map(str::to_owned).collect());
    let context: Facts = [(key.to_owned(), one), (format!("{key}s"), many)].into_iter().collect();
    for grammar in
        [Grammar::Identity, Grammar::Trust, Grammar::Repository, Grammar::Registry(Scope::V1)]
    {
        // What is accepted is also read, and so evaluated as well.
        let _ = Document::accept(document, grammar);
        let Ok(document) = Document::parse(document, grammar) else { continue };
        for printed in [document.to_compact(), document.to_pretty()] {
            let again = Document::parse(&printed, grammar);
            // Printing adds white space, and with it length.
            assert!(printed.len() > grammar.most() || again.as_ref() == Ok(&document), "{printed}");
        }
        let _ = document.context_keys();
        let denies_only = document.statements.iter().all(|one| one.effect == Effect::Deny);
        evaluate_everywhere(
            &Policy::new(&document, grammar, "fuzzed").into(),
            |caller, policies| {
                let resource = Resource::Named { account: &caller.account, arn: resource };
                let request = Request { caller, action, resource, context: &context };
                let evaluation = evaluate(&request, policies);
                let _ = evaluation.decision(&request);
                // Who one is, everybody may ask.
                let free = action.eq_ignore_ascii_case("sts:GetCallerIdentity");
                let allowed = evaluation.outcome == Outcome::Allow;
                assert!(!(denies_only && allowed) || free || caller.kind == Kind::Root);
            },
        );
    }
}

/// Puts the policy into each place, for each kind of caller.
fn evaluate_everywhere(policy: &Arc<Policy>, evaluate: impl Fn(&Caller, &Policies<'_>)) {
    let own = [policy.clone()];
    let all = Policies {
        identity: &own,
        boundary: Some(policy),
        session: Some(&own),
        token: Some(&own),
        resource: ResourcePolicies::None,
    };
    for caller in &callers() {
        let ecr = ResourcePolicies::Ecr {
            repository: Some(policy),
            registry: Some(policy),
            scope: Scope::V2,
        };
        evaluate(caller, &Policies { identity: &own, ..Policies::default() });
        evaluate(caller, &all);
        evaluate(caller, &Policies { resource: ecr, ..all });
        evaluate(caller, &Policies { resource: ResourcePolicies::Trust(Some(policy)), ..all });
    }
}

fn callers() -> [Caller; 5] {
    let account = || "111122223333".parse().expect("twelve digits");
    let user = "arn:aws:iam::111122223333:user/alice";
    let role = "arn:aws:iam::111122223333:role/ci";
    let provider = "arn:aws:iam::111122223333:oidc-provider/ci.example";
    [
        Caller::root(account(), "AKIA".to_owned()),
        Caller::user(account(), user, "AIDAALICE0000000000AA", "AKIA"),
        Caller::role_session(account(), role, "AROACI000000000000AAA", "build", "ASIA"),
        Caller::federated_user(account(), "tmp", user, "AIDAALICE0000000000AA", "ASIA"),
        Caller::web_identity(account(), provider),
    ]
}
