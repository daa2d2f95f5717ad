use serde_json::json;
use trunkline_store::{Manifest, Restore as How, Restored};

use super::{
    content, dated, failure,
    key::{Chosen, choose, found},
    progress::Progress,
};
use crate::{admin::server_answers, cli::Restore, exit::Failure, place::Place, print};

/// `trunkline restore`.
pub(crate) async fn restore(place: Place, args: Restore) -> Result<(), Failure> {
    if args.file.is_dir() {
        let words = format!("{} is a folder, not a backup", args.file.display());
        return Err(Failure::failed(words).advise("name the file in it"));
    }
    if args.verify {
        return verify(&place, &args).await;
    }
    if server_answers(&place).await? {
        return Err(Failure::failed(format!("a server runs on {}", place.held()))
            .advise("stop it first: systemctl stop trunkline"));
    }
    place.leave_to_its_owner()?;
    let manifest = trunkline_store::verify(&args.file).await.map_err(|error| failure(&error))?;
    place.make_folder()?;
    let chosen = choose(&place, &args, manifest.head.key)?;
    let how = How {
        database: &place.database,
        file: &args.file,
        key: chosen.key(),
        replace: args.replace,
        keep_access_keys: args.keep_access_keys,
        without_key: args.without_key,
    };
    let progress = Progress::of("restoring");
    let restored = trunkline_store::restore(how, progress.rows()).await;
    drop(progress);
    let restored = restored.map_err(|error| failure(&error))?;
    let kept_key = match &chosen {
        Chosen::Beside(beside) => place.put_in_place(beside).map_err(|error| {
            let words = format!("the backup is restored, but its key is not in its place: {}", error.words());
            Failure::failed(words).advise("start the server: it puts the key there")
        })?,
        Chosen::InForce(_) => None,
    };
    let kept_key = kept_key.map(|kept| kept.display().to_string());
    let done = Done { restored, kept_key };
    if args.output.json { print::json(&dated(&done)?) } else { print::text(&told(&place, &args, &done)) }
}

/// What was done, to the database and to the key.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    #[serde(flatten)]
    restored: Restored,
    /// Where the key lies that was in force before.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_key: Option<String>,
}

/// Prints what the file holds; a failure when it cannot be restored here.
async fn verify(place: &Place, args: &Restore) -> Result<(), Failure> {
    let manifest = trunkline_store::verify(&args.file).await.map_err(|error| failure(&error))?;
    let fitting = found(place, manifest.head.key);
    if args.output.json {
        let fits = fitting.as_ref().map_or(Some(false), |file| file.as_ref().map(|_| true));
        print::json(&json!({ "backup": dated(&manifest)?, "masterKeyFits": fits }))?;
    } else {
        print::text(&checked(args, &manifest, &fitting))?;
    }
    if args.without_key { Ok(()) } else { fitting.map(drop) }
}

fn checked(args: &Restore, manifest: &Manifest, fitting: &Result<Option<String>, Failure>) -> String {
    let key = manifest.head.key.map(|id| id.to_string()).unwrap_or_default();
    let words = match fitting {
        Ok(Some(file)) => format!("  its master key {key} is the one in {file}\n"),
        Ok(None) => "  it does not say which master key it needs\n".to_owned(),
        Err(_) if args.without_key => {
            format!(
                "  its master key {key} is not here: without it, all but the IM passwords can be restored\n"
            )
        }
        // What lacks is told as the error that it is.
        Err(_) => String::new(),
    };
    format!(
        "{} is whole: {}, as of {} UTC\n  made by trunkline {} on {}, schema {}\n{words}",
        args.file.display(),
        content(manifest),
        moment(manifest),
        manifest.head.program,
        manifest.head.engine,
        manifest.head.schema,
    )
}

fn told(place: &Place, args: &Restore, done: &Done) -> String {
    let Done { restored, kept_key } = done;
    let Restored { manifest, new_epoch, void_access_keys, dropped_secrets, doubtful, set_aside } = restored;
    let mut text = format!(
        "{} is restored into {}: {}, as of {} UTC\n  epoch {new_epoch}: every phone signs in anew by itself, and reads its \
         mailbox anew\n",
        args.file.display(),
        place.database,
        content(manifest),
        moment(manifest),
    );
    let mut add = |count: &u64, words: &str| {
        if *count > 0 {
            text += &format!("  {count} {words}\n");
        }
    };
    add(
        void_access_keys,
        "open access keys are void, since one used meanwhile must not be good again: issue new ones",
    );
    add(dropped_secrets, "IM passwords are gone with their key: phones will ask for them");
    add(doubtful, "messages were on their way to an IM system: their writers are told that nobody knows");
    if let Some(file) = set_aside {
        text += &format!(
            "  the old file could not be read: it lies in {file}, with what lay beside it; remove it when nobody needs it\n"
        );
    }
    if let Some(kept) = kept_key {
        text += &format!(
            "  the key of the backup lay beside {}, and is in its place now; the one that was there is kept as {kept}\n",
            place.master_key.display()
        );
    }
    text + "Devices revoked and accounts disabled since then are as they were: see `trunkline device list`.\n\
        Start the server: trunkline serve\n"
}

/// `2026-11-25 13:24`
fn moment(manifest: &Manifest) -> String {
    let moment = jiff::Timestamp::from_microsecond(manifest.head.created_at);
    moment.map(|moment| moment.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}
