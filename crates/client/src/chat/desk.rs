mod show;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{sync::mpsc, time::timeout};
use trunkline_model::{Address, Timestamp};

use super::{
    ChatError,
    command::{Command, HELP, parse},
    screen::{Tone, clock, excerpt},
    sign_in::Me,
    terminal::Terminal,
};
use crate::{Phone, Received, RequestError, Roster, RosterContact, Sent};

/// Requests under way; beyond that no further line is read.
const MAX_WORK: usize = 32;

/// Sent messages and shown ones that are remembered, for their marks and against repeats.
const MEMORY: usize = 256;

/// How long signing out may take.
const GOODBYE_LIMIT: Duration = Duration::from_secs(5);

/// The person at the terminal: what they see, and what is under way for them.
pub(super) struct Desk {
    phone: Phone,
    me: Me,
    terminal: Terminal,
    contacts: BTreeMap<Address, RosterContact>,
    current: Option<Address>,
    /// Invitations that wait for an answer.
    invitations: BTreeMap<Address, String>,
    /// Message id and beginning of the text.
    sent: VecDeque<(String, String)>,
    shown: VecDeque<(Address, String)>,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    /// The session stood before: the next time is news.
    connected_before: bool,
}

/// What came of something that was under way.
enum Done {
    Sent {
        contact: Address,
        text: String,
        result: Result<Sent, RequestError>,
    },
    Roster(Result<Roster, RequestError>),
    Found(Result<Roster, RequestError>),
    /// Words for success.
    Other(Result<String, RequestError>),
}

impl Desk {
    pub(super) fn new(phone: Phone, me: Me, terminal: Terminal) -> Self {
        Self {
            phone,
            me,
            terminal,
            contacts: BTreeMap::new(),
            current: None,
            invitations: BTreeMap::new(),
            sent: VecDeque::new(),
            shown: VecDeque::new(),
            work: FuturesUnordered::new(),
            connected_before: false,
        }
    }

    /// Runs until the person quits, the input ends, or the phone is locked out.
    pub(super) async fn run(mut self) -> Result<(), ChatError> {
        let Some(mut events) = self.phone.events() else { return Ok(()) };
        let name = if self.me.name.is_empty() { self.me.address.local() } else { &self.me.name };
        let hello = format!("Signed in as {name} <{}>. Type /help for the commands.", self.me.address.bare());
        self.terminal.say(hello)?;
        self.fetch_roster();
        let ended = self.serve(&mut events).await;
        if ended.is_ok() {
            self.leave(&mut events).await?;
        }
        ended
    }

    async fn serve(&mut self, events: &mut mpsc::Receiver<Received>) -> Result<(), ChatError> {
        loop {
            tokio::select! {
                received = events.recv() => match received {
                    Some(received) => self.show(received)?,
                    None => return Ok(()),
                },
                Some(done) = self.work.next(), if !self.work.is_empty() => self.finished(done)?,
                Ok(()) = tokio::signal::ctrl_c() => return Ok(()),
                line = self.terminal.line(), if self.work.len() < MAX_WORK => {
                    let command = line.map_or(Command::Quit, |line| parse(&line));
                    if command == Command::Quit {
                        return Ok(());
                    }
                    self.obey(command)?;
                }
            }
        }
    }

    /// Lets what is under way come to its end, then signs out.
    async fn leave(&mut self, events: &mut mpsc::Receiver<Received>) -> Result<(), ChatError> {
        while !self.work.is_empty() {
            tokio::select! {
                Some(done) = self.work.next() => self.finished(done)?,
                received = events.recv() => match received {
                    Some(received) => self.show(received)?,
                    None => break,
                },
                Ok(()) = tokio::signal::ctrl_c() => break,
            }
        }
        // The answer to TerminateSession must not wait behind events; those that were taken are acknowledged already.
        events.close();
        while let Ok(received) = events.try_recv() {
            self.show(received)?;
        }
        if timeout(GOODBYE_LIMIT, self.phone.sign_out()).await.is_err() {
            self.phone.close().await;
        }
        self.terminal.say(self.terminal.style().notice("signed out"))?;
        Ok(())
    }

    fn obey(&mut self, command: Command) -> Result<(), ChatError> {
        match command {
            Command::Say(text) => match self.current.clone() {
                Some(contact) => self.send(contact, text),
                None => self.notice("to whom? choose with /to first")?,
            },
            Command::To(who) => match self.find(&who) {
                Ok(contact) => {
                    self.notice(&format!("now talking to {}", self.name(&contact)))?;
                    self.current = Some(contact);
                }
                Err(words) => self.amiss(&words)?,
            },
            Command::Roster => self.fetch_roster(),
            Command::Who => self.who()?,
            Command::Accept(who) => self.answer(who.as_deref(), true)?,
            Command::Decline(who) => self.answer(who.as_deref(), false)?,
            Command::End => self.end()?,
            Command::Status(choice, note) => {
                let words = format!("you are {}", choice.name());
                self.start(move |phone| async move {
                    Done::Other(phone.set_presence(choice, note.as_deref()).await.map(|()| words))
                });
            }
            Command::Search(term) => {
                self.start(|phone| async move { Done::Found(phone.search(&term).await) })
            }
            Command::Help => self.terminal.say(HELP)?,
            Command::Wrong(words) => self.amiss(&words)?,
            Command::Nothing | Command::Quit => {}
        }
        Ok(())
    }

    fn start<F>(&mut self, work: impl FnOnce(Phone) -> F)
    where
        F: Future<Output = Done> + Send + 'static,
    {
        self.work.push(work(self.phone.clone()).boxed());
    }

    fn fetch_roster(&mut self) {
        self.start(|phone| async move { Done::Roster(phone.roster().await) });
    }

    fn send(&mut self, contact: Address, text: String) {
        // A message accepts a pending invitation.
        self.invitations.remove(&contact);
        let message_id = format!("m-{}", uuid::Uuid::now_v7());
        remember(&mut self.sent, (message_id.clone(), excerpt(&text)));
        self.start(move |phone| async move {
            let result = phone.send_as(&message_id, &contact, &text).await;
            Done::Sent { contact, text, result }
        });
    }

    fn answer(&mut self, who: Option<&str>, accept: bool) -> Result<(), ChatError> {
        let contact = match who {
            Some(who) => match self.find(who) {
                Ok(contact) => contact,
                Err(words) => return self.amiss(&words),
            },
            None => match self.invitations.keys().next_back() {
                Some(contact) => contact.clone(),
                None => return self.notice("no invitation waits for an answer"),
            },
        };
        let Some(request) = self.invitations.remove(&contact) else {
            return self.notice(&format!("{} has not invited you", self.name(&contact)));
        };
        let name = self.name(&contact);
        if accept {
            self.current = Some(contact);
        }
        self.start(move |phone| async move {
            Done::Other(if accept {
                phone.accept(&request).await.map(|()| format!("now talking to {name}"))
            } else {
                phone.decline(&request).await.map(|()| format!("declined {name}"))
            })
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), ChatError> {
        let Some(contact) = self.current.take() else { return self.notice("you talk to nobody") };
        let words = format!("ended the conversation with {}", self.name(&contact));
        self.start(move |phone| async move { Done::Other(phone.end_chat(&contact).await.map(|()| words)) });
        Ok(())
    }

    fn who(&mut self) -> Result<(), ChatError> {
        self.notice(&format!("you are {}", self.me.address.bare()))?;
        match self.current.clone() {
            Some(contact) => match self.contacts.get(&contact) {
                Some(known) => Ok(self.terminal.say(self.terminal.style().contact(known))?),
                None => self.notice(&format!("you talk to {}", contact.bare())),
            },
            None => self.notice("you talk to nobody"),
        }
    }

    fn finished(&mut self, done: Done) -> Result<(), ChatError> {
        match done {
            Done::Sent { contact, text, result } => {
                let (name, text) = (self.name(&contact), excerpt(&text));
                match result {
                    Ok(sent) => {
                        let line = format!("{} ✓ to {name}: {text}", clock(sent.timestamp));
                        Ok(self.terminal.say(self.terminal.style().paint(Tone::Quiet, line))?)
                    }
                    Err(error) => self.amiss(&format!("not sent to {name}: {text} ({error})")),
                }
            }
            Done::Roster(Ok(roster)) => self.show_roster(roster),
            Done::Found(Ok(found)) => self.show_found(&found),
            Done::Other(Ok(words)) => self.notice(&words),
            Done::Roster(Err(error)) => self.amiss(&format!("no contacts: {error}")),
            Done::Found(Err(error)) => self.amiss(&format!("nothing found: {error}")),
            Done::Other(Err(error)) => self.amiss(&error.to_string()),
        }
    }

    /// Who is meant: an address, or the beginning of one contact's name or address.
    fn find(&self, who: &str) -> Result<Address, String> {
        if let Ok(address) = who.parse() {
            return Ok(address);
        }
        let begins = |text: &str| text.to_lowercase().starts_with(&who.to_lowercase());
        let named = |contact: &&RosterContact| {
            begins(contact.address.local()) || contact.display_name.split_whitespace().any(begins)
        };
        let mut found = self.contacts.values().filter(named);
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only.address.clone()),
            (Some(_), Some(_)) => Err(format!("{who} may be several people; give the address")),
            _ => Err(format!("{who} is nobody in the roster; give the address")),
        }
    }

    fn notice(&mut self, words: &str) -> Result<(), ChatError> {
        Ok(self.terminal.say(self.terminal.style().notice(words))?)
    }

    fn amiss(&mut self, words: &str) -> Result<(), ChatError> {
        Ok(self.terminal.say(self.terminal.style().paint(Tone::Amiss, format_args!("!! {words}")))?)
    }

    fn mark(&mut self, line: &str) -> Result<(), ChatError> {
        let line = format!("{} {line}", clock(Timestamp::now()));
        Ok(self.terminal.say(self.terminal.style().paint(Tone::Quiet, line))?)
    }
}

fn remember<T>(memory: &mut VecDeque<T>, item: T) {
    if memory.len() == MEMORY {
        memory.pop_front();
    }
    memory.push_back(item);
}
