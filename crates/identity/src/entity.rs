//! What users, groups, roles, managed policies and OpenID Connect providers have in common: a name
//! and a path in an account, an id that is never used twice, and the ARN that follows from them.
//!
//! Source: "IAM identifiers", User Guide.

use wharf_db::{Tx, statement};
use wharf_policy::{AccountId, PARTITION};

use crate::error::quota;
use crate::{Error, Identity, random};

/// The kinds of entities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    User,
    Group,
    Role,
    /// A managed policy of an account.
    Policy,
    /// An OpenID Connect provider.
    Provider,
}

/// A user, group, role, managed policy or provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entity {
    /// Never used twice, even when the name is.
    pub id: String,
    pub account: AccountId,
    pub kind: Kind,
    pub name: String,
    /// `/`, or segments between slashes.
    pub path: String,
    pub description: Option<String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// What a new entity shall be.
#[derive(Clone, Debug, Default)]
pub struct New {
    pub name: String,
    /// `/` if None.
    pub path: Option<String>,
    pub description: Option<String>,
    /// The ARN of a managed policy.
    pub boundary: Option<String>,
    pub tags: Vec<crate::Tag>,
}

statement! {
    INSERT = "INSERT INTO entities (id, account_id, kind, name, name_key, path, description,
                  boundary, boundary_id, created_at)
              VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
              ON CONFLICT (account_id, kind, name_key) DO NOTHING";
    FIND = "SELECT id, name, path, description, boundary, created_at FROM entities
            WHERE account_id = $1 AND kind = $2 AND name_key = $3";
    BY_ID = "SELECT id, name, path, description, boundary, created_at, kind, account_id
             FROM entities WHERE id = $1";
    BY_IDS = "SELECT id, name, path, description, boundary, created_at, kind, account_id
              FROM entities WHERE id IN (SELECT value FROM json_each($1))";
    PAGE = "SELECT id, name, path, description, boundary, created_at FROM entities
            WHERE account_id = $1 AND kind = $2 AND name_key > $3
                AND substr(path, 1, length($4)) = $4
            ORDER BY name_key LIMIT $5";
    COUNT = "SELECT COUNT(*) FROM entities WHERE account_id = $1 AND kind = $2";
    RENAME = "UPDATE entities SET name = $2, name_key = $3, path = $4 WHERE id = $1";
    DESCRIBE = "UPDATE entities SET description = $2 WHERE id = $1";
    DELETE = "DELETE FROM entities WHERE id = $1";
}

/// The columns of an entity whose account and kind are known.
pub(crate) type Columns = (String, String, String, Option<String>, Option<String>, i64);
type Whole = (String, String, String, Option<String>, Option<String>, i64, String, String);

impl Kind {
    const ALL: [Kind; 5] = [Kind::User, Kind::Group, Kind::Role, Kind::Policy, Kind::Provider];

    /// The word in sentences, ARNs and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Group => "group",
            Kind::Role => "role",
            Kind::Policy => "policy",
            Kind::Provider => "oidc-provider",
        }
    }

    /// The word at the beginning of a sentence, and in the names of quotas.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Kind::User => "User",
            Kind::Group => "Group",
            Kind::Role => "Role",
            Kind::Policy => "Policy",
            Kind::Provider => "OpenIdConnectProvider",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Kind::User => "Users",
            Kind::Group => "Groups",
            Kind::Role => "Roles",
            Kind::Policy => "Policies",
            Kind::Provider => "OpenIdConnectProviders",
        }
    }

    /// What ids begin with. AWS shows none for providers; theirs are only used inside.
    fn id_prefix(self) -> &'static str {
        match self {
            Kind::User => "AIDA",
            Kind::Group => "AGPA",
            Kind::Role => "AROA",
            Kind::Policy => "ANPA",
            Kind::Provider => "OIDC",
        }
    }

    /// The parameter that carries the name.
    fn parameter(self) -> &'static str {
        match self {
            Kind::User => "userName",
            Kind::Group => "groupName",
            Kind::Role => "roleName",
            Kind::Policy => "policyName",
            Kind::Provider => "url",
        }
    }

    pub(crate) fn read(text: &str) -> Result<Kind, Error> {
        let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Error::Damaged(format!("'{text}' is no kind of entity")))
    }
}

impl Entity {
    /// `arn:aws:iam::<account>:<kind>/<path><name>`.
    #[must_use]
    pub fn arn(&self) -> String {
        arn(&self.account, self.kind, &self.path, &self.name)
    }

    pub(crate) fn read(account: &AccountId, kind: Kind, columns: Columns) -> Entity {
        let (id, name, path, description, boundary, created_at) = columns;
        Entity { id, account: account.clone(), kind, name, path, description, boundary, created_at }
    }

    fn read_whole(row: Whole) -> Result<Entity, Error> {
        let (id, name, path, description, boundary, created_at, kind, account) = row;
        let columns = (id, name, path, description, boundary, created_at);
        Ok(Entity::read(&account_of(&account)?, Kind::read(&kind)?, columns))
    }
}

/// The ARN that an entity of this path and name has or would have.
#[must_use]
pub fn arn(account: &AccountId, kind: Kind, path: &str, name: &str) -> String {
    format!("arn:{PARTITION}:iam::{account}:{}{path}{name}", kind.as_str())
}

/// The account, kind, path and name in the ARN of an entity.
pub(crate) fn parse_arn(text: &str) -> Option<(AccountId, Kind, &str, &str)> {
    let rest = text.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":iam::")?;
    let (account, rest) = rest.split_once(':')?;
    let (kind, _) = rest.split_once('/')?;
    let path_and_name = &rest[kind.len()..];
    let kind = Kind::read(kind).ok()?;
    let end = match kind {
        // Its name is a URL.
        Kind::Provider => 1,
        _ => path_and_name.rfind('/')? + 1,
    };
    let (path, name) = path_and_name.split_at(end);
    // No name and no path has other characters, and no database is asked for them.
    let printable = path_and_name.bytes().all(|byte| byte.is_ascii_graphic());
    (printable && !name.is_empty()).then_some((account.parse().ok()?, kind, path, name))
}

impl Identity {
    /// The entity of this name, whatever the case of its letters.
    pub async fn entity(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
    ) -> Result<Entity, Error> {
        let values = (account.as_str(), kind.as_str(), fold(name));
        let found = self.db.optional::<Columns>(&FIND, values).await?;
        found.map(|row| Entity::read(account, kind, row)).ok_or_else(|| absent(kind, name))
    }

    /// Up to `limit` entities whose names, in lower case, follow `after`, and whose paths begin with
    /// `path`.
    pub async fn entities(
        &self,
        account: &AccountId,
        kind: Kind,
        path: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Entity>, Error> {
        let values = (account.as_str(), kind.as_str(), after, path, limit);
        let rows = self.db.all::<Columns>(&PAGE, values).await?;
        Ok(rows.into_iter().map(|row| Entity::read(account, kind, row)).collect())
    }

    /// The entity with this id, in whatever account; None once it is deleted.
    pub async fn entity_by_id(&self, id: &str) -> Result<Option<Entity>, Error> {
        let row = self.db.optional::<Whole>(&BY_ID, (id,)).await?;
        row.map(Entity::read_whole).transpose()
    }

    /// Those of the entities with these ids that are there.
    pub(crate) async fn entities_by_ids(&self, ids: &[&str]) -> Result<Vec<Entity>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let list = serde_json::to_string(ids).expect("a list of strings is JSON");
        let rows = self.db.all::<Whole>(&BY_IDS, (list,)).await?;
        rows.into_iter().map(Entity::read_whole).collect()
    }

    /// How many entities of a kind the account has.
    pub async fn count_entities(&self, account: &AccountId, kind: Kind) -> Result<i64, Error> {
        let values = (account.as_str(), kind.as_str());
        Ok(self.db.optional::<(i64,)>(&COUNT, values).await?.map_or(0, |(count,)| count))
    }

    /// Refuses one more entity than an account may have. Looked at before the transaction: who
    /// counts inside would be in the way of all who make one at the same time.
    pub(crate) async fn check_room(&self, account: &AccountId, kind: Kind) -> Result<(), Error> {
        let most = self.quotas.of(kind);
        if self.count_entities(account, kind).await? >= most {
            return Err(quota(&format!("{}PerAccount", kind.plural()), most));
        }
        Ok(())
    }
}

/// The entity of this name, inside a transaction.
pub(crate) async fn find(
    tx: &mut Tx,
    account: &AccountId,
    kind: Kind,
    name: &str,
) -> Result<Entity, Error> {
    let found = find_any(tx, account, kind, name).await?;
    found.ok_or_else(|| absent(kind, name))
}

/// The same where none is no error.
pub(crate) async fn find_any(
    tx: &mut Tx,
    account: &AccountId,
    kind: Kind,
    name: &str,
) -> Result<Option<Entity>, Error> {
    let values = (account.as_str(), kind.as_str(), fold(name));
    let found = tx.optional::<Columns>(&FIND, values).await?;
    Ok(found.map(|row| Entity::read(account, kind, row)))
}

/// The entity with this id, inside a transaction.
pub(crate) async fn find_by_id(tx: &mut Tx, id: &str) -> Result<Option<Entity>, Error> {
    tx.optional::<Whole>(&BY_ID, (id,)).await?.map(Entity::read_whole).transpose()
}

/// Refuses a name that is taken. To be asked before anything is written.
pub(crate) async fn check_free(
    tx: &mut Tx,
    account: &AccountId,
    kind: Kind,
    name: &str,
) -> Result<(), Error> {
    match find_any(tx, account, kind, name).await? {
        Some(_) => Err(taken(kind, name)),
        None => Ok(()),
    }
}

/// Makes the row of an entity whose name was found free. `boundary_id` is that of a boundary which
/// is not AWS's.
pub(crate) async fn insert(
    tx: &mut Tx,
    account: &AccountId,
    kind: Kind,
    new: &New,
    boundary_id: Option<&str>,
    now: i64,
) -> Result<Entity, Error> {
    let entity = Entity {
        id: random::entity_id(kind.id_prefix())?,
        account: account.clone(),
        kind,
        name: new.name.clone(),
        path: new.path.clone().unwrap_or_else(|| "/".to_owned()),
        description: new.description.clone(),
        boundary: new.boundary.clone(),
        created_at: now,
    };
    let values = (
        entity.id.as_str(),
        account.as_str(),
        kind.as_str(),
        entity.name.as_str(),
        fold(&entity.name),
        entity.path.as_str(),
        entity.description.as_deref(),
        entity.boundary.as_deref(),
        boundary_id,
        now,
    );
    match tx.execute(&INSERT, values).await? {
        0 => Err(taken(kind, &new.name)),
        _ => Ok(entity),
    }
}

/// Gives the entity another name and path. Its id, and all that hangs on it, stay.
pub(crate) async fn rename(
    tx: &mut Tx,
    entity: &Entity,
    name: Option<&str>,
    path: Option<&str>,
) -> Result<(), Error> {
    let (name, path) = (name.unwrap_or(&entity.name), path.unwrap_or(&entity.path));
    if fold(name) != fold(&entity.name) {
        check_free(tx, &entity.account, entity.kind, name).await?;
    }
    tx.execute(&RENAME, (entity.id.as_str(), name, fold(name), path)).await?;
    Ok(())
}

pub(crate) async fn describe(tx: &mut Tx, id: &str, description: &str) -> Result<(), Error> {
    tx.execute(&DESCRIBE, (id, description)).await?;
    Ok(())
}

/// Removes the row and all that hangs on it; whether something must not hang on it any more, the
/// caller has looked.
pub(crate) async fn delete(tx: &mut Tx, id: &str) -> Result<(), Error> {
    tx.execute(&DELETE, (id,)).await?;
    Ok(())
}

/// An account id out of a row.
pub(crate) fn account_of(text: &str) -> Result<AccountId, Error> {
    text.parse().map_err(|error| Error::Damaged(format!("{error}")))
}

fn absent(kind: Kind, name: &str) -> Error {
    Error::NoSuchEntity { kind, name: name.to_owned() }
}

fn taken(kind: Kind, name: &str) -> Error {
    match kind {
        Kind::Policy => Error::PolicyAlreadyExists(name.to_owned()),
        Kind::Provider => Error::ProviderAlreadyExists(format!("https://{name}")),
        kind => Error::AlreadyExists { kind, name: name.to_owned() },
    }
}

/// Names that differ only by the case of their letters are one.
#[must_use]
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Letters, digits and `+=,.@_-`.
pub(crate) fn check_name(kind: Kind, name: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if !name.is_empty() && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "The specified value for {} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-",
        kind.parameter()
    )))
}

/// Segments of printable ASCII between slashes, one at either end. Those of managed policies have
/// the characters of names only.
pub(crate) fn check_path(kind: Kind, path: Option<&str>) -> Result<(), Error> {
    let Some(path) = path else { return Ok(()) };
    let allowed = |byte: u8| match kind {
        Kind::Policy => byte.is_ascii_alphanumeric() || b"/.,+@=_-".contains(&byte),
        _ => (0x21..=0x7e).contains(&byte),
    };
    let closed = path.starts_with('/') && path.ends_with('/') && !path.contains("//");
    if closed && path.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::Validation(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
            .to_owned(),
    ))
}
