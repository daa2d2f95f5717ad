use std::path::{Path, PathBuf};

use serde_json::json;
use trunkline_store::{ArchiveError, Manifest};

use super::{content, failure, progress::Progress};
use crate::{
    admin::{Command, server_answers, tell_server},
    cli::Backup,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline backup`: reads the database beside a running server, which notes it in its log.
pub(crate) async fn backup(place: Place, args: Backup) -> Result<(), Failure> {
    let file = named(&args.target);
    let progress = Progress::of("backing up");
    let made = trunkline_store::backup(&place.database, &file, args.force, progress.rows()).await;
    drop(progress);
    let manifest = made.map_err(|error| match place.emptied() {
        Some(emptied) if matches!(error, ArchiveError::Nothing) => emptied,
        _ => failure(&error),
    })?;
    if server_answers(&place).await.unwrap_or(false) {
        let file = std::path::absolute(&file).unwrap_or_else(|_| file.clone()).display().to_string();
        // The backup is made, whether or not the server can note it.
        drop(tell_server(&place, Command::BackupMade { file }).await);
    }
    if args.output.json {
        return print::json(&json!({ "file": file, "backup": manifest }));
    }
    print::text(&told(&place, &file, &manifest))
}

fn told(place: &Place, file: &Path, manifest: &Manifest) -> String {
    let key = match manifest.head.key {
        Some(id) => format!(
            "needs the master key {id}, which is not in it: keep a copy of {} elsewhere",
            place.master_key.display()
        ),
        None => "needs the master key, which is not in it".to_owned(),
    };
    format!("{} is whole: {}\n  {key}\n", file.display(), content(manifest))
}

fn named(target: &Path) -> PathBuf {
    if !target.is_dir() {
        return target.to_owned();
    }
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    target.join(format!("trunkline-{now}.backup"))
}
