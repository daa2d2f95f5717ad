//! Connections that break at any byte of a conversation, in either direction.

use serde_json::json;
use trunkline_client::{Server, Trust};

use crate::{
    chance::Chance,
    handset::{Handset, Heard, Trouble},
    history::Sent,
    house::House,
    proxy::{Cut, Proxy, Way},
    reckoning,
};

/// How many places of each direction a connection is cut at.
const CUTS: usize = 60;
const CUTS_TLS: usize = 20;
/// Messages each way in one conversation.
const MESSAGES: usize = 3;

struct Scene {
    house: House,
    chance: Chance,
    /// On a phone whose connections are cut.
    alice: Handset,
    bob: Handset,
    /// A second phone of each, off until the end.
    sleepers: [Handset; 2],
    sent: [Vec<Sent>; 2],
    rounds: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_at_any_byte_loses_nothing() {
    let mut scene = Scene::open(61).await;
    let proxy = Proxy::before(scene.house.relay.listeners().http.as_deref().unwrap()).await;
    let through = Server::new(&format!("http://{}", proxy.authority()), &Trust::System).unwrap();
    scene.cuts(&proxy, &through, CUTS).await;
    scene.judge().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_connection_cut_at_any_byte_loses_nothing() {
    let mut scene = Scene::open(62).await;
    let proxy = Proxy::before(scene.house.relay.listeners().https.as_deref().unwrap()).await;
    let through = scene.house.secure_server(&format!("https://{}", proxy.authority()));
    scene.cuts(&proxy, &through, CUTS_TLS).await;
    scene.judge().await;
}

/// A COMPLETE that was lost on its way comes again to a phone that says up to where it has heard.
#[tokio::test]
async fn a_completion_that_got_lost_comes_again() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut other) = (house.handset("alice", 1).await, house.handset("alice", 2).await);
    alice.open(true).await.unwrap();
    other.open(true).await.unwrap();
    let request = alice.write_message("sip:bob@house.test", "m-1").await.unwrap();
    other.hear_up_to(1).await.unwrap();
    alice.cut();
    alice.upgrade(true).await.unwrap();
    let told = alice.answer(&request).await.unwrap();
    assert_eq!(told["timestamp"], other.diary.get(1).unwrap().data["timestamp"]);
    assert_eq!(told["dup"], json!(null), "it is the first answer itself: {told}");
    assert_eq!(alice.diary.faults(), [""; 0]);
    house.check_log();
}

impl Scene {
    async fn open(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let house = House::open(&["alice", "bob"]).await;
        let (alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
        let sleepers = [house.handset("alice", 2).await, house.handset("bob", 2).await];
        bob.open(false).await.unwrap();
        Self { house, chance, alice, bob, sleepers, sent: [Vec::new(), Vec::new()], rounds: 0 }
    }

    /// First without a cut, for the length; then with cuts spread over that length.
    async fn cuts(&mut self, proxy: &Proxy, through: &Server, cuts: usize) {
        self.round(through).await;
        self.round(through).await;
        let lengths = proxy.carried();
        for way in [Way::Up, Way::Down] {
            let length = lengths[way as usize];
            assert!(length > 1_000, "{way:?} {length}");
            for part in 0..cuts {
                let span = part * length / cuts..(part + 1) * length / cuts;
                let cut = Cut { way, after: self.chance.within(span), polite: self.chance.one_in(3) };
                eprintln!("{cut:?} of {length}");
                proxy.cut_next(cut);
                self.round(through).await;
            }
        }
    }

    /// One conversation; Alice's first connection goes through the proxy, later ones go straight.
    async fn round(&mut self, through: &Server) {
        self.rounds += 1;
        let straight = self.house.server();
        let ids =
            |from: &str| (1..=MESSAGES).map(|n| format!("{from}-{}-{n}", self.rounds)).collect::<Vec<_>>();
        let (mine, theirs) = (ids("a"), ids("b"));
        let to = [self.bob.address.clone(), self.alice.address.clone()];
        let first = self.bob.send(&to[1], &theirs[0]).await.unwrap();
        let mut bobs = vec![first["timestamp"].as_i64()];
        let (alice, bob, chance) = (&mut self.alice, &mut self.bob, &mut self.chance);
        alice.goes_through(through.clone());
        let mut part = Part { to: &to[0], mine: &mine, theirs: &theirs, complete: vec![None; MESSAGES] };
        let alices = async {
            while let Err(trouble) = part.play(alice, chance.one_in(4)).await {
                assert!(!matches!(trouble, Trouble::Refused(_)), "{trouble:?}");
                alice.goes_through(straight.clone());
            }
        };
        let others = async {
            for id in &theirs[1..] {
                bobs.push(bob.send(&to[1], id).await.unwrap()["timestamp"].as_i64());
            }
        };
        tokio::join!(alices, others);
        self.alice.cut();
        let sent = |ids: &[String], to: &str, complete: Vec<Option<i64>>| {
            let both = ids.iter().zip(complete);
            both.map(|(id, complete)| Sent { id: id.clone(), to: to.to_owned(), complete, refused: false })
                .collect::<Vec<_>>()
        };
        let complete = part.complete;
        self.sent[0].extend(sent(&mine, &to[0], complete));
        self.sent[1].extend(sent(&theirs, &to[1], bobs));
    }

    async fn judge(mut self) {
        reckoning::sockets(&self.house, 1).await;
        let [one, two] = &mut self.sleepers;
        reckoning::settle(vec![&mut self.alice, &mut self.bob, one, two], &mut self.chance).await;
        let [one, two] = &self.sleepers;
        let [alices, bobs] = &self.sent;
        reckoning::judge(&[(&self.alice, alices), (&self.bob, bobs), (one, &[]), (two, &[])]);
        self.house.check_log();
    }
}

/// What Alice does in a round, over as many connections as it takes.
struct Part<'a> {
    to: &'a str,
    mine: &'a [String],
    theirs: &'a [String],
    /// Timestamps of what has its COMPLETE.
    complete: Vec<Option<i64>>,
}

impl Part<'_> {
    /// Ends well when everything is sent, heard and acknowledged.
    async fn play(&mut self, alice: &mut Handset, forgetful: bool) -> Result<(), Trouble> {
        alice.open(!forgetful).await?;
        let mut under_way = Vec::new();
        for (index, id) in self.mine.iter().enumerate().filter(|(index, _)| self.complete[*index].is_none()) {
            under_way.push((alice.write_message(self.to, id).await?, index));
        }
        while self.complete.contains(&None) || !self.heard_all(alice) {
            match alice.hear().await? {
                Heard::News(entry) if entry.kind.ends_with("Received") => {
                    drop(alice.write_ack(&entry).await?)
                }
                _ => {}
            }
            for (request, index) in &under_way {
                if let Some(answer) = alice.take_answer(request) {
                    self.complete[*index] = answer.map_err(Trouble::Refused)?["timestamp"].as_i64();
                }
            }
        }
        let last = alice.diary.incoming().next_back().cloned().expect("everything is heard");
        let request = alice.write_ack(&last).await?;
        alice.answer(&request).await.map(drop)
    }

    fn heard_all(&self, alice: &Handset) -> bool {
        let heard = |id: &String| alice.diary.incoming().rev().any(|entry| entry.id == *id);
        self.theirs.iter().all(heard)
    }
}
