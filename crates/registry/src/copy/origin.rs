//! What a database knows of where its rows came from: whether it may be copied into, whether it
//! may be served, and until when the sweep leaves it alone.

use std::time::Duration;

use wharf_db::copy::{self, Plan};
use wharf_db::{Db, Snapshot, Tx, statement, tx};

use super::{Error, Source, Target};
use crate::installation::{self, Terms};

statement! {
    FIND = "SELECT source, key_print, adopted_at FROM origin WHERE id = 1";
    BEGIN = "INSERT INTO origin (id, source, key_print, installation, begun_at, spared_until)
             VALUES (1, $1, $2, $3, $4, 0)
             ON CONFLICT (id) DO UPDATE SET source = excluded.source,
                 installation = excluded.installation, begun_at = excluded.begun_at";
    COMPLETE = "UPDATE origin SET completed_at = $1 WHERE id = 1";
    STATE = "SELECT source, completed_at, adopted_at FROM origin WHERE id = 1";
    ADOPT = "UPDATE origin SET adopted_at = $1, spared_until = $2 WHERE id = 1";
    RESTORED = "INSERT INTO origin (id, source, key_print, begun_at, completed_at, adopted_at,
                    spared_until)
                VALUES (1, $1, $2, $3, $3, $3, $4)
                ON CONFLICT (id) DO UPDATE SET source = excluded.source,
                    key_print = excluded.key_print, begun_at = excluded.begun_at,
                    completed_at = excluded.completed_at, adopted_at = excluded.adopted_at,
                    spared_until = excluded.spared_until";
    DROP_UPLOADS = "DELETE FROM uploads";
    SPARED = "SELECT spared_until FROM origin WHERE id = 1";
}

/// Refuses a target that is not empty and no copy of the same installation, or whose store is
/// another's, and notes that a copy of it begins.
pub(super) async fn begin(
    source: &mut Source,
    target: &Target,
    plan: &Plan<'_>,
    now: i64,
) -> Result<(), Error> {
    let db = &target.db;
    match db.optional::<(String, String, Option<i64>)>(&FIND, ()).await? {
        Some((from, _, Some(_))) => return Err(Error::Adopted(from)),
        Some((from, key, None)) if key != source.key_print => {
            return Err(Error::OtherInstallation(from));
        }
        Some(_) => {}
        None => {
            if let Some(table) = copy::occupied(db, plan).await? {
                return Err(Error::Occupied(table));
            }
        }
    }
    let installation = join(source, target, now).await?;
    let (name, key) = (source.name.as_str(), source.key_print.as_str());
    tx!(db, |tx| {
        tx.execute(&BEGIN, (name, key, installation.as_deref(), now)).await?;
        Ok(())
    })
}

/// The target becomes an installation of its own, unless its blobs are those that the source has or
/// once had: then it is that installation. Gives the source's name.
async fn join(
    source: &mut Source,
    target: &Target,
    now: i64,
) -> Result<Option<String>, installation::Error> {
    let own = installation::of(&mut source.snapshot).await?;
    if own.is_none() && target.same_store {
        return Err(installation::Error::Nameless);
    }
    let before = installation::copied(&mut source.snapshot).await?;
    let known: Vec<String> = own.iter().cloned().chain(before).collect();
    installation::join(&target.db, &target.store, Terms::Copy(&known), now).await?;
    Ok(own)
}

pub(super) async fn complete(tx: &mut Tx, now: i64) -> Result<(), wharf_db::Error> {
    tx.execute(&COMPLETE, (now,)).await?;
    Ok(())
}

/// What tells the installation key of the copy that is looked at, if it is one.
pub async fn key_print(snapshot: &mut Snapshot) -> Result<Option<String>, Error> {
    let found = snapshot.optional::<(String, String, Option<i64>)>(&FIND, ()).await?;
    Ok(found.map(|(_, key, _)| key))
}

/// Lets a database be served: an unfinished copy may not be. A finished one becomes a registry of
/// its own, whose sweep removes nothing for a `grace`, unless it is only to be read.
pub async fn adopt(db: &Db, now: i64, grace: Duration, read_only: bool) -> Result<(), Error> {
    let found = db.optional::<(String, Option<i64>, Option<i64>)>(&STATE, ()).await?;
    match found {
        Some((source, None, _)) => Err(Error::Unfinished(source)),
        Some((_, Some(_), None)) if !read_only => {
            let until = now.saturating_add(milliseconds(grace));
            tx!(db, |tx| {
                tx.execute(&ADOPT, (now, until)).await?;
                Ok(())
            })
        }
        _ => Ok(()),
    }
}

/// Notes that the engines' own tools have put the database back to an earlier state: uploads are
/// dropped, and the sweep removes nothing for a `grace`, since objects that the rows do not know
/// any more, and layers that nobody asked for since, are no garbage yet. Gives the number of
/// uploads.
pub async fn restored(db: &Db, key_print: &str, now: i64, grace: Duration) -> Result<u64, Error> {
    let until = now.saturating_add(milliseconds(grace));
    tx!(db, |tx| {
        tx.execute(&RESTORED, ("the engines' own tools", key_print, now, until)).await?;
        Ok(tx.execute(&DROP_UPLOADS, ()).await?)
    })
}

/// Whether the sweep is to leave everything alone at this time.
pub(crate) async fn is_spared(db: &Db, now: i64) -> Result<bool, wharf_db::Error> {
    let until = db.optional::<(i64,)>(&SPARED, ()).await?;
    Ok(until.is_some_and(|(until,)| now < until))
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
