use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
};

use serde_json::json;
use trunkline_model::Address;

use super::table::Problem;
use crate::{
    admin::{ImportedView, KeyView, Outcome},
    cli::Import,
    exit::Failure,
    print,
};

/// Tells everything that is wrong with the file; nothing was imported.
pub(super) fn refused(args: &Import, problems: &[Problem]) -> Result<(), Failure> {
    if args.output.json {
        return print::json(&json!({ "problems": problems }));
    }
    told(args, problems);
    eprintln!(
        "error: nothing was imported: {} in {}\n  try: mend the file, or import the good lines with --skip-bad",
        counted(problems.len(), "problem"),
        args.file.display()
    );
    Ok(())
}

fn told(args: &Import, problems: &[Problem]) {
    for Problem { line, column, name, message } in problems {
        let column = column.map(|column| format!(":{column}")).unwrap_or_default();
        let name = name.as_ref().map(|name| format!(" {name}:")).unwrap_or_default();
        eprintln!("{}:{line}{column}:{name} {message}", args.file.display());
    }
}

/// Where the access keys go: never to a log.
pub(super) enum Keys {
    /// Nobody asked for any.
    None,
    /// Standard output, as CSV.
    Printed,
    /// A new file of mode 0600.
    Written(File),
    /// The JSON document at the end.
    Kept(Vec<KeyView>),
}

impl Keys {
    /// Makes the file before anything is imported.
    pub(super) fn open(args: &Import) -> Result<Self, Failure> {
        if !args.activate || args.dry_run {
            return Ok(Self::None);
        }
        let mut keys = match &args.keys_to {
            Some(path) => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                Self::Written(file.map_err(|error| {
                    Failure::failed(format!(
                        "the file for the keys, {}, cannot be made: {error}",
                        path.display()
                    ))
                    .advise("name a file that is not there yet; nothing was imported")
                })?)
            }
            None if args.output.json => Self::Kept(Vec::new()),
            None => Self::Printed,
        };
        keys.lines([["address", "name", "accessKey", "expiresAt"]])?;
        Ok(keys)
    }

    /// Hands out the keys of a part.
    pub(super) fn write(
        &mut self,
        accounts: &[ImportedView],
        names: &HashMap<Address, String>,
    ) -> Result<(), Failure> {
        let keys = accounts.iter().filter_map(|account| account.key.as_ref());
        if let Self::Kept(kept) = self {
            kept.extend(keys.cloned());
            return Ok(());
        }
        self.lines(keys.map(|key| {
            let name = names.get(&key.address).map_or("", String::as_str);
            [&key.address.to_string(), name, &key.access_key, &key.expires_at].map(str::to_owned)
        }))
    }

    fn lines<const N: usize>(
        &mut self,
        lines: impl IntoIterator<Item = [impl AsRef<[u8]>; N]>,
    ) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for line in lines {
            writer.write_record(line).map_err(|error| Failure::failed(error.to_string()))?;
        }
        let text = writer.into_inner().map_err(|error| Failure::failed(error.to_string()))?;
        match self {
            Self::None | Self::Kept(_) => Ok(()),
            Self::Printed => print::text(&String::from_utf8_lossy(&text)),
            Self::Written(file) => Ok(file.write_all(&text)?),
        }
    }

    /// Makes sure of the file.
    pub(super) fn close(&self) -> Result<(), Failure> {
        if let Self::Written(file) = self { Ok(file.sync_all()?) } else { Ok(()) }
    }
}

/// What has been done so far.
pub(super) struct Tally<'a> {
    args: &'a Import,
    skipped: Vec<Problem>,
    accounts: Vec<(Address, Outcome)>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(args: &'a Import, skipped: Vec<Problem>) -> Self {
        Self { args, skipped, accounts: Vec::new() }
    }

    pub(super) fn count(&mut self, accounts: &[ImportedView]) {
        self.accounts.extend(accounts.iter().map(|account| (account.address.clone(), account.outcome)));
    }

    /// Adds to a failure what stands all the same.
    pub(super) fn broken_off(&self, failure: Failure) -> Failure {
        if self.accounts.is_empty() || self.args.dry_run {
            return failure;
        }
        let done = counted(self.accounts.len(), "account");
        Failure::failed(format!("after {done} of the file: {failure}"))
            .advise("the same again: what is there already is left as it is")
    }

    pub(super) fn json(&self, keys: Keys) -> serde_json::Value {
        let accounts: Vec<_> = self
            .accounts
            .iter()
            .map(|(address, outcome)| json!({ "address": address, "outcome": outcome }))
            .collect();
        let mut document = json!({
            "dryRun": self.args.dry_run,
            "added": self.of(Outcome::Added),
            "updated": self.of(Outcome::Updated),
            "unchanged": self.of(Outcome::Unchanged),
            "problems": self.skipped,
            "accounts": accounts,
        });
        if let Keys::Kept(keys) = keys {
            document["keys"] = json!(keys);
        }
        document
    }

    /// On standard error when the keys are on standard output.
    pub(super) fn tell(&self) -> Result<(), Failure> {
        told(self.args, &self.skipped);
        let text = self.text();
        if self.args.activate && self.args.keys_to.is_none() && !self.args.dry_run {
            eprint!("{text}");
            return Ok(());
        }
        print::text(&text)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if self.args.dry_run {
            for (address, outcome) in
                self.accounts.iter().filter(|(_, outcome)| *outcome != Outcome::Unchanged)
            {
                text += if *outcome == Outcome::Added { "add     " } else { "update  " };
                text += &format!("{address}\n");
            }
            text += "Nothing was changed. It would be: ";
        }
        let (added, updated) = (self.of(Outcome::Added), self.of(Outcome::Updated));
        text += &format!("{added} added, {updated} updated, {} unchanged", self.of(Outcome::Unchanged));
        if !self.skipped.is_empty() {
            let mut lines: Vec<u64> = self.skipped.iter().map(|problem| problem.line).collect();
            lines.dedup();
            text += &format!(", {} skipped", counted(lines.len(), "bad line"));
        }
        text + ".\n"
    }

    fn of(&self, wanted: Outcome) -> usize {
        self.accounts.iter().filter(|(_, outcome)| *outcome == wanted).count()
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
