use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use trunkline_model::Timestamp;

use super::place::{remove, sync_folder};
use crate::{archive::ArchiveError, hold::beside};

/// What lies beside an SQLite file and belongs to it alone: beside another one it would be taken for that one's.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// No database, so that nobody takes a place that is being changed for an empty one, or goes on with half of the old.
const MARK: &[u8] =
    b"A restore was broken off when this place was to be filled: do it again with --replace.\n";

/// Keeps a damaged SQLite file and its companions under another name, and leaves a mark in its place that no program
/// takes for a database. Whenever the power goes, the place has the old file with its companions, or the mark.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, ArchiveError> {
    let aside = free_name(path);
    let told = |file: &Path| {
        let file = file.to_owned();
        move |error| ArchiveError::file(&file, error)
    };
    for end in [""].into_iter().chain(COMPANIONS) {
        match fs::hard_link(beside(path, end), beside(&aside, end)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            linked => linked.map_err(told(&aside))?,
        }
    }
    sync_folder(path).map_err(told(&aside))?;
    let mark = beside(path, ".restore-mark");
    remove(&mark)?;
    write(&mark).and_then(|()| fs::rename(&mark, path)).map_err(told(&mark))?;
    sync_folder(path).map_err(told(path))?;
    for end in COMPANIONS {
        remove(&beside(path, end))?;
    }
    sync_folder(path).map_err(told(path))?;
    Ok(aside)
}

/// `<file>.damaged-<seconds>`, or the next that nothing has.
fn free_name(path: &Path) -> PathBuf {
    let mut number = Timestamp::now().as_secs();
    loop {
        let name = beside(path, &format!(".damaged-{number}"));
        let taken = name.symlink_metadata().is_ok()
            || COMPANIONS.iter().any(|end| beside(&name, end).symlink_metadata().is_ok());
        if !taken {
            return name;
        }
        number += 1;
    }
}

fn write(mark: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(mark)?;
    file.write_all(MARK)?;
    file.sync_all()
}
