//! `trunkline account import`: a CSV file becomes accounts, part by part.

mod part;
mod report;
mod table;

use std::{fs, path::Path};

use self::{
    part::parts,
    report::{Keys, Tally},
    table::Table,
};
use super::odd;
use crate::{
    admin::{Channel, Command, Reply},
    cli::Import,
    exit::Failure,
    place::Place,
    print,
};

/// Largest file, in bytes: a million accounts with short profiles.
const FILE_MAX: u64 = 128 * 1024 * 1024;

/// Reads the whole file before anything is changed; nothing is imported if a line is bad, unless those are to be
/// skipped.
pub(super) async fn import(place: Place, args: Import) -> Result<(), Failure> {
    let table = Table::read(&content(&args.file)?);
    let skip = args.skip_bad && !table.hopeless;
    if !table.problems.is_empty() && !skip {
        report::refused(&args, &table.problems)?;
        return Err(Failure::told());
    }
    let mut keys = Keys::open(&args)?;
    let mut tally = Tally::new(&args, table.problems);
    let channel = Channel::open(place).await?;
    let expires = (args.activate && !args.dry_run).then_some(args.expires.0.as_secs());
    for rows in parts(table.rows) {
        let names = part::names(&rows);
        let command = Command::AccountImport { rows, keys_expire_secs: expires, dry_run: args.dry_run };
        let accounts = match channel.ask(command).await.map_err(|failure| tally.broken_off(failure))? {
            Reply::Imported { accounts } => accounts,
            _ => return Err(odd()),
        };
        // At once: whoever is stopped in the middle has the keys of what was added until then.
        keys.write(&accounts, &names)?;
        tally.count(&accounts);
    }
    channel.close().await;
    keys.close()?;
    if args.output.json { print::json(&tally.json(keys)) } else { tally.tell() }
}

fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::failed(format!("{} cannot be read: {error}", file.display()));
    let bytes = fs::metadata(file).map_err(unreadable)?.len();
    if bytes > FILE_MAX {
        return Err(Failure::failed(format!("{} has {bytes} bytes, more than {FILE_MAX}", file.display()))
            .advise("split the file"));
    }
    fs::read(file).map_err(unreadable)
}
