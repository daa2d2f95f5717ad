use std::time::Duration;

use trunkline_model::{Profile, Timestamp};
use trunkline_store::{Account, ImportAccount, Imported};

use super::{Executor, account::checked, refusal};
use crate::admin::{ImportRow, ImportedView, KeyView, Outcome, Refusal, RefusalKind, Reply, view::rfc3339};

/// Accounts of one command at most: one transaction holds them, and phones wait for it.
pub(crate) const IMPORT_ROWS: usize = 250;
/// Bytes of JSON of one command's accounts at most: far below the longest line that the admin socket takes.
pub(crate) const IMPORT_BYTES: usize = 256 * 1024;

impl Executor {
    /// Adds and changes the accounts of one part of a file, in one transaction; with a dry run only says what would be.
    pub(super) async fn account_import(
        &self,
        rows: Vec<ImportRow>,
        keys_expire_secs: Option<u64>,
        dry_run: bool,
    ) -> Result<Reply, Refusal> {
        if rows.len() > IMPORT_ROWS {
            let words = format!("at most {IMPORT_ROWS} accounts in one command");
            return Err(Refusal::new(RefusalKind::Invalid, words));
        }
        let mut accounts = Vec::with_capacity(rows.len());
        let mut foreseen = Vec::with_capacity(rows.len());
        for ImportRow { address, change } in rows {
            let known = self.store.account_by_address(&address).await.map_err(refusal)?;
            let before = known.as_ref().map(|known| known.profile.clone());
            let profile = checked(change.over(before.clone().unwrap_or_default()))?;
            foreseen.push(ImportedView {
                address: address.clone(),
                outcome: outcome(before.as_ref(), &profile),
                key: None,
            });
            accounts.push(ImportAccount { address, profile });
        }
        if dry_run {
            return Ok(Reply::Imported { accounts: foreseen });
        }
        let expires_at = keys_expire_secs.map(|secs| Timestamp::now().plus(Duration::from_secs(secs)));
        let imported = self.store.accounts_import(accounts, expires_at).await.map_err(refusal)?;
        let mut views = Vec::with_capacity(imported.len());
        for Imported { account, before, key } in imported {
            let outcome = outcome(before.as_ref(), &account.profile);
            if outcome == Outcome::Updated {
                self.announce(&account).await?;
            }
            let key = key.zip(expires_at).map(|(key, at)| key_view(&account, &key.to_string(), at));
            views.push(ImportedView { address: account.address, outcome, key });
        }
        Ok(Reply::Imported { accounts: views })
    }
}

fn key_view(account: &Account, key: &str, expires_at: Timestamp) -> KeyView {
    KeyView { address: account.address.clone(), access_key: key.to_owned(), expires_at: rfc3339(expires_at) }
}

fn outcome(before: Option<&Profile>, after: &Profile) -> Outcome {
    match before {
        None => Outcome::Added,
        Some(before) if before == after => Outcome::Unchanged,
        Some(_) => Outcome::Updated,
    }
}
