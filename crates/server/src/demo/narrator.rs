use std::{
    fmt::Display,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use crate::print;

const BREATH: Duration = Duration::from_millis(600);
const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";
const CYAN: &str = "36";

/// Tells the story on standard output; colour only on a terminal and without NO_COLOR.
pub(super) struct Narrator {
    colour: bool,
    /// People read along.
    leisurely: bool,
    chapter: usize,
    begun: Instant,
}

impl Narrator {
    /// A narrator who has said nothing yet.
    pub(super) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        Self { colour: print::colour(terminal), leisurely: terminal, chapter: 0, begun: Instant::now() }
    }

    /// The title, and what it is about.
    pub(super) fn title(&self, title: &str, about: &str) {
        self.say(&format!("{}\n\n{about}", self.paint(BOLD, title)));
    }

    /// A new chapter.
    pub(super) async fn chapter(&mut self, title: &str) {
        self.breathe().await;
        self.chapter += 1;
        self.begun = Instant::now();
        self.say(&format!("\n{}", self.paint(BOLD, &format!("{}. {title}", self.chapter))));
    }

    /// Why something is as it is.
    pub(super) fn aside(&self, text: &str) {
        self.say(&format!("   {}", self.paint(DIM, text)));
    }

    /// Somebody writes something.
    pub(super) async fn line(&mut self, who: &str, text: &str) {
        self.breathe().await;
        self.say(&format!("     {} {text}", self.paint(CYAN, &format!("{who}:"))));
        self.begun = Instant::now();
    }

    /// Something was checked and is so.
    pub(super) fn check(&mut self, what: impl Display) {
        let took = self.begun.elapsed().as_millis();
        self.begun = Instant::now();
        let took = self.paint(DIM, &format!("({took} ms)"));
        self.say(&format!("   {} {what} {took}", self.paint(GREEN, "✔")));
    }

    /// Something was checked and is not so.
    pub(super) fn broken(&self, what: impl Display, why: impl Display) {
        self.say(&format!("   {} {what}\n     {why}", self.paint(RED, "✘")));
    }

    /// A paragraph.
    pub(super) fn say(&self, text: &str) {
        // A reader that has gone away is no reason to stop: `--once` still tells by its exit code.
        print::courtesy(&format!("{text}\n"));
    }

    /// A command to copy.
    pub(super) fn command(&self, command: &str) {
        self.say(&format!("     {}", self.paint(CYAN, command)));
    }

    /// Gives people time to read; programs need none.
    async fn breathe(&self) {
        if self.leisurely {
            tokio::time::sleep(BREATH).await;
        }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
