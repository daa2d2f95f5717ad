use trunkline_model::{Address, Availability, MessageId};

use crate::{
    StoreError,
    engine::{Column, Row},
};

/// Reads the columns of a row from left to right.
pub(crate) struct Columns<'r> {
    row: &'r Row,
    index: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r Row) -> Self {
        Self { row, index: 0 }
    }

    pub(crate) fn next<T: Column<'r>>(&mut self) -> Result<T, sqlx::Error> {
        let value = self.row.try_get(self.index)?;
        self.index += 1;
        Ok(value)
    }

    pub(crate) fn address(&mut self) -> Result<Address, StoreError> {
        self.next::<&str>()?.parse().map_err(|_| StoreError::Corrupt("a column holds no address".to_owned()))
    }

    pub(crate) fn message_id(&mut self) -> Result<MessageId, StoreError> {
        self.next::<&str>()?.parse().map_err(|_| StoreError::Corrupt("a message has no proper id".to_owned()))
    }

    pub(crate) fn availability(&mut self) -> Result<Option<Availability>, StoreError> {
        let name: Option<&str> = self.next()?;
        Ok(name.and_then(Availability::from_name))
    }
}
