//! Reading rows into tuples: `db.optional::<(String, i64)>(…)`.

use sqlx::Row as _;

use crate::Error;

/// One row of either engine.
pub enum Row<'r> {
    #[doc(hidden)]
    Sqlite(&'r sqlx::sqlite::SqliteRow),
    #[doc(hidden)]
    Postgres(&'r sqlx::postgres::PgRow),
}

/// A type that one column can be read as. Types are trusted, not checked at run time: the suite
/// runs every query on both engines.
pub trait Column: Sized {
    /// Reads the column at `index`, counted from 0.
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error>;
}

macro_rules! columns_by_sqlx {
    ($($column:ty)+) => { $(
        impl Column for $column {
            fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
                Ok(match row {
                    Row::Sqlite(row) => row.try_get_unchecked(index)?,
                    Row::Postgres(row) => row.try_get_unchecked(index)?,
                })
            }
        }
    )+ };
}
columns_by_sqlx! { String Option<String> i64 Option<i64> Vec<u8> Option<Vec<u8>> }

impl Column for bool {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        i64::read(row, index).map(|number| number != 0)
    }
}

/// A whole row as a tuple of [`Column`]s.
pub trait Columns: Sized {
    /// Reads the row from its first column on.
    fn read(row: &Row<'_>) -> Result<Self, Error>;
}

macro_rules! columns_for_tuples {
    ($(($($name:ident $index:tt),+))+) => { $(
        impl<$($name: Column),+> Columns for ($($name,)+) {
            fn read(row: &Row<'_>) -> Result<Self, Error> {
                Ok(($($name::read(row, $index)?,)+))
            }
        }
    )+ };
}
columns_for_tuples! {
    (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5) (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7) (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13)
}
