//! The store's rules once more, as plainly as they can be written: no batches, no SQL, one thing after the
//! other.

use std::collections::{BTreeMap, HashMap};

/// Index of a person; [`OUTSIDE`] lives on another IM system.
pub(super) type Who = usize;

pub(super) const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];
pub(super) const OUTSIDE: Who = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Calling,
    Invited,
    Open,
    Recalled,
}

impl State {
    fn is_invited(self) -> bool {
        matches!(self, Self::Invited | Self::Recalled)
    }
}

#[derive(Debug)]
struct Side {
    state: State,
    first: Option<usize>,
    unread: i64,
    read_up_to: i64,
    /// Something ever happened in it.
    exists: bool,
}

#[derive(Debug)]
struct Message {
    writer: Who,
    to: Who,
    id: String,
    text: String,
    state: &'static str,
    delivered: bool,
}

#[derive(Debug)]
struct Line {
    told: String,
    /// An incoming message: from whom, which, and whether it counts as unread.
    incoming: Option<(Who, usize, bool)>,
}

/// What a send answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Sent { dup: bool, head: i64 },
    Reused,
}

#[derive(Debug, Default)]
pub(super) struct World {
    mailboxes: [Vec<Line>; 3],
    sides: HashMap<(Who, Who), Side>,
    messages: Vec<Message>,
    sends: HashMap<(Who, usize, String), usize>,
    foreign: HashMap<(Who, String), usize>,
    marks: HashMap<(Who, usize), i64>,
    outbox: BTreeMap<usize, Who>,
}

impl World {
    pub(super) fn mailbox(&self, who: Who) -> Vec<String> {
        self.mailboxes[who].iter().enumerate().map(|(at, line)| format!("{}{}", at + 1, line.told)).collect()
    }

    pub(super) fn unread(&self, who: Who, peer: Who) -> Option<i64> {
        self.sides.get(&(who, peer)).filter(|side| side.exists).map(|side| side.unread)
    }

    pub(super) fn mark(&self, who: Who, device: usize) -> i64 {
        self.marks.get(&(who, device)).copied().unwrap_or_default()
    }

    pub(super) fn waiting(&self, who: Who) -> usize {
        self.outbox.values().filter(|writer| **writer == who).count()
    }

    pub(super) fn head(&self, who: Who) -> i64 {
        i64::try_from(self.mailboxes[who].len()).unwrap()
    }

    pub(super) fn send(
        &mut self,
        from: Who,
        device: usize,
        to: Who,
        id: &str,
        text: &str,
        deliver: bool,
    ) -> Told {
        let place = (from, device, id.to_owned());
        let earlier = self.sends.get(&place).copied();
        if let Some(at) = earlier {
            let message = &self.messages[at];
            if message.to != to || message.text != text {
                return Told::Reused;
            }
            if !matches!(message.state, "failed" | "unknown") {
                return Told::Sent { dup: true, head: self.head(from) };
            }
        }
        let notices = to != OUTSIDE && deliver;
        match self.side(from, to).state {
            State::Closed => self.side(from, to).begin(State::Calling, None),
            State::Invited | State::Recalled => self.accepted_by(from, to, notices),
            State::Calling | State::Open => {}
        }
        if self.side(from, to).unread > 0 {
            let head = self.head(from);
            self.side(from, to).unread = 0;
            self.side(from, to).read_up_to = head;
            self.tell(from, format!("* read {} to {head} left 0", NAMES[to]));
        }
        let state = if to == OUTSIDE { "stored" } else { "confirmed" };
        let at = earlier.unwrap_or(self.messages.len());
        let delivered = earlier.is_some_and(|at| self.messages[at].delivered);
        let (id, text) = (id.to_owned(), text.to_owned());
        let message = Message { writer: from, to, id, text, state, delivered };
        self.tell(from, format!("* sent {} {}: {}", NAMES[to], message.id, message.text));
        if earlier.is_some() {
            self.messages[at] = message;
        } else {
            self.messages.push(message);
        }
        self.sends.insert(place, at);
        if notices {
            self.arrive(to, from, Some(at));
        }
        if to == OUTSIDE {
            self.outbox.insert(at, from);
        }
        Told::Sent { dup: false, head: self.head(from) }
    }

    pub(super) fn receive(&mut self, to: Who, id: &str, text: &str) -> bool {
        if self.foreign.contains_key(&(to, id.to_owned())) {
            return true;
        }
        let (id, text) = (id.to_owned(), text.to_owned());
        self.foreign.insert((to, id.clone()), self.messages.len());
        self.messages.push(Message { writer: OUTSIDE, to, id, text, state: "confirmed", delivered: false });
        self.arrive(to, OUTSIDE, Some(self.messages.len() - 1));
        false
    }

    /// Somebody on the IM system calls without a word.
    pub(super) fn call(&mut self, to: Who) {
        let side = self.side(to, OUTSIDE);
        match side.state {
            State::Invited => return,
            State::Closed => side.begin(State::Invited, None),
            State::Calling | State::Open | State::Recalled => side.state = State::Recalled,
        }
        self.tell(to, format!(" invited {}", NAMES[OUTSIDE]));
    }

    /// A call, with the message of that id or without, is over.
    pub(super) fn call_ended(&mut self, to: Who, id: Option<&str>, elsewhere: bool) {
        let first = id.map(|id| self.foreign.get(&(to, id.to_owned())).copied());
        if first == Some(None) || (!elsewhere && first.is_some()) {
            return;
        }
        let (first, head) = (first.flatten(), self.head(to));
        let side = self.side(to, OUTSIDE);
        let mut news = 0;
        if side.state.is_invited() && side.first == first {
            match side.state {
                State::Recalled => side.state = State::Open,
                _ => self.close(to, OUTSIDE),
            }
            let word = if elsewhere { "answeredelsewhere" } else { "expired" };
            self.tell(to, format!(" {word} {}", NAMES[OUTSIDE]));
            news = 1;
        }
        let side = self.side(to, OUTSIDE);
        if first.is_some() && side.unread > 0 {
            side.unread -= 1;
            if side.unread == 0 {
                side.read_up_to = head + news;
            }
            let (up_to, left) = (side.read_up_to, side.unread);
            self.tell(to, format!(" read {} to {up_to} left {left}", NAMES[OUTSIDE]));
        }
    }

    pub(super) fn start(&mut self, from: Who, to: Who) {
        match self.side(from, to).state {
            State::Closed => {
                self.side(from, to).begin(State::Calling, None);
                if to != OUTSIDE {
                    self.arrive(to, from, None);
                }
            }
            State::Invited | State::Recalled => self.accepted_by(from, to, to != OUTSIDE),
            State::Calling | State::Open => {}
        }
    }

    pub(super) fn accept(&mut self, who: Who, peer: Who) -> bool {
        let pends = self.side(who, peer).state.is_invited();
        if pends {
            self.accepted_by(who, peer, peer != OUTSIDE);
        }
        pends
    }

    pub(super) fn decline(&mut self, who: Who, peer: Who) -> bool {
        if !self.side(who, peer).state.is_invited() {
            return false;
        }
        self.close(who, peer);
        self.tell(who, format!("* declined {}", NAMES[peer]));
        if peer != OUTSIDE && self.side(peer, who).state == State::Calling {
            self.close(peer, who);
            self.tell(peer, format!(" declined {}", NAMES[who]));
        }
        true
    }

    pub(super) fn end(&mut self, who: Who, peer: Who) {
        if self.side(who, peer).state != State::Closed {
            self.close(who, peer);
            self.tell(who, format!("* ended {}", NAMES[peer]));
        }
        if peer != OUTSIDE && matches!(self.side(peer, who).state, State::Open | State::Calling) {
            self.close(peer, who);
            self.tell(peer, format!(" ended {}", NAMES[who]));
        }
    }

    pub(super) fn acknowledge(&mut self, who: Who, device: usize, up_to: i64) -> usize {
        let (mark, up_to) = (self.mark(who, device), up_to.min(self.head(who)));
        if up_to <= mark {
            return 0;
        }
        self.marks.insert((who, device), up_to);
        let span = usize::try_from(mark).unwrap()..usize::try_from(up_to).unwrap();
        let reached: Vec<_> = self.mailboxes[who][span].iter().filter_map(|line| line.incoming).collect();
        let mut receipts = 0;
        for (_, at, _) in reached {
            receipts += usize::from(self.deliver(at));
        }
        receipts
    }

    pub(super) fn read(&mut self, who: Who, peer: Who, up_to: Option<i64>) -> Option<(i64, i64)> {
        let head = self.head(who);
        let up_to = up_to.unwrap_or(head).min(head);
        self.sides.get(&(who, peer)).filter(|side| side.exists)?;
        let side = self.side(who, peer);
        if up_to <= side.read_up_to {
            return Some((side.read_up_to, side.unread));
        }
        let before = side.unread;
        let after = usize::try_from(up_to).unwrap();
        let later = self.mailboxes[who][after..].iter().filter_map(|line| line.incoming);
        let left = later.filter(|(from, _, counts)| *from == peer && *counts).count();
        let unread = before.min(i64::try_from(left).unwrap());
        let side = self.side(who, peer);
        (side.read_up_to, side.unread) = (up_to, unread);
        if unread < before {
            self.tell(who, format!("* read {} to {up_to} left {unread}", NAMES[peer]));
        }
        Some((up_to, unread))
    }

    /// The IM system's word on what this device sent under this id.
    pub(super) fn outcome(&mut self, from: Who, device: usize, id: &str, word: &'static str) {
        let Some(at) = self.sends.get(&(from, device, id.to_owned())).copied() else { return };
        let message = &mut self.messages[at];
        let open = matches!(message.state, "stored" | "submitted");
        let follows = match word {
            "confirmed" | "failed" => message.state != word,
            _ => open && message.state != word,
        };
        if !follows {
            return;
        }
        message.state = word;
        let (to, id) = (NAMES[message.to], message.id.clone());
        if !matches!(word, "stored" | "submitted") {
            self.outbox.remove(&at);
        }
        match word {
            "failed" => self.tell(from, format!("* failed {to} {id}: 1018 no")),
            "unknown" => self.tell(from, format!("* failed {to} {id}: 1019 lost (unknown)")),
            _ => {}
        }
    }

    pub(super) fn receipt(&mut self, from: Who, device: usize, id: &str) {
        if let Some(at) = self.sends.get(&(from, device, id.to_owned())).copied() {
            self.deliver(at);
        }
    }

    fn deliver(&mut self, at: usize) -> bool {
        let message = &mut self.messages[at];
        let news = !std::mem::replace(&mut message.delivered, true);
        let (writer, told) = (message.writer, format!(" delivered {} {}", NAMES[message.to], message.id));
        if news && writer != OUTSIDE {
            self.tell(writer, told);
        }
        news
    }

    fn accepted_by(&mut self, who: Who, peer: Who, notices: bool) {
        let side = self.side(who, peer);
        side.state = State::Open;
        let first = side.first.take();
        self.tell(who, format!("* accepted {}", NAMES[peer]));
        if let Some(at) = first {
            let told =
                format!(" received {} {}: {}", NAMES[peer], self.messages[at].id, self.messages[at].text);
            self.mailboxes[who].push(Line { told, incoming: Some((peer, at, false)) });
        }
        if notices && self.side(peer, who).state == State::Calling {
            self.side(peer, who).state = State::Open;
            self.tell(peer, format!(" accepted {}", NAMES[who]));
        }
    }

    fn arrive(&mut self, who: Who, peer: Who, message: Option<usize>) {
        let shown = message.map(|at| format!(" {}: {}", self.messages[at].id, self.messages[at].text));
        let side = self.side(who, peer);
        side.unread += i64::from(message.is_some());
        let before = side.state;
        if before == State::Closed {
            side.begin(State::Invited, message);
        }
        if before == State::Calling {
            side.state = State::Open;
            self.tell(who, format!(" accepted {}", NAMES[peer]));
        }
        let incoming = message.map(|at| (peer, at, true));
        let name = NAMES[peer];
        match shown {
            Some(shown) if before == State::Closed => {
                self.push(who, format!(" invited {name}{shown}"), incoming)
            }
            Some(shown) => self.push(who, format!(" received {name}{shown}"), incoming),
            None if before == State::Closed => self.push(who, format!(" invited {name}"), None),
            None => {}
        }
    }

    fn tell(&mut self, who: Who, told: String) {
        self.push(who, told, None);
    }

    fn push(&mut self, who: Who, told: String, incoming: Option<(Who, usize, bool)>) {
        self.mailboxes[who].push(Line { told, incoming });
    }

    fn close(&mut self, who: Who, peer: Who) {
        let side = self.side(who, peer);
        (side.state, side.first) = (State::Closed, None);
    }

    fn side(&mut self, who: Who, peer: Who) -> &mut Side {
        self.sides.entry((who, peer)).or_insert_with(Side::closed)
    }
}

impl Side {
    fn closed() -> Self {
        Self { state: State::Closed, first: None, unread: 0, read_up_to: 0, exists: false }
    }

    fn begin(&mut self, state: State, first: Option<usize>) {
        (self.state, self.first, self.exists) = (state, first, true);
    }
}
