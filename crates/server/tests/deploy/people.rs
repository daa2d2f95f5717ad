//! Phones for people who live on a relay.

use secrecy::SecretString;
use tokio::{process::Command, sync::mpsc, time::timeout};
use trunkline_client::{
    ActivationRequest, Event, Handshake, Incoming, Phone, Profile, RawSocket, Received, Server, Trust,
};
use trunkline_testkit::{Relay, patience, relay::Builder};

/// The relay of this build, before it starts.
pub(crate) fn plan() -> Builder {
    Relay::of(env!("CARGO_BIN_EXE_trunkline"))
}

/// Where phones reach a relay in the clear.
pub(crate) fn plain(relay: &Relay) -> Server {
    Server::new(&relay.url(), &Trust::System).unwrap()
}

pub(crate) fn address(name: &str) -> String {
    format!("sip:{name}@house.test")
}

/// An account with an activated install that reaches the relay by `server`.
pub(crate) async fn install(relay: &Relay, server: &Server, name: &str) -> Profile {
    let address = address(name);
    relay.add_account(&address, name).await.unwrap();
    let access_key = SecretString::from(relay.access_key(&address).await.unwrap());
    let request = activation(&address, access_key);
    let activated = Phone::activate(server, &request).await.unwrap();
    Profile::new(server.clone(), activated.token, request.device_token)
}

pub(crate) fn activation(address: &str, access_key: SecretString) -> ActivationRequest {
    ActivationRequest {
        address: address.to_owned(),
        access_key,
        device_token: format!("install-of-{address}"),
        platform: "Android".to_owned(),
        name: "a phone".to_owned(),
        app_version: String::new(),
        locale: String::new(),
    }
}

/// A phone that stays signed in by itself.
pub(crate) struct Chatter {
    pub(crate) phone: Phone,
    events: mpsc::Receiver<Received>,
}

impl Chatter {
    pub(crate) async fn sign_in(profile: &Profile) -> Self {
        let phone = Phone::connect(profile.clone());
        let events = phone.events().unwrap();
        phone.ready(patience()).await.unwrap();
        Self { phone, events }
    }

    /// Sends a message, which is on disk when this resolves.
    pub(crate) async fn say(&self, to: &str, text: &str) {
        self.phone.send(&address(to).parse().unwrap(), text).await.unwrap();
    }

    /// Waits for the next message, by an invitation or without.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            let received = timeout(patience(), self.events.recv()).await.unwrap().unwrap();
            if let Event::Message { text, .. } | Event::Invitation { text, .. } = received.event {
                return text.expose().to_owned();
            }
        }
    }
}

/// A bare socket of an install; not signed in unless its session stands.
pub(crate) async fn socket(profile: &Profile) -> Result<RawSocket, String> {
    let mut handshake = Handshake::new(profile.device_token.clone());
    handshake.auth_token = Some(profile.token.clone());
    RawSocket::connect(&profile.server, &handshake).await.map_err(|error| error.to_string())
}

/// The code with which the relay closes a socket.
pub(crate) async fn close_code(socket: &mut RawSocket) -> Option<u16> {
    loop {
        match socket.next(patience()).await.unwrap() {
            Incoming::Closed(code, _) => return code,
            Incoming::Gone => return None,
            _ => {}
        }
    }
}

/// Sends a signal to the relay's process.
pub(crate) async fn signal(relay: &Relay, name: &str) {
    let pid = relay.pid().unwrap().to_string();
    let sent = Command::new("kill").args([name, &pid]).status().await.unwrap();
    assert!(sent.success(), "kill {name}");
}
