//! A small user agent over the machines: it says texts to its peer, in one dialog at a time.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use trunkline_sip::dialog::{
    Advice, Dialog, DialogId, Dialogs, Invite, Invited, Keep, Ours, Owner, Place, Received, Step, Verdict,
    advice, on_invite, on_second_dialog,
};
use trunkline_sip::transaction::{
    Answer, CancelStep, Capacity, ClientId, ConnectionId, Delivery, Expired, Hop, Incoming, Outcome,
    Patience, ServerId, Transactions,
};
use trunkline_sip::{Message, Method, Request, Response, Uri};

const OWNER: Owner = Owner(1);

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Waiting,
    Underway,
    Delivered,
    Refused,
    Unknown,
}

pub(crate) struct Agent {
    name: &'static str,
    peer: &'static str,
    hop: Hop,
    count: u128,
    pub(crate) link: ConnectionId,
    pub(crate) table: Transactions,
    pub(crate) dialogs: Dialogs,
    /// The dialog that texts go into.
    pub(crate) current: Option<DialogId>,
    pub(crate) invites: Vec<(ClientId, Invite, String)>,
    invited: Option<(ServerId, Invited)>,
    accepted: Vec<(DialogId, Invited)>,
    open: Vec<(ClientId, Request, Option<DialogId>)>,
    outbox: VecDeque<(Option<ClientId>, Bytes)>,
    /// Texts, what became of each, and whether each was sent a second time.
    pub(crate) texts: Vec<(String, Fate, bool)>,
    pub(crate) heard: Vec<String>,
}

impl Agent {
    pub(crate) fn new(name: &'static str, peer: &'static str, salt: u64) -> Self {
        let capacity = Capacity { client: 4_096, server: 4_096, ..Capacity::default() };
        Self {
            name,
            peer,
            hop: Hop { transport: "TLS".to_owned(), sent_by: format!("{name}.example.com:5061") },
            count: u128::from(salt),
            link: ConnectionId(0),
            table: Transactions::new(capacity, salt),
            dialogs: Dialogs::new(64),
            current: None,
            invites: Vec::new(),
            invited: None,
            accepted: Vec::new(),
            open: Vec::new(),
            outbox: VecDeque::new(),
            texts: Vec::new(),
            heard: Vec::new(),
        }
    }

    pub(crate) fn say(&mut self) {
        self.texts.push((format!("{}{}", self.name, self.texts.len()), Fate::Waiting, false));
    }

    /// Takes the next message out of the outbox: from then on it counts as sent.
    pub(crate) fn write(&mut self, now: Duration) -> Option<Bytes> {
        loop {
            let (id, bytes) = self.outbox.pop_front()?;
            if id.is_none_or(|id| self.table.submit(now, id)) {
                return Some(bytes);
            }
        }
    }

    pub(crate) fn is_invited(&self) -> bool {
        self.invited.is_some()
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let acks = self.accepted.iter().filter_map(|(_, invited)| invited.deadline());
        acks.chain(self.table.next_deadline()).min()
    }

    /// Sends the next text, or begins a dialog for it.
    pub(crate) fn pump(&mut self, now: Duration) {
        let underway = self.texts.iter().any(|(_, fate, _)| *fate == Fate::Underway);
        let next = self.texts.iter().position(|(_, fate, _)| *fate == Fate::Waiting);
        let (Some(next), false) = (next, underway) else { return };
        match self.current.clone() {
            Some(id) => self.message(now, &id, next),
            None if self.invited.is_none() && !self.is_ringing() => self.invite(now),
            None => {}
        }
    }

    fn is_ringing(&self) -> bool {
        self.invites.iter().any(|(_, invite, _)| invite.is_ringing())
    }

    fn message(&mut self, now: Duration, id: &DialogId, next: usize) {
        let Some(dialog) = self.dialogs.get_mut(id) else { return };
        let Ok(begun) = dialog.request(Method::MESSAGE) else { return };
        let request = begun.body("text/plain", self.texts[next].0.clone()).done();
        self.texts[next].1 = Fate::Underway;
        self.send(now, request, Some(id.clone()));
    }

    fn invite(&mut self, now: Duration) {
        self.count += 1;
        let (name, peer, count) = (self.name, self.peer, self.count);
        // Which of two Call-IDs is the lower one changes from one to the next.
        let call_id = format!("{:03}{name}", count.wrapping_mul(7_919) % 1_000);
        let request = Request::build(Method::INVITE, Uri::parse(&format!("sip:{peer}@example.com")).unwrap())
            .header("Max-Forwards", "70")
            .header("From", format!("<sip:{name}@example.com>;tag={name}{count}"))
            .header("To", format!("<sip:{peer}@example.com>"))
            .header("Call-ID", &call_id)
            .cseq(1)
            .header("Contact", format!("<sip:{name}@{name}.example.com>"))
            .done();
        let invite = Invite::new(OWNER, &request);
        let id = self.send(now, request, None);
        self.invites.push((id, invite, call_id));
    }

    fn send(&mut self, now: Duration, mut request: Request, dialog: Option<DialogId>) -> ClientId {
        self.count += 1;
        self.hop.stamp(&mut request, self.count);
        let patience = Patience::of(request.method());
        let id = self.table.send(now, self.link, request.clone(), patience).unwrap();
        self.outbox.push_back((Some(id), request.to_bytes()));
        self.open.push((id, request, dialog));
        id
    }

    /// Writes what has no transaction of its own: ACK, CANCEL and answers.
    fn put(&mut self, message: impl Into<Message>) {
        self.outbox.push_back((None, message.into().to_bytes()));
    }

    fn put_ack(&mut self, mut ack: Request) {
        self.count += 1;
        self.hop.stamp(&mut ack, self.count);
        self.put(ack);
    }

    pub(crate) fn take(&mut self, now: Duration, bytes: &Bytes) {
        match Message::parse(bytes).unwrap() {
            Message::Request(request) => self.take_request(now, request),
            Message::Response(response) => self.take_answer(now, response),
        }
    }

    fn take_answer(&mut self, now: Duration, response: Response) {
        match self.table.answer(now, self.link, response) {
            Answer::Provisional { id, response, cancel } => {
                self.step(now, id, &response);
                cancel.into_iter().for_each(|cancel| self.put(cancel));
            }
            Answer::Final { id, outcome, ack } => {
                ack.into_iter().for_each(|ack| self.put(ack));
                self.ended(now, id, &outcome);
            }
            Answer::Late { id, response } => self.step(now, id, &response),
            Answer::Absorbed { ack } => ack.into_iter().for_each(|ack| self.put(ack)),
        }
    }

    /// An answer to an INVITE.
    fn step(&mut self, now: Duration, id: ClientId, response: &Response) {
        let Some((_, invite, call_id)) = self.invites.iter_mut().find(|(each, ..)| *each == id) else {
            return;
        };
        let call_id = call_id.clone();
        match invite.take(response).unwrap() {
            Step::Accepted { dialog, ack } => {
                self.put_ack(ack);
                self.settle(now, *dialog, &call_id);
            }
            Step::Again { ack } => self.put_ack(ack),
            Step::Surplus { ack, bye } => {
                self.put_ack(ack);
                self.send(now, *bye, None);
            }
            Step::Progress { .. } | Step::Refused => {}
        }
    }

    /// Our INVITE was accepted: perhaps there is another dialog by now, or an INVITE of the peer's.
    fn settle(&mut self, now: Duration, dialog: Dialog, call_id: &str) {
        let ours = self.dialogs.insert(dialog).unwrap();
        let theirs = match (&self.current, &self.invited) {
            (Some(open), _) => Some(open.call_id.clone()),
            (None, Some((_, invited))) => invited.request().call_id().ok(),
            (None, None) => None,
        };
        let keep = theirs.map_or(Keep::Ours, |theirs| on_second_dialog(call_id, &theirs, true));
        match keep {
            Keep::Ours => {
                if let Some(open) = self.current.replace(ours) {
                    self.bye(now, &open);
                }
                self.refuse(now, 486);
            }
            Keep::Theirs => {
                self.bye(now, &ours);
                self.accept(now);
            }
        }
    }

    fn ended(&mut self, now: Duration, id: ClientId, outcome: &Outcome) {
        let Some(at) = self.open.iter().position(|(each, ..)| *each == id) else { return };
        let (_, request, dialog) = self.open.remove(at);
        if *request.method() == Method::INVITE {
            return self.invite_ended(now, id, outcome);
        }
        let advice = advice(request.method(), outcome);
        if *request.method() == Method::MESSAGE {
            self.text_ended(&request, outcome, advice);
        }
        if let (Advice::Drop { bye, .. }, Some(id)) = (advice, dialog) {
            self.drop_dialog(now, &id, bye);
        }
    }

    fn invite_ended(&mut self, now: Duration, id: ClientId, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted(response) => self.step(now, id, response),
            Outcome::Refused(refusal) => {
                self.step(now, id, &refusal.response);
                let first = self.texts.iter_mut().find(|(_, fate, _)| *fate == Fate::Waiting);
                if let Some((_, fate, _)) = first.filter(|_| refusal.status == 603) {
                    *fate = Fate::Refused;
                }
            }
            Outcome::NotSent(_) | Outcome::Unknown(_) => {
                let invite = self.invites.iter_mut().find(|(each, ..)| *each == id);
                invite.into_iter().for_each(|(_, invite, _)| invite.give_up());
            }
        }
    }

    fn text_ended(&mut self, request: &Request, outcome: &Outcome, advice: Advice) {
        let text = self.texts.iter_mut().find(|(text, ..)| request.body() == text.as_bytes());
        let (_, fate, again) = text.unwrap();
        *fate = match outcome.delivery(request.method()) {
            Delivery::Delivered => Fate::Delivered,
            Delivery::NotSent => Fate::Waiting,
            Delivery::Unknown => Fate::Unknown,
            Delivery::Refused if !*again && matches!(advice, Advice::Drop { resend: true, .. }) => {
                *again = true;
                Fate::Waiting
            }
            Delivery::Refused => Fate::Refused,
        };
    }

    fn drop_dialog(&mut self, now: Duration, id: &DialogId, bye: bool) {
        if bye {
            self.bye(now, id);
        }
        self.dialogs.remove(id);
        if self.current.as_ref() == Some(id) {
            self.current = None;
        }
    }

    fn bye(&mut self, now: Duration, id: &DialogId) {
        if let Some(bye) = self.dialogs.remove(id).and_then(|mut dialog| dialog.bye().ok()) {
            self.send(now, bye, None);
        }
    }

    pub(crate) fn hang_up(&mut self, now: Duration) {
        if let Some(id) = self.current.clone() {
            self.drop_dialog(now, &id, true);
        }
    }

    pub(crate) fn cancel(&mut self, now: Duration) {
        let Some((id, invite, _)) = self.invites.iter_mut().find(|(_, invite, _)| invite.is_ringing()) else {
            return;
        };
        invite.give_up();
        match self.table.cancel(now, *id) {
            CancelStep::Write(cancel) => self.put(*cancel),
            CancelStep::Withdrawn | CancelStep::Later | CancelStep::TooLate => {}
        }
    }

    fn take_request(&mut self, now: Duration, request: Request) {
        match self.table.request(now, self.link, request) {
            Incoming::Request { id, request } => self.serve(now, id, &request),
            Incoming::Unanswered(ack) => self.acknowledged(&ack),
            Incoming::Cancel { invite, reply, .. } => {
                self.put(reply);
                if self.invited.as_ref().is_some_and(|(id, _)| Some(*id) == invite) {
                    self.refuse(now, 487);
                }
            }
            Incoming::Reply(response) => self.put(response),
            Incoming::Absorbed => {}
        }
    }

    fn acknowledged(&mut self, ack: &Request) {
        let Place::Inside(id) = self.dialogs.place(OWNER, ack) else { return };
        let mut accepted = self.accepted.iter_mut();
        if let Some((_, invited)) = accepted.find(|(each, _)| *each == id) {
            assert!(invited.acknowledge(ack));
        }
    }

    fn serve(&mut self, now: Duration, id: ServerId, request: &Request) {
        match self.dialogs.place(OWNER, request) {
            Place::Outside => self.invited(now, id, request),
            Place::Gone => self.respond(now, id, Response::build(request, 481).done()),
            Place::Inside(dialog) => {
                let received = self.dialogs.get_mut(&dialog).unwrap().receive(request);
                let status = match received {
                    Ok(Received::New) => {
                        self.heard.push(String::from_utf8(request.body().to_vec()).unwrap());
                        200
                    }
                    Ok(Received::Again) => 200,
                    Ok(Received::Bye) => {
                        self.drop_dialog(now, &dialog, false);
                        200
                    }
                    Err(rejection) => rejection.status(),
                };
                self.respond(now, id, Response::build(request, status).done());
            }
        }
    }

    fn invited(&mut self, now: Duration, id: ServerId, request: &Request) {
        let ours = match (&self.current, self.is_ringing()) {
            (_, true) => Ours::Pending,
            (Some(_), false) => Ours::Open(None),
            (None, false) => Ours::Nothing,
        };
        assert_ne!(on_invite(ours, None), Verdict::Pend);
        self.refuse(now, 486);
        self.count += 1;
        let (tag, contact) = (format!("t{}", self.count), format!("<sip:{0}@{0}.example.com>", self.name));
        let invited = Invited::new(OWNER, request, &tag, &contact);
        let ringing = invited.answer(180).unwrap().done();
        self.respond(now, id, ringing);
        self.invited = Some((id, invited));
    }

    /// Accepts the peer's INVITE; a dialog that there is gives way.
    pub(crate) fn accept(&mut self, now: Duration) {
        let Some((id, mut invited)) = self.invited.take() else { return };
        let ok = invited.answer(200).unwrap().done();
        let dialog = invited.accept(now, &ok).unwrap();
        self.respond(now, id, ok);
        let new = self.dialogs.insert(dialog).unwrap();
        if let Some(old) = self.current.replace(new.clone()) {
            self.bye(now, &old);
        }
        self.accepted.push((new, invited));
    }

    pub(crate) fn refuse(&mut self, now: Duration, status: u16) {
        let Some((id, mut invited)) = self.invited.take() else { return };
        let refusal = invited.refuse(status).unwrap().done();
        self.respond(now, id, refusal);
    }

    fn respond(&mut self, now: Duration, id: ServerId, response: Response) {
        if let Ok(reply) = self.table.respond(now, id, response) {
            self.put(reply.response);
        }
    }

    pub(crate) fn tick(&mut self, now: Duration) {
        for expired in self.table.expire(now) {
            match expired {
                Expired::Ended { id, outcome } => self.ended(now, id, &outcome),
                Expired::Cancelled { id, cancel, .. } => {
                    self.put(cancel);
                    let invite = self.invites.iter_mut().find(|(each, ..)| *each == id);
                    invite.into_iter().for_each(|(_, invite, _)| invite.give_up());
                }
                Expired::Unheard(unheard) => {
                    if self.invited.as_ref().is_some_and(|(id, _)| *id == unheard.id) {
                        self.invited = None;
                    }
                    unheard.reply.into_iter().for_each(|reply| self.put(reply.response));
                }
            }
        }
        let expired: Vec<_> =
            self.accepted.iter_mut().filter(|(_, invited)| invited.clone().expire(now)).collect();
        let expired: Vec<_> =
            expired.into_iter().map(|(id, invited)| (id.clone(), invited.expire(now))).collect();
        expired.into_iter().for_each(|(id, _)| self.drop_dialog(now, &id, true));
    }

    /// The connection is gone, and with it what was not written.
    pub(crate) fn lost(&mut self, now: Duration) {
        self.outbox.clear();
        let lost = self.table.lost(now, self.link);
        self.link = ConnectionId(self.link.0 + 1);
        lost.ended.into_iter().for_each(|(id, outcome)| self.ended(now, id, &outcome));
    }
}
