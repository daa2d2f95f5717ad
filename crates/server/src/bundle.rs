//! `trunkline support-bundle`: what somebody else needs to help, in one archive, without what is nobody's business.

mod archive;
mod collect;
mod redact;
mod secret;

use std::path::{Path, PathBuf};

use self::{collect::collect, redact::Redactor};
use crate::{exit::Failure, print};

/// What goes into the bundle, and where it goes.
pub(crate) struct Wish {
    /// The archive to write; `None` = `trunkline-support-DATE.tar.gz` in the working directory.
    pub(crate) file: Option<PathBuf>,
    /// A log file; without it systemd's journal is asked.
    pub(crate) log: Option<PathBuf>,
    /// Only tell what would be in it.
    pub(crate) dry_run: bool,
    /// For programs.
    pub(crate) json: bool,
}

/// One file of the bundle.
struct Item {
    name: &'static str,
    content: String,
    /// What it is, in a few words.
    meaning: &'static str,
}

/// Collects, redacts, says what there is, and writes it with mode 0600.
pub(crate) async fn bundle(named: Option<&Path>, wish: Wish) -> Result<(), Failure> {
    let mut items = collect(named, wish.log.as_deref()).await?;
    let mut redactor = Redactor::new(&secret::secrets(named));
    for item in &mut items {
        item.content = redactor.redact(&item.content);
    }
    items.insert(0, contents(&items));
    let file = wish.file.unwrap_or_else(default_name);
    if !wish.json {
        print::text(&list(&items))?;
    }
    if !wish.dry_run {
        archive::write(&file, &items)?;
    }
    let written = (!wish.dry_run).then(|| file.display().to_string());
    if wish.json {
        let files: Vec<_> = items
            .iter()
            .map(|item| serde_json::json!({ "name": item.name, "bytes": item.content.len(), "meaning": item.meaning }))
            .collect();
        return print::json(&serde_json::json!({ "file": written, "files": files }));
    }
    match written {
        Some(file) => print::text(&format!("\nWritten to {file}. Look into it before you hand it on.\n")),
        None => print::text("\nNothing was written.\n"),
    }
}

fn default_name() -> PathBuf {
    PathBuf::from(format!("trunkline-support-{}.tar.gz", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")))
}

fn list(items: &[Item]) -> String {
    let rows =
        items.iter().map(|item| format!("{:<16} {:>9}  {}\n", item.name, item.content.len(), item.meaning));
    rows.collect()
}

fn contents(items: &[Item]) -> Item {
    let content = format!(
        "A support bundle of Trunkline {}.\n\n\
         People are numbered (user-1@…) and so are network addresses (ip-1); the same number is the same person or\n\
         address everywhere in this bundle and nowhere else. Passwords, tokens and keys are left out. Texts of\n\
         messages are in none of the sources. Domains, host names and paths are left as they are.\n\n{}",
        env!("CARGO_PKG_VERSION"),
        list(items)
    );
    Item { name: "README.txt", content, meaning: "what is in here, and what was hidden" }
}
