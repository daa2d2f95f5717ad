use super::{odd, once};
use crate::{
    admin::{Command, Reply, RotatedView},
    cli::KeyCommand,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline key …`.
pub(crate) async fn key(place: Place, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Show(output) => match once(place, Command::KeyShow).await? {
            Reply::KeyInForce { key } if output.json => print::json(&key),
            Reply::KeyInForce { key } => print::text(&format!("{}  {}\n", key.id, key.file)),
            _ => Err(odd()),
        },
        KeyCommand::Rotate { remove_old, consent, output, .. } => {
            if !consent.yes {
                let old = if remove_old { "is removed" } else { "is kept beside the new one" };
                print::consent(&format!(
                    "Everything will be put under a new master key. Open access keys will be void, and backups made \
                     until now will need the old key, which {old}.",
                ))?;
            }
            match once(place, Command::KeyRotate { keep_old: !remove_old }).await? {
                Reply::Rotated { rotated } if output.json => print::json(&rotated),
                Reply::Rotated { rotated } => print::text(&told(&rotated)),
                _ => Err(odd()),
            }
        }
    }
}

fn told(rotated: &RotatedView) -> String {
    let RotatedView { from, to, file, secrets, unreadable, void, kept, others } = rotated;
    let mut text = format!(
        "Everything is under the new master key {to} now. Back it up, apart from the data: {file}\n  \
         old key     {}\n  passwords   {secrets} sealed anew\n",
        match kept {
            Some(kept) => format!("{from}, kept in {kept}: backups made until now need it"),
            None => format!("{from}, removed: backups made until now need a copy of it"),
        }
    );
    if !others.is_empty() {
        text += &format!("  other keys  {}: remove each that no backup needs\n", others.join(", "));
    }
    if *unreadable > 0 {
        text += &format!(
            "  dropped     {unreadable} passwords that the old key did not open; their phones will ask again\n"
        );
    }
    if !void.is_empty() {
        text += "Access keys that were open are void. Issue new ones to:\n";
        text.extend(void.iter().map(|address| format!("  {address}\n")));
    }
    text
}
