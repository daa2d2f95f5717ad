use crate::{Account, Store, StoreError, store::unbuilt};

/// Which fields a directory search looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchField {
    /// Display name.
    Name,
    /// E-mail and address.
    Email,
    /// Work and mobile phone, digits only.
    Phone,
    /// All of them.
    Any,
}

impl Store {
    /// Enabled accounts (of one domain) with a word that begins with the term, in any letter case, by name; up to
    /// `limit` + 1 of them, so that the caller sees whether there are more.
    pub async fn search(
        &self,
        _domain: Option<&str>,
        _term: &str,
        _field: SearchField,
        _limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        unbuilt()
    }
}
