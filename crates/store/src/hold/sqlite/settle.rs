use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{SqliteHold, beside, cannot};
use crate::{StoreError, engine::Connection, writer::checkpoint};

/// How much of the WAL is copied at a time.
const PIECE: usize = 1 << 20;

impl SqliteHold {
    /// A WAL may hold what a failing disk did not sync, and nobody was told of: the system shows it, takes it for
    /// written, and forgets it when the power goes. From here on it counts, and what is appended is worth nothing
    /// without it, so its bytes are written once more. Only then may a checkpoint copy a part of it, and it need not
    /// come to its end.
    pub(in crate::hold) async fn settle(&self, sql: &mut Connection) -> Result<(), StoreError> {
        let path = self.options.get_filename();
        let wal = beside(path, "-wal");
        // Nobody appends meanwhile, nor begins it anew.
        sql.begin().await?;
        let written = tokio::task::spawn_blocking({
            let wal = wal.clone();
            move || write_anew(&wal)
        });
        let written = written.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        sql.rollback().await?;
        written.map_err(|error| cannot("make durable", &wal, &error))?;
        if !checkpoint::truncate_soon(sql).await? {
            tracing::warn!(
                log = %wal.display(),
                "another program reads the database, e.g. a backup or an SQL shell in a transaction: until it ends, the log \
                 beside the database is not emptied, and takes all that is written meanwhile"
            );
        }
        Ok(())
    }
}

/// Others may read it meanwhile: they see the same bytes before and after. SQLite holds no lock on this file that
/// closing it would drop.
fn write_anew(wal: &Path) -> io::Result<()> {
    let file = match OpenOptions::new().read(true).write(true).open(wal) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = match file.read_at(&mut piece, at) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            break;
        }
        file.write_all_at(&piece[..read], at)?;
        at += read as u64;
    }
    file.sync_all()?;
    wal.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
