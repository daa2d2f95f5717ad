use std::path::{Path, PathBuf};

use serde_json::json;
use trunkline_store::{ArchiveError, Manifest};

use super::{content, dated, failure, progress::Progress};
use crate::{
    admin::{Command, server_answers, tell_server},
    cli::Backup,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline backup`: reads the database beside a running server, which notes it in its log.
pub(crate) async fn backup(place: Place, args: Backup) -> Result<(), Failure> {
    let (file, manifest) = written(&place, &args).await?;
    if server_answers(&place).await.unwrap_or(false) {
        let file = std::path::absolute(&file).unwrap_or_else(|_| file.clone()).display().to_string();
        // The backup is made, whether or not the server can note it.
        drop(tell_server(&place, Command::BackupMade { file }).await);
    }
    if args.output.json {
        return print::json(&json!({ "file": file, "backup": dated(&manifest)? }));
    }
    print::text(&told(&place, &file, &manifest))
}

/// Writes the file. In a folder it is named after the second, and numbered when that has one already.
async fn written(place: &Place, args: &Backup) -> Result<(PathBuf, Manifest), Failure> {
    let folder = args.target.is_dir();
    let force = args.force && !folder;
    let moment = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    for number in 1..10_000 {
        let again = if number > 1 { format!("-{number}") } else { String::new() };
        let file = match folder {
            true => args.target.join(format!("trunkline-{moment}{again}.backup")),
            false => args.target.clone(),
        };
        let progress = Progress::of("backing up");
        let made = trunkline_store::backup(&place.database, &file, force, progress.rows()).await;
        drop(progress);
        match made {
            Err(ArchiveError::Exists(_)) if folder => {}
            Err(ArchiveError::Nothing) if let Some(emptied) = place.emptied() => return Err(emptied),
            Err(error) => return Err(homeless(&file).unwrap_or_else(|| failure(&error))),
            Ok(manifest) => return Ok((file, manifest)),
        }
    }
    Err(Failure::failed("every name for it is taken"))
}

/// Where the folder that the file names is missing.
fn homeless(file: &Path) -> Option<Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())?.display();
    Some(Failure::failed(format!("there is no folder {folder}")).advise(format!("mkdir -p {folder}")))
}

fn told(place: &Place, file: &Path, manifest: &Manifest) -> String {
    let (name, key) = (file.display(), place.master_key.display());
    let words = match manifest.head.key {
        Some(id) if place.master_key.exists() => {
            format!("needs the master key {id}, which is not in it: keep a copy of {key} elsewhere")
        }
        Some(id) => format!(
            "needs the master key {id}, which is not in it, and {key} is missing: put it back from its backup; if it is \
             lost, `trunkline restore {name} --without-key --replace` keeps all but the IM passwords"
        ),
        None => "needs the master key, which is not in it".to_owned(),
    };
    format!("{name} is whole: {}\n  {words}\n", content(manifest))
}
