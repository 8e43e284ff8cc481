//! Users and groups: made, renamed, deleted; and who is in which group.

use wharf_db::{statement, tx};
use wharf_policy::AccountId;

use crate::entity::{self, Columns, Entity, Kind, New};
use crate::error::quota;
use crate::{Error, Identity, conflict, limit, managed_policy, tag};

statement! {
    JOIN = "INSERT INTO group_members (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    LEAVE = "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2";
    GROUPS_OF = "SELECT group_id FROM group_members WHERE user_id = $1";
    MEMBERS = "SELECT e.id, e.name, e.path, e.description, e.boundary, e.created_at
               FROM group_members m JOIN entities e ON e.id = m.user_id
               WHERE m.group_id = $1 AND e.name_key > $2 ORDER BY e.name_key LIMIT $3";
    GROUPS = "SELECT e.id, e.name, e.path, e.description, e.boundary, e.created_at
              FROM group_members m JOIN entities e ON e.id = m.group_id
              WHERE m.user_id = $1 AND e.name_key > $2 ORDER BY e.name_key LIMIT $3";
}

impl Identity {
    /// Makes a user.
    pub async fn create_user(
        &self,
        account: &AccountId,
        new: &New,
        now: i64,
    ) -> Result<Entity, Error> {
        self.create(account, Kind::User, new, now).await
    }

    /// Makes a group. Groups have neither boundary nor tags.
    pub async fn create_group(
        &self,
        account: &AccountId,
        new: &New,
        now: i64,
    ) -> Result<Entity, Error> {
        self.create(account, Kind::Group, new, now).await
    }

    async fn create(
        &self,
        account: &AccountId,
        kind: Kind,
        new: &New,
        now: i64,
    ) -> Result<Entity, Error> {
        entity::check_name(kind, &new.name)?;
        entity::check_path(kind, new.path.as_deref())?;
        tag::check(kind, &new.tags)?;
        self.check_room(account, kind).await?;
        tx!(self.db, |tx| {
            let boundary =
                managed_policy::boundary_id(tx, account, new.boundary.as_deref()).await?;
            entity::check_free(tx, account, kind, &new.name).await?;
            let made = entity::insert(tx, account, kind, new, boundary.as_deref(), now).await?;
            tag::set(tx, &made, &new.tags).await?;
            Ok(made)
        })
    }

    /// Gives a user or group another name or path. What hangs on it stays.
    pub async fn rename(
        &self,
        account: &AccountId,
        kind: Kind,
        name: &str,
        new_name: Option<&str>,
        new_path: Option<&str>,
    ) -> Result<(), Error> {
        if let Some(new) = new_name {
            entity::check_name(kind, new)?;
        }
        entity::check_path(kind, new_path)?;
        tx!(self.db, |tx| {
            self.changes(tx);
            let found = entity::find(tx, account, kind, name).await?;
            entity::rename(tx, &found, new_name, new_path).await
        })
    }

    /// Deletes a user on whom nothing hangs any more.
    pub async fn delete_user(&self, account: &AccountId, name: &str) -> Result<(), Error> {
        self.delete(account, Kind::User, name).await
    }

    /// Deletes a group without members and policies.
    pub async fn delete_group(&self, account: &AccountId, name: &str) -> Result<(), Error> {
        self.delete(account, Kind::Group, name).await
    }

    /// Deletes a role on which nothing hangs any more. Its sessions end with it.
    pub async fn delete_role(&self, account: &AccountId, name: &str) -> Result<(), Error> {
        self.delete(account, Kind::Role, name).await
    }

    async fn delete(&self, account: &AccountId, kind: Kind, name: &str) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let found = entity::find(tx, account, kind, name).await?;
            conflict::check(tx, &found).await?;
            entity::delete(tx, &found.id).await
        })
    }

    /// Puts a user into a group; one who is in it stays.
    pub async fn join(&self, account: &AccountId, group: &str, user: &str) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let group = entity::find(tx, account, Kind::Group, group).await?;
            let user = entity::find(tx, account, Kind::User, user).await?;
            let present = tx.all::<(String,)>(&GROUPS_OF, (user.id.as_str(),)).await?;
            if present.iter().any(|(id,)| *id == group.id) {
                return Ok(());
            }
            if present.len() as i64 >= limit::GROUPS_OF_USER {
                return Err(quota("GroupsPerUser", limit::GROUPS_OF_USER));
            }
            tx.execute(&JOIN, (group.id.as_str(), user.id.as_str())).await?;
            Ok(())
        })
    }

    /// Takes a user out of a group.
    pub async fn leave(&self, account: &AccountId, group: &str, user: &str) -> Result<(), Error> {
        tx!(self.db, |tx| {
            self.changes(tx);
            let group = entity::find(tx, account, Kind::Group, group).await?;
            let user = entity::find(tx, account, Kind::User, user).await?;
            let present = tx.all::<(String,)>(&GROUPS_OF, (user.id.as_str(),)).await?;
            if present.iter().all(|(id,)| *id != group.id) {
                return Err(Error::NotAMember { user: user.name, group: group.name });
            }
            tx.execute(&LEAVE, (group.id.as_str(), user.id.as_str())).await?;
            Ok(())
        })
    }

    /// Up to `limit` users of a group whose names, in lower case, follow `after`.
    pub async fn members(
        &self,
        group: &Entity,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Entity>, Error> {
        let values = (group.id.as_str(), after, limit);
        let rows = self.db.all::<Columns>(&MEMBERS, values).await?;
        Ok(rows.into_iter().map(|row| Entity::read(&group.account, Kind::User, row)).collect())
    }

    /// Up to `limit` groups of a user whose names, in lower case, follow `after`.
    pub async fn groups_of(
        &self,
        user: &Entity,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Entity>, Error> {
        let values = (user.id.as_str(), after, limit);
        let rows = self.db.all::<Columns>(&GROUPS, values).await?;
        Ok(rows.into_iter().map(|row| Entity::read(&user.account, Kind::Group, row)).collect())
    }
}
