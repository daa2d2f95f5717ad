use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, Header};

use super::Item;
use crate::exit::Failure;

/// Writes a new file of mode 0600; one that is there already is left alone, and a half-written one goes.
pub(super) fn write(path: &Path, items: &[Item]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|error| cannot(path, &error))?;
    fill(file, items).map_err(|error| {
        // What cannot be removed either is told by the error that led here.
        let _ = fs::remove_file(path);
        cannot(path, &error)
    })
}

fn fill(file: fs::File, items: &[Item]) -> io::Result<()> {
    let mut archive = Builder::new(GzEncoder::new(file, Compression::default()));
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    for item in items {
        let mut header = Header::new_gnu();
        header.set_size(item.content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        archive.append_data(
            &mut header,
            format!("trunkline-support/{}", item.name),
            item.content.as_bytes(),
        )?;
    }
    let mut file = archive.into_inner()?.finish()?;
    file.flush()?;
    file.sync_all()
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("{} cannot be written: {error}", path.display())).advise("name another file")
}
