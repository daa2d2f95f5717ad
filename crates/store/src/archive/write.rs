use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::{sync::mpsc, task::JoinHandle};

use super::{ArchiveError, Foot, TableSum, hex};

/// Bytes that are handed to the disk at a time, and how many such parts may wait for it.
const PART: usize = 256 * 1024;
const PARTS: usize = 4;

/// A backup that is being written, under a name of its own until it is whole.
pub(super) struct Output {
    path: PathBuf,
    parts: mpsc::Sender<Vec<u8>>,
    disk: JoinHandle<io::Result<NamedTempFile>>,
    part: Vec<u8>,
    all: Context,
    table: Context,
    rows: u64,
    tables: Vec<TableSum>,
}

impl Output {
    /// Makes the file's draft, mode 0600, in the folder where the file is to be.
    pub(super) fn create(path: &Path) -> Result<Self, ArchiveError> {
        let draft = tempfile::Builder::new()
            .prefix(".trunkline-backup-")
            .suffix(".part")
            .permissions(PermissionsExt::from_mode(0o600))
            .tempfile_in(folder(path))
            .map_err(|error| ArchiveError::file(path, error))?;
        let (parts, taken) = mpsc::channel(PARTS);
        Ok(Self {
            path: path.to_owned(),
            parts,
            disk: tokio::task::spawn_blocking(move || run(draft, taken)),
            part: Vec::with_capacity(PART),
            all: Context::new(&SHA256),
            table: Context::new(&SHA256),
            rows: 0,
            tables: Vec::new(),
        })
    }

    /// Writes a line that is no row.
    pub(super) async fn line(&mut self, line: &impl Serialize) -> Result<(), ArchiveError> {
        self.append(line).await.map(drop)
    }

    pub(super) async fn row(&mut self, row: &impl Serialize) -> Result<(), ArchiveError> {
        let from = self.append(row).await?;
        self.table.update(&self.part[from..]);
        self.rows += 1;
        Ok(())
    }

    /// The rows that were written since the last call are all of this table.
    pub(super) fn end_table(&mut self, table: &str) {
        let digest = std::mem::replace(&mut self.table, Context::new(&SHA256)).finish();
        let rows = std::mem::take(&mut self.rows);
        self.tables.push(TableSum { table: table.to_owned(), rows, sha256: hex(&digest) });
    }

    /// Writes the end, waits for the disk, and gives the file its name; what has that name already is replaced only with
    /// `force`.
    pub(super) async fn finish(mut self, force: bool) -> Result<Foot, ArchiveError> {
        let digest = self.all.clone().finish();
        let foot = Foot { tables: std::mem::take(&mut self.tables), sha256: hex(&digest) };
        self.append(&foot).await?;
        let rest = std::mem::take(&mut self.part);
        // When the disk has ended, its own word says why.
        drop(self.parts.send(rest).await);
        drop(self.parts);
        let path = self.path;
        let draft = ended(&path, self.disk).await?;
        let named = if force {
            draft.persist(&path).map_err(|error| error.error)
        } else {
            draft.persist_noclobber(&path).map_err(|error| error.error)
        };
        named
            .and_then(|_| File::open(folder(&path))?.sync_all())
            .map_err(|error| ArchiveError::file(&path, error))?;
        Ok(foot)
    }

    /// Gives where the line begins in the present part.
    async fn append(&mut self, line: &impl Serialize) -> Result<usize, ArchiveError> {
        if self.part.len() >= PART {
            let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART));
            if self.parts.send(part).await.is_err() {
                let error = match (&mut self.disk).await {
                    Ok(Err(error)) => error,
                    _ => io::Error::other("writing ended early"),
                };
                return Err(ArchiveError::file(&self.path, error));
            }
        }
        let from = self.part.len();
        serde_json::to_writer(&mut self.part, line)
            .map_err(|error| ArchiveError::file(&self.path, error.into()))?;
        self.part.push(b'\n');
        self.all.update(&self.part[from..]);
        Ok(from)
    }
}

async fn ended(
    path: &Path,
    disk: JoinHandle<io::Result<NamedTempFile>>,
) -> Result<NamedTempFile, ArchiveError> {
    let ended = disk.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    ended.map_err(|error| ArchiveError::file(path, error))
}

/// Compresses what comes and makes it durable.
fn run(draft: NamedTempFile, mut parts: mpsc::Receiver<Vec<u8>>) -> io::Result<NamedTempFile> {
    let mut gzip = GzEncoder::new(BufWriter::with_capacity(PART, draft.as_file()), Compression::fast());
    while let Some(part) = parts.blocking_recv() {
        gzip.write_all(&part)?;
    }
    gzip.finish()?.flush()?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
