//! The books of messages: what is stored less what is settled is what waits, exactly.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_testkit::{Relay, eventually};

use crate::{house::address, outage::impatient};

/// What the metrics say of the XMPP backend's messages.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Books {
    stored: f64,
    confirmed: f64,
    unknown: f64,
    waiting: f64,
    oldest: f64,
}

impl Books {
    async fn of(relay: &Relay) -> Self {
        let admin = relay.listeners().admin.clone().unwrap();
        let mut socket = TcpStream::connect(&admin).await.unwrap();
        let get = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        socket.write_all(get.as_bytes()).await.unwrap();
        let mut page = String::new();
        socket.read_to_string(&mut page).await.unwrap();
        let sum = |name: &str, label: &str| -> f64 {
            let ours = page
                .lines()
                .filter(|line| line.starts_with(&format!("{name}{{")) && line.contains("\"xmpp\""));
            let ours = ours.filter(|line| line.contains(label));
            ours.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
        };
        Self {
            stored: sum("trunkline_messages_stored_total", ""),
            confirmed: sum("trunkline_messages_settled_total", "confirmed"),
            unknown: sum("trunkline_messages_settled_total", "unknown"),
            waiting: sum("trunkline_outbox_messages", ""),
            oldest: sum("trunkline_outbox_oldest_seconds", ""),
        }
    }

    /// What waits but for what waited when the counting began.
    fn balance(self) -> f64 {
        self.waiting - (self.stored - self.confirmed - self.unknown)
    }
}

async fn reach(relay: &Relay, what: &str, expected: [f64; 4]) -> Books {
    let attempt = || async {
        let books = Books::of(relay).await;
        let told = [books.stored, books.confirmed, books.unknown, books.waiting];
        if told == expected { Ok(books) } else { Err(books) }
    };
    eventually(what, attempt).await.unwrap()
}

#[tokio::test]
async fn peer_that_comes_and_goes_leaves_the_books_of_messages_balanced() {
    let mut house = impatient().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    alice.phone.send(&address("bob"), "one").await.unwrap();
    bob.message("one").await.unwrap();
    let books = reach(&house.relay, "confirmed", [1.0, 1.0, 0.0, 0.0]).await;
    assert!((books.oldest, books.balance()) == (0.0, 0.0), "{books:?}");

    house.prosody.freeze().await.unwrap();
    alice.phone.send(&address("bob"), "two").await.unwrap();
    reach(&house.relay, "under way", [2.0, 1.0, 0.0, 1.0]).await;
    alice.forget();
    house.prosody.kill().await.unwrap();
    house.prosody.start_again().await.unwrap();
    reach(&house.relay, "unknown", [2.0, 1.0, 1.0, 0.0]).await;

    alice.line("connected").await;
    alice.forget();
    house.prosody.stop().await.unwrap();
    alice.line("connecting").await;
    alice.phone.send(&address("bob"), "three").await.unwrap();
    let books = reach(&house.relay, "waiting", [3.0, 1.0, 1.0, 1.0]).await;
    assert!(books.oldest > 0.0 && books.balance() == 0.0, "{books:?}");

    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let books = reach(&house.relay, "counting begins anew", [0.0, 0.0, 0.0, 1.0]).await;
    assert!(books.balance() == 1.0, "{books:?}");
    house.prosody.start_again().await.unwrap();
    let mut bob = house.bob().await;
    bob.message("three").await.unwrap();
    let books = reach(&house.relay, "all is settled", [0.0, 1.0, 0.0, 0.0]).await;
    assert!(books.balance() == 1.0 && books.oldest == 0.0, "{books:?}");
    house.check_log();
}
