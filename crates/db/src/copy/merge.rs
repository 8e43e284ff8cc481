//! The rows of one table on both sides, side by side in the order of the primary key.

use std::cmp::Ordering;
use std::collections::VecDeque;

use crate::connection::Connection;
use crate::row::Column as _;
use crate::schema::{Kind, Table};
use crate::value::Value;
use crate::{Error, Params, Row, Snapshot, Tx};

/// Rows of one page. A manifest may have 4 MiB, and two pages are held at a time.
const PAGE: usize = 500;
const PAGE_WITH_BLOBS: usize = 25;

/// What the next key is about. A row has the columns that were asked for, a surplus one too.
pub(super) enum Met {
    /// On both sides, and equal.
    Same,
    /// On both sides, and different; as the source has it.
    Changed(Vec<Value>),
    /// In the source alone.
    New(Vec<Value>),
    /// In the target alone.
    Surplus(Vec<Value>),
}

/// The walk through both sides.
pub(super) struct Merge {
    reading: Reading,
    source: Cursor,
    target: Cursor,
}

/// What is read of each row.
struct Reading {
    table: String,
    columns: Vec<(String, Kind)>,
    /// Where the key is among the columns.
    key: Vec<usize>,
    page: usize,
}

/// How far one side was read.
#[derive(Default)]
struct Cursor {
    rows: VecDeque<Vec<Value>>,
    /// The key of the last row read.
    last: Option<Vec<Value>>,
    /// Nothing is behind `rows`.
    ended: bool,
}

impl Merge {
    /// Compares whole rows.
    pub(super) fn of_rows(table: &Table) -> Merge {
        Merge::of(table, (0..table.columns.len()).collect(), table.key.clone())
    }

    /// Compares which keys there are. Rows have the columns of the key alone, in its order.
    pub(super) fn of_keys(table: &Table) -> Merge {
        Merge::of(table, table.key.clone(), (0..table.key.len()).collect())
    }

    fn of(table: &Table, columns: Vec<usize>, key: Vec<usize>) -> Merge {
        let columns = columns.into_iter().map(|index| &table.columns[index]);
        let columns: Vec<_> = columns.map(|column| (column.name.clone(), column.kind)).collect();
        let has_blobs = columns.iter().any(|(_, kind)| *kind == Kind::Blob);
        let page = if has_blobs { PAGE_WITH_BLOBS } else { PAGE };
        let reading = Reading { table: table.name.clone(), columns, key, page };
        Merge { reading, source: Cursor::default(), target: Cursor::default() }
    }

    /// The next key of either side; None behind the last.
    pub(super) async fn next(
        &mut self,
        source: &mut Snapshot,
        target: &mut Tx,
    ) -> Result<Option<Met>, Error> {
        self.source.fill(&self.reading, source.connection()).await?;
        self.target.fill(&self.reading, target.connection()).await?;
        let order = match (self.source.rows.front(), self.target.rows.front()) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(here), Some(there)) => self.reading.key(here).cmp(self.reading.key(there)),
        };
        Ok(match order {
            Ordering::Less => self.source.rows.pop_front().map(Met::New),
            Ordering::Greater => self.target.rows.pop_front().map(Met::Surplus),
            Ordering::Equal => {
                let there = self.target.rows.pop_front();
                self.source.rows.pop_front().map(|here| match there.as_ref() == Some(&here) {
                    true => Met::Same,
                    false => Met::Changed(here),
                })
            }
        })
    }
}

impl Cursor {
    /// Reads the next page once the one before is used up.
    async fn fill(
        &mut self,
        reading: &Reading,
        mut connection: Connection<'_>,
    ) -> Result<(), Error> {
        if self.ended || !self.rows.is_empty() {
            return Ok(());
        }
        let params = Params(self.last.clone().unwrap_or_default());
        let sql = reading.sql(self.last.is_some());
        let rows = connection.rows(&sql, params, |row| reading.read(row)).await?;
        self.ended = rows.len() < reading.page;
        self.last = rows.last().map(|row| reading.key(row).cloned().collect());
        self.rows = rows.into();
        Ok(())
    }
}

impl Reading {
    fn sql(&self, goes_on: bool) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let key: Vec<&str> = self.key.iter().map(|index| columns[*index]).collect();
        let key = key.join(", ");
        let after = match goes_on {
            true => format!(" WHERE ({key}) > ({})", places(1, self.key.len())),
            false => String::new(),
        };
        let (table, page) = (&self.table, self.page);
        format!("SELECT {} FROM {table}{after} ORDER BY {key} LIMIT {page}", columns.join(", "))
    }

    fn read(&self, row: &Row<'_>) -> Result<Vec<Value>, Error> {
        let values = self.columns.iter().enumerate().map(|(index, (_, kind))| {
            Ok(match kind {
                Kind::Text => Value::Text(Option::read(row, index)?),
                Kind::Int => Value::Int(Option::read(row, index)?),
                Kind::Blob => Value::Blob(Option::read(row, index)?),
            })
        });
        values.collect()
    }

    fn key<'r>(&self, row: &'r [Value]) -> impl Iterator<Item = &'r Value> {
        self.key.iter().map(|index| &row[*index])
    }
}

/// `$1, $2, $3`
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}
