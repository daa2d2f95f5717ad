use sqlx::{Decode, Error, Postgres, Row as _, Sqlite, Type};

use super::Row;

/// What a column can be read as.
pub(crate) trait Column<'r>:
    Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{
}

impl<'r, T> Column<'r> for T where T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>
{}

impl Row {
    /// The column at this place, from 0.
    pub(crate) fn try_get<'r, T: Column<'r>>(&'r self, index: usize) -> Result<T, Error> {
        match self {
            Self::Sqlite(row) => row.try_get(index),
            Self::Postgres(row) => row.try_get(index),
        }
    }
}
