use std::fmt;

use jiff::tz::TimeZone;
use trunkline_model::{Availability, Timestamp};

use crate::RosterContact;

/// Colours, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    coloured: bool,
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// What another person wrote.
    Theirs,
    /// Times, marks, notices.
    Quiet,
    /// What is amiss.
    Amiss,
    /// Reachable.
    Good,
}

impl Style {
    pub(super) fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    pub(super) fn paint(self, tone: Tone, text: impl fmt::Display) -> String {
        let code = match tone {
            Tone::Theirs => "1",
            Tone::Quiet => "2",
            Tone::Amiss => "33",
            Tone::Good => "32",
        };
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    /// A line that somebody wrote, with its time.
    pub(super) fn said(self, at: Timestamp, name: &str, text: &str) -> String {
        let (time, name) = (self.paint(Tone::Quiet, clock(at)), self.paint(Tone::Theirs, clean(name)));
        format!("{time} {name}: {}", clean(text))
    }

    /// A notice.
    pub(super) fn notice(self, text: impl fmt::Display) -> String {
        self.paint(Tone::Quiet, format_args!("-- {text}"))
    }

    /// A contact as a line of the roster.
    pub(super) fn contact(self, contact: &RosterContact) -> String {
        let (mark, tone) = match contact.availability {
            Availability::Available => ("●", Tone::Good),
            Availability::Busy | Availability::DoNotDisturb => ("◆", Tone::Amiss),
            Availability::BeRightBack | Availability::Away | Availability::OffWork => ("◐", Tone::Quiet),
            Availability::Offline => ("○", Tone::Quiet),
        };
        let (name, address) = (clean(&contact.display_name), contact.address.bare());
        let mut line =
            format!("  {} {name} <{address}> {}", self.paint(tone, mark), contact.availability.name());
        if !contact.personal_message.is_empty() {
            line.push_str(&format!(" “{}”", clean(&contact.personal_message)));
        }
        if contact.blocked {
            line.push_str(" (blocked)");
        }
        line
    }
}

/// The local time of day.
pub(super) fn clock(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.0) {
        Ok(moment) => moment.to_zoned(TimeZone::system()).strftime("%H:%M").to_string(),
        Err(_) => "--:--".to_owned(),
    }
}

/// Foreign text without what could command the terminal; further lines are indented.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        match c {
            '\n' => out.push_str("\n      "),
            '\t' => out.push(' '),
            '\r' => {}
            // Bidirectional controls could show a text as another one.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The beginning of a text, on one line, for marks.
pub(super) fn excerpt(text: &str) -> String {
    let line: String = clean(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, excerpt};

    #[test]
    fn foreign_text_cannot_command_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\u{9b}c\r\nd\u{202e}e\n"), "a\u{fffd}[2Jb\u{fffd}c\n      d\u{fffd}e");
        assert_eq!(excerpt("one\ntwo"), "one two");
        assert_eq!(excerpt(&"ü".repeat(50)), format!("{}…", "ü".repeat(40)));
    }
}
