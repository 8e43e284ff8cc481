//! Roles: who may take them is in their trust policy.

use wharf_db::{Tx, statement, tx};
use wharf_policy::document::counted_length;
use wharf_policy::{AccountId, Document, Grammar};

use crate::entity::{self, Columns, Entity, Kind, New};
use crate::error::quota;
use crate::trust::{self, Ids};
use crate::{Error, Identity, limit, managed_policy, tag};

/// How long a session lasts at most, unless the role says otherwise, in seconds.
pub const DEFAULT_SESSION: i64 = 3600;

/// What a role has beside its name.
#[derive(Clone, Debug)]
pub struct Role {
    pub entity: Entity,
    /// As it was given, byte for byte, unless somebody in it has another name now, or none.
    pub trust_policy: String,
    /// How long a session lasts at most, in seconds.
    pub max_session: i64,
    /// Milliseconds since 1970, and the Region; None if no session was ever used.
    pub last_used: Option<(i64, String)>,
}

statement! {
    INSERT = "INSERT INTO roles (id, trust_policy, trust_ids, max_session_seconds)
              VALUES ($1, $2, $3, $4)";
    FIND = "SELECT trust_policy, trust_ids, max_session_seconds, last_used_at, last_used_region
            FROM roles WHERE id = $1";
    PAGE = "SELECT e.id, e.name, e.path, e.description, e.boundary, e.created_at,
                r.trust_policy, r.trust_ids, r.max_session_seconds, r.last_used_at,
                r.last_used_region
            FROM entities e JOIN roles r ON r.id = e.id
            WHERE e.account_id = $1 AND e.kind = 'role' AND e.name_key > $2
                AND substr(e.path, 1, length($3)) = $3
            ORDER BY e.name_key LIMIT $4";
    SET_TRUST = "UPDATE roles SET trust_policy = $2, trust_ids = $3 WHERE id = $1";
    SET_SESSION = "UPDATE roles SET max_session_seconds = $2 WHERE id = $1";
}

type Terms = (String, String, i64, Option<i64>, Option<String>);

impl Identity {
    /// Makes a role. `max_session` is in seconds, [`DEFAULT_SESSION`] if None.
    pub async fn create_role(
        &self,
        account: &AccountId,
        new: &New,
        trust_policy: &str,
        max_session: Option<i64>,
        now: i64,
    ) -> Result<Role, Error> {
        entity::check_name(Kind::Role, &new.name)?;
        entity::check_path(Kind::Role, new.path.as_deref())?;
        tag::check(Kind::Role, &new.tags)?;
        check_session(max_session)?;
        let document = read_trust(trust_policy)?;
        self.check_room(account, Kind::Role).await?;
        let max_session = max_session.unwrap_or(DEFAULT_SESSION);
        tx!(self.db, |tx| {
            let boundary =
                managed_policy::boundary_id(tx, account, new.boundary.as_deref()).await?;
            let ids = trust_ids(tx, &document).await?;
            entity::check_free(tx, account, Kind::Role, &new.name).await?;
            let entity =
                entity::insert(tx, account, Kind::Role, new, boundary.as_deref(), now).await?;
            tag::set(tx, &entity, &new.tags).await?;
            tx.execute(&INSERT, (entity.id.as_str(), trust_policy, ids, max_session)).await?;
            let trust_policy = trust_policy.to_owned();
            Ok(Role { entity, trust_policy, max_session, last_used: None })
        })
    }

    /// The role of this name.
    pub async fn role(&self, account: &AccountId, name: &str) -> Result<Role, Error> {
        let entity = self.entity(account, Kind::Role, name).await?;
        let terms = self.db.optional::<Terms>(&FIND, (entity.id.as_str(),)).await?;
        let absent = || Error::NoSuchEntity { kind: Kind::Role, name: name.to_owned() };
        self.whole_role(entity, terms.ok_or_else(absent)?).await
    }

    /// Up to `limit` roles whose names, in lower case, follow `after`, and whose paths begin with
    /// `path`.
    pub async fn roles(
        &self,
        account: &AccountId,
        path: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Role>, Error> {
        type Row = (
            String,
            String,
            String,
            Option<String>,
            Option<String>,
            i64,
            String,
            String,
            i64,
            Option<i64>,
            Option<String>,
        );
        let values = (account.as_str(), after, path, limit);
        let mut roles = Vec::new();
        for (id, name, path, description, boundary, created_at, trust, ids, max, at, region) in
            self.db.all::<Row>(&PAGE, values).await?
        {
            let columns: Columns = (id, name, path, description, boundary, created_at);
            let entity = Entity::read(account, Kind::Role, columns);
            roles.push(self.whole_role(entity, (trust, ids, max, at, region)).await?);
        }
        Ok(roles)
    }

    async fn whole_role(&self, entity: Entity, terms: Terms) -> Result<Role, Error> {
        let (text, ids, max_session, at, region) = terms;
        let trust_policy = self.shown(text, &read_ids(&ids)?, Grammar::Trust).await?;
        Ok(Role { entity, trust_policy, max_session, last_used: at.zip(region) })
    }

    /// Changes what is given, and nothing else. `max_session` is in seconds.
    pub async fn update_role(
        &self,
        account: &AccountId,
        name: &str,
        description: Option<&str>,
        max_session: Option<i64>,
    ) -> Result<(), Error> {
        check_session(max_session)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let role = entity::find(tx, account, Kind::Role, name).await?;
            if let Some(description) = description {
                entity::describe(tx, &role.id, description).await?;
            }
            if let Some(seconds) = max_session {
                tx.execute(&SET_SESSION, (role.id.as_str(), seconds)).await?;
            }
            Ok(())
        })
    }

    /// Gives the role another trust policy.
    pub async fn set_trust(
        &self,
        account: &AccountId,
        name: &str,
        trust_policy: &str,
    ) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let role = entity::find(tx, account, Kind::Role, name).await?;
            let ids = trust_ids(tx, &read_trust(trust_policy)?).await?;
            tx.execute(&SET_TRUST, (role.id.as_str(), trust_policy, ids)).await?;
            Ok(())
        })
    }
}

/// The bounds are the model's; who comes by another way than the model meets them here.
fn check_session(seconds: Option<i64>) -> Result<(), Error> {
    match seconds {
        Some(seconds) if !limit::SESSION_SECONDS.contains(&seconds) => {
            let (bound, most) = match seconds < *limit::SESSION_SECONDS.start() {
                true => ("greater", limit::SESSION_SECONDS.start()),
                false => ("less", limit::SESSION_SECONDS.end()),
            };
            Err(Error::Validation(format!(
                "1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value {bound} than or equal to {most}"
            )))
        }
        _ => Ok(()),
    }
}

fn read_trust(text: &str) -> Result<Document, Error> {
    let document =
        Document::accept(text, Grammar::Trust).map_err(Error::MalformedPolicyDocument)?;
    match counted_length(text) <= limit::TRUST_CHARACTERS {
        true => Ok(document),
        false => Err(quota("ACLSizePerRole", limit::TRUST_CHARACTERS)),
    }
}

async fn trust_ids(tx: &mut Tx, document: &Document) -> Result<String, Error> {
    let ids = trust::ids(tx, document, Grammar::Trust).await?;
    Ok(serde_json::to_string(&ids).expect("an object of strings is JSON"))
}

/// The column `trust_ids`.
pub(crate) fn read_ids(text: &str) -> Result<Ids, Error> {
    serde_json::from_str(text).map_err(|error| Error::Damaged(format!("trust_ids: {error}")))
}
