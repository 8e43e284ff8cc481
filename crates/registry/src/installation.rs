//! Which installation a database and a store are of. Both carry its name, and whoever is to write
//! or sweep begins only where the names are the same: a wrong URL or prefix in the configuration
//! would otherwise mix two installations, and the sweep of one take the other's layers for garbage.
//!
//! The database is named first, then the store is marked, and the mark is looked at before the name:
//! so a mark without a name never is another replica's first start, and a start that broke off in
//! between is completed by the next. See decision 0013.

use uuid::Uuid;
use wharf_blobs::Store;
use wharf_db::{Db, Snapshot, statement, tx};

/// Why a database and a store cannot be used together. Nothing was changed in either.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the database is of installation {database}, the blobs are of installation {store}: one of \
         the two is another's. Nothing was changed. Name the pair that belongs together, or an empty \
         place for the blobs of a new installation"
    )]
    Differ { database: String, store: String },
    #[error(
        "the blobs are of installation {0}, and the database is of none: it is new, or older than \
         this. Nothing was changed. Name the database of that installation, or another place for \
         the blobs of a new one. A database that was just put back by the engine's own tools is told \
         by `wharf restore --in-place`"
    )]
    Unnamed(String),
    #[error(
        "the blobs of installation {0} are not here: its mark, `installation`, is missing. Nothing \
         was changed. Is the disk mounted, and is this the right folder, or bucket and prefix? If \
         its blobs were put back here, or are gone for good, say so with `wharf restore --in-place`"
    )]
    Unmarked(String),
    #[error(
        "the source is of a version in which installations had no names: start this version of \
         wharf serve on it once"
    )]
    Nameless,
    #[error(transparent)]
    Db(#[from] wharf_db::Error),
    #[error(transparent)]
    Store(#[from] wharf_blobs::Error),
}

/// What may be presumed where only one of the two knows its installation.
#[derive(Clone, Copy)]
pub enum Terms<'t> {
    /// Nothing, and nothing is written: for who only reads.
    Read,
    /// Nothing: for a server.
    Serve,
    /// The rows of these installations may be put beside the blobs that they had: for a copy.
    Copy(&'t [String]),
    /// Both were just put back by the engines' own tools.
    Restored,
}

impl Terms<'_> {
    /// Whether a database without a name may take that of the store.
    fn take(self, mark: &str) -> bool {
        match self {
            Terms::Read | Terms::Serve => false,
            Terms::Copy(installations) => installations.iter().any(|name| name == mark),
            Terms::Restored => true,
        }
    }
}

statement! {
    FIND = "SELECT name, marked_at FROM installation WHERE id = 1";
    NAME = "INSERT INTO installation (id, name, named_at) VALUES (1, $1, $2)
            ON CONFLICT (id) DO NOTHING";
    MARKED = "UPDATE installation SET marked_at = $1 WHERE id = 1 AND marked_at IS NULL";
    COPIED = "SELECT installation FROM origin WHERE id = 1 AND installation IS NOT NULL";
}

/// Holds the names of the two against each other, and gives them one where they have none and
/// `terms` allow it.
pub async fn join(db: &Db, store: &Store, terms: Terms<'_>, now: i64) -> Result<(), Error> {
    let mut mark = store.installation().await?;
    let found = db.optional::<(String, Option<i64>)>(&FIND, ()).await?;
    // Another replica may have marked the store since it was looked at.
    if mark.is_none() && matches!(found, Some((_, Some(_)))) {
        mark = store.installation().await?;
    }
    let name = match (&found, mark) {
        (Some((name, _)), Some(mark)) if *name != mark => {
            return Err(Error::Differ { database: name.clone(), store: mark });
        }
        (None, Some(mark)) if !terms.take(&mark) => return Err(Error::Unnamed(mark)),
        (Some((name, Some(_))), None) if !matches!(terms, Terms::Restored) => {
            return Err(Error::Unmarked(name.clone()));
        }
        _ if matches!(terms, Terms::Read) => return Ok(()),
        (Some((name, marked)), Some(_)) => {
            if marked.is_some() {
                return Ok(());
            }
            name.clone()
        }
        (Some((name, _)), None) => name.clone(),
        (None, Some(mark)) => named(db, &mark, now).await?,
        (None, None) => named(db, &Uuid::now_v7().to_string(), now).await?,
    };
    marked(db, store, name, now).await
}

/// Names the database, unless another replica was faster. Gives the name that it has now.
async fn named(db: &Db, name: &str, now: i64) -> Result<String, Error> {
    let named = tx!(db, |tx| {
        tx.execute(&NAME, (name, now)).await?;
        let found = tx.optional::<(String, Option<i64>)>(&FIND, ()).await?;
        Ok::<_, wharf_db::Error>(found.map_or_else(|| name.to_owned(), |(name, _)| name))
    })?;
    tracing::info!(installation = named, "the database has a name");
    Ok(named)
}

async fn marked(db: &Db, store: &Store, name: String, now: i64) -> Result<(), Error> {
    let mark = store.mark(&name).await?;
    if mark != name {
        return Err(Error::Differ { database: name, store: mark });
    }
    tx!(db, |tx| {
        tx.execute(&MARKED, (now,)).await?;
        Ok::<_, wharf_db::Error>(())
    })?;
    Ok(())
}

/// The installation that is looked at.
pub(crate) async fn of(snapshot: &mut Snapshot) -> Result<Option<String>, wharf_db::Error> {
    let found = snapshot.optional::<(String, Option<i64>)>(&FIND, ()).await?;
    Ok(found.map(|(name, _)| name))
}

/// The installation that was copied into the one that is looked at.
pub(crate) async fn copied(snapshot: &mut Snapshot) -> Result<Option<String>, wharf_db::Error> {
    Ok(snapshot.optional::<(String,)>(&COPIED, ()).await?.map(|(name,)| name))
}
