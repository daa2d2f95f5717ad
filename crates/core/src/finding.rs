//! Finding people: the account's line and its domain's directory are asked side by side, and their answers become one.

mod merge;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use trunkline_model::Address;
use trunkline_wire::{ApiError, ErrorCode};

pub(crate) use self::merge::complete;
use self::merge::merge;
use crate::{
    error::{self, Seldom},
    metric::Metrics,
    port::{Directory, DirectoryError, Line, LineError, Listed, Roster, Search, SearchResult},
};

/// A directory that does not end by itself in time gets this much longer.
const GRACE: Duration = Duration::from_millis(500);

/// The directories of all domains.
pub(crate) struct Directories {
    all: Vec<Entry>,
    metrics: Metrics,
}

struct Entry {
    directory: Arc<dyn Directory>,
    complaint: Seldom,
}

impl Entry {
    fn complain(&self, error: Option<&DirectoryError>) {
        let Some(error) = error.filter(|_| self.complaint.is_due()) else { return };
        let domain = self.directory.domain();
        tracing::warn!(domain, %error, "the directory did not answer; people find only whom their IM system knows, without photos");
    }
}

impl Directories {
    /// The number of a domain's directory.
    pub(crate) fn of(&self, domain: &str) -> Option<usize> {
        self.all.iter().position(|entry| entry.directory.domain() == domain)
    }

    /// What the directory with that number has of somebody.
    pub(crate) async fn person(
        &self,
        number: usize,
        who: &Address,
    ) -> Result<Option<Listed>, DirectoryError> {
        let Some(entry) = self.all.get(number) else { return Ok(None) };
        let limit = entry.directory.patience() + GRACE;
        let answer = timeout(limit, entry.directory.person(who)).await;
        let answer = answer.unwrap_or(Err(DirectoryError::Late(limit)));
        let result = answer.as_ref().err().map_or("answered", DirectoryError::word);
        self.metrics.directory_looked_up(entry.directory.domain(), result);
        entry.complain(answer.as_ref().err());
        answer
    }
    pub(crate) fn new(directories: Vec<Arc<dyn Directory>>, metrics: Metrics) -> Self {
        for directory in &directories {
            metrics.know_directory(directory.domain());
        }
        let entry = |directory| Entry { directory, complaint: Seldom::new() };
        Self { all: directories.into_iter().map(entry).collect(), metrics }
    }

    /// Finds people for an account of `domain`. A directory that does not answer only makes the result smaller, unless
    /// nobody else answers either; so does a line.
    pub(crate) async fn find(
        &self,
        domain: &str,
        line: Result<Arc<dyn Line>, LineError>,
        search: &Search,
    ) -> Result<SearchResult, ApiError> {
        let Some(entry) = self.all.iter().find(|entry| entry.directory.domain() == domain) else {
            return line.map_err(error::line)?.search(search).await.map_err(error::line);
        };
        let limit = entry.directory.patience() + GRACE;
        let (by_line, by_directory) =
            tokio::join!(ask_line(line, search, limit), ask_directory(entry, search, limit));
        self.metrics
            .directory_asked(domain, by_directory.as_ref().err().map_or("answered", DirectoryError::word));
        entry.complain(by_directory.as_ref().err());
        match (by_line, by_directory) {
            (Err(line), Err(directory)) => Err(neither(line, &directory)),
            (line, directory) => {
                let (found, roster) = line.unwrap_or_default();
                Ok(merge(found, &roster, directory.unwrap_or_default(), search))
            }
        }
    }
}

/// What the IM system finds, and whom the account has in its roster.
async fn ask_line(
    line: Result<Arc<dyn Line>, LineError>,
    search: &Search,
    limit: Duration,
) -> Result<(SearchResult, Roster), LineError> {
    let line = line?;
    let asking = async {
        let (found, roster) = tokio::join!(line.search(search), line.roster());
        // Without the roster a hit is only shown without its groups; without a search it still has them.
        match (found, roster) {
            (Ok(found), roster) => Ok((found, roster.unwrap_or_default())),
            (Err(LineError::NotSupported(_)), Ok(roster)) => Ok((SearchResult::default(), roster)),
            (Err(error), _) => Err(error),
        }
    };
    let late = |_| Err(LineError::NotConnected(format!("no answer within {} ms", limit.as_millis())));
    timeout(limit, asking).await.unwrap_or_else(late)
}

async fn ask_directory(
    entry: &Entry,
    search: &Search,
    limit: Duration,
) -> Result<SearchResult, DirectoryError> {
    timeout(limit, entry.directory.search(search)).await.unwrap_or(Err(DirectoryError::Late(limit)))
}

/// The line's own word when it has one that the phone understands better.
fn neither(line: LineError, directory: &DirectoryError) -> ApiError {
    match line {
        LineError::NotSupported(_) => {
            ApiError::new(ErrorCode::OperationFailure, format!("directory-unavailable: {directory}"))
        }
        line => error::line(line),
    }
}
