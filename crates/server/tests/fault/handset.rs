use std::{collections::HashMap, time::Duration};

use secrecy::SecretString;
use serde_json::{Value, json};
use trunkline_client::{Handshake, Incoming, RawSocket, Server};
use trunkline_testkit::patience;
use trunkline_wire::{
    ApiError,
    phone::{ServerFrame, read, request},
};

use crate::diary::{Diary, Entry};

/// A phone that does what the test says and nothing else, and remembers all that it is told.
#[derive(Debug)]
pub(crate) struct Handset {
    /// The account, as a SIP URI.
    pub(crate) address: String,
    /// The install's id.
    pub(crate) name: String,
    pub(crate) diary: Diary,
    /// The last `sequence` that it read; -1 for none.
    pub(crate) last: i64,
    server: Server,
    token: SecretString,
    socket: Option<RawSocket>,
    session: String,
    ids: u64,
    answers: HashMap<String, Result<Value, ApiError>>,
    /// Events that are not durable, as they came.
    pub(crate) passing: Vec<String>,
}

/// Why a phone has no good answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The relay says no.
    Refused(ApiError),
    /// The socket is gone.
    Gone(Incoming),
    /// There was no way to open one.
    #[expect(dead_code, reason = "shown when a test fails")]
    Closed(String),
}

/// What a frame was.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    /// A durable event that the phone did not know.
    News(Entry),
    /// The request with this id has ended.
    Answer(String),
    /// Something else.
    Other,
}

impl Handset {
    pub(crate) fn new(server: Server, address: &str, name: &str, token: SecretString) -> Self {
        Self {
            address: address.to_owned(),
            name: name.to_owned(),
            diary: Diary::default(),
            last: -1,
            server,
            token,
            socket: None,
            session: String::new(),
            ids: 0,
            answers: HashMap::new(),
            passing: Vec::new(),
        }
    }

    /// The same install once more, with request ids of its own.
    pub(crate) fn twin(&self, number: usize) -> Self {
        let mut twin = Self::new(self.server.clone(), &self.address, &self.name, self.token.clone());
        twin.ids = 1_000_000 * u64::try_from(number).unwrap();
        twin
    }

    /// Which server it goes through.
    pub(crate) fn server(&self) -> Server {
        self.server.clone()
    }

    /// Goes through this server from now on.
    pub(crate) fn goes_through(&mut self, server: Server) {
        self.server = server;
    }

    /// Opens a socket, with the last sequence or without, and begins the session or resumes it.
    pub(crate) async fn open(&mut self, with_sequence: bool) -> Result<(), Trouble> {
        self.upgrade(with_sequence).await?;
        self.begin().await
    }

    /// Opens a socket and says nothing.
    pub(crate) async fn upgrade(&mut self, with_sequence: bool) -> Result<(), Trouble> {
        self.cut();
        let mut handshake = Handshake::new(self.name.clone());
        handshake.auth_token = Some(self.token.clone());
        handshake.sequence = if with_sequence { self.last } else { -1 };
        let socket = RawSocket::connect(&self.server, &handshake).await;
        self.socket = Some(socket.map_err(|error| Trouble::Closed(error.to_string()))?);
        self.diary.open();
        Ok(())
    }

    /// BeginSession. In another session than before, sequences begin anew.
    pub(crate) async fn begin(&mut self) -> Result<(), Trouble> {
        let data = self.request("BeginSession", json!({})).await?;
        let session = data["sessionId"].as_str().unwrap_or_default();
        if !self.session.is_empty() && self.session != session {
            self.last = -1;
        }
        session.clone_into(&mut self.session);
        Ok(())
    }

    pub(crate) fn is_open(&self) -> bool {
        self.socket.is_some()
    }

    /// The network fails: no goodbye of any layer.
    pub(crate) fn cut(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.cut();
        }
    }

    /// Ends the session.
    pub(crate) async fn sign_out(&mut self) -> Result<(), Trouble> {
        self.request("TerminateSession", json!({})).await?;
        self.cut();
        Ok(())
    }

    /// Writes a request and gives its id.
    pub(crate) async fn write(&mut self, method: &str, params: Value) -> Result<String, Trouble> {
        self.ids += 1;
        let id = format!("{}-{}", self.name, self.ids);
        let text = request(&id, method, params);
        self.write_text(text).await?;
        Ok(id)
    }

    /// Writes a text frame.
    pub(crate) async fn write_text(&mut self, text: String) -> Result<(), Trouble> {
        let Some(socket) = &mut self.socket else { return Err(Trouble::Gone(Incoming::Gone)) };
        if socket.send(text).await.is_err() {
            self.socket = None;
            return Err(Trouble::Gone(Incoming::Gone));
        }
        Ok(())
    }

    /// A request and its answer; what comes in between is remembered.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Result<Value, Trouble> {
        let id = self.write(method, params).await?;
        self.answer(&id).await
    }

    /// Waits for the end of a request.
    pub(crate) async fn answer(&mut self, id: &str) -> Result<Value, Trouble> {
        loop {
            if let Some(answer) = self.take_answer(id) {
                return answer.map_err(Trouble::Refused);
            }
            self.hear().await?;
        }
    }

    /// The answer to a request, if it has come.
    pub(crate) fn take_answer(&mut self, id: &str) -> Option<Result<Value, ApiError>> {
        self.answers.remove(id)
    }

    /// Writes a message and gives the request's id.
    pub(crate) async fn write_message(&mut self, to: &str, id: &str) -> Result<String, Trouble> {
        self.write("SendMessage", json!({"contactId": to, "messageId": id, "message": text_of(id)})).await
    }

    /// Sends a message and waits for COMPLETE.
    pub(crate) async fn send(&mut self, to: &str, id: &str) -> Result<Value, Trouble> {
        let request = self.write_message(to, id).await?;
        self.answer(&request).await
    }

    /// Writes a MessageAck for an entry and gives the request's id.
    pub(crate) async fn write_ack(&mut self, entry: &Entry) -> Result<String, Trouble> {
        let params = json!({"messageId": entry.id, "contactId": entry.peer, "status": "delivered"});
        self.write("MessageAck", params).await
    }

    /// Waits for the next frame.
    pub(crate) async fn hear(&mut self) -> Result<Heard, Trouble> {
        match self.hear_within(patience()).await? {
            Some(heard) => Ok(heard),
            None => panic!("{} waits for a frame and none comes in {:?}", self.name, patience()),
        }
    }

    /// The next frame, if one comes in time.
    pub(crate) async fn hear_within(&mut self, limit: Duration) -> Result<Option<Heard>, Trouble> {
        loop {
            let Some(socket) = &mut self.socket else { return Err(Trouble::Gone(Incoming::Gone)) };
            match socket.next(limit).await {
                None => return Ok(None),
                Some(Incoming::Text(text)) => return Ok(Some(self.note(&text))),
                Some(Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Binary(_)) => {}
                Some(end @ (Incoming::Closed(..) | Incoming::Gone)) => {
                    self.socket = None;
                    return Err(Trouble::Gone(end));
                }
            }
        }
    }

    /// Reads until what it has been told goes up to this place of the mailbox.
    pub(crate) async fn hear_up_to(&mut self, seq: i64) -> Result<(), Trouble> {
        while self.diary.last() < seq {
            self.hear().await?;
        }
        Ok(())
    }

    /// Everything that mailbox.Sync tells after `since`, in pages of a random-looking size. Acknowledges as it goes on.
    pub(crate) async fn sync(&mut self, since: i64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        let (mut since, mut all) = (since, Vec::new());
        loop {
            let page = self.request("mailbox.Sync", json!({"since": since, "limit": limit})).await?;
            assert_eq!(page["reset"], Value::Null, "{}: {page}", self.name);
            let entries = page["entries"].as_array().expect("mailbox.Sync gives entries");
            all.extend(entries.iter().filter_map(Entry::read));
            since = page["next"].as_i64().expect("mailbox.Sync gives a place");
            if page["more"] != Value::Bool(true) {
                return Ok(all);
            }
        }
    }

    /// Comes back after a restore, as an app that knows the extension does: it reads on with the epoch that it has, is
    /// told of another one, and reads everything anew.
    pub(crate) async fn come_back(&mut self, epoch: i64) -> Result<i64, Trouble> {
        let mut since = self.diary.last();
        self.upgrade(true).await?;
        self.diary.forget();
        self.begin().await?;
        let (mut known, mut reset) = (epoch, Value::from("epoch"));
        loop {
            let params = json!({"epoch": known, "since": since, "limit": 7});
            let page = self.request("mailbox.Sync", params).await?;
            assert_eq!(page["reset"], reset, "{}: {page}", self.name);
            let entries = page["entries"].as_array().expect("mailbox.Sync gives entries");
            entries.iter().filter_map(Entry::read).for_each(|entry| self.diary.learn(entry));
            (known, reset) = (page["epoch"].as_i64().expect("an epoch"), Value::Null);
            since = page["next"].as_i64().expect("mailbox.Sync gives a place");
            if page["more"] != Value::Bool(true) {
                return Ok(known);
            }
        }
    }

    fn note(&mut self, text: &str) -> Heard {
        let frame = read(text).unwrap_or_else(|error| panic!("{}: {error}: {text}", self.name));
        match frame {
            ServerFrame::Event { sequence, method, data, .. } => {
                self.note_sequence(sequence);
                if self.diary.event(sequence, &data) {
                    return Entry::read(&data).map_or(Heard::Other, Heard::News);
                }
                if Entry::read(&data).is_none() {
                    self.passing.push(method);
                }
                Heard::Other
            }
            ServerFrame::Late { id, sequence, result } => {
                self.note_sequence(sequence);
                self.answers.insert(id.clone(), result);
                Heard::Answer(id)
            }
            ServerFrame::Early { id, result, complete, .. } if complete || result.is_err() => {
                self.answers.insert(id.clone(), result);
                Heard::Answer(id)
            }
            ServerFrame::Early { .. } => Heard::Other,
        }
    }

    fn note_sequence(&mut self, sequence: i64) {
        self.diary.sequence(sequence);
        self.last = sequence;
    }
}

/// Words that must not be in any log.
pub(crate) const MARK: &str = "never in a log";

/// What a message with this id says.
pub(crate) fn text_of(id: &str) -> String {
    format!("the text of {id}, {MARK}")
}
