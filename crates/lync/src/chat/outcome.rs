//! How requests of ours end.

use std::time::Duration;

use trunkline_core::port::Outcome as Told;
use trunkline_model::Address;
use trunkline_sip::dialog::{Advice, Dialog, DialogId, Keep, Step, advice, on_second_dialog};
use trunkline_sip::retry;
use trunkline_sip::transaction::{Delivery, HOP, Outcome, Patience, Refusal, Unknown};
use trunkline_sip::{Method, Request, Response};

use super::failure::{self, Again, NO_ANSWER, temporary};
use super::state::{Purpose, Talk};
use super::write::TOOK_FIRST;
use super::{Action, Chats, REPORTS, SendId};

/// Whether somebody waited in vain for who was called, who may have taken the message that was inside.
fn outcome_is_open(status: u16) -> bool {
    status == 408
}

/// How often a server that failed is asked once more.
const TRIES: u32 = 3;

impl Chats {
    pub(super) fn progress(&mut self, id: SendId, response: &Response) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.is_heard |= response.status() > 100;
            // Nothing follows from it, and one that is not fit to follow is no harm.
            drop(call.invite.take(response));
        }
    }

    pub(super) fn ended(&mut self, id: SendId, outcome: Outcome) {
        match self.sends.remove(&id) {
            Some(Purpose::Call) => self.call_ended(id, outcome),
            Some(Purpose::Message(peer, dialog)) => self.message_ended(&peer, &dialog, &outcome),
            Some(Purpose::Typing(dialog)) => self.typing_ended(&dialog, &outcome),
            Some(Purpose::Bye(dialog)) => drop(self.talks.remove(&dialog)),
            Some(Purpose::Surplus) | None => {}
        }
    }

    /// Answers that come after an INVITE's end: nobody keeps their dialogs.
    pub(super) fn late(&mut self, id: SendId, response: &Response) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Ok(Step::Again { ack }) = call.invite.take(response).map(|step| self.surplus(step)) {
            self.out.push(Action::Write(ack));
        }
    }

    /// Ends a dialog that nobody wants; gives back any other step.
    fn surplus(&mut self, step: Step) -> Step {
        if let Step::Surplus { ack, bye } = &step {
            self.out.push(Action::Write(ack.clone()));
            self.bye(bye.as_ref().clone());
        }
        step
    }

    /// Sends the BYE of a dialog that is in no table.
    fn bye(&mut self, bye: Request) {
        self.send(Purpose::Surplus, bye, Patience::of(&Method::BYE));
    }

    fn call_ended(&mut self, id: SendId, outcome: Outcome) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.is_over = true;
        // Cancelled for the peer's own INVITE, not for want of an answer.
        let has_crossed = call.is_cancelled && call.invite.is_ringing();
        call.until = self.now.saturating_add(HOP);
        let (peer, embeds, was_cancelled) = (call.peer.clone(), call.embeds, call.is_cancelled);
        let is_heard = call.is_heard;
        if let Some(chat) = self.chats.get_mut(&peer) {
            chat.call = None;
        }
        let (told, keeps_first) = match outcome {
            Outcome::Accepted(response) => return self.call_accepted(id, &peer, &response),
            Outcome::Refused(_) if has_crossed => return self.pump(&peer),
            Outcome::Refused(refusal) if refusal.status == 487 && was_cancelled => {
                (temporary(NO_ANSWER), !embeds)
            }
            Outcome::Refused(refusal) if !is_heard && self.tries_again(&peer, &refusal) => {
                return self.pump(&peer);
            }
            Outcome::Refused(refusal) => {
                let told = failure::refused(&Method::INVITE, &refusal);
                if embeds && outcome_is_open(refusal.status) {
                    self.pop(&peer, Told::Unknown);
                }
                (told, !embeds || outcome_is_open(refusal.status) || refusal.status == 491)
            }
            Outcome::NotSent(_) => (Told::NotSent, true),
            Outcome::Unknown(why) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.invite.give_up();
                }
                if embeds {
                    self.pop(&peer, Told::Unknown);
                }
                let rest = if why == Unknown::NoAnswer { temporary(NO_ANSWER) } else { Told::NotSent };
                (rest, true)
            }
        };
        if !keeps_first {
            self.pop(&peer, told.clone());
        }
        self.call_failed(&peer, &told);
    }

    /// The INVITE led to nothing; if the peer's own led to a dialog, that serves as well. A message that was inside the
    /// INVITE is not among those that go there: the peer may have it as a missed one.
    fn call_failed(&mut self, peer: &Address, outcome: &Told) {
        match self.chats.get(peer) {
            Some(chat) if chat.open.is_some() || chat.ring.is_some() => self.pump(peer),
            _ => self.fail_all(peer, outcome),
        }
    }

    fn call_accepted(&mut self, id: SendId, peer: &Address, response: &Response) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let took_first = call.embeds && TOOK_FIRST.iter().any(|token| response.supports(token));
        let (step, conversation) = (call.invite.take(response), call.conversation.clone());
        if took_first {
            self.part_confirmed(peer, response);
        }
        match step.map(|step| self.surplus(step)) {
            Ok(Step::Accepted { dialog, ack }) => {
                self.out.push(Action::Write(ack));
                self.adopt_own(peer, *dialog, conversation);
                self.pump(peer);
            }
            Ok(_) => self.call_failed(peer, &temporary(NO_ANSWER)),
            Err(_) => {
                self.call_failed(peer, &temporary("the contact's answer cannot be used (internal_error)"));
            }
        }
    }

    /// Takes the dialog of an INVITE of ours, unless both sides began one and the peer's stays.
    fn adopt_own(&mut self, peer: &Address, dialog: Dialog, conversation: String) {
        let id = dialog.id().clone();
        let until = self.now.saturating_add(self.settings.idle);
        let talk = Talk {
            peer: peer.clone(),
            name: None,
            dialog,
            conversation: Some(conversation),
            invited: None,
            first: None,
            shown: None,
            is_ready: true,
            until,
        };
        self.talks.insert(id.clone(), talk);
        let theirs = self.chats.get(peer).and_then(|chat| chat.open.clone());
        let keep = theirs.as_ref().map(|theirs| on_second_dialog(&id.call_id, &theirs.call_id, true));
        if keep == Some(Keep::Theirs) {
            return self.end_dialog(&id);
        }
        if let Some(theirs) = theirs {
            self.end_dialog(&theirs);
        }
        if let Some(chat) = self.chat(peer) {
            chat.open = Some(id);
        }
    }

    fn message_ended(&mut self, peer: &Address, dialog: &DialogId, outcome: &Outcome) {
        if let Some(chat) = self.chats.get_mut(peer) {
            chat.is_out = false;
        }
        let advice = advice(&Method::MESSAGE, outcome);
        if let Advice::Drop { bye, .. } = advice {
            self.drop_dialog(dialog, bye);
        }
        match (outcome.delivery(&Method::MESSAGE), outcome) {
            (Delivery::Delivered, Outcome::Accepted(response)) => self.part_confirmed(peer, response),
            (Delivery::Refused, Outcome::Refused(refusal)) => {
                let may_resend = matches!(advice, Advice::Drop { resend: true, .. });
                let goes_again = (may_resend && self.resends(peer)) || self.tries_again(peer, refusal);
                if !goes_again {
                    self.pop(peer, failure::refused(&Method::MESSAGE, refusal));
                }
            }
            // What follows must not overtake it: it comes again after it.
            (Delivery::NotSent, _) => self.fail_all(peer, &Told::NotSent),
            _ => self.pop(peer, Told::Unknown),
        }
        self.pump(peer);
    }

    /// Whether what waits for a peer goes once more by itself, now or later.
    fn tries_again(&mut self, peer: &Address, refusal: &Refusal) -> bool {
        let Some(again) = failure::again(refusal) else { return false };
        let draw = ((self.random)() >> 96) as u32;
        let Some(chat) = self.chats.get_mut(peer).filter(|chat| !chat.queue.is_empty()) else { return false };
        let (most, wait) = match again {
            Again::AtOnce => (1, Duration::ZERO),
            Again::Later(asked) => (TRIES, retry::wait(chat.tries + 1, asked, draw)),
        };
        if self.closing || chat.tries >= most {
            return false;
        }
        chat.tries += 1;
        chat.again = Some(self.now.saturating_add(wait));
        true
    }

    /// Whether the first message may go once more, which it may once.
    fn resends(&mut self, peer: &Address) -> bool {
        let letter = self.chats.get_mut(peer).and_then(|chat| chat.queue.front_mut());
        letter.is_some_and(|letter| !std::mem::replace(&mut letter.resent, true))
    }

    /// A part of the first message arrived; what the answer calls it is kept for reports that come later.
    fn part_confirmed(&mut self, peer: &Address, response: &Response) {
        let Some(letter) = self.chats.get_mut(peer).and_then(|chat| chat.queue.front_mut()) else { return };
        if let Some(name) = response.text("Message-Id").filter(|name| name.len() <= 255) {
            let entry = (name.into_owned(), letter.key);
            self.reports.truncate(REPORTS - 1);
            self.reports.push_front(entry);
        }
        if letter.confirm_part() {
            self.pop(peer, Told::Confirmed);
        }
    }

    /// Tells the outcome of the first message.
    fn pop(&mut self, peer: &Address, outcome: Told) {
        let Some(chat) = self.chats.get_mut(peer) else { return };
        chat.tries = 0;
        if let Some(letter) = chat.queue.pop_front() {
            self.report(letter.key, letter.outcome(outcome));
        }
    }

    fn typing_ended(&mut self, dialog: &DialogId, outcome: &Outcome) {
        let Advice::Drop { bye, .. } = advice(&Method::INFO, outcome) else { return };
        let peer = self.talks.get(dialog).map(|talk| talk.peer.clone());
        self.drop_dialog(dialog, bye);
        if let Some(peer) = peer {
            self.pump(&peer);
        }
    }

    /// Ends a dialog, with a BYE or without one.
    pub(super) fn drop_dialog(&mut self, id: &DialogId, bye: bool) {
        if bye {
            return self.end_dialog(id);
        }
        if let Some(talk) = self.talks.remove(id) {
            self.close(&talk.peer, id);
        }
    }

    /// Ends a dialog with a BYE; it is known until that is answered, so that a BYE that crosses it is too.
    pub(super) fn end_dialog(&mut self, id: &DialogId) {
        let Some(talk) = self.talks.get_mut(id) else { return };
        let peer = talk.peer.clone();
        let bye = talk.dialog.bye();
        talk.until = self.now.saturating_add(HOP * 2);
        if bye.is_err() {
            talk.dialog.forget();
        }
        if let Ok(bye) = bye {
            self.send(Purpose::Bye(id.clone()), bye, Patience::of(&Method::BYE));
        }
        self.close(&peer, id);
    }

    /// A dialog is not in use any more.
    pub(super) fn close(&mut self, peer: &Address, id: &DialogId) {
        let Some(chat) = self.chats.get_mut(peer).filter(|chat| chat.open.as_ref() == Some(id)) else {
            return;
        };
        chat.open = None;
        chat.typing.told(self.now, false);
        if chat.typing.heard(self.now, false) {
            self.out.push(Action::Typing { peer: peer.clone(), composing: false });
        }
        self.tidy(peer);
    }
}
