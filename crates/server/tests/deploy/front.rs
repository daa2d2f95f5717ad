//! The sample files for nginx and HAProxy, with the real programs in front of the relay.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_client::{Backoff, Incoming, Profile, Server, Trust};
use trunkline_testkit::{
    Relay, eventually, patience,
    peer::{Balancer, Kind},
    relay::Builder,
    trial,
};

use crate::{
    people::{Chatter, close_code, install, plan, signal, socket},
    poller::Poller,
    visitor::Visitor,
};

/// A relay that only a proxy can reach, and the proxy.
struct Front {
    relay: Relay,
    balancer: Balancer,
    server: Server,
}

impl Front {
    /// The sample as it is, but for the port, the certificate, the upstream, and these changes.
    async fn open(kind: Kind, plan: Builder, changes: &[(&str, &str)]) -> Self {
        let plan = plan.set("HTTPS_BIND", "").set("TRUSTED_PROXIES", "127.0.0.1");
        let relay = plan.start().await.unwrap();
        let upstream = relay.listeners().http.clone().unwrap();
        let mut all = match kind {
            Kind::Nginx => vec![
                ("listen 443 ssl;", "listen 127.0.0.1:{port} ssl;"),
                ("server_name relay.example.test;", "server_name localhost;"),
                ("/etc/trunkline/tls/fullchain.pem", "{folder}/chain.pem"),
                ("/etc/trunkline/tls/privkey.pem", "{folder}/key.pem"),
            ],
            Kind::Haproxy => vec![
                ("bind :443 ssl", "bind 127.0.0.1:{port} ssl"),
                ("/etc/trunkline/tls/haproxy.pem", "{folder}/both.pem"),
                ("maxconn 100000", "maxconn 1000"),
            ],
        };
        // In the comment too, which harms nobody.
        all.push(("127.0.0.1:8080", &upstream));
        all.extend(changes);
        let balancer = Balancer::start(kind, &sample(kind), &all).await.unwrap();
        let server = Server::new(&balancer.url(), &Trust::CaFile(balancer.ca_file())).unwrap();
        Self { relay, balancer, server }
    }

    async fn install(&self, name: &str) -> Profile {
        install(&self.relay, &self.server, name).await
    }

    /// A phone without a socket that has signed in.
    async fn polling(&self, name: &str) -> Poller {
        let profile = self.install(name).await;
        Poller::sign_in(&profile, self.visitor([127, 0, 0, 1]).await).await
    }

    async fn metrics(&self) -> String {
        let admin = self.relay.listeners().admin.clone().unwrap();
        let mut tcp = TcpStream::connect(admin).await.unwrap();
        tcp.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut page = String::new();
        tcp.read_to_string(&mut page).await.unwrap();
        page
    }

    /// Somebody with an address of their own.
    async fn visitor(&self, from: [u8; 4]) -> Visitor {
        Visitor::connect(self.balancer.address(), SocketAddr::from((from, 0)), &self.balancer.ca_file()).await
    }
}

fn sample(kind: Kind) -> PathBuf {
    let name = match kind {
        Kind::Nginx => "nginx.conf",
        Kind::Haproxy => "haproxy.cfg",
    };
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name)
}

/// The same test for each of the two.
macro_rules! behind_each {
    ($($name:ident)+) => {
        mod nginx {
            $(#[tokio::test]
            async fn $name() {
                super::$name(trunkline_testkit::peer::Kind::Nginx).await;
            })+
        }
        mod haproxy {
            $(#[tokio::test]
            async fn $name() {
                super::$name(trunkline_testkit::peer::Kind::Haproxy).await;
            })+
        }
    };
}

behind_each! {
    people_chat_and_large_messages_pass
    the_phones_own_address_counts_and_a_forged_one_does_not
    an_idle_socket_outlives_the_proxys_patience
    an_empty_poll_is_ended_by_the_relay_and_not_by_the_proxy
    a_long_poll_is_held_brings_what_comes_at_once_and_is_answered_at_a_drain
    a_restart_of_the_relay_sends_phones_away_with_a_clean_answer_and_takes_them_back
}

async fn people_chat_and_large_messages_pass(kind: Kind) {
    let front = Front::open(kind, plan(), &[]).await;
    let alice = Chatter::sign_in(&front.install("alice").await).await;
    let mut bob = Chatter::sign_in(&front.install("bob").await).await;
    alice.say("bob", "through the proxy").await;
    assert_eq!(bob.hear().await, "through the proxy");
    // Four bytes a character: half of the largest frame.
    let long = "\u{1F4A9}".repeat(8_000);
    alice.say("bob", &long).await;
    assert_eq!(bob.hear().await, long);

    let mut visitor = front.visitor([127, 0, 0, 1]).await;
    // Refused by its head; a body that nobody reads would cut the answer off.
    let answer = visitor.begin_post("/v1/activation", 3_000_000).await;
    assert_eq!(answer.status, 413, "{answer:?}");
}

async fn the_phones_own_address_counts_and_a_forged_one_does_not(kind: Kind) {
    let front = Front::open(kind, plan().set("ACTIVATION_FAILURES_PER_HOUR", "1"), &[]).await;
    let guess = r#"{"address":"alice@house.test","accessKey":"AAAA-AAAA-AAAA-AAAA","deviceToken":"d"}"#;
    let (here, there) = ([127, 0, 0, 2], [127, 0, 0, 3]);
    for (from, forged, status) in [
        (here, "", 403),
        (here, "X-Forwarded-For: 203.0.113.1\r\n", 429),
        (here, "X-Forwarded-For: 203.0.113.2, 127.0.0.1\r\nForwarded: for=203.0.113.3\r\n", 429),
        // Nor can one be locked out by somebody who writes one's address.
        (there, "X-Forwarded-For: 127.0.0.2\r\n", 403),
    ] {
        let answer = front.visitor(from).await.post("/v1/activation", forged, guess).await;
        assert_eq!(answer.status, status, "{from:?} {forged:?} {answer:?}");
    }
    let log = front.relay.log();
    assert!(log.contains("source=127.0.0.2") && log.contains("source=127.0.0.3"), "{log}");
    assert!(!log.contains("203.0.113."), "{log}");
    // The forged scheme neither: the cookies are for TLS all the same.
    let answer = front.visitor(here).await.upgrade("X-Forwarded-Proto: http\r\n").await;
    assert!(answer.all("set-cookie").any(|cookie| cookie.contains("; Secure")), "{answer:?}");
}

/// The proportions are those of the sample: 75 s between signs of life, 120 s of patience.
async fn an_idle_socket_outlives_the_proxys_patience(kind: Kind) {
    let shorter: &[(&str, &str)] = match kind {
        Kind::Nginx => &[
            ("proxy_read_timeout 120s", "proxy_read_timeout 2s"),
            ("proxy_send_timeout 120s", "proxy_send_timeout 2s"),
        ],
        Kind::Haproxy => &[("timeout tunnel 120s", "timeout tunnel 2s")],
    };
    let front = Front::open(kind, plan().set("SESSION_TIMEOUT_SECS", "2"), shorter).await;
    let profile = front.install("alice").await;
    let alice = Chatter::sign_in(&profile).await;
    alice.phone.close().await;
    // Bound at the upgrade: from here on it only answers pings.
    let mut idle = socket(&profile).await.unwrap();
    let mut signs = 0;
    while signs < 4 {
        match idle.next(patience()).await.unwrap() {
            Incoming::Ping(_) => signs += 1,
            Incoming::Closed(code, why) => panic!("closed after {signs} pings: {code:?} {why}"),
            Incoming::Gone => panic!("cut after {signs} pings: {}", front.balancer.log()),
            _ => {}
        }
    }
}

async fn an_empty_poll_is_ended_by_the_relay_and_not_by_the_proxy(kind: Kind) {
    let hold = trial(2, 55).to_string();
    let front = Front::open(kind, plan().set("POLL_HOLD_SECS", &hold), &[]).await;
    let mut alice = front.polling("alice").await;
    alice.poll_until("[]").await;
}

async fn a_long_poll_is_held_brings_what_comes_at_once_and_is_answered_at_a_drain(kind: Kind) {
    // Longer than the test's patience: nothing of this ends because a hold is over.
    let mut front = Front::open(kind, plan().set("POLL_HOLD_SECS", "600"), &[]).await;
    let mut alice = front.polling("alice").await;
    let bob = Chatter::sign_in(&front.install("bob").await).await;
    alice.poll_until(r#""id":"begin""#).await;
    bob.say("alice", "to a phone that polls").await;
    alice.poll_until("to a phone that polls").await;
    let stopping = async {
        let held = || async { front.metrics().await.contains("\ntrunkline_polls 1").then_some(()) };
        eventually("the poll is held", held).await.unwrap();
        signal(&front.relay, "-TERM").await;
    };
    tokio::join!(alice.poll_until("[]"), stopping);
    front.relay.stop().await.unwrap();
}

async fn a_restart_of_the_relay_sends_phones_away_with_a_clean_answer_and_takes_them_back(kind: Kind) {
    let mut front = Front::open(kind, plan().set("DRAIN_SECS", "3"), &[]).await;
    let alice = Chatter::sign_in(&eager(front.install("alice").await)).await;
    let mut bob = Chatter::sign_in(&eager(front.install("bob").await)).await;
    let mut bare = socket(&front.install("carol").await).await.unwrap();
    signal(&front.relay, "-TERM").await;
    let turned_away = || async {
        let answer = front.visitor([127, 0, 0, 2]).await.upgrade("").await;
        if answer.status == 101 { Err(answer) } else { Ok(answer) }
    };
    let draining = eventually("the relay takes nobody more", turned_away).await.unwrap();
    assert_eq!(close_code(&mut bare).await, Some(1001), "the relay's own word reaches the phone");
    front.relay.stop().await.unwrap();
    let gone = front.visitor([127, 0, 0, 2]).await.upgrade("").await;
    for answer in [draining, gone] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some() && answer.body.contains("restarting"), "{answer:?}");
    }
    front.relay.start().await.unwrap();
    alice.say("bob", "after the restart").await;
    assert_eq!(bob.hear().await, "after the restart");
}

/// A phone that tries again soon, so that the test ends soon.
fn eager(profile: Profile) -> Profile {
    let backoff = Backoff { longest: Duration::from_millis(300), ..profile.backoff };
    Profile { backoff, ..profile }
}

#[test]
fn the_samples_wait_longer_than_pings_and_polls_take() {
    const PING: u64 = 75;
    const POLL: u64 = 55;
    let seconds = |kind: Kind, setting: &str| -> u64 {
        let text = std::fs::read_to_string(sample(kind)).unwrap();
        let line = text.lines().find_map(|line| line.trim().strip_prefix(setting)).unwrap();
        line.trim().trim_end_matches(';').trim_end_matches('s').parse().unwrap()
    };
    for (kind, setting, least) in [
        (Kind::Nginx, "proxy_read_timeout", PING + 15),
        (Kind::Nginx, "proxy_send_timeout", PING + 15),
        (Kind::Haproxy, "timeout tunnel", PING + 15),
        (Kind::Haproxy, "timeout client", POLL + 15),
        (Kind::Haproxy, "timeout server", POLL + 15),
    ] {
        assert!(seconds(kind, setting) >= least, "{kind:?}: {setting}");
    }
}
