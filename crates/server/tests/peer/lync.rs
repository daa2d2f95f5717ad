//! A phone, the real program, a Front End, and a colleague on pidgin-sipe.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use trunkline_client::{ActivationRequest, Event, Phone, Server, Trust};
use trunkline_model::{Address, Availability};
use trunkline_sip::Method;
use trunkline_testkit::{
    Relay, eventually,
    peer::{FrontEnd, Pidgin, front_end::Act},
};

use crate::{
    handset::Handset,
    house::{Pass, plan},
};

const DOMAIN: &str = "contoso.test";
const RELAY: &str = "relay.contoso.test";

/// A Front End that trusts a relay, and the relay with an account for Alice.
struct Pool {
    front: FrontEnd,
    relay: Relay,
    folder: TempDir,
}

fn sip(user: &str) -> String {
    format!("sip:{user}@{DOMAIN}")
}

fn address(user: &str) -> Address {
    sip(user).parse().unwrap()
}

impl Pool {
    async fn open() -> Self {
        let front = FrontEnd::start(DOMAIN, &[("alice", "Alice A"), ("bob", "Bob B")]).await.unwrap();
        front.trust(RELAY);
        front.dial_back(true);
        front.negotiate(true);
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.pem"), front.authority().certificate_pem()).unwrap();
        certify(&front, &folder);
        let (port, at) = (front.tls_port(), folder.path().display());
        let backend = format!(
            r#"<backend kind="lync" domain="{DOMAIN}" pool="pool.{DOMAIN}" host="127.0.0.1" port="{port}"
            localFqdn="{RELAY}" listen="127.0.0.1:0" certificateFile="{at}/relay.pem"
            privateKeyFile="{at}/key.pem" caFile="{at}/ca.pem" allowedPeers="pool.{DOMAIN} fe1.{DOMAIN}" />"#
        );
        let relay = plan().backend(&backend).start().await.unwrap();
        relay.add_account(&sip("alice"), "Alice A").await.unwrap();
        Self { front, relay, folder }
    }

    /// A phone of Alice's, signed in and with its line up: no password is asked for.
    async fn alice(&self) -> Handset {
        let server = Server::new(&self.relay.url(), &Trust::System).unwrap();
        let request = ActivationRequest {
            address: sip("alice"),
            access_key: self.relay.access_key(&sip("alice")).await.unwrap().into(),
            device_token: "alice-1".to_owned(),
            platform: "Android".to_owned(),
            name: "alice-1".to_owned(),
            app_version: String::new(),
            locale: String::new(),
        };
        let token = Phone::activate(&server, &request).await.unwrap().token;
        let pass = Pass { server, install: "alice-1".to_owned(), token };
        let mut phone = Handset::new(pass.profile(None));
        phone.signed_in().await;
        phone
    }

    fn check(&self) {
        assert_eq!(self.front.complaints(), Vec::<String>::new());
        let log = self.relay.log();
        let bad = |line: &&str| ["panicked", " ERROR ", "between us"].iter().any(|word| line.contains(word));
        assert_eq!(log.lines().filter(bad).collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the relay:\n{}\nthe Front End:\n{}", self.relay.log(), self.front.transcript());
        }
    }
}

/// A new certificate for the relay.
fn certify(front: &FrontEnd, folder: &TempDir) {
    let identity = front.authority().identity(&[RELAY]).unwrap();
    std::fs::write(folder.path().join("relay.pem"), &identity.certificate_pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), &identity.key_pem).unwrap();
}

#[tokio::test]
async fn peer_on_pidgin_and_phone_talk_and_see_each_other() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "lunch, between us?").await.unwrap();
    alice.message("lunch, between us?").await;
    alice.phone.send_as("a-1", &address("bob"), "at one, between us").await.unwrap();
    bob.message("at one, between us").await.unwrap();
    bob.send(&pool.front.address("alice"), "good").await.unwrap();
    alice.message("good").await;
    alice.phone.set_presence(Availability::Busy, None).await.unwrap();
    eventually("the pool shows that Alice is busy", async || {
        pool.front.availability("alice").filter(|number| (6_000..9_000).contains(number))
    })
    .await
    .unwrap();
    pool.check();
}

#[tokio::test]
async fn peer_pool_that_restarts_gets_what_was_written_meanwhile() {
    let mut pool = Pool::open().await;
    let mut alice = pool.alice().await;
    pool.front.stop().await;
    alice.line("connecting").await;
    alice.forget();
    pool.front.resume().await.unwrap();
    alice.line("connected").await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "you are back").await.unwrap();
    bob.message("you are back").await.unwrap();
    pool.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_pool_that_does_not_trust_the_relay_is_told_to_the_phone_and_by_the_doctor() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let is_register = |message: &trunkline_sip::Message| matches!(message, trunkline_sip::Message::Request(request) if *request.method() == Method::REGISTER);
    let doctor = |name: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["doctor", "--json", "--as", &sip("alice"), "--config"])
            .arg(pool.relay.config())
            .current_dir(pool.relay.folder())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let parts = report["parts"].as_array().unwrap().clone();
        let part = parts.into_iter().find(|part| part["part"] == "backend contoso.test").unwrap();
        let steps = part["steps"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step["name"] == name).unwrap()
    };
    assert_eq!(doctor("sign-in")["finding"], "good");
    assert_eq!(doctor("lines")["finding"], "good", "the line was not touched");
    pool.front.on(trunkline_testkit::peer::front_end::Heading::Received, 2, Act::answer(401), is_register);
    let refused = doctor("sign-in");
    assert!(refused["likely"].as_str().unwrap().contains("does not trust this connection"), "{refused}");
    pool.front.cut();
    let reason = alice.line("refused").await;
    assert!(reason.contains("does not trust"), "{reason}");
}

#[tokio::test]
async fn peer_certificate_is_reloaded_and_no_line_is_dropped() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let registers = || {
        let traffic = pool.front.traffic();
        let all = traffic.iter().filter_map(|traffic| traffic.request());
        all.filter(|request| *request.method() == Method::REGISTER).count()
    };
    assert_eq!(registers(), 1);
    certify(&pool.front, &pool.folder);
    let reply = pool.relay.admin(&json!({"do": "reload"})).await.unwrap();
    assert_eq!(reply["reloaded"]["certificate"], true, "{reply}");
    std::fs::write(pool.folder.path().join("key.pem"), "no key").unwrap();
    let reply = pool.relay.admin(&json!({"do": "reload"})).await;
    assert!(!reply.is_ok_and(|reply| reply.get("reloaded").is_some()), "a broken key is not taken over");
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "still there?").await.unwrap();
    alice.message("still there?").await;
    assert!(!alice.heard(|event| matches!(event, Event::LineState { state, .. } if state == "connecting")));
    pool.front.cut();
    alice.line("connecting").await;
    eventually("the new certificate is taken", async || (registers() >= 2).then_some(())).await.unwrap();
    eventually("Alice is signed in", async || (pool.front.endpoints("alice") == 1).then_some(()))
        .await
        .unwrap();
}
