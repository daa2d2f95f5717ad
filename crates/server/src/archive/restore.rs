use std::path::Path;

use serde_json::json;
use trunkline_store::{ArchiveError, KeyId, Manifest, MasterKey, Restore as How, Restored};

use super::{content, failure, progress::Progress};
use crate::{admin::server_answers, cli::Restore, exit::Failure, place::Place, print};

/// `trunkline restore`.
pub(crate) async fn restore(place: Place, args: Restore) -> Result<(), Failure> {
    if args.verify {
        return verify(&place, &args).await;
    }
    if server_answers(&place).await? {
        return Err(Failure::failed(format!("a server runs on {}", place.held()))
            .advise("stop it first: systemctl stop trunkline"));
    }
    place.leave_to_its_owner()?;
    place.make_folder()?;
    let Chosen { key, prepared } = choose(&place, &args).await?;
    let kept_key = if prepared { keep(&place)? } else { None };
    let how = How {
        database: &place.database,
        file: &args.file,
        key: &key,
        replace: args.replace,
        keep_access_keys: args.keep_access_keys,
        without_key: args.without_key,
    };
    let progress = Progress::of("restoring");
    let restored = trunkline_store::restore(how, progress.rows()).await;
    drop(progress);
    let restored = restored.map_err(|error| key_advice(&place, &error).unwrap_or_else(|| failure(&error)))?;
    if prepared {
        MasterKey::promote(&place.master_key).map_err(|error| {
            Failure::failed(format!("the backup is restored, but its key is not in its place: {error}"))
                .advise("start the server: it puts the key there")
        })?;
    }
    let done = Done { restored, kept_key };
    if args.output.json { print::json(&done) } else { print::text(&told(&place, &args, &done)) }
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

/// The key that the database will be under.
struct Chosen {
    key: MasterKey,
    /// A change of keys has prepared it and not put it into its place.
    prepared: bool,
}

/// The prepared key where the backup was made under it, else the one in force.
async fn choose(place: &Place, args: &Restore) -> Result<Chosen, Failure> {
    if let Some(next) = MasterKey::prepared(&place.master_key).map_err(|error| place.key_trouble(&error))? {
        let manifest = trunkline_store::verify(&args.file).await.map_err(|error| failure(&error))?;
        if manifest.head.key == Some(next.id()) {
            return Ok(Chosen { key: next, prepared: true });
        }
    }
    Ok(Chosen { key: key(place, args).await?, prepared: false })
}

/// Keeps the key in force, which the prepared one will replace: the old database and its backups may be under it.
fn keep(place: &Place) -> Result<Option<String>, Failure> {
    if !place.master_key.exists() {
        return Ok(None);
    }
    let kept = MasterKey::keep(&place.master_key).map_err(|error| place.key_trouble(&error))?;
    Ok(Some(kept.display().to_string()))
}

/// The key that is there; it must not be made anew, unless the backup's is lost.
async fn key(place: &Place, args: &Restore) -> Result<MasterKey, Failure> {
    if args.without_key || place.master_key.exists() {
        return MasterKey::load_or_create(&place.master_key, Path::new(""))
            .map_err(|error| place.key_trouble(&error));
    }
    let manifest = trunkline_store::verify(&args.file).await.map_err(|error| failure(&error))?;
    Err(Failure::failed(format!("there is no master key {}", place.master_key.display())).advise(format!(
        "put the backup's key{} there, from where it was backed up; or, if it is lost, --without-key",
        manifest.head.key.map(|id| format!(", {id},")).unwrap_or_default()
    )))
}

/// Where a key may lie that a change of keys has put aside.
fn key_advice(place: &Place, error: &ArchiveError) -> Option<Failure> {
    let ArchiveError::WrongKey { needed, .. } = error else { return None };
    let file = place.master_key.display();
    let old = format!("{file}.old-{needed}");
    let advice = if Path::new(&old).exists() {
        format!("cp {old} {file}; trunkline key rotate gives a new one afterwards")
    } else {
        format!(
            "put the key {needed} into {file}, from where it was backed up; or, if it is lost, --without-key"
        )
    };
    Some(Failure::failed(error.to_string()).advise(advice))
}

async fn verify(place: &Place, args: &Restore) -> Result<(), Failure> {
    let manifest = trunkline_store::verify(&args.file).await.map_err(|error| failure(&error))?;
    let (fits, words) = fitting(place, manifest.head.key);
    if args.output.json {
        return print::json(&json!({ "backup": manifest, "masterKeyFits": fits }));
    }
    print::text(&format!(
        "{} is whole: {}, as of {} UTC\n  made by trunkline {} on {}, schema {}\n  {words}\n",
        args.file.display(),
        content(&manifest),
        moment(&manifest),
        manifest.head.program,
        manifest.head.engine,
        manifest.head.schema,
    ))
}

/// Whether the key that is there is the backup's; `None` when the backup does not say.
fn fitting(place: &Place, needed: Option<KeyId>) -> (Option<bool>, String) {
    let file = place.master_key.display();
    let Some(needed) = needed else { return (None, "it does not say which master key it needs".to_owned()) };
    match MasterKey::prepared(&place.master_key) {
        Ok(Some(next)) if next.id() == needed => {
            return (Some(true), format!("its master key {needed} is the one in {file}.next"));
        }
        Ok(_) => {}
        Err(error) => return (Some(false), error.to_string()),
    }
    if !place.master_key.exists() {
        return (Some(false), format!("it needs the master key {needed}, and there is none in {file}"));
    }
    match MasterKey::load_or_create(&place.master_key, Path::new("")) {
        Ok(key) if key.id() == needed => {
            (Some(true), format!("its master key {needed} is the one in {file}"))
        }
        Ok(key) => {
            (Some(false), format!("it needs the master key {needed}, and {file} has the key {}", key.id()))
        }
        Err(error) => (Some(false), error.to_string()),
    }
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
