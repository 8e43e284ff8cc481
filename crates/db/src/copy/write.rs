//! Writing rows into the target, many with one statement.

use super::merge::places;
use crate::schema::Table;
use crate::value::Value;
use crate::{Error, Params, Tx};

/// Rows of one statement; the largest table has 14 columns, and SQLite takes 32,766 parameters.
const ROWS: usize = 200;
/// Bytes of one statement, about.
const BYTES: usize = 4 * 1024 * 1024;

/// Rows on their way into a table.
pub(super) struct Batch<'t> {
    table: &'t Table,
    rows: usize,
    values: Vec<Value>,
    bytes: usize,
}

impl<'t> Batch<'t> {
    pub(super) fn new(table: &'t Table) -> Batch<'t> {
        Batch { table, rows: 0, values: Vec::new(), bytes: 0 }
    }

    /// Inserts the row, or puts it in the place of the one with its key: now or soon.
    pub(super) async fn put(&mut self, target: &mut Tx, row: Vec<Value>) -> Result<(), Error> {
        self.bytes += row.iter().map(size).sum::<usize>();
        self.rows += 1;
        self.values.extend(row);
        if self.rows == ROWS || self.bytes >= BYTES { self.flush(target).await } else { Ok(()) }
    }

    /// Writes what was not written yet.
    pub(super) async fn flush(&mut self, target: &mut Tx) -> Result<(), Error> {
        let (rows, values) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.values));
        self.bytes = 0;
        if rows == 0 {
            return Ok(());
        }
        let sql = self.upsert(rows);
        target.connection().execute(&sql, Params(values), rows == ROWS).await?;
        Ok(())
    }

    fn upsert(&self, rows: usize) -> String {
        let Table { name, columns, key, .. } = self.table;
        let width = columns.len();
        let tuples = (0..rows).map(|row| format!("({})", places(row * width + 1, width)));
        let tuples = tuples.collect::<Vec<_>>().join(", ");
        let listed: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let unique: Vec<&str> = key.iter().map(|index| listed[*index]).collect();
        let others = listed.iter().enumerate().filter(|(index, _)| !key.contains(index));
        let set: Vec<String> =
            others.map(|(_, column)| format!("{column} = excluded.{column}")).collect();
        let action = match set.is_empty() {
            true => "NOTHING".to_owned(),
            false => format!("UPDATE SET {}", set.join(", ")),
        };
        let (listed, unique) = (listed.join(", "), unique.join(", "));
        format!("INSERT INTO {name} ({listed}) VALUES {tuples} ON CONFLICT ({unique}) DO {action}")
    }
}

/// Deletes the row with the key that `row`, a whole one or its key alone, has.
pub(super) async fn delete(target: &mut Tx, table: &Table, row: &[Value]) -> Result<u64, Error> {
    let whole = row.len() == table.columns.len();
    let key = table.key.iter().enumerate();
    let values = key.clone().map(|(place, index)| if whole { &row[*index] } else { &row[place] });
    let named =
        key.map(|(place, index)| format!("{} = ${}", table.columns[*index].name, place + 1));
    let sql =
        format!("DELETE FROM {} WHERE {}", table.name, named.collect::<Vec<_>>().join(" AND "));
    target.connection().execute(&sql, Params(values.cloned().collect()), true).await
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.as_ref().map_or(0, String::len),
        Value::Blob(bytes) => bytes.as_ref().map_or(0, Vec::len),
        Value::Int(_) => size_of::<i64>(),
    }
}
