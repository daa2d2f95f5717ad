mod check;

use std::collections::HashMap;

use serde_json::{Value, json};
use trunkline_wire::ApiError;

use super::{
    act::Act,
    model::{Model, Number},
};
use crate::{
    diary::Entry,
    handset::{Handset, Trouble},
    house::{House, address},
};

const ACCOUNTS: usize = 3;
const PHONES_EACH: usize = 3;

/// The real thing and the model of it, side by side.
pub(super) struct World<'a> {
    house: &'a mut House,
    model: Model,
    names: Vec<String>,
    phones: Vec<Phone>,
    /// By message: its id, and the time in its COMPLETE.
    messages: Vec<(String, i64)>,
    chats: Chats,
    /// The act under way.
    at: String,
}

/// A real phone; its number is the model's.
struct Phone {
    handset: Handset,
    /// Where its present socket began in the mailbox.
    from: usize,
    /// The first socket of its session since the relay's last start: sequences from before mean nothing.
    first_socket: usize,
}

/// The model's conversations and the relay's are one to one.
#[derive(Default)]
struct Chats {
    real: HashMap<Number, String>,
    model: HashMap<String, Number>,
}

impl Chats {
    fn same(&mut self, number: Number, real: &str) -> bool {
        let known = self.real.entry(number).or_insert_with(|| real.to_owned()) == real;
        known && *self.model.entry(real.to_owned()).or_insert(number) == number
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("at {}", self.at);
        }
    }
}

impl<'a> World<'a> {
    pub(super) async fn new(house: &'a mut House, case: usize) -> Self {
        let names: Vec<_> = ["a", "b", "c"].iter().map(|name| format!("{name}{case}")).collect();
        for name in &names {
            house.account(name).await;
        }
        let (model, messages) = (Model::new(ACCOUNTS), Vec::new());
        let mut world = Self {
            house,
            model,
            names,
            phones: Vec::new(),
            messages,
            chats: Chats::default(),
            at: String::new(),
        };
        for account in 0..ACCOUNTS {
            world.activate(account).await;
        }
        world
    }

    pub(super) async fn play(&mut self, acts: Vec<Act>) {
        for act in acts {
            self.at = format!("{act:?}");
            self.act(act).await;
        }
        self.settle().await;
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::Send { by, to } => self.send(by, to).await,
            Act::SendUnheard { by, to, power, with_sequence } => {
                self.send_unheard(by, to, power, with_sequence).await;
            }
            Act::SendAgain { by, back } => self.send_again(by, back).await,
            Act::Acknowledge { by, back } => self.acknowledge(by, back).await,
            Act::Drop { who } => self.phone(who).1.handset.cut(),
            Act::Open { who, with_sequence } => {
                let number = self.phone(who).0;
                self.open(number, with_sequence).await;
            }
            Act::PowerCut => {
                self.commit().await;
                self.power_cut().await;
            }
            Act::Activate { account } => {
                let account = account % ACCOUNTS;
                let have = self.model.phones.iter().filter(|phone| phone.account == account).count();
                if have < PHONES_EACH {
                    self.activate(account).await;
                }
            }
            Act::StartChat { by, to } => self.start_chat(by, to).await,
            Act::Accept { by, back } => self.answer(by, back, "AcceptChat").await,
            Act::Decline { by, back } => self.answer(by, back, "DeclineChat").await,
            Act::End { by, with } => self.end(by, with).await,
            Act::Read { by, with, back } => self.read(by, with, back).await,
            Act::Sync { by, back, limit } => self.sync(by, back, limit).await,
            Act::SignOut { who } => self.sign_out(who).await,
            Act::Settle => self.settle().await,
        }
    }

    /// Which phone a number chooses.
    fn phone(&mut self, choice: usize) -> (Number, &mut Phone) {
        let number = choice % self.phones.len();
        (number, &mut self.phones[number])
    }

    /// Which account other than the phone's own a number chooses.
    fn other(&self, phone: Number, choice: usize) -> Number {
        (self.model.phones[phone].account + 1 + choice % (ACCOUNTS - 1)) % ACCOUNTS
    }

    async fn activate(&mut self, account: Number) {
        let number = self.model.activate(account);
        let handset = self.house.handset(&self.names[account], number).await;
        self.phones.push(Phone { handset, from: 0, first_socket: 0 });
    }

    /// Opens a socket. A sequence acknowledges what the phone was told under it or lower ones.
    async fn open(&mut self, number: Number, with_sequence: bool) {
        self.check_socket(number, false);
        let phone = &mut self.phones[number];
        if with_sequence {
            let reached = phone.handset.diary.reached(phone.first_socket, phone.handset.last);
            self.model.acknowledge(number, reached.try_into().unwrap());
        }
        phone.from = self.model.phones[number].acknowledged;
        phone.handset.open(with_sequence).await.unwrap();
    }

    /// The phone, with a socket.
    async fn ready(&mut self, choice: usize) -> Number {
        let number = self.phone(choice).0;
        if !self.phones[number].handset.is_open() {
            self.open(number, true).await;
        }
        number
    }

    /// What opening acknowledges has no answer: it is committed once a later command of the same writer is.
    async fn commit(&self) {
        self.house.relay.access_key(&self.address(0)).await.unwrap();
    }

    async fn power_cut(&mut self) {
        for number in 0..self.phones.len() {
            self.check_socket(number, false);
            self.phones[number].handset.cut();
            self.phones[number].first_socket = self.phones[number].handset.diary.sockets();
        }
        self.house.power_cut().await;
    }

    async fn send(&mut self, by: usize, to: usize) {
        let by = self.ready(by).await;
        let (to, id) = (self.other(by, to), format!("m-{}", self.messages.len()));
        let real = self.address(to);
        let data = self.phones[by].handset.send(&real, &id).await.unwrap();
        assert_eq!(data["dup"], Value::Null);
        self.sent(by, to, id, &data);
    }

    async fn send_unheard(&mut self, by: usize, to: usize, power: bool, with_sequence: bool) {
        let by = self.ready(by).await;
        let (to, id) = (self.other(by, to), format!("m-{}", self.messages.len()));
        let real = self.address(to);
        self.commit().await;
        self.phones[by].handset.write_message(&real, &id).await.unwrap();
        if power {
            self.power_cut().await;
        } else {
            self.phones[by].handset.cut();
        }
        // What is acknowledged by opening comes before the message only if the relay has not taken it yet.
        self.open(by, with_sequence && self.acknowledges_nothing(by)).await;
        let data = self.phones[by].handset.send(&real, &id).await.unwrap();
        self.sent(by, to, id, &data);
    }

    fn acknowledges_nothing(&self, number: Number) -> bool {
        let phone = &self.phones[number];
        let reached = phone.handset.diary.reached(phone.first_socket, phone.handset.last);
        usize::try_from(reached).unwrap() <= self.model.phones[number].acknowledged
    }

    fn sent(&mut self, by: Number, to: Number, id: String, data: &Value) {
        let number = self.model.send(by, to);
        assert_eq!(number, self.messages.len());
        self.messages.push((id, data["timestamp"].as_i64().unwrap()));
    }

    async fn send_again(&mut self, by: usize, back: usize) {
        let by = self.ready(by).await;
        let mut own = self.model.messages.iter().enumerate().rev().filter(|(_, message)| message.by == by);
        let Some((number, message)) = own.nth(back) else { return };
        let (to, (id, time)) = (self.address(message.to), self.messages[number].clone());
        let data = self.phones[by].handset.send(&to, &id).await.unwrap();
        assert_eq!((&data["dup"], data["timestamp"].as_i64()), (&Value::Bool(true), Some(time)), "{id}");
    }

    async fn acknowledge(&mut self, by: usize, back: usize) {
        let by = self.ready(by).await;
        let Some(entry) = self.phones[by].handset.diary.incoming().rev().nth(back).cloned() else { return };
        let message = self.messages.iter().position(|(id, _)| *id == entry.id).unwrap();
        let places = self.model.places_of(message);
        if places.len() > 1 {
            // It is for all places that show the message, as far as the phone was told them.
            self.catch_up(by).await;
        }
        let request = self.phones[by].handset.write_ack(&entry).await.unwrap();
        self.phones[by].handset.answer(&request).await.unwrap();
        self.model.acknowledge(by, places.last().copied().unwrap());
    }

    async fn start_chat(&mut self, by: usize, to: usize) {
        let by = self.ready(by).await;
        let to = self.other(by, to);
        let params = json!({"contactId": self.address(to)});
        let data = self.phones[by].handset.request("StartChat", params).await.unwrap();
        let chat = self.model.start_chat(by, to);
        assert!(self.chats.same(chat, data["chatId"].as_str().unwrap()), "{chat} {data}");
    }

    async fn answer(&mut self, by: usize, back: usize, method: &str) {
        let by = self.ready(by).await;
        self.catch_up(by).await;
        let invitations =
            self.phones[by].handset.diary.entries().filter(|entry| entry.kind == "InvitationReceived");
        let invitations: Vec<_> = invitations.map(|entry| entry.text("requestId").to_owned()).collect();
        let Some(real) = invitations.iter().rev().nth(back) else { return };
        let chat = self.chats.model[real];
        let result = self.phones[by].handset.request(method, json!({"requestId": real})).await;
        let expected =
            if method == "AcceptChat" { self.model.accept(by, chat) } else { self.model.decline(by, chat) };
        assert_eq!(refused(result).is_none(), expected, "{method} of conversation {chat}");
    }

    async fn end(&mut self, by: usize, with: usize) {
        let by = self.ready(by).await;
        let peer = self.other(by, with);
        let params = json!({"contactId": self.address(peer)});
        self.phones[by].handset.request("EndChat", params).await.unwrap();
        self.model.end(by, peer);
    }

    async fn read(&mut self, by: usize, with: usize, back: Option<usize>) {
        let by = self.ready(by).await;
        let peer = self.other(by, with);
        let head = self.model.mailboxes[self.model.phones[by].account].len();
        let up_to = back.map(|back| head.saturating_sub(back));
        let mut params = json!({"contactId": self.address(peer)});
        if let Some(up_to) = up_to {
            params["upTo"] = up_to.into();
        }
        let result = self.phones[by].handset.request("conversation.Read", params).await;
        match (self.model.read(by, peer, up_to), result) {
            (Some((up_to, unread)), Ok(data)) => {
                assert_eq!((&data["upTo"], &data["unread"]), (&json!(up_to), &json!(unread)));
            }
            (expected, result) => assert_eq!(refused(result).is_some(), expected.is_none(), "{expected:?}"),
        }
    }

    /// One page after a place up to which the phone has everything.
    async fn sync(&mut self, by: usize, back: usize, limit: usize) {
        let by = self.ready(by).await;
        let told: Vec<_> = self.phones[by].handset.diary.entries().map(|entry| entry.seq).collect();
        let since = told.iter().rev().nth(back).copied().unwrap_or(0);
        let params = json!({"since": since, "limit": limit});
        let page = self.phones[by].handset.request("mailbox.Sync", params).await.unwrap();
        let since = usize::try_from(since).unwrap();
        let account = self.model.phones[by].account;
        // Receipts that the acknowledgement makes are in other mailboxes.
        let head = self.model.mailboxes[account].len();
        self.model.acknowledge(by, since);
        let end = head.min(since + limit);
        let expected: Vec<_> =
            self.model.places(by, since).into_iter().filter(|place| *place <= end).collect();
        let entries: Vec<_> = page["entries"].as_array().unwrap().iter().filter_map(Entry::read).collect();
        let places: Vec<_> = entries.iter().map(|entry| usize::try_from(entry.seq).unwrap()).collect();
        assert_eq!(places, expected, "mailbox.Sync since {since}, limit {limit}, head {head}");
        assert_eq!((&page["next"], &page["more"]), (&json!(end.max(since)), &json!(end < head)));
        entries.iter().for_each(|entry| self.check_entry(by, entry));
    }

    async fn sign_out(&mut self, who: usize) {
        let who = self.ready(who).await;
        self.check_socket(who, false);
        let phone = &mut self.phones[who];
        phone.handset.sign_out().await.unwrap();
        phone.handset.last = -1;
        phone.first_socket = phone.handset.diary.sockets();
    }

    /// Every phone comes, hears all there is, and has heard exactly what the model says.
    async fn settle(&mut self) {
        for number in 0..self.phones.len() {
            self.ready(number).await;
        }
        for number in 0..self.phones.len() {
            self.catch_up(number).await;
            let told = self.phones[number].handset.diary.entries().map(|entry| entry.seq);
            let told: Vec<_> = told.map(|seq| usize::try_from(seq).unwrap()).collect();
            let begins = self.model.phones[number].begins;
            assert_eq!(told, self.model.places(number, begins), "phone {number} in all");
        }
    }

    fn address(&self, account: Number) -> String {
        address(&self.names[account])
    }
}

fn refused(result: Result<Value, Trouble>) -> Option<ApiError> {
    match result {
        Ok(_) => None,
        Err(Trouble::Refused(error)) => Some(error),
        Err(trouble) => panic!("{trouble:?}"),
    }
}
