//! Inline policies: documents that belong to one user, group or role.

use wharf_db::{Tx, statement, tx};
use wharf_policy::document::counted_length;
use wharf_policy::{AccountId, Document, Grammar};

use crate::entity::{self, Entity, Kind};
use crate::{Error, Identity, limit};

statement! {
    PUT = "INSERT INTO inline_policies (entity_id, name, document) VALUES ($1, $2, $3)
           ON CONFLICT (entity_id, name) DO UPDATE SET document = excluded.document";
    DELETE = "DELETE FROM inline_policies WHERE entity_id = $1 AND name = $2";
    DOCUMENT = "SELECT document FROM inline_policies WHERE entity_id = $1 AND name = $2";
    OTHERS = "SELECT document FROM inline_policies WHERE entity_id = $1 AND name <> $2";
    PAGE = "SELECT name FROM inline_policies
            WHERE entity_id = $1 AND name > $2 ORDER BY name LIMIT $3";
}

impl Identity {
    /// Sets the policy of this name, in the place of one that is there.
    pub async fn put_inline(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        policy: &str,
        document: &str,
    ) -> Result<(), Error> {
        entity::check_name(Kind::Policy, policy)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let holder = entity::find(tx, account, kind, name).await?;
            Document::accept(document, Grammar::Identity)
                .map_err(Error::MalformedPolicyDocument)?;
            check_size(tx, &holder, policy, document).await?;
            tx.execute(&PUT, (holder.id.as_str(), policy, document)).await?;
            Ok(())
        })
    }

    /// The document, byte for byte as it was given.
    pub async fn inline(&self, holder: &Entity, policy: &str) -> Result<String, Error> {
        let values = (holder.id.as_str(), policy);
        let found = self.db.optional::<(String,)>(&DOCUMENT, values).await?;
        found.map(|(document,)| document).ok_or_else(|| absent(holder.kind, policy))
    }

    /// Removes the policy of this name.
    pub async fn delete_inline(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        policy: &str,
    ) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let holder = entity::find(tx, account, kind, name).await?;
            let values = (holder.id.as_str(), policy);
            if tx.optional::<(String,)>(&DOCUMENT, values).await?.is_none() {
                return Err(absent(kind, policy));
            }
            tx.execute(&DELETE, values).await?;
            Ok(())
        })
    }

    /// Up to `limit` names of inline policies that follow `after`.
    pub async fn inline_names(
        &self,
        id: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<String>, Error> {
        let rows = self.db.all::<(String,)>(&PAGE, (id, after, limit)).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }
}

/// All inline policies of one holder together have a limit; white space does not count.
async fn check_size(
    tx: &mut Tx,
    holder: &Entity,
    policy: &str,
    document: &str,
) -> Result<(), Error> {
    let most = limit::inline_characters(holder.kind);
    let others = tx.all::<(String,)>(&OTHERS, (holder.id.as_str(), policy)).await?;
    let others: usize = others.iter().map(|(document,)| counted_length(document)).sum();
    if others + counted_length(document) <= most {
        return Ok(());
    }
    let (kind, name) = (holder.kind.as_str(), &holder.name);
    Err(Error::LimitExceeded(format!(
        "Maximum policy size of {most} bytes exceeded for {kind} {name}"
    )))
}

fn absent(kind: Kind, name: &str) -> Error {
    Error::NoSuchInlinePolicy { kind, name: name.to_owned() }
}
