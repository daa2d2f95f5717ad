use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};
use trunkline_client::{Handshake, RawSocket};
use trunkline_wire::phone::request;

use crate::{
    chance::Chance,
    handset::{Handset, MARK},
    history::Sent,
    house::House,
    reckoning,
};

/// Attacks that must have been made before the honest may stop.
const ATTACKS: usize = 600;

/// While one client sends garbage of every kind, with and without a session, two people chat as if nothing were.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_of_one_client_disturbs_nobody() {
    let mut chance = Chance::new(66);
    let house = House::open(&["alice", "bob", "mallory"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    let mut mallory = house.handset("mallory", 1).await;
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    let done = AtomicBool::new(false);
    let attacker = async {
        let mut vandal = Vandal { house: &house, chance: chance.fork(), handset: &mut mallory };
        for _ in 0..ATTACKS {
            vandal.attack().await;
        }
        done.store(true, Ordering::Relaxed);
    };
    let honest = async {
        let (mut alices, mut bobs) = (Vec::new(), Vec::new());
        while !done.load(Ordering::Relaxed) {
            say(&mut alice, &bob.address, &mut alices).await;
            say(&mut bob, &alice.address, &mut bobs).await;
        }
        (alices, bobs)
    };
    let ((), (alices, bobs)) = tokio::join!(attacker, honest);
    eprintln!("{} messages meanwhile", alices.len() + bobs.len());

    mallory.open(true).await.unwrap();
    mallory.send(&alice.address, "peace").await.unwrap();
    alice.sync(0, 200).await.unwrap();
    assert!(mallory.request("Ping", json!({})).await.is_ok(), "she may come back like everybody else");
    mallory.cut();
    reckoning::sockets(&house, 2).await;
    reckoning::settle(vec![&mut alice, &mut bob, &mut mallory], &mut chance).await;
    let peace = alice.diary.incoming().find(|entry| entry.id == "peace").unwrap();
    let peace = [Sent {
        id: "peace".to_owned(),
        to: alice.address.clone(),
        complete: Some(peace.number("timestamp")),
        refused: false,
    }];
    reckoning::judge(&[(&alice, &alices), (&bob, &bobs), (&mallory, &peace)]);
    house.check_log();
}

async fn say(handset: &mut Handset, to: &str, sent: &mut Vec<Sent>) {
    let id = format!("{}-{}", handset.name, sent.len());
    let complete = handset.send(to, &id).await.unwrap()["timestamp"].as_i64();
    sent.push(Sent { id, to: to.to_owned(), complete, refused: false });
}

struct Vandal<'a> {
    house: &'a House,
    chance: Chance,
    handset: &'a mut Handset,
}

impl Vandal<'_> {
    async fn attack(&mut self) {
        match self.chance.below(6) {
            0 => self.noise_on_a_port().await,
            1 => self.a_broken_upgrade().await,
            2 => self.noise_in_a_socket().await,
            _ => self.nonsense_in_a_session().await,
        }
    }

    async fn noise_on_a_port(&mut self) {
        let listeners = self.house.relay.listeners();
        let port = if self.chance.one_in(2) { &listeners.http } else { &listeners.https };
        let mut tcp = TcpStream::connect(port.as_deref().unwrap()).await.unwrap();
        let noise = self.noise(3_000);
        // The relay may hang up in the middle.
        let _ = tcp.write_all(&noise).await;
    }

    async fn a_broken_upgrade(&mut self) {
        let mut handshake = Handshake::new("x".repeat(self.chance.below(2_000)));
        handshake.sequence = [i64::MIN, i64::MAX, 0][self.chance.below(3)];
        handshake.extra =
            vec![("sequence".to_owned(), "12abc".to_owned()), ("origin".to_owned(), "null".to_owned())];
        handshake.extra.truncate(self.chance.below(3));
        drop(RawSocket::connect(&self.house.server(), &handshake).await);
    }

    async fn noise_in_a_socket(&mut self) {
        let mut socket = RawSocket::connect(&self.house.server(), &Handshake::new("vandal")).await.unwrap();
        let noise = self.noise(5_000);
        let sent = match self.chance.below(4) {
            0 => socket.send_bytes(&noise).await,
            1 => socket.send_binary(noise).await,
            2 => socket.ping(noise[..noise.len().min(125)].to_vec()).await,
            // The head of a frame of 100 bytes, masked, and only some of them.
            _ => {
                socket.send_bytes(&[&[0x81, 0xe4, 1, 2, 3, 4], &noise[..noise.len().min(50)]].concat()).await
            }
        };
        drop(sent);
        if self.chance.one_in(2) {
            socket.cut();
        }
    }

    async fn nonsense_in_a_session(&mut self) {
        if !self.handset.is_open() && self.handset.open(self.chance.one_in(2)).await.is_err() {
            return;
        }
        for _ in 0..self.chance.within(1..8) {
            let text = self.nonsense();
            if self.handset.write_text(text).await.is_err() {
                return;
            }
        }
        if self.chance.one_in(3) {
            self.handset.cut();
        }
    }

    fn nonsense(&mut self) -> String {
        let bob = "sip:bob@house.test";
        let limit = [-1, 0, 1_000][self.chance.below(3)];
        let send = json!({"contactId": bob, "messageId": "v", "message": MARK});
        match self.chance.below(9) {
            0 => String::from_utf8_lossy(&self.noise(2_000)).into_owned(),
            1 => "[".repeat(self.chance.within(1..60_000)),
            2 => format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":\"v\",\"method\":\"Ping\",\"params\":{}1{}}}",
                "[".repeat(90),
                "]".repeat(90)
            ),
            3 => "x".repeat(self.chance.within(65_000..70_000)),
            4 => Value::Array(vec![
                json!({"jsonrpc": "2.0", "id": "same", "method": "Ping", "params": {}});
                300
            ])
            .to_string(),
            5 => request("v", "mailbox.Sync", json!({"since": i64::MAX, "limit": limit})),
            6 => request("v", "AcceptChat", json!({"requestId": uuid::Uuid::new_v4()})),
            7 => request("v", "MessageAck", json!({"messageId": "nothing", "status": "delivered"})),
            _ => self.mutated(request("v", "SendMessage", send)),
        }
    }

    /// One to three bytes are others than they were. Never a message that arrives: its method is broken too.
    fn mutated(&mut self, text: String) -> String {
        let mut bytes = text.replace("SendMessage", "SendMessagf").into_bytes();
        for _ in 0..self.chance.within(1..4) {
            let at = self.chance.below(bytes.len());
            bytes[at] = u8::try_from(self.chance.below(256)).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn noise(&mut self, most: usize) -> Vec<u8> {
        let length = self.chance.within(1..most);
        (0..length).map(|_| u8::try_from(self.chance.below(256)).unwrap()).collect()
    }
}
