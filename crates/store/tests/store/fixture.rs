use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use trunkline_model::{
    AccountId, Address, CallEnd, ChatId, DeviceId, Entry, EntryBody, MessageId, MessageText, MessageView,
    Profile, Seq, Timestamp,
};
use trunkline_store::{
    Activation, CommitListener, Committed, Database, MasterKey, NewIncoming, NewMessage, OpenStore,
    PostgresUrl, Route, Sent, Store, StoreError,
};
use trunkline_testkit::peer::Postgres;

/// A store of its own, on SQLite in a folder or on PostgreSQL.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) key: MasterKey,
    pub(crate) heard: Arc<Heard>,
    pub(crate) place: Place,
}

/// Where a store's data lie.
#[derive(Clone)]
pub(crate) enum Place {
    Folder(Arc<TempDir>),
    Server { server: Arc<Postgres>, url: String },
}

/// Keeps what the listener is told.
#[derive(Debug, Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<Committed>>);

/// An account with a device.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) account: AccountId,
    pub(crate) address: Address,
    pub(crate) device: DeviceId,
}

impl CommitListener for Heard {
    fn committed(&self, entries: &[Committed]) {
        self.0.lock().unwrap().extend_from_slice(entries);
    }
}

impl Place {
    /// A new, empty SQLite database.
    pub(crate) fn folder() -> Self {
        Self::Folder(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// A new, empty database on the server that this process shares.
    pub(crate) async fn server() -> Self {
        let server = Postgres::shared().await.unwrap();
        let url = server.database().await.unwrap();
        Self::Server { server, url }
    }

    /// A path or a URL.
    pub(crate) fn named(&self) -> String {
        match self {
            Self::Folder(folder) => folder.path().join("relay.db").display().to_string(),
            Self::Server { url, .. } => url.clone(),
        }
    }

    pub(crate) fn database(&self) -> Database {
        database(&self.named())
    }

    /// Runs a statement beside the store; gives the first column of the first row.
    pub(crate) async fn run(&self, sql: &str) -> String {
        match self {
            Self::Folder(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("relay.db"));
                let mut connection = options.connect().await.unwrap();
                let row = sqlx::query(AssertSqlSafe(sql)).fetch_optional(&mut connection).await.unwrap();
                row.map_or_else(String::new, |row| row.get_unchecked(0))
            }
            Self::Server { server, url } => server.run(database_of(url), sql).await.unwrap(),
        }
    }
}

/// The key of every house: a second process must have it too.
pub(crate) fn house_key() -> MasterKey {
    MasterKey::read(&"A".repeat(43)).unwrap()
}

/// The name in a test server's URL.
pub(crate) fn database_of(url: &str) -> &str {
    let path = url.split('?').next().unwrap();
    path.rsplit('/').next().unwrap()
}

impl House {
    pub(crate) async fn at(place: Place) -> Self {
        let key = house_key();
        let heard = Arc::new(Heard::default());
        let store = open(&place.named(), &key, &heard).await.unwrap();
        Self { store, key, heard, place }
    }

    /// The file, on SQLite.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.named().into()
    }

    /// Opens what has been closed.
    pub(crate) async fn open(&self) -> Result<Store, StoreError> {
        open(&self.place.named(), &self.key, &self.heard).await
    }

    /// Closes and opens again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = self.open().await.unwrap();
    }

    pub(crate) async fn person(&self, name: &str) -> Person {
        let address = address(&format!("{name}@example.test"));
        let account = self.store.account_add(&address, &Profile::default()).await.unwrap().id;
        let mut person = Person { account, address, device: DeviceId::fresh() };
        person.device = self.device(&person, &format!("{name}'s phone")).await;
        person
    }

    pub(crate) async fn device(&self, person: &Person, device_token: &str) -> DeviceId {
        let key = self.store.activation_issue(person.account, soon()).await.unwrap();
        let activation = activation(person.address.bare(), &key.to_string(), device_token);
        self.store.activate(activation.borrowed()).await.unwrap().unwrap().device
    }

    pub(crate) async fn try_send(
        &self,
        from: &Person,
        to: &Person,
        id: &str,
        body: &str,
    ) -> Result<Sent, StoreError> {
        let route = Route::Local { recipient: to.account, deliver: true };
        self.store.send(message(from, &to.address, id, body, route)).await?.await
    }

    pub(crate) async fn send(&self, from: &Person, to: &Person, id: &str, body: &str) -> Sent {
        self.try_send(from, to, id, body).await.unwrap()
    }

    /// Over the sender's line to an address elsewhere.
    pub(crate) async fn send_out(&self, from: &Person, to: &str, id: &str, body: &str) -> Sent {
        self.store.send(message(from, &address(to), id, body, Route::Line)).await.unwrap().await.unwrap()
    }

    pub(crate) async fn receive(&self, to: &Person, from: &str, id: &str, body: &str) -> bool {
        let incoming = NewIncoming {
            account: to.account,
            peer: address(from),
            id: message_id(id),
            foreign_id: format!("stanza {id}"),
            text: text(body),
            sent_at: Timestamp::now(),
        };
        self.store.receive(incoming).await.unwrap().await.unwrap().dup
    }

    pub(crate) async fn accept(&self, person: &Person, peer: &Person) -> Result<(), StoreError> {
        let chat = self.chat(person, &peer.address).await;
        let (device, address) = (person.device, peer.address.clone());
        self.store.accept(person.account, device, address, chat, Some(peer.account)).await?.await
    }

    pub(crate) async fn end(&self, person: &Person, peer: &Person) {
        let (device, address) = (person.device, peer.address.clone());
        self.store
            .end_chat(person.account, device, address, Some(peer.account))
            .await
            .unwrap()
            .await
            .unwrap();
    }

    pub(crate) async fn call_ended(
        &self,
        person: &Person,
        peer: &Address,
        foreign_id: Option<&str>,
        end: CallEnd,
    ) {
        let foreign_id = foreign_id.map(|id| format!("stanza {id}"));
        let ended = self.store.call_ended(person.account, peer, foreign_id.as_deref(), end);
        ended.await.unwrap().await.unwrap();
    }

    pub(crate) async fn chat(&self, person: &Person, peer: &Address) -> ChatId {
        self.store.conversation(person.account, peer).await.unwrap().unwrap().chat
    }

    pub(crate) async fn unread(&self, person: &Person, peer: &Person) -> i64 {
        self.store.conversation(person.account, &peer.address).await.unwrap().unwrap().unread
    }

    /// The mailbox in short words, e.g. `3 received bob m-1: hello`; what an own device did has a star.
    pub(crate) async fn mailbox(&self, person: &Person) -> Vec<String> {
        let entries = self.store.mailbox(person.account, Seq(0), 1_000).await.unwrap();
        entries.iter().map(|entry| told(entry)).collect()
    }

    pub(crate) async fn acknowledge(&self, person: &Person, device: DeviceId, up_to: i64) -> usize {
        let mut told = 0;
        loop {
            let step = self.store.acknowledge(person.account, device, Seq(up_to)).await.unwrap();
            let step = step.await.unwrap();
            told += step.receipts.len();
            if !step.more {
                return told;
            }
        }
    }
}

/// Opens what a path or a URL names.
pub(crate) async fn open(named: &str, key: &MasterKey, heard: &Arc<Heard>) -> Result<Store, StoreError> {
    Store::open(OpenStore {
        database: database(named),
        master_key: key.clone(),
        listener: Arc::clone(heard) as Arc<dyn CommitListener>,
        exclusive: true,
    })
    .await
}

fn database(named: &str) -> Database {
    if named.starts_with("postgres://") {
        Database::Postgres(PostgresUrl::parse(&SecretString::from(named)).unwrap())
    } else {
        Database::Sqlite(named.into())
    }
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn message_id(text: &str) -> MessageId {
    text.parse().unwrap()
}

pub(crate) fn text(text: &str) -> MessageText {
    MessageText::new(text, 8_000).unwrap()
}

pub(crate) fn soon() -> Timestamp {
    Timestamp::now().plus(Duration::from_secs(3_600))
}

pub(crate) fn message(from: &Person, to: &Address, id: &str, body: &str, route: Route) -> NewMessage {
    let (account, device) = (from.account, from.device);
    NewMessage { account, device, peer: to.clone(), id: message_id(id), text: text(body), route }
}

/// An activation with its own strings.
pub(crate) struct Typed {
    pub(crate) address: String,
    pub(crate) access_key: SecretString,
    pub(crate) device_token: String,
}

pub(crate) fn activation(address: &str, access_key: &str, device_token: &str) -> Typed {
    Typed {
        address: address.to_owned(),
        access_key: SecretString::from(access_key),
        device_token: device_token.to_owned(),
    }
}

impl Typed {
    pub(crate) fn borrowed(&self) -> Activation<'_> {
        Activation {
            address: &self.address,
            access_key: &self.access_key,
            device_token: self.device_token.clone(),
            platform: "android".to_owned(),
            name: "phone".to_owned(),
            app_version: "1.0".to_owned(),
            locale: "en".to_owned(),
        }
    }
}

pub(crate) fn told(entry: &Entry) -> String {
    let star = if entry.origin.is_some() { "*" } else { "" };
    let show = |message: &MessageView| format!("{}: {}", message.id, message.text.expose());
    let who = entry.body.peer().local();
    let what = match &entry.body {
        EntryBody::InvitationReceived { message: Some(message), .. } => {
            format!("invited {who} {}", show(message))
        }
        EntryBody::InvitationReceived { message: None, .. } => format!("invited {who}"),
        EntryBody::InvitationUpdate { status, .. } => format!("{} {who}", status.name().to_lowercase()),
        EntryBody::MessageReceived { message, .. } => format!("received {who} {}", show(message)),
        EntryBody::MessageSent { message, .. } => format!("sent {who} {}", show(message)),
        EntryBody::MessageDelivered { id, .. } => format!("delivered {who} {id}"),
        EntryBody::MessageFailed { id, code, reason, unknown, .. } => {
            format!("failed {who} {id}: {code} {reason}{}", if *unknown { " (unknown)" } else { "" })
        }
        EntryBody::ChatEnded { .. } => format!("ended {who}"),
        EntryBody::ConversationRead { up_to, unread, .. } => {
            format!("read {who} to {} left {unread}", up_to.0)
        }
    };
    format!("{}{star} {what}", entry.seq.0)
}
