//! Finds people in Active Directory and other LDAP servers (RFC 4511).

mod connection;
mod entry;
mod examine;
mod fault;
mod filter;
mod pool;
mod settings;
mod trust;

use std::time::Duration;

use async_trait::async_trait;
use trunkline_core::port::{Directory, DirectoryError, Listed, Search, SearchResult, Step};

use trunkline_model::Address;

pub use self::settings::{Attributes, DirectoryServer, DirectorySettings, Encryption, Scope, SetupError};
use self::{connection::Request, entry::Reader, filter::Question, pool::Pool};

/// Entries that may have one address among their own, where it is the first of one only.
const NAMESAKES: usize = 10;

/// The directory of one domain: several servers of the same content, asked in their order.
pub struct LdapDirectory {
    pool: Pool,
}

impl LdapDirectory {
    /// Checks the settings and reads the authorities; connects to nobody yet.
    pub fn new(settings: DirectorySettings) -> Result<Self, SetupError> {
        settings.check()?;
        Ok(Self { pool: Pool::new(settings)? })
    }
}

#[async_trait]
impl Directory for LdapDirectory {
    fn domain(&self) -> &str {
        &self.pool.settings().domain
    }

    fn patience(&self) -> Duration {
        self.pool.settings().patience
    }

    async fn search(&self, search: &Search) -> Result<SearchResult, DirectoryError> {
        let settings = self.pool.settings();
        let Some(question) = Question::new(search, settings) else {
            return Ok(SearchResult::default());
        };
        let request = Request::new(settings, question.filter(), question.size(settings, search.limit), false);
        let answer = self.pool.ask(&request).await?;
        let reader = Reader::new(settings);
        let people = answer.entries.iter().filter_map(|entry| reader.contact(entry));
        let mut contacts: Vec<_> = people.filter(|contact| question.fits(contact)).collect();
        contacts.sort_by_cached_key(|contact| (question.rank(contact), contact.shown_name().to_lowercase()));
        let mut seen = std::collections::HashSet::new();
        contacts.retain(|contact| seen.insert(contact.address.clone()));
        let more = answer.cut || contacts.len() > search.limit;
        contacts.truncate(search.limit);
        Ok(SearchResult { contacts, more })
    }

    async fn person(&self, who: &Address) -> Result<Option<Listed>, DirectoryError> {
        let settings = self.pool.settings();
        let request = Request::new(settings, &filter::exactly(who, settings), NAMESAKES, true);
        let answer = self.pool.ask(&request).await?;
        let reader = Reader::new(settings);
        let found = answer.entries.iter().find_map(|entry| {
            let contact = reader.contact(entry).filter(|contact| contact.address == *who)?;
            Some(Listed { profile: contact.profile, photo: reader.photo(entry) })
        });
        Ok(found)
    }

    async fn examine(&self) -> Vec<Step> {
        examine::examine(&self.pool).await
    }
}
