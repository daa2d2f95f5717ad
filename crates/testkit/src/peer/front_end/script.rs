//! What a test tells the Front End to do with the next message that fits.

use std::time::Duration;

use trunkline_sip::Message;

use super::traffic::Heading;

/// What to do with a message instead of the usual.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers a received request with this; a message to be sent is sent as usual.
    Answer(Answer),
    /// Swallows it.
    Drop,
    /// Works on it, or sends it, twice.
    Twice,
    /// The same, the second time as if it came from another endpoint: with another tag in To.
    Fork,
    /// Keeps it until the next message on the same connection has passed.
    Swap,
    /// Keeps it for a while, and does not keep others.
    Delay(Duration),
    /// Closes the connection instead.
    Cut,
}

/// A scripted answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) reason: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<(String, String)>,
}

impl Act {
    /// Answers with a status.
    pub fn answer(status: u16) -> Self {
        Self::Answer(Answer { status, reason: None, headers: Vec::new(), body: None })
    }

    /// With another reason phrase than the usual one.
    #[must_use]
    pub fn reason(self, reason: &str) -> Self {
        self.changed(|answer| answer.reason = Some(reason.to_owned()))
    }

    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.changed(|answer| answer.headers.push((name.to_owned(), value.to_owned())))
    }

    /// With `ms-diagnostics`.
    #[must_use]
    pub fn diagnostics(self, id: u32, reason: &str) -> Self {
        self.header("ms-diagnostics", &format!("{id};reason=\"{reason}\";source=\"fe1.test\""))
    }

    /// With a body.
    #[must_use]
    pub fn body(self, media: &str, body: &str) -> Self {
        self.changed(|answer| answer.body = Some((media.to_owned(), body.to_owned())))
    }

    fn changed(mut self, change: impl FnOnce(&mut Answer)) -> Self {
        if let Self::Answer(answer) = &mut self {
            change(answer);
        }
        self
    }
}

pub(super) type Fits = Box<dyn Fn(&Message) -> bool + Send>;

pub(super) struct Rule {
    pub(super) heading: Heading,
    pub(super) fits: Fits,
    pub(super) act: Act,
    pub(super) times: usize,
}

/// The acts to come, first come first served.
#[derive(Default)]
pub(super) struct Script(Vec<Rule>);

impl Script {
    pub(super) fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn pending(&self) -> usize {
        self.0.iter().map(|rule| rule.times).sum()
    }

    pub(super) fn next(&mut self, heading: Heading, message: &Message) -> Option<Act> {
        let at = self.0.iter().position(|rule| rule.heading == heading && (rule.fits)(message))?;
        let rule = self.0.get_mut(at)?;
        let act = rule.act.clone();
        rule.times = rule.times.saturating_sub(1);
        if rule.times == 0 {
            self.0.remove(at);
        }
        Some(act)
    }
}
