//! The gate of IAM and STS: the decision by the policies of the caller.

use wharf_policy::{
    Context, Decision, Facts, Key, Request, Requester, Resource, ResourcePolicies, Value, evaluate,
};

use super::{Call, Error, Operation, Subject};
use crate::Api;

/// All that conditions can ask about a request, but for the caller.
struct Circumstances<'a> {
    requester: &'a Requester,
    facts: Facts,
}

impl Context for Circumstances<'_> {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        match key.name() {
            "aws:resourceaccount" => Some(Value::one(self.requester.caller().account.as_str())),
            _ => self.facts.value(key).or_else(|| self.requester.origin.value(key)),
        }
    }
}

/// Lets the operation be called by who may.
pub(super) async fn admit<O: Operation>(
    api: Api,
    requester: Requester,
    input: &O,
) -> Result<Call, Error> {
    api.registry.admit(&requester, O::ACTION)?;
    let account = &requester.caller().account;
    let resource = match input.subject() {
        Subject::Undecided => None,
        Subject::Account => Some(Resource::Registry { account }),
        Subject::Arn(arn) => Some(Resource::Named { account, arn }),
    };
    if let Some(resource) = resource {
        let facts = input.facts().into_iter().collect();
        let context = Circumstances { requester: &requester, facts };
        let caller = requester.caller();
        let request = Request { caller, action: O::ACTION.as_str(), resource, context: &context };
        let policies = requester.principal.policies(ResourcePolicies::None);
        if let Decision::Deny(denial) = evaluate(&request, &policies).decision(&request) {
            return Err(Error::AccessDenied(Box::new(denial)));
        }
    }
    api.registry.writable(O::ACTION)?;
    Ok(Call { api, requester })
}
