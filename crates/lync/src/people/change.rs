//! Changes of the roster, one at a time.

use std::{collections::VecDeque, time::Duration};

use trunkline_core::port::{LineError, RosterChange};
use trunkline_model::{Address, GroupId};
use trunkline_sip::body::soap::{ListReply, ListRequest};

use super::{
    event::{Action, Answer, Body, ChangeId, ServeId, Settings},
    list::List,
    out::Out,
    plan::{Step, plan},
};

/// Most SERVICEs for one change.
const TRIES: u8 = 4;
/// How long a SERVICE may be without its end before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// Changes that wait for the server, the first one being at work.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: VecDeque<Waiting>,
    /// The SERVICE that is out, and until when; its change may have been given up.
    out: Option<(ServeId, Duration)>,
}

#[derive(Debug)]
struct Waiting {
    id: ChangeId,
    change: RosterChange,
    until: Duration,
    tries: u8,
    stale: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// To be sent when the list is what the server has.
    Due,
    /// Sent for that version.
    Sent { delta: u64, step: Step },
    /// Accepted; it shows when the list has a later version.
    Accepted { delta: u64, step: Step, until: Duration, group: Option<GroupId> },
}

impl Changes {
    pub(super) fn ask(&mut self, id: ChangeId, change: RosterChange, settings: &Settings, out: &mut Out) {
        if self.waiting.len() >= settings.changes {
            let many = "too many changes of the roster wait: try again later".to_owned();
            return out.push(Action::Changed(id, Err(LineError::Refused(many))));
        }
        let until = out.now + settings.limit;
        self.waiting.push_back(Waiting { id, change, until, tries: 0, stale: false, stage: Stage::Due });
    }

    /// Whom the change at work puts on the list, who was not there.
    pub(super) fn adds(&self) -> Option<&Address> {
        let first = self.waiting.front()?;
        match (&first.change, &first.stage) {
            (
                RosterChange::AddContact(address, _),
                Stage::Sent { step, .. } | Stage::Accepted { step, .. },
            ) => step.fresh.then_some(address),
            _ => None,
        }
    }

    /// Takes the end of a SERVICE; false if it is none of these.
    pub(super) fn served(
        &mut self,
        id: ServeId,
        answer: &Answer,
        list: &mut List,
        settings: &Settings,
        out: &mut Out,
    ) -> bool {
        if self.out.as_ref().is_none_or(|(serve, _)| *serve != id) {
            return false;
        }
        self.out = None;
        let Some(first) = self.waiting.front_mut() else { return true };
        let Stage::Sent { delta, step } = std::mem::replace(&mut first.stage, Stage::Due) else {
            return true;
        };
        match answer {
            Answer::Accepted(body) => {
                let group = match ListReply::read(body) {
                    Ok(ListReply::GroupAdded { id }) => Some(GroupId(i64::from(id))),
                    _ => None,
                };
                first.stage = Stage::Accepted { delta, step, until: out.now + settings.settle, group };
            }
            Answer::Refused { status, body } => {
                let moved = list.delta() != delta || !list.is_ready();
                if !(moved || (is_stale(*status) && !first.stale)) || first.tries >= TRIES {
                    self.finish(Err(refusal(*status, body)), out);
                } else if !moved {
                    first.stale = true;
                    list.doubt();
                }
            }
            Answer::Lost => {
                list.doubt();
                self.finish(Err(silence()), out);
            }
        }
        true
    }

    /// Goes on as far as possible.
    pub(super) fn pump(&mut self, list: &mut List, settings: &Settings, out: &mut Out) {
        self.expire(list, out);
        while self.out.is_none() && self.advance(list, settings, out) {}
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let settle = self.waiting.front().and_then(|first| match first.stage {
            Stage::Accepted { until, .. } => Some(until),
            _ => None,
        });
        let limits = self.waiting.iter().map(|one| one.until).min();
        [settle, limits, self.out.map(|(_, until)| until)].into_iter().flatten().min()
    }

    /// The way to the server is lost: nobody knows what became of what was sent.
    pub(super) fn lose(&mut self, out: &mut Out) {
        self.out = None;
        while !self.waiting.is_empty() {
            self.finish(
                Err(LineError::NotConnected("signed out before the server had answered".into())),
                out,
            );
        }
    }

    /// One step with the first change; false when it has to wait.
    fn advance(&mut self, list: &List, settings: &Settings, out: &mut Out) -> bool {
        let Some(first) = self.waiting.front_mut() else { return false };
        match &first.stage {
            Stage::Sent { .. } => false,
            Stage::Accepted { delta, .. } if list.delta() <= *delta || !list.is_ready() => false,
            Stage::Accepted { step, group, .. } => {
                let (last, group) = (step.last, *group);
                first.stage = Stage::Due;
                if last {
                    let done = group.or_else(|| made(&first.change, list));
                    self.finish(Ok(done), out);
                }
                true
            }
            Stage::Due if !list.is_ready() => false,
            Stage::Due if first.tries >= TRIES => {
                self.finish(Err(LineError::Refused("the contact list changes too fast".into())), out);
                true
            }
            Stage::Due => {
                match plan(&first.change, list, settings) {
                    Ok(Some(step)) => self.send(step, list, out),
                    Ok(None) => self.finish(Ok(None), out),
                    Err(error) => self.finish(Err(error), out),
                }
                true
            }
        }
    }

    fn send(&mut self, step: Step, list: &List, out: &mut Out) {
        let Some(first) = self.waiting.front_mut() else { return };
        let id = ServeId(out.number());
        let request = ListRequest { delta: list.delta(), operation: step.operation.clone() };
        first.tries += 1;
        first.stage = Stage::Sent { delta: list.delta(), step };
        self.out = Some((id, out.now + PATIENCE));
        out.push(Action::Serve { id, body: Body::list(&request) });
    }

    fn expire(&mut self, list: &mut List, out: &mut Out) {
        if self.out.is_some_and(|(_, until)| until <= out.now) {
            self.out = None;
            list.doubt();
        }
        let mut settled = None;
        if let Some(first) = self.waiting.front_mut()
            && let Stage::Accepted { step, until, group, .. } = &first.stage
            && *until <= out.now
        {
            // The server said yes and the change does not show: it is done, and the list here is behind.
            settled = step.last.then_some(*group);
            first.stage = Stage::Due;
            list.doubt();
        }
        if let Some(group) = settled {
            self.finish(Ok(group), out);
        }
        while let Some(late) = self.waiting.iter().position(|one| one.until <= out.now) {
            if let Some(late) = self.waiting.remove(late) {
                let done = match late.stage {
                    Stage::Accepted { step, group, .. } if step.last => Ok(group),
                    _ => Err(silence()),
                };
                out.push(Action::Changed(late.id, done));
            }
        }
    }

    fn finish(&mut self, result: Result<Option<GroupId>, LineError>, out: &mut Out) {
        if let Some(first) = self.waiting.pop_front() {
            out.push(Action::Changed(first.id, result));
        }
    }
}

/// The number of the group that was made, if the answer did not say it.
fn made(change: &RosterChange, list: &List) -> Option<GroupId> {
    match change {
        RosterChange::AddGroup(name) => list.named(name.trim()).map(|id| GroupId(i64::from(id))),
        _ => None,
    }
}

/// Whether a refusal may mean a version that is not the server's: there is no one word for it.
fn is_stale(status: u16) -> bool {
    matches!(status, 400 | 409 | 412 | 500)
}

fn silence() -> LineError {
    LineError::NotConnected("the server did not answer in time".into())
}

fn refusal(status: u16, body: &[u8]) -> LineError {
    let said = match ListReply::read(body) {
        Ok(ListReply::Fault { text, detail, .. }) => {
            format!("{text} {}", detail.unwrap_or_default()).to_lowercase()
        }
        _ => String::new(),
    };
    if ["limit", "maximum", "too many", "quota", "full"].iter().any(|word| said.contains(word)) {
        return LineError::Refused("the contact list is full".into());
    }
    LineError::Refused(format!("the server refused to change the contact list (status {status})"))
}
