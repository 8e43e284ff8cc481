//! The gate of IAM and STS: the decision by the policies of the caller.

use wharf_identity::Tag;
use wharf_policy::{
    AccountId, Context, Decision, Fact, Facts, Key, Requester, Resource, ResourcePolicies, Value,
};

use super::subject::{Found, Looked};
use super::{Call, Error, Operation};
use crate::Api;

/// What conditions can ask about a request besides who asks and how.
struct Circumstances<'a> {
    facts: Facts,
    account: &'a AccountId,
    tags: &'a [Tag],
}

impl Context for Circumstances<'_> {
    fn value(&self, key: &Key) -> Option<Value<'_>> {
        match key.name() {
            "aws:resourcetag" | "iam:resourcetag" => {
                key.tag_in(self.tags.iter().map(|tag| (&*tag.key, &*tag.value))).map(Value::one)
            }
            "aws:resourceaccount" => Some(Value::one(self.account.as_str())),
            _ => self.facts.value(key),
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
    let looked = input.subject().look(&api, requester.caller()).await?;
    let found = match looked {
        Some(looked) => {
            decide(&requester, input, &looked, looked.arn.as_deref())?;
            if let Some(arn) = renamed(input, &looked.found) {
                decide(&requester, input, &looked, Some(&arn))?;
            }
            looked.found
        }
        None => Found::Nothing,
    };
    api.registry.writable(O::ACTION)?;
    Ok(Call { api, requester, found })
}

fn decide<O: Operation>(
    requester: &Requester,
    input: &O,
    looked: &Looked,
    arn: Option<&str>,
) -> Result<(), Error> {
    let account = &requester.caller().account;
    let mut facts = input.facts();
    if O::SHOWS_BOUNDARY
        && let Found::Entity(entity) = &looked.found
        && let Some(boundary) = &entity.boundary
    {
        facts.push(("iam:PermissionsBoundary".to_owned(), Fact::One(boundary.clone())));
    }
    let facts = facts.into_iter().collect();
    let context = Circumstances { facts, account, tags: &looked.tags };
    let resource = match arn {
        Some(arn) => Resource::Named { account, arn },
        None => Resource::Registry { account },
    };
    match requester.decide(O::ACTION, resource, &context, ResourcePolicies::None) {
        Decision::Allow => Ok(()),
        Decision::Deny(mut denial) => {
            denial.resource.clone_from(&looked.shown);
            Err(Error::AccessDenied(Box::new(denial)))
        }
    }
}

/// The ARN under which it will be found. Who may not touch what is there may not move things there.
fn renamed<O: Operation>(input: &O, found: &Found) -> Option<String> {
    let (name, path) = input.renamed()?;
    let Found::Entity(entity) = found else { return None };
    let (name, path) = (name.unwrap_or(&entity.name), path.unwrap_or(&entity.path));
    Some(wharf_identity::arn(&entity.account, entity.kind, path, name))
}
