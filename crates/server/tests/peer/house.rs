//! A Prosody, a relay with a line to it, and the people.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use trunkline_client::{ActivationRequest, Backoff, Phone, Profile, Server, Trust};
use trunkline_model::Address;
use trunkline_testkit::{
    Relay, eventually,
    peer::{Colleague, Prosody, ProsodyOptions},
    relay::Builder,
};

use crate::handset::Handset;

/// The domain that Prosody serves and the relay declares.
pub(crate) const DOMAIN: &str = "corp.test";
/// Every user's password holds it, and no log may.
const SECRET: &str = "open sesame";

/// The servers; the colleague's client is not among them.
pub(crate) struct House {
    pub(crate) prosody: Prosody,
    pub(crate) relay: Relay,
}

/// An activated device: everything that a phone keeps.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) server: Server,
    pub(crate) install: String,
    pub(crate) token: SecretString,
}

impl House {
    /// Prosody with Alice, Bob and Carol, and a relay with an account for Alice.
    pub(crate) async fn open() -> Self {
        let prosody = prosody().await;
        let plan = plan().backend(&backend(&prosody, prosody.port()));
        Self::of(prosody, plan).await
    }

    /// The same with a relay as planned.
    pub(crate) async fn of(prosody: Prosody, plan: Builder) -> Self {
        let relay = plan.start().await.unwrap();
        let house = Self { prosody, relay };
        house.relay.add_account(&sip("alice"), "Alice Example").await.unwrap();
        house
    }

    pub(crate) fn server(&self) -> Server {
        Server::new(&self.relay.url(), &Trust::System).unwrap()
    }

    /// Activates an install of an account's.
    pub(crate) async fn pass(&self, address: &str, install: &str) -> Pass {
        let request = ActivationRequest {
            address: address.to_owned(),
            access_key: self.relay.access_key(address).await.unwrap().into(),
            device_token: install.to_owned(),
            platform: "Android".to_owned(),
            name: install.to_owned(),
            app_version: String::new(),
            locale: String::new(),
        };
        let server = self.server();
        let token = Phone::activate(&server, &request).await.unwrap().token;
        Pass { server, install: install.to_owned(), token }
    }

    /// A phone of Alice's, signed in with her password and with its line up.
    pub(crate) async fn alice(&self) -> Handset {
        let pass = self.pass(&sip("alice"), "alice-1").await;
        let mut phone = Handset::new(pass.profile(Some(&password("alice"))));
        phone.signed_in().await;
        phone
    }

    /// The colleague, at his desk.
    pub(crate) async fn bob(&self) -> Colleague {
        Colleague::sign_in(&self.prosody, "bob", &password("bob")).await.unwrap()
    }

    /// How often somebody tried to sign in to Prosody so far.
    pub(crate) fn attempts(&self) -> usize {
        self.prosody.log().matches("<auth ").count()
    }

    /// How many messages Prosody has had from clients so far.
    pub(crate) fn received(&self) -> usize {
        self.prosody.log().matches("Received[c2s]: <message").count()
    }

    /// Waits until so many lines to Prosody are up.
    pub(crate) async fn lines_up(&self, lines: u64) {
        self.status_with(|status| {
            let backends = status["server"]["backends"].as_array();
            backends
                .is_some_and(|all| all.iter().any(|one| one["kind"] == "xmpp" && one["connected"] == lines))
        })
        .await;
    }

    /// Waits until the relay holds more messages than this.
    pub(crate) async fn holds_more_than(&self, messages: u64) {
        self.status_with(|status| status["counts"]["messages"].as_u64().is_some_and(|held| held > messages))
            .await;
    }

    async fn status_with(&self, fits: impl Fn(&Value) -> bool) {
        eventually("the relay's status", async || {
            let reply =
                self.relay.admin(&json!({"do": "status"})).await.map_err(|error| error.to_string())?;
            if fits(&reply["status"]) { Ok(()) } else { Err(reply.to_string()) }
        })
        .await
        .unwrap();
    }

    /// Looks through the relay's log for panics, errors, passwords, and what people wrote.
    pub(crate) fn check_log(&self) {
        let log = self.relay.log();
        let bad = |line: &&str| {
            ["panicked", " ERROR ", SECRET, "between us"].iter().any(|word| line.contains(word))
        };
        let found: Vec<_> = log.lines().filter(bad).collect();
        assert!(found.is_empty(), "the relay's log holds:\n{}", found.join("\n"));
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (whose, log) in [("the relay's", self.relay.log()), ("Prosody's", self.prosody.log())] {
                let lines: Vec<_> = log.lines().collect();
                eprintln!("{whose} last words:\n{}", lines[lines.len().saturating_sub(80)..].join("\n"));
            }
        }
    }
}

impl Pass {
    /// An impatient phone that acknowledges nothing by itself.
    pub(crate) fn profile(&self, im_password: Option<&str>) -> Profile {
        let mut profile = Profile::new(self.server.clone(), self.token.clone(), self.install.clone());
        profile.auto_ack = false;
        profile.im_password = im_password.map(SecretString::from);
        profile.backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_millis(500) };
        profile
    }
}

/// An ordinary Prosody with the usual people.
pub(crate) async fn prosody() -> Prosody {
    prosody_with(ProsodyOptions::new(DOMAIN)).await
}

/// A Prosody as asked for, with the usual people.
pub(crate) async fn prosody_with(options: ProsodyOptions) -> Prosody {
    let users = ["alice", "bob", "carol"].map(|user| (user, password(user)));
    let users: Vec<_> = users.iter().map(|(user, password)| (*user, password.as_str())).collect();
    Prosody::start_with(options, &users).await.unwrap()
}

/// A relay without a backend.
pub(crate) fn plan() -> Builder {
    Relay::of(env!("CARGO_BIN_EXE_trunkline"))
}

/// The line of configuration that joins the two; `port` may be that of somebody in between.
pub(crate) fn backend(prosody: &Prosody, port: u16) -> String {
    format!(
        r#"<backend kind="xmpp" domain="{domain}" host="127.0.0.1" port="{port}" caFile="{ca}" />"#,
        domain = prosody.domain(),
        ca = prosody.ca_file().display()
    )
}

/// A user's first password.
pub(crate) fn password(user: &str) -> String {
    format!("{SECRET} {user}")
}

/// One of our people.
pub(crate) fn address(user: &str) -> Address {
    jid(user).parse().unwrap()
}

/// The bare address of one of our people.
pub(crate) fn jid(user: &str) -> String {
    format!("{user}@{DOMAIN}")
}

/// The same as phones see it.
pub(crate) fn sip(user: &str) -> String {
    format!("sip:{}", jid(user))
}
