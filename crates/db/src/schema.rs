//! The tables as the scripts in `migrations/` make them: read once from the scripts themselves, by running them
//! in a SQLite database that lives in memory. Both engines have the same tables, so what is read
//! here is true of either, and the next migration cannot be forgotten.

use std::collections::HashMap;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::connection::Connection;
use crate::{Error, Params, migrate};

/// A table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// The columns of the primary key, as indexes into `columns`.
    pub(crate) key: Vec<usize>,
    /// Columns that refer to a row of another table, by themselves.
    pub(crate) references: Vec<Reference>,
    /// All tables that it refers to.
    parents: Vec<String>,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a column holds: the three types that both engines share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Text,
    Int,
    Blob,
}

/// A foreign key of one column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reference {
    /// An index into the columns.
    pub(crate) column: usize,
    pub(crate) table: String,
}

/// All tables, each behind those that it refers to.
pub(crate) async fn tables() -> Result<Vec<Table>, Error> {
    let mut memory = SqliteConnectOptions::new()
        .filename(":memory:")
        .disable_statement_logging()
        .connect()
        .await?;
    for script in migrate::SCRIPTS {
        sqlx::raw_sql(*script).execute(&mut memory).await?;
    }
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let names = Connection::Sqlite(&mut memory).all::<(String,)>(names, Params::default()).await?;
    let mut tables = Vec::new();
    for (name,) in names {
        tables.push(table(&mut memory, name).await?);
    }
    memory.close().await?;
    in_order(tables)
}

async fn table(memory: &mut SqliteConnection, name: String) -> Result<Table, Error> {
    let columns = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
    let columns = Connection::Sqlite(memory)
        .all::<(String, String, i64)>(columns, (name.as_str(),).into())
        .await?;
    let mut key: Vec<(i64, usize)> = columns
        .iter()
        .enumerate()
        .filter(|(_, (_, _, place))| *place > 0)
        .map(|(index, (_, _, place))| (*place, index))
        .collect();
    key.sort_unstable();
    let key = key.into_iter().map(|(_, index)| index).collect();
    let columns: Vec<Column> = columns
        .into_iter()
        .map(|(column, kind, _)| Ok(Column { kind: self::kind(&name, &kind)?, name: column }))
        .collect::<Result<_, Error>>()?;
    let foreign = "SELECT id, \"table\", \"from\" FROM pragma_foreign_key_list($1) ORDER BY id";
    let foreign = Connection::Sqlite(memory)
        .all::<(i64, String, String)>(foreign, (name.as_str(),).into())
        .await?;
    let mut widths: HashMap<i64, usize> = HashMap::new();
    for (id, _, _) in &foreign {
        *widths.entry(*id).or_default() += 1;
    }
    let place = |from: &str| columns.iter().position(|column| column.name == from);
    let references = foreign
        .iter()
        .filter(|(id, _, _)| widths[id] == 1)
        .filter_map(|(_, table, from)| {
            Some(Reference { column: place(from)?, table: table.clone() })
        })
        .collect();
    let parents = foreign.into_iter().map(|(_, table, _)| table).collect();
    Ok(Table { name, columns, key, references, parents })
}

fn kind(table: &str, declared: &str) -> Result<Kind, Error> {
    // Some versions of SQLite write the types that they know in capitals.
    match declared.to_ascii_lowercase().as_str() {
        "ctext" => Ok(Kind::Text),
        "bigint" => Ok(Kind::Int),
        "blob" => Ok(Kind::Blob),
        other => Err(Error::Copy(format!("a column of {table} has the type {other}"))),
    }
}

/// Parents before children.
fn in_order(mut rest: Vec<Table>) -> Result<Vec<Table>, Error> {
    let mut ordered: Vec<Table> = Vec::new();
    while !rest.is_empty() {
        let known = |name: &String| ordered.iter().any(|table| table.name == *name);
        let Some(next) = rest.iter().position(|table| table.parents.iter().all(known)) else {
            return Err(Error::Copy(format!("the table {} refers to itself", rest[0].name)));
        };
        ordered.push(rest.remove(next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn every_table_of_the_scripts_is_there_behind_its_parents() {
        let tables = tables().await.unwrap();
        let made: usize =
            migrate::SCRIPTS.iter().map(|script| script.matches("CREATE TABLE ").count()).sum();
        assert_eq!(tables.len(), made, "{tables:?}");
        for (index, table) in tables.iter().enumerate() {
            assert!(!table.key.is_empty(), "{} has no primary key to page by", table.name);
            for parent in &table.parents {
                assert!(tables[..index].iter().any(|before| before.name == *parent), "{parent}");
            }
        }
    }

    #[tokio::test]
    async fn a_table_is_read_as_it_was_declared() {
        let tables = tables().await.unwrap();
        let links = tables.iter().find(|table| table.name == "blob_links").unwrap();
        let names: Vec<&str> = links.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["repository_id", "digest", "blob_id", "linked_at", "used_at"]);
        assert_eq!(links.key, [0, 1]);
        assert!(links.references.contains(&Reference { column: 2, table: "blobs".to_owned() }));
        let images = tables.iter().find(|table| table.name == "images").unwrap();
        assert_eq!(images.columns.last().map(|column| column.kind), Some(Kind::Blob));
        // A key of two columns refers by both together, not by either.
        let tags = tables.iter().find(|table| table.name == "tags").unwrap();
        assert!(tags.references.is_empty() && tags.parents.contains(&"images".to_owned()));
    }
}
