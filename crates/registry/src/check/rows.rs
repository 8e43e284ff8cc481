//! Rows that contradict each other although no one row is wrong: links and tags.

use wharf_db::{statement, tx};

use super::{Check, Flaw};
use crate::Error;

/// The most that is told of one kind: a database with more is not to be repaired row by row.
const MOST: i64 = 10_000;

statement! {
    BROKEN_LINKS = "SELECT l.repository_id, r.name, l.digest FROM blob_links l
                    JOIN repositories r ON r.id = l.repository_id
                    LEFT JOIN blobs b ON b.id = l.blob_id
                    WHERE ($1 = '' OR r.id = $1) AND
                        (b.id IS NULL OR b.digest <> l.digest OR b.condemned_at IS NOT NULL)
                    LIMIT $2";
    RELINK = "UPDATE blob_links SET blob_id =
                  (SELECT b.id FROM blobs b WHERE b.digest = $2 AND b.condemned_at IS NULL)
              WHERE repository_id = $1 AND digest = $2 AND EXISTS
                  (SELECT 1 FROM blobs b WHERE b.digest = $2 AND b.condemned_at IS NULL)";
    BROKEN_TAGS = "SELECT r.name, t.tag, t.digest FROM tags t
                   JOIN repositories r ON r.id = t.repository_id
                   WHERE ($1 = '' OR r.id = $1) AND NOT EXISTS
                       (SELECT 1 FROM images i
                        WHERE i.repository_id = t.repository_id AND i.digest = t.digest)
                   LIMIT $2";
}

impl Check<'_> {
    pub(super) async fn rows(&mut self) -> Result<(), Error> {
        self.links().await?;
        let values = (self.repository.as_str(), MOST);
        let tags = self.registry.db.all(&BROKEN_TAGS, values).await?;
        for (name, tag, digest) in tags {
            let (name, tag, digest): (String, String, String) = (name, tag, digest);
            let detail = format!("in {name}: on {digest}");
            self.found(Flaw::TagBroken, &tag, detail, false);
        }
        Ok(())
    }

    async fn links(&mut self) -> Result<(), Error> {
        let registry = self.registry;
        let values = (self.repository.as_str(), MOST);
        let links = registry.db.all::<(String, String, String)>(&BROKEN_LINKS, values).await?;
        for (repository, name, digest) in links {
            let mut repaired = false;
            if self.repair {
                let id = repository.as_str().into();
                repaired = tx!(registry.db, |tx| {
                    registry.changes(tx, &id);
                    tx.execute(&RELINK, (repository.as_str(), digest.as_str())).await
                })? == 1;
            }
            self.found(Flaw::LinkBroken, &digest, format!("in {name}"), repaired);
        }
        Ok(())
    }
}
