mod aside;
mod old;
mod place;

use std::{path::Path, sync::atomic::AtomicU64};

use trunkline_model::{MessageState, Timestamp};

use super::{ArchiveError, Manifest, load, read, schema};
use crate::{
    Database, KeyId, MasterKey, StoreError,
    engine::{Connection, query},
    hold::Hold,
    migration,
    sql::{archive as sql, mailbox},
};
use old::OldFile;
use place::{InPlace, NewFile};

/// How a backup is to be restored.
#[derive(Debug)]
pub struct Restore<'a> {
    /// Where to.
    pub database: &'a Database,
    /// The backup.
    pub file: &'a Path,
    /// The master key that the database will be under.
    pub key: &'a MasterKey,
    /// What is in the database now goes.
    pub replace: bool,
    /// Access keys that were open stay good: right only when nothing has happened since the backup.
    pub keep_access_keys: bool,
    /// The key that the backup needs is lost: what only that opens is dropped.
    pub without_key: bool,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// What was restored.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// The database's new epoch.
    pub new_epoch: i64,
    /// Access keys that are void.
    pub void_access_keys: u64,
    /// IM passwords that are gone with the lost key.
    pub dropped_secrets: u64,
    /// Messages that were on their way to an IM system: their writers are told that nobody knows.
    pub doubtful: u64,
    /// Where the old SQLite file lies, which could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_aside: Option<String>,
}

/// What is in the database before, as far as that is known.
#[derive(Debug, Clone, Copy, Default)]
struct Present {
    accounts: i64,
    messages: i64,
    /// At least as high as the database's.
    epoch: i64,
}

/// Puts a backup in the place of a database that nobody uses. Everything is checked before anything is changed, and a
/// crash leaves either all of what was there or all of the backup. A damaged SQLite file is kept under another name, which
/// [`Restored::set_aside`] tells. [`StoreError::Locked`] when a server runs.
pub async fn restore(restore: Restore<'_>, rows: &AtomicU64) -> Result<Restored, ArchiveError> {
    let manifest = read::verify(restore.file).await?;
    let key = check_key(&restore, &manifest)?;
    let mut hold = Hold::of(restore.database, true, false)?;
    match restore.database {
        Database::Sqlite(path) => {
            let old = OldFile::open(path, &mut hold, restore.replace).await?;
            let task = Task::of(&restore, manifest, key, old.present(), rows)?;
            let mut new = NewFile::create(path).await?;
            let mut restored = task.fill(new.connection()).await?;
            restored.set_aside = new.replace(old).await?.map(|file| file.display().to_string());
            Ok(restored)
        }
        Database::Postgres(_) => {
            let mut connection = hold.connect().await?;
            let task = Task::of(&restore, manifest, key, present(&mut connection).await?, rows)?;
            let mut old = InPlace::begin(connection).await?;
            let restored = task.fill(old.connection()).await?;
            old.commit().await?;
            Ok(restored)
        }
    }
}

/// Whether the backup's key is the one that is there.
fn check_key(restore: &Restore<'_>, manifest: &Manifest) -> Result<bool, ArchiveError> {
    let given = restore.key.id();
    match manifest.head.key {
        Some(needed) if needed != given && !restore.without_key => {
            Err(ArchiveError::WrongKey { needed, given })
        }
        Some(needed) => Ok(needed == given),
        None => Ok(!restore.without_key),
    }
}

fn skipped(restore: &Restore<'_>, key_fits: bool) -> Vec<&'static str> {
    let mut skipped = Vec::new();
    if !key_fits {
        skipped.push("secrets");
    }
    if !key_fits || !restore.keep_access_keys {
        skipped.push("access_keys");
    }
    skipped
}

/// Above the backup's and the present one, and above any that phones may know from a database that is lost: a restore
/// takes longer than a second.
fn next_epoch(manifest: &Manifest, present: Present) -> i64 {
    let above = |epoch: i64| epoch.saturating_add(1);
    let moments = [Timestamp::now().as_secs(), Timestamp(manifest.head.created_at).as_secs()];
    moments.into_iter().fold(above(manifest.head.epoch).max(above(present.epoch)), i64::max)
}

async fn present(connection: &mut Connection) -> Result<Present, StoreError> {
    if migration::version(connection).await?.is_none() {
        return Ok(Present::default());
    }
    let held = query(sql::HELD).fetch_one(&mut *connection).await?;
    Ok(Present { accounts: held.try_get(0)?, messages: held.try_get(1)?, epoch: epoch(connection).await? })
}

async fn epoch(connection: &mut Connection) -> Result<i64, StoreError> {
    let epoch = query(mailbox::EPOCH).fetch_optional(connection).await?;
    Ok(epoch.map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

/// What is to be made.
struct Task<'a> {
    file: &'a Path,
    manifest: Manifest,
    skipped: Vec<&'static str>,
    epoch: i64,
    key: KeyId,
    rows: &'a AtomicU64,
}

impl<'a> Task<'a> {
    /// Refuses to take the place of what may not be replaced.
    fn of(
        restore: &Restore<'a>,
        manifest: Manifest,
        key_fits: bool,
        present: Present,
        rows: &'a AtomicU64,
    ) -> Result<Self, ArchiveError> {
        let Present { accounts, messages, .. } = present;
        if (accounts > 0 || messages > 0) && !restore.replace {
            return Err(ArchiveError::NotEmpty { accounts, messages });
        }
        Ok(Self {
            epoch: next_epoch(&manifest, present),
            skipped: skipped(restore, key_fits),
            key: restore.key.id(),
            file: restore.file,
            manifest,
            rows,
        })
    }

    /// Makes the schema as the backup has it, writes the rows, brings the schema up to date, and begins a new epoch.
    async fn fill(self, connection: &mut Connection) -> Result<Restored, ArchiveError> {
        let head = &self.manifest.head;
        migration::run_up_to(connection, head.schema).await?;
        query(sql::CLEAR_META).execute(&mut *connection).await?;
        let read = load::load(connection, self.file, &self.skipped, self.rows).await?;
        if read != self.manifest {
            return Err(ArchiveError::damaged(self.file, "it was changed while it was read"));
        }
        migration::run(connection).await?;
        let put = |name: &str, number: i64| query(sql::PUT_META).bind(name).bind(number);
        put("epoch", self.epoch).execute(&mut *connection).await?;
        if head.key.is_some() {
            put("key", self.key.number()).execute(&mut *connection).await?;
        }
        let doubtful =
            query(sql::DOUBT_OUTBOX).bind(MessageState::Submitted.code()).execute(&mut *connection).await?;
        let since = Timestamp::now().0.saturating_sub(head.created_at).max(0);
        query(sql::SHIFT_CURSORS).bind(since).execute(&mut *connection).await?;
        let left_out = |table: &str| if self.skipped.contains(&table) { self.count(table) } else { 0 };
        Ok(Restored {
            new_epoch: self.epoch,
            void_access_keys: left_out("access_keys"),
            dropped_secrets: left_out("secrets"),
            doubtful,
            set_aside: None,
            manifest: read,
        })
    }

    fn count(&self, table: &str) -> u64 {
        self.manifest.foot.tables.iter().find(|sum| sum.table == table).map_or(0, |sum| sum.rows)
    }
}

/// Drops what is there of ours.
async fn clear(connection: &mut Connection) -> Result<(), StoreError> {
    use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
    for name in schema::names(connection).await?.into_iter().filter(|name| schema::ours(name)) {
        let text = AssertSqlSafe(format!("DROP TABLE {name} CASCADE")).into_sql_str();
        match connection {
            Connection::Sqlite(sql) => sql.execute(text).await.map(drop)?,
            Connection::Postgres(sql) => sql.execute(text).await.map(drop)?,
        }
    }
    Ok(())
}
