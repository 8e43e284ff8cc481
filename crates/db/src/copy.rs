//! Making the tables of one database equal to those of another, whatever the engines: what is
//! missing is inserted, what differs is replaced, what is too much is deleted, in one transaction.
//! So the target goes from one state of the source to a later one, and is never in between.
//!
//! The list of tables comes from the schema. Both sides are read in the order of the primary key,
//! which is the order of bytes on either engine, a page at a time. The only SQL of the program that
//! is put together at run time; its names are the schema's own.

mod merge;
mod write;

use std::collections::HashSet;

use crate::schema::{self, Table};
use crate::{Db, Durability, Error, Params, Snapshot, Tx, Value};

use merge::{Merge, Met};
use write::Batch;

/// Which rows are copied.
pub struct Plan<'p> {
    /// Tables that are not; each must be one of the schema.
    pub except: &'p [&'p str],
    /// Rows of this table are missing in the target, by their keys of one column: rows that refer
    /// to them are left out.
    pub missing: (&'p str, &'p HashSet<String>),
}

/// What became of the rows.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Changes {
    pub inserted: u64,
    pub updated: u64,
    pub deleted: u64,
    /// Rows that refer to a missing one.
    pub left_out: u64,
}

/// Makes the tables of `plan` in the target equal to those in `source`, inside the transaction.
/// `looked_at` is called with the number of rows of the source that were compared since the call
/// before.
pub async fn tables(
    source: &mut Snapshot,
    target: &mut Tx,
    plan: &Plan<'_>,
    mut looked_at: impl FnMut(u64) + Send,
) -> Result<Changes, Error> {
    target.take_time().await?;
    let tables = copied(plan).await?;
    let mut changes = Changes::default();
    // First, so that a new row never meets an old one that has its name.
    for table in tables.iter().rev() {
        changes.deleted += delete(source, target, table).await?;
    }
    for table in &tables {
        put(source, target, table, plan, &mut changes, &mut looked_at).await?;
    }
    Ok(changes)
}

/// How many rows there are to look at.
pub async fn count(source: &mut Snapshot, plan: &Plan<'_>) -> Result<u64, Error> {
    let mut rows = 0;
    for table in copied(plan).await? {
        let sql = format!("SELECT COUNT(*) FROM {}", table.name);
        let counted = source.connection().all::<(i64,)>(&sql, Params::default()).await?;
        rows += counted.first().map_or(0, |(count,)| *count as u64);
    }
    Ok(rows)
}

/// The first table of `plan` that has a row already.
pub async fn occupied(target: &Db, plan: &Plan<'_>) -> Result<Option<String>, Error> {
    let mut attempts = target.attempts(Durability::Process);
    let mut tx = attempts.begin().await?;
    let mut found = None;
    for table in copied(plan).await? {
        let sql = format!("SELECT CAST(1 AS BIGINT) FROM {} LIMIT 1", table.name);
        if !tx.connection().all::<(i64,)>(&sql, Params::default()).await?.is_empty() {
            found = Some(table.name);
            break;
        }
    }
    attempts.end(tx, Ok::<_, Error>(())).await;
    Ok(found)
}

/// The names of all tables of the schema, parents first.
pub async fn names() -> Result<Vec<String>, Error> {
    Ok(schema::tables().await?.into_iter().map(|table| table.name).collect())
}

async fn copied(plan: &Plan<'_>) -> Result<Vec<Table>, Error> {
    let mut tables = schema::tables().await?;
    for name in plan.except {
        let Some(place) = tables.iter().position(|table| table.name == *name) else {
            return Err(Error::Copy(format!("there is no table {name}")));
        };
        tables.remove(place);
    }
    Ok(tables)
}

impl Plan<'_> {
    /// Whether the row refers to one that is missing.
    fn leaves_out(&self, table: &Table, row: &[Value]) -> bool {
        let (missing, keys) = self.missing;
        let mut references = table.references.iter().filter(|to| to.table == missing);
        references.any(|to| matches!(&row[to.column], Value::Text(Some(key)) if keys.contains(key)))
    }
}

/// Deletes what the source does not have.
async fn delete(source: &mut Snapshot, target: &mut Tx, table: &Table) -> Result<u64, Error> {
    let mut merge = Merge::of_keys(table);
    let mut deleted = 0;
    while let Some(met) = merge.next(source, target).await? {
        if let Met::Surplus(row) = met {
            deleted += write::delete(target, table, &row).await?;
        }
    }
    Ok(deleted)
}

/// Inserts what is missing and replaces what differs.
async fn put(
    source: &mut Snapshot,
    target: &mut Tx,
    table: &Table,
    plan: &Plan<'_>,
    changes: &mut Changes,
    looked_at: &mut impl FnMut(u64),
) -> Result<(), Error> {
    let mut merge = Merge::of_rows(table);
    let mut batch = Batch::new(table);
    while let Some(met) = merge.next(source, target).await? {
        match met {
            // Deleted before, or about to go with its parent.
            Met::Surplus(_) => continue,
            Met::Same => {}
            Met::New(row) if plan.leaves_out(table, &row) => changes.left_out += 1,
            Met::Changed(row) if plan.leaves_out(table, &row) => {
                changes.left_out += 1;
                changes.deleted += write::delete(target, table, &row).await?;
            }
            Met::New(row) => {
                changes.inserted += 1;
                batch.put(target, row).await?;
            }
            Met::Changed(row) => {
                changes.updated += 1;
                batch.put(target, row).await?;
            }
        }
        looked_at(1);
    }
    batch.flush(target).await
}
