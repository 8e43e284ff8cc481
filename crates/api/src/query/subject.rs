//! What a call is about: as its input names it, and what was found of it. The decision needs to know
//! the path and the tags; whether it exists, only who is allowed learns.

use wharf_identity::{Entity, Kind, LastUse, Tag, arn};
use wharf_policy::{self as policy, AccountId, Caller, PARTITION};

use super::Error;
use crate::Api;

/// What the decision about a call is about.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// Nothing is decided before the operation runs: it needs no permission, or it decides by
    /// itself, since it knows more policies than the caller's.
    Undecided,
    /// The account as a whole: the resource is `*`.
    Account,
    /// What has this ARN: a managed policy, a provider, a role.
    Arn(&'a str),
    /// The user, group or role of this name.
    Named(Kind, &'a str),
    /// One that is to be made, with its path.
    New(Kind, Option<&'a str>, &'a str),
    /// The user of this name, or whoever calls: a user, or the root.
    User(Option<&'a str>),
    /// Whoever has this access key.
    Key(&'a str),
}

/// What was found of it.
pub(super) enum Found {
    Nothing,
    Root,
    Entity(Box<Entity>),
    Absent(Kind, String),
}

/// What a decision needs of it.
pub(super) struct Looked {
    pub(super) found: Found,
    /// The ARN that it has or would have; None for the account as a whole.
    pub(super) arn: Option<String>,
    /// What a refusal shows for it, which does not tell whether there is such a thing.
    pub(super) shown: String,
    pub(super) tags: Vec<Tag>,
}

/// More tags than an entity can have.
const ALL: i64 = 1000;

impl Subject<'_> {
    /// Looks it up; None where nothing is to be decided.
    pub(super) async fn look(self, api: &Api, caller: &Caller) -> Result<Option<Looked>, Error> {
        let account = &caller.account;
        Ok(Some(match self {
            Subject::Undecided => return Ok(None),
            Subject::Account => Looked::nothing(None),
            Subject::New(kind, path, name) => {
                Looked::nothing(Some(arn(account, kind, path.unwrap_or("/"), name)))
            }
            Subject::Arn(text) => by_arn(api, account, text).await?,
            Subject::Named(kind, name) => by_name(api, account, kind, name).await?,
            Subject::User(Some(name)) => by_name(api, account, Kind::User, name).await?,
            Subject::User(None) => own(api, caller).await?,
            Subject::Key(id) => {
                let owner = match api.identity.key_last_used(account, id).await? {
                    Some(LastUse { user: Some(name), .. }) => {
                        by_name(api, account, Kind::User, &name).await?
                    }
                    Some(_) => root(account),
                    None => Looked::nothing(None),
                };
                Looked { shown: "*".to_owned(), ..owner }
            }
        }))
    }
}

impl Looked {
    fn nothing(arn: Option<String>) -> Looked {
        let shown = arn.clone().unwrap_or_else(|| "*".to_owned());
        Looked { found: Found::Nothing, arn, shown, tags: Vec::new() }
    }

    async fn entity(api: &Api, entity: Entity, shown: String) -> Result<Looked, Error> {
        let tags = api.identity.tags(&entity.id, "", ALL).await?;
        let arn = Some(entity.arn());
        Ok(Looked { found: Found::Entity(Box::new(entity)), arn, shown, tags })
    }
}

fn root(account: &AccountId) -> Looked {
    let arn = format!("arn:{PARTITION}:iam::{account}:root");
    Looked { found: Found::Root, ..Looked::nothing(Some(arn)) }
}

/// Whoever calls, who must be somebody with a name of its own.
async fn own(api: &Api, caller: &Caller) -> Result<Looked, Error> {
    match caller.kind {
        policy::Kind::Root => Ok(root(&caller.account)),
        policy::Kind::User => {
            let name = caller.arn.rsplit('/').next().unwrap_or_default();
            let user = by_name(api, &caller.account, Kind::User, name).await?;
            Ok(Looked { shown: caller.arn.to_string(), ..user })
        }
        _ => Err(Error::Validation(
            "Must specify userName when calling with non-User credentials".to_owned(),
        )),
    }
}

/// The path of one that is not there is not known; then it is taken to be `/`.
async fn by_name(api: &Api, account: &AccountId, kind: Kind, name: &str) -> Result<Looked, Error> {
    let shown = arn(account, kind, "/", name);
    match api.identity.entity(account, kind, name).await {
        Ok(entity) => Looked::entity(api, entity, shown).await,
        Err(wharf_identity::Error::NoSuchEntity { .. }) => {
            let found = Found::Absent(kind, name.to_owned());
            Ok(Looked { found, ..Looked::nothing(Some(shown)) })
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether there is one with this very ARN, the operation looks.
async fn by_arn(api: &Api, account: &AccountId, text: &str) -> Result<Looked, Error> {
    let own = format!("arn:{PARTITION}:iam::{account}:");
    let rest = text.strip_prefix(&own).unwrap_or_default();
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Looked::nothing(Some(text.to_owned())));
    }
    let (kind, path) = rest.split_once('/').unwrap_or_default();
    let (kind, name) = match kind {
        "user" => (Kind::User, path.rsplit('/').next()),
        "group" => (Kind::Group, path.rsplit('/').next()),
        "role" => (Kind::Role, path.rsplit('/').next()),
        "policy" => (Kind::Policy, path.rsplit('/').next()),
        "oidc-provider" => (Kind::Provider, Some(path)),
        _ => return Ok(Looked::nothing(Some(text.to_owned()))),
    };
    match api.identity.entity(account, kind, name.unwrap_or_default()).await {
        Ok(entity) if entity.arn() == text => Looked::entity(api, entity, text.to_owned()).await,
        Ok(_) | Err(wharf_identity::Error::NoSuchEntity { .. }) => {
            Ok(Looked::nothing(Some(text.to_owned())))
        }
        Err(error) => Err(error.into()),
    }
}
