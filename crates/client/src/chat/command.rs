use trunkline_model::Availability;

/// What the person typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// A text for the current contact.
    Say(String),
    To(String),
    Roster,
    Who,
    Accept(Option<String>),
    Decline(Option<String>),
    End,
    Status(Availability, Option<String>),
    Search(String),
    Help,
    Quit,
    Nothing,
    /// What is wrong with the line, in plain words.
    Wrong(String),
}

/// What `/help` shows.
pub(super) const HELP: &str = "\
  TEXT                 send to the current contact (//TEXT sends a text that begins with a slash)
  /to WHO              choose the contact: an address, or the beginning of a name
  /roster              show the contacts
  /who                 show who I am and with whom I talk
  /accept [WHO]        accept an invitation (a message accepts too)
  /decline [WHO]       decline it
  /end                 end the conversation
  /status WORD [NOTE]  available, busy, donotdisturb, berightback, away, offwork or offline
  /search TERM         find people
  /quit                sign out";

const STATES: &str = "available, busy, donotdisturb, berightback, away, offwork or offline";

/// Reads a line.
pub(super) fn parse(line: &str) -> Command {
    let line = line.trim();
    if line.is_empty() {
        return Command::Nothing;
    }
    if let Some(text) = line.strip_prefix("//") {
        return Command::Say(format!("/{text}"));
    }
    let Some(command) = line.strip_prefix('/') else { return Command::Say(line.to_owned()) };
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = Some(rest.trim()).filter(|rest| !rest.is_empty()).map(str::to_owned);
    match (word.to_ascii_lowercase().as_str(), rest) {
        ("to", Some(who)) => Command::To(who),
        ("roster", None) => Command::Roster,
        ("who", None) => Command::Who,
        ("accept", who) => Command::Accept(who),
        ("decline", who) => Command::Decline(who),
        ("end", None) => Command::End,
        ("status", Some(rest)) => status(&rest),
        ("search", Some(term)) => Command::Search(term),
        ("help" | "?", _) => Command::Help,
        ("quit" | "exit", None) => Command::Quit,
        ("to", None) => Command::Wrong("/to needs an address or the beginning of a name".to_owned()),
        ("search", None) => Command::Wrong("/search needs a term of two letters or more".to_owned()),
        ("status", None) => Command::Wrong(format!("/status needs one of {STATES}")),
        ("roster" | "who" | "end" | "quit" | "exit", Some(_)) => {
            Command::Wrong(format!("/{word} stands alone"))
        }
        _ => Command::Wrong(format!("there is no command /{word}; /help lists them")),
    }
}

fn status(rest: &str) -> Command {
    let (word, note) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let note = Some(note.trim()).filter(|note| !note.is_empty()).map(str::to_owned);
    match Availability::from_name(word) {
        Some(choice) => Command::Status(choice, note),
        None => Command::Wrong(format!("{word} is none of {STATES}")),
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::Availability;

    use super::{Command, parse};

    #[test]
    fn lines_and_commands() {
        let owned = str::to_owned;
        for (line, command) in [
            ("  hello  there ", Command::Say(owned("hello  there"))),
            ("//etc", Command::Say(owned("/etc"))),
            ("", Command::Nothing),
            ("/TO bo", Command::To(owned("bo"))),
            ("/accept", Command::Accept(None)),
            ("/decline sip:a@b", Command::Decline(Some(owned("sip:a@b")))),
            ("/status busy in a  meeting", Command::Status(Availability::Busy, Some(owned("in a  meeting")))),
            ("/search ma", Command::Search(owned("ma"))),
            ("/quit", Command::Quit),
        ] {
            assert_eq!(parse(line), command, "{line}");
        }
        for line in ["/to", "/quit now", "/dance", "/status gone", "/"] {
            assert!(matches!(parse(line), Command::Wrong(_)), "{line}");
        }
    }
}
