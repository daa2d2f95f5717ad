use serde::Serialize;
use trunkline_core::port::{Finding, Step, Trouble};

use crate::{exit::Failure, print};

/// The width of a part's name and of a step's.
const PART: usize = 12;
const STEP: usize = 12;

/// What was found so far.
pub(super) struct Report {
    /// Each part is shown on standard output as soon as it is examined.
    shown: bool,
    parts: Vec<Part>,
    /// Whether the server runs, where that is known.
    server: Option<bool>,
}

#[derive(Serialize)]
struct Part {
    part: String,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Whole<'a> {
    failed: usize,
    doubtful: usize,
    /// Absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<bool>,
    parts: &'a [Part],
}

impl Report {
    pub(super) fn new(shown: bool) -> Self {
        Self { shown, parts: Vec::new(), server: None }
    }

    pub(super) fn part(&mut self, name: &str, steps: Vec<Step>) -> Result<(), Failure> {
        let part = Part { part: name.to_owned(), steps };
        if self.shown {
            print::text(&shown(&part))?;
        }
        self.parts.push(part);
        Ok(())
    }

    /// Says whether the server runs.
    pub(super) fn server(&mut self, runs: Option<bool>) {
        self.server = runs;
    }

    /// The last word; an error when a step failed (exit code 1), and when nothing did but no server runs (exit code 4).
    /// What is only doubtful is none.
    pub(super) fn end(self) -> Result<(), Failure> {
        let whole = self.whole();
        if self.shown {
            print::text(&last_word(whole.failed, whole.doubtful, whole.running))?;
        } else {
            print::json(&whole)?;
        }
        match (whole.failed, whole.running) {
            (0, Some(false)) => Err(Failure::unreachable(String::new())),
            (0, _) => Ok(()),
            _ => Err(Failure::told()),
        }
    }

    /// All of it, for programs.
    pub(super) fn json(&self) -> Result<serde_json::Value, Failure> {
        serde_json::to_value(self.whole()).map_err(|error| Failure::failed(error.to_string()))
    }

    fn whole(&self) -> Whole<'_> {
        let count = |wanted: fn(&Finding) -> bool| {
            self.parts.iter().flat_map(|part| &part.steps).filter(|step| wanted(&step.finding)).count()
        };
        Whole {
            failed: count(|finding| matches!(finding, Finding::Bad(_))),
            doubtful: count(|finding| matches!(finding, Finding::Doubtful { .. })),
            running: self.server,
            parts: &self.parts,
        }
    }
}

fn last_word(failed: usize, doubtful: usize, running: Option<bool>) -> String {
    let steps = |count: usize| format!("{count} step{}", if count == 1 { "" } else { "s" });
    let looks =
        if doubtful > 0 { format!("; {} to look at, marked !", steps(doubtful)) } else { String::new() };
    match (failed, doubtful, running) {
        (0, 0, _) => "\nAll is well.\n".to_owned(),
        (0, _, Some(false)) => format!("\nNothing failed, but Trunkline is not running{looks}\n"),
        (0, _, _) => format!("\nNothing failed{looks}\n"),
        _ => format!("\n{} failed, marked \u{2718}{looks}\n", steps(failed)),
    }
}

fn shown(part: &Part) -> String {
    let mut text = String::new();
    let wide = part.part.chars().count() > PART;
    if wide {
        text += &format!("{}\n", part.part);
    }
    for (at, step) in part.steps.iter().enumerate() {
        let name = if at == 0 && !wide { part.part.as_str() } else { "" };
        text += &format!("{name:<PART$} {}", line(step));
    }
    text
}

fn line(step: &Step) -> String {
    let name = &step.name;
    match &step.finding {
        Finding::Good { seen } => format!("\u{2714} {name:<STEP$} {}\n", plain(seen)),
        Finding::Doubtful { seen, attempt } => {
            format!("! {name:<STEP$} {}\n{}", plain(seen), more("try", attempt))
        }
        Finding::NotTried { why } => format!("\u{2013} {name:<STEP$} not tried: {}\n", plain(why)),
        Finding::Bad(Trouble { expected, seen, likely, attempt }) => {
            let rows = [("expected", expected), ("likely", likely), ("try", attempt)];
            let rest: String = rows.into_iter().map(|(name, text)| more(name, text)).collect();
            format!("\u{2718} {name:<STEP$} {}\n{rest}", plain(seen))
        }
    }
}

fn more(name: &str, text: &str) -> String {
    format!("{:<PART$}   {name}: {}\n", "", plain(text))
}

/// What servers and files say of themselves must not steer a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use trunkline_core::port::{Step, Trouble};

    use super::{Part, shown};

    #[test]
    fn a_failure_says_what_was_expected_seen_likely_and_what_to_try() {
        let trouble = Trouble {
            expected: "a connection".into(),
            seen: "refused\u{1b}[31m".into(),
            likely: "a firewall".into(),
            attempt: "nc -vz im.corp.test 5222".into(),
        };
        let steps =
            vec![Step::good("dns", "found"), Step::bad("tcp", trouble), Step::not_tried("tls", "no tcp")];
        let text = shown(&Part { part: "backend corp.test".into(), steps });
        assert_eq!(
            text,
            "backend corp.test\n\
             \x20            \u{2714} dns          found\n\
             \x20            \u{2718} tcp          refused [31m\n\
             \x20              expected: a connection\n\
             \x20              likely: a firewall\n\
             \x20              try: nc -vz im.corp.test 5222\n\
             \x20            \u{2013} tls          not tried: no tcp\n"
        );
    }
}
