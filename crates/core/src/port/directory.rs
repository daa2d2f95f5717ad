use std::time::Duration;

use async_trait::async_trait;

use trunkline_model::{Address, Profile};

use super::{Photo, Search, SearchResult, Step};

/// A directory of the people of one domain, such as Active Directory; it knows names and numbers, but nobody's presence.
#[async_trait]
pub trait Directory: Send + Sync {
    /// The domain whose accounts search in it, lower-case.
    fn domain(&self) -> &str;

    /// How long a search may take at the most; [`Directory::search`] ends by itself within it.
    fn patience(&self) -> Duration;

    /// Finds people, each with an address; a hit is nobody's contact, its groups are empty and it is offline. Fails at once
    /// rather than wait for servers that were gone a moment ago.
    async fn search(&self, search: &Search) -> Result<SearchResult, DirectoryError>;

    /// What it has of one person; `None` when it knows nobody of that address. As patient as a search.
    async fn person(&self, who: &Address) -> Result<Option<Listed>, DirectoryError>;

    /// Walks the way to the first of its servers that can be used step by step, up to and with a search for one person, for
    /// `trunkline doctor`. Stops at the first step that fails, and names those that were not tried.
    async fn examine(&self) -> Vec<Step> {
        Vec::new()
    }
}

/// What a directory has of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Name, numbers and the like.
    pub profile: Profile,
    /// The photo, if there is one that can be shown.
    pub photo: Option<Photo>,
}

/// Why a directory did not answer a search; no text holds what was searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// No server can be reached, or none that is to be trusted.
    #[error("the directory cannot be reached: {0}")]
    Unreachable(String),
    /// The relay's own sign-in at the directory was refused.
    #[error("the directory refuses the relay's sign-in: {0}")]
    SignInRefused(String),
    /// There was no answer in time.
    #[error("the directory did not answer within {} ms", .0.as_millis())]
    Late(Duration),
    /// The directory said no.
    #[error("the directory refused the search: {0}")]
    Refused(String),
    /// So many searches are under way that this one's turn did not come.
    #[error("the directory is busy with other searches")]
    Busy,
}

impl DirectoryError {
    /// One word for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::SignInRefused(_) => "sign_in_refused",
            Self::Late(_) => "late",
            Self::Refused(_) => "refused",
            Self::Busy => "busy",
        }
    }

    /// Every word that [`DirectoryError::word`] may say.
    pub const WORDS: [&'static str; 5] = ["unreachable", "sign_in_refused", "late", "refused", "busy"];
}
