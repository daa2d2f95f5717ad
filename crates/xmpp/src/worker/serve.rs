use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_xmpp::{
    jid::Jid,
    parsers::{
        iq::Iq,
        ping::Ping,
        presence::{Presence as Presentation, Show, Type},
        roster::Roster,
        sm::{A, Nonza as Sm, R},
        stanza::Stanza,
    },
    xmlstream::XmppStreamElement,
};
use tracing::info;
use trunkline_core::port::{LineState, Outcome};

use super::{
    Command, End, Question, Worker,
    memory::{Delivery, Sent},
};
use crate::{
    iq::Asker,
    link::{Broken, Link},
    message,
    negotiate::{Ready, Session},
    presence,
};

/// How long the server may take to confirm what it was asked to confirm, and to tell the roster.
const CONFIRM_WAIT: Duration = Duration::from_secs(30);
/// How long to wait before asking again when the answer confirmed nothing.
const ASK_AGAIN_WAIT: Duration = Duration::from_secs(1);
/// How long a sign-out waits for the last confirmations and commits.
const DRAIN_WAIT: Duration = Duration::from_secs(2);
/// Elements that may wait to be written before commands, and then the stream, are left alone.
const MAX_WAITING: usize = 128;
/// Stanzas that may be unconfirmed before commands are left alone.
const MAX_UNCONFIRMED: usize = 512;

/// A link that is up, and what is open on it.
pub(super) struct Live {
    pub(super) link: Link,
    /// When the server must have confirmed what it was asked about.
    pub(super) confirm_by: Option<Instant>,
    /// When the server may be asked again to confirm.
    ask_from: Option<Instant>,
    /// When the server must have told the roster.
    pub(super) roster_by: Option<Instant>,
    /// The count that the server was last told.
    told: u32,
    /// The server asked, and there was still something unfinished.
    owed: bool,
    /// When to sign out at the latest.
    close_by: Option<Instant>,
}

impl Worker {
    /// Uses a stream until it ends.
    pub(super) async fn serve(&mut self, ready: Ready) -> End {
        let mut live = Live::new(Link::new(ready.stream));
        if let Err(end) = self.begin(&mut live, ready.session) {
            return end;
        }
        if !ready.early.is_empty() {
            for stanza in ready.early {
                self.hear_stanza(&mut live, stanza);
            }
            // They came before the counting began.
            self.memory.inbound.reset();
        }
        let end = loop {
            // A panic is told by the program's hook; it costs this line its link, and no other anything.
            match AssertUnwindSafe(self.step(&mut live)).catch_unwind().await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => break end,
                Err(_) => break End::lost("the relay failed at something that came over the link"),
            }
        };
        match &end {
            End::Closed => self.say_goodbye(live).await,
            End::Lost { .. } => self.memory.link_lost(live.link.waiting()),
        }
        end
    }

    async fn step(&mut self, live: &mut Live) -> Result<(), End> {
        self.settle(live);
        let waiting = live.link.waiting().len();
        let reading = self.inbox.has_room() && waiting < 2 * MAX_WAITING;
        if !reading {
            live.postpone();
        }
        let taking = waiting < MAX_WAITING && self.memory.outbound.len() < MAX_UNCONFIRMED;
        let drained = self.inbox.is_empty() && self.memory.outbound.len() == 0 && waiting == 0;
        if live.close_by.is_some() && drained {
            return Err(End::Closed);
        }
        let deadline = sleep_until(live.next_deadline());
        tokio::select! {
            heard = live.link.next(reading) => {
                match heard {
                    Ok(heard) => self.hear(live, heard),
                    Err(broken) => Err(self.broken(live, broken).await),
                }
            }
            command = self.commands.recv(), if taking && live.close_by.is_none() => {
                self.obey(live, command);
                Ok(())
            }
            told = self.inbox.next() => {
                let ticket = told.map_err(|_| End::Closed)?;
                self.memory.inbound.finish(ticket);
                Ok(())
            }
            () = deadline => live.overdue(Instant::now()),
        }
    }

    /// The link is over. A stanza that cannot be read must not come again and break the next link too, so it counts as
    /// taken, once everything before it is.
    async fn broken(&mut self, live: &mut Live, broken: Broken) -> End {
        if broken.unreadable && self.memory.management.is_some() {
            let ticket = self.memory.inbound.arrive();
            self.memory.inbound.finish(ticket);
            let taking = async {
                while !self.inbox.is_empty() {
                    let Ok(ticket) = self.inbox.next().await else { return };
                    self.memory.inbound.finish(ticket);
                }
            };
            // What the core does not take in time keeps its place before the unreadable one.
            let _ = timeout(DRAIN_WAIT, taking).await;
            self.acknowledge(live);
            let _ = timeout(DRAIN_WAIT, live.link.flush()).await;
        }
        End::lost(broken.reason)
    }

    /// Goes on with the old session, or starts anew.
    fn begin(&mut self, live: &mut Live, session: Session) -> Result<(), End> {
        match session {
            Session::Resumed { confirmed, handled } => {
                if self.memory.confirm(confirmed).is_err() {
                    self.memory.give_up();
                    return Err(End::lost("the server confirmed what it was never sent"));
                }
                self.memory.resumed();
                self.memory.inbound.rewind(handled);
                live.told = handled;
                self.inbox.forget_waiting();
                for sent in self.memory.outbound.iter() {
                    live.link.push(sent.element.clone());
                }
                self.come_up(live, "resumed");
            }
            Session::Fresh { jid, management } => {
                self.memory.give_up();
                self.memory.inbound.reset();
                self.memory.own = jid.to_bare();
                self.memory.management = management;
                live.roster_by = Some(Instant::now() + CONFIRM_WAIT);
                let query = Roster { ver: None, items: Vec::new() };
                self.ask(live, None, Question::Get(query.into()), Asker::Roster);
            }
        }
        Ok(())
    }

    /// Everything is in place: others may see the person, and messages may flow.
    pub(super) fn come_up(&mut self, live: &mut Live, how: &str) {
        let managed = self.memory.management.is_some();
        info!(account = %self.shared.person.address, how, acknowledgements = managed, "connected to the XMPP server");
        if *self.shared.presence() != self.memory.shown || self.memory.shown.is_none() {
            self.show(live);
        }
        self.set_state(LineState::Connected);
    }

    fn obey(&mut self, live: &mut Live, command: Option<Command>) {
        match command {
            Some(Command::Send { message, reply, .. }) if !self.memory.takes(message.turn) => {
                self.memory.give_back(Delivery::new(&message, reply));
            }
            Some(Command::Send { to, message, reply }) => {
                self.memory.peers.insert(message.key, to.clone());
                let stanza = Stanza::Message(message::outgoing(to, &message));
                self.send(live, stanza, Some(Delivery::new(&message, reply)));
            }
            Some(Command::Stanza(stanza)) => self.send(live, *stanza, None),
            Some(Command::Show) => self.show(live),
            Some(Command::Ask { to, question, asker }) => self.ask(live, to, question, asker),
            Some(Command::Close(reply)) => {
                self.closing.push(reply);
                live.close_by = Some(Instant::now() + DRAIN_WAIT);
            }
            None => live.close_by = Some(Instant::now() + DRAIN_WAIT),
        }
    }

    /// Shows the person as the core wants it; before it has said anything, as quietly as messages allow.
    fn show(&mut self, live: &mut Live) {
        let chosen = self.shared.presence().clone();
        let stanza = chosen.as_ref().map(presence::stanza);
        self.memory.shown = chosen;
        let stanza = stanza.unwrap_or_else(|| {
            let quiet = Presentation::available().with_show(Show::Xa);
            quiet.with_priority(presence::PRIORITY)
        });
        self.send(live, Stanza::Presence(stanza), None);
    }

    /// Asks somebody; when too many questions are open the asker is dropped, and learns it by that.
    pub(super) fn ask(&mut self, live: &mut Live, to: Option<Jid>, question: Question, asker: Asker) {
        let Some(id) = self.memory.questions.ask(to.as_ref(), asker) else { return };
        let iq = match question {
            Question::Get(payload) => Iq::Get { from: None, to, id, payload },
            Question::Set(payload) => Iq::Set { from: None, to, id, payload },
        };
        self.send(live, Stanza::Iq(iq), None);
    }

    pub(super) fn ping(&mut self, live: &mut Live, asker: Asker) {
        let domain: Jid = tokio_xmpp::jid::BareJid::from_parts(None, self.memory.own.domain()).into();
        self.ask(live, Some(domain), Question::Get(Ping.into()), asker);
    }

    /// Puts a stanza on its way and into the ledger.
    pub(super) fn send(&mut self, live: &mut Live, stanza: Stanza, delivery: Option<Delivery>) {
        let element = Arc::new(XmppStreamElement::Stanza(stanza));
        if self.memory.management.is_some() || delivery.is_some() {
            self.memory.outbound.push(Sent { element: element.clone(), delivery });
        }
        live.link.push(element);
    }

    /// Asks for and gives the confirmations that are due.
    fn settle(&mut self, live: &mut Live) {
        if live.owed && self.memory.inbound.handled() != live.told {
            self.acknowledge(live);
        }
        let now = Instant::now();
        live.ask_from = live.ask_from.filter(|from| *from > now);
        if live.confirm_by.is_some() || live.ask_from.is_some() || self.memory.outbound.len() == 0 {
            return;
        }
        live.confirm_by = Some(now + CONFIRM_WAIT);
        if self.memory.management.is_some() {
            live.link.push(XmppStreamElement::SM(Sm::Req(R)));
        } else {
            self.ping(live, Asker::Confirm(self.memory.outbound.position()));
        }
    }

    /// Tells the server how far we have taken its stanzas for good.
    pub(super) fn acknowledge(&mut self, live: &mut Live) {
        live.told = self.memory.inbound.handled();
        live.owed = !self.memory.inbound.settled();
        live.link.push(XmppStreamElement::SM(Sm::Ack(A { h: live.told })));
    }

    /// Takes the server's word on how much of ours it has.
    pub(super) fn confirmed(&mut self, live: &mut Live, h: u32) -> Result<(), End> {
        live.confirm_by = None;
        let before = self.memory.outbound.len();
        if self.memory.confirm(h).is_err() {
            self.memory.give_up();
            return Err(End::lost("the server confirmed what it was never sent"));
        }
        let stuck = before > 0 && self.memory.outbound.len() == before;
        live.ask_from = stuck.then(|| Instant::now() + ASK_AGAIN_WAIT);
        Ok(())
    }

    /// Signs out in order: the last acknowledgement keeps the server from giving messages to the next session again.
    async fn say_goodbye(&mut self, mut live: Live) {
        if self.memory.management.is_some() && self.memory.inbound.handled() != live.told {
            self.acknowledge(&mut live);
        }
        let gone = Stanza::Presence(Presentation::new(Type::Unavailable));
        live.link.push(XmppStreamElement::Stanza(gone));
        // A server that does not take the goodbye notices the closed connection.
        let _ = timeout(DRAIN_WAIT, live.link.close()).await;
    }

    /// A message came back before it was confirmed; false when nobody waits for it any more.
    pub(super) fn refused_early(
        &mut self,
        key: trunkline_model::MessageKey,
        permanent: bool,
        reason: &str,
    ) -> bool {
        let Some(delivery) = self.memory.take_delivery(key) else { return false };
        delivery.tell(Outcome::Refused { permanent, reason: reason.to_owned() });
        true
    }
}

impl Live {
    fn new(link: Link) -> Self {
        Self { link, confirm_by: None, ask_from: None, roster_by: None, told: 0, owed: false, close_by: None }
    }

    /// Who does not listen cannot blame the server for its silence.
    fn postpone(&mut self) {
        let later = Instant::now() + CONFIRM_WAIT;
        for by in [&mut self.confirm_by, &mut self.roster_by].into_iter().flatten() {
            *by = later;
        }
    }

    fn next_deadline(&self) -> Instant {
        let deadlines = [self.confirm_by, self.ask_from, self.roster_by, self.close_by].into_iter().flatten();
        deadlines.min().unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600))
    }

    fn overdue(&self, now: Instant) -> Result<(), End> {
        let late = |by: Option<Instant>| by.is_some_and(|by| by <= now);
        if late(self.close_by) {
            return Err(End::Closed);
        }
        if late(self.confirm_by) || late(self.roster_by) {
            return Err(End::lost("the server does not answer"));
        }
        Ok(())
    }
}
