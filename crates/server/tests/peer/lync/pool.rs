//! A Front End, and a relay that it trusts.

use tempfile::TempDir;
use trunkline_client::{ActivationRequest, Phone, Server, Trust};
use trunkline_model::Address;
use trunkline_testkit::{
    Relay, patience,
    peer::{FrontEnd, Kamailio, tshark},
    relay::Builder,
};

use crate::{
    handset::Handset,
    house::{Pass, plan},
};

pub(crate) const DOMAIN: &str = "contoso.test";
pub(crate) const RELAY: &str = "relay.contoso.test";

/// What stands between the relay and the Front End.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    /// Nothing: they connect to each other.
    Nothing,
    /// A proxy, both ways.
    Kamailio,
}

/// A Front End that trusts a relay, and the relay with some of its users as accounts.
pub(crate) struct Pool {
    pub(crate) relay: Relay,
    pub(crate) kamailio: Option<Kamailio>,
    pub(crate) front: FrontEnd,
    pub(crate) folder: TempDir,
}

pub(crate) fn sip(user: &str) -> String {
    format!("sip:{user}@{DOMAIN}")
}

pub(crate) fn address(user: &str) -> Address {
    sip(user).parse().unwrap()
}

impl Pool {
    /// With an account for Alice.
    pub(crate) async fn open() -> Self {
        let front = front_end().await;
        let port = front.tls_port();
        Self::of(front, port, plan(), &["alice"]).await
    }

    /// With an account for Alice, and further attributes of the backend.
    pub(crate) async fn with(attributes: &str) -> Self {
        let front = front_end().await;
        let port = front.tls_port();
        Self::of_backend(front, port, plan(), &["alice"], attributes).await
    }

    /// The same, with that in between.
    pub(crate) async fn open_with(between: Between) -> Self {
        if between == Between::Nothing {
            return Self::open().await;
        }
        let front = front_end().await;
        let kamailio = Kamailio::start(&front, RELAY).await.unwrap();
        let mut pool = Self::of(front, kamailio.port(), plan(), &["alice"]).await;
        pool.kamailio = Some(kamailio);
        pool
    }

    /// With these accounts; the relay reaches the Front End at `port`, which may be that of somebody in between.
    pub(crate) async fn of(front: FrontEnd, port: u16, plan: Builder, accounts: &[&str]) -> Self {
        Self::of_backend(front, port, plan, accounts, "").await
    }

    async fn of_backend(
        front: FrontEnd,
        port: u16,
        plan: Builder,
        accounts: &[&str],
        attributes: &str,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), front.authority().certificate_pem()).unwrap();
        certify(&front, &folder);
        let at = folder.path().display();
        let backend = format!(
            r#"<backend kind="lync" domain="{DOMAIN}" pool="pool.{DOMAIN}" host="127.0.0.1" port="{port}"
            localFqdn="{RELAY}" listen="127.0.0.1:0" certificateFile="{at}/relay.pem"
            privateKeyFile="{at}/key.pem" caFile="{at}/ca.pem" allowedPeers="pool.{DOMAIN} fe1.{DOMAIN}" {attributes} />"#
        );
        let relay = plan.backend(&backend).start().await.unwrap();
        for account in accounts {
            relay.add_account(&sip(account), account).await.unwrap();
        }
        Self { relay, kamailio: None, front, folder }
    }

    /// A phone of Alice's, signed in and with its line up: no password is asked for.
    pub(crate) async fn alice(&self) -> Handset {
        self.phone("alice").await
    }

    /// The same for any account.
    pub(crate) async fn phone(&self, user: &str) -> Handset {
        let mut phone = self.new_phone(user).await;
        phone.signed_in().await;
        phone
    }

    /// One that has only begun to connect.
    pub(crate) async fn new_phone(&self, user: &str) -> Handset {
        Handset::new(self.pass(user).await.profile(None))
    }

    /// One that acknowledges by itself, and whose events nobody reads.
    pub(crate) async fn busy_phone(&self, user: &str) -> Phone {
        let mut profile = self.pass(user).await.profile(None);
        profile.auto_ack = true;
        let phone = Phone::connect(profile);
        drop(phone.events());
        phone.ready(patience()).await.unwrap();
        phone
    }

    async fn pass(&self, user: &str) -> Pass {
        let server = Server::new(&self.relay.url(), &Trust::System).unwrap();
        let install = format!("{user}-1");
        let request = ActivationRequest {
            address: sip(user),
            access_key: self.relay.access_key(&sip(user)).await.unwrap().into(),
            device_token: install.clone(),
            platform: "Android".to_owned(),
            name: install.clone(),
            app_version: String::new(),
            locale: String::new(),
        };
        let token = Phone::activate(&server, &request).await.unwrap().token;
        Pass { server, install, token }
    }

    pub(crate) async fn check(&self) {
        assert_eq!(self.front.complaints().await, Vec::<String>::new());
        self.check_log();
    }

    /// Has Wireshark judge every message that passed the Front End.
    pub(crate) async fn check_wire(&self) {
        assert_eq!(tshark::complaints(&self.front.traffic()).await.unwrap(), Vec::<String>::new());
    }

    pub(crate) fn check_log(&self) {
        let log = self.relay.log();
        let bad = |line: &&str| ["panicked", " ERROR ", "between us"].iter().any(|word| line.contains(word));
        assert_eq!(log.lines().filter(bad).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let last = |text: &str| {
                text.lines()
                    .rev()
                    .take(400)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            eprintln!(
                "the relay:\n{}\nthe Front End:\n{}",
                last(&self.relay.log()),
                last(&self.front.transcript())
            );
            self.kamailio.iter().for_each(|kamailio| eprintln!("kamailio:\n{}", last(&kamailio.log())));
        }
    }
}

/// One that reaches the relay by connections of its own.
pub(crate) async fn front_end() -> FrontEnd {
    let front = FrontEnd::start(DOMAIN, &[("alice", "Alice A"), ("bob", "Bob B"), ("carol", "Carol C")])
        .await
        .unwrap();
    front.trust(RELAY);
    front.dial_back(true);
    front.negotiate(true);
    front
}

/// A new certificate for the relay.
pub(crate) fn certify(front: &FrontEnd, folder: &TempDir) {
    let identity = front.authority().identity(&[RELAY]).unwrap();
    std::fs::write(folder.path().join("relay.pem"), &identity.certificate_pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), &identity.key_pem).unwrap();
}
