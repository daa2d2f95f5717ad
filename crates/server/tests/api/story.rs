//! Chapter 15 of docs/connect-api.md is what two phones and the program say to each other: this test plays it and
//! compares, or writes the chapter anew when `UPDATE_DOCS` is set.

use std::{collections::HashMap, env, fs, path::PathBuf};

use crate::{
    device::Device,
    frame::{Frame, Kind},
    house::House,
};

const CHAPTER: &str = "## 15 A whole session";
const OPEN: &str = "```json\n";
const CLOSE: &str = "```";

/// What stands in the document for what is different each time.
const SESSION: &str = "d761a566e2f3199d39719281c427fdbf";
const CHAT: &str = "019abaac-37c0-7e63-b2a8-51d0c6f3e917";
const MOMENTS: [i64; 2] = [1_764_068_440_203, 1_764_068_471_870];
const CLOCK: i64 = 1_764_068_400_412;

/// Members of a contact record that the chapter leaves out.
const LEFT_OUT: [&str; 16] = [
    "groups",
    "personalMessage",
    "title",
    "type",
    "photoHash",
    "mobilePhone",
    "workPhone",
    "homePhone",
    "blocked",
    "email",
    "firstName",
    "lastName",
    "company",
    "department",
    "office",
    "contactId",
];

/// A phone of the story, and how its numbers are told.
struct Hero {
    device: Device,
    began: i64,
    told: i64,
    events: u64,
}

/// The moments of messages, in the order in which they are first told.
#[derive(Default)]
struct Clock {
    known: HashMap<i64, i64>,
}

impl Hero {
    async fn new(house: &House, address: &str, install: &str, other: &str, began: i64) -> Self {
        let pass = house.pass_of(address, install).await;
        let mut device = Device::signed_in(&pass).await;
        device.well("AddContact", serde_json::json!({"contactId": other})).await;
        device.both("TerminateSession", serde_json::json!({})).await;
        device.closed().await;
        let device = Device::opened(&pass, -1).await;
        Self { device, began, told: 0, events: 0 }
    }

    /// Sends a request; gives it and the two phases of its answer.
    async fn asks(&mut self, clock: &mut Clock, id: &str, method: &str, params: &str) -> Vec<String> {
        let request = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"{method}","params":{params}}}"#);
        self.device.send(&request).await;
        let early = self.device.early(id).await;
        let early = self.tell(clock, &early);
        let late = self.device.late(id).await;
        vec![request, early, self.tell(clock, &late)]
    }

    async fn hears(&mut self, clock: &mut Clock, event: &str) -> String {
        let frame = self.device.event_frame(event).await;
        self.tell(clock, &frame)
    }

    /// A frame with the numbers of the story: those of a session count what is told, in the order of the telling.
    fn tell(&mut self, clock: &mut Clock, frame: &Frame) -> String {
        let mut text = frame.text.clone();
        if frame.kind != Kind::Early {
            self.told += 1;
            let number = self.began * 1_000_000 + self.told;
            text = text
                .replace(&format!(r#""sequence":{}"#, frame.sequence()), &format!(r#""sequence":{number}"#));
        }
        if let (Kind::Event, Some(number)) = (frame.kind, frame.event_number()) {
            self.events += 1;
            text = text.replacen(&format!(r#""S{number}""#), &format!(r#""S{}""#, self.events), 1);
        }
        clock.tell(frame, shortened(text))
    }
}

impl Clock {
    fn tell(&mut self, frame: &Frame, mut text: String) -> String {
        let data = frame.data();
        let mut put = |from: String, to: String| text = text.replace(&from, &to);
        for name in ["sessionId", "chatId"] {
            if let Some(id) = data[name].as_str() {
                put(id.to_owned(), if name == "chatId" { CHAT } else { SESSION }.to_owned());
            }
        }
        if let Some(at) = data["serverTime"].as_i64() {
            put(at.to_string(), CLOCK.to_string());
        }
        if let Some(at) = data["timestamp"].as_i64() {
            // Phase 1 tells when the request came; the message's own moment is the first that is told later.
            let next = MOMENTS[self.known.len().min(MOMENTS.len() - 1)];
            let told =
                if frame.kind == Kind::Early { next - 1 } else { *self.known.entry(at).or_insert(next) };
            put(at.to_string(), told.to_string());
        }
        text
    }
}

/// The text with every contact record cut short; such records are objects that tell a name first.
fn shortened(text: String) -> String {
    const RECORD: &str = r#":{"displayName":"#;
    let mut records = text.split(RECORD);
    let mut short = records.next().unwrap_or_default().to_owned();
    for record in records {
        let end = record.find('}').unwrap_or(record.len());
        // A group list holds objects of its own.
        let end = record
            .find(r#""office":""#)
            .and_then(|at| record[at..].find('}').map(|more| at + more))
            .unwrap_or(end);
        let (inside, behind) = record.split_at(end);
        short += RECORD;
        short += &LEFT_OUT.iter().fold(inside.to_owned(), |inside, name| without(&inside, name));
        short += behind;
    }
    short
}

/// A record's text without one of its members, none of whose values holds a comma.
fn without(record: &str, name: &str) -> String {
    let Some(at) = record.find(&format!(r#","{name}":"#)) else { return record.to_owned() };
    let end = record[at + 1..].find(',').map_or(record.len(), |more| at + 1 + more);
    format!("{}{}", &record[..at], &record[end..])
}

/// The story, a list of frames for each block of the chapter.
async fn played() -> Vec<Vec<String>> {
    let house = House::open().await;
    let (mira, jon) = ("sip:mira@example.test", "sip:jon@example.test");
    house.relay.add_account(mira, "Mira Okafor").await.unwrap();
    house.relay.add_account(jon, "Jon Brandt").await.unwrap();
    let mut she = Hero::new(&house, mira, "e20c91f7b6a4d583", jon, 1_764_068_400).await;
    let mut he = Hero::new(&house, jon, "77ab05d1c2e94f60", mira, 1_764_068_425).await;
    let clock = &mut Clock::default();
    let mut blocks = vec![signs_in(&mut she, clock).await];
    signs_in(&mut he, clock).await;
    blocks.push(vec![she.hears(clock, "ContactUpdate").await]);

    let gate = r#"{"contactId":"sip:jon@example.test","message":"Is the gate open?","messageId":"m-1"}"#;
    blocks.push(she.asks(clock, "c2", "SendMessage", gate).await);
    let invitation = he.device.event_frame("InvitationReceived").await;
    let request = invitation.data()["requestId"].as_str().unwrap().to_owned();
    let mut block = vec![he.tell(clock, &invitation)];
    let accept = he.asks(clock, "c2", "AcceptChat", &format!(r#"{{"requestId":"{request}"}}"#)).await;
    block.extend(accept.into_iter().map(|text| text.replace(&request, CHAT)));
    block.push(he.hears(clock, "MessageReceived").await);
    let ack =
        |id: &str, from: &str| format!(r#"{{"messageId":"{id}","status":"delivered","contactId":"{from}"}}"#);
    block.extend(he.asks(clock, "c3", "MessageAck", &ack("m-1", mira)).await);
    blocks.push(block);
    blocks.push(vec![she.hears(clock, "InvitationUpdate").await, she.hears(clock, "MessageAck").await]);

    let (pass, last) = (she.device.pass.clone(), she.device.last);
    she.device.socket.cut();
    let yes = r#"{"contactId":"sip:mira@example.test","message":"Yes, until six","messageId":"j-1"}"#;
    blocks.push(he.asks(clock, "c4", "SendMessage", yes).await);
    let mut she = Hero { device: Device::opened(&pass, last).await, ..she };
    assert!(she.device.socket.header("set-cookie").is_some_and(|cookie| cookie.starts_with("sessionId=")));
    let mut block = vec![she.hears(clock, "MessageReceived").await];
    block.extend(she.asks(clock, "c3", "MessageAck", &ack("j-1", jon)).await);
    blocks.push(block);
    blocks.push(vec![he.hears(clock, "MessageAck").await]);
    for hero in [&mut she, &mut he] {
        hero.device.settle().await;
        assert!(
            hero.device.take_all().is_empty(),
            "the story tells everything: {:#?}",
            hero.device.take_all()
        );
    }
    blocks
}

async fn signs_in(hero: &mut Hero, clock: &mut Clock) -> Vec<String> {
    let request = r#"{"jsonrpc":"2.0","id":"c1","method":"BeginSession","params":{"presence":"available"}}"#;
    hero.device.send(request).await;
    let early = hero.device.early("c1").await;
    let mut block = vec![request.to_owned(), hero.tell(clock, &early)];
    block.push(hero.hears(clock, "LineStateChanged").await);
    let late = hero.device.late("c1").await;
    block.push(hero.tell(clock, &late));
    block.push(hero.hears(clock, "ContactUpdate").await);
    block
}

#[tokio::test]
async fn the_session_in_the_docs_is_what_the_program_says() {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/connect-api.md"].iter().collect();
    let page = fs::read_to_string(&path).unwrap();
    let at = page.find(CHAPTER).unwrap();
    let mut pieces = page[at..].split(OPEN);
    let mut made = format!("{}{}", &page[..at], pieces.next().unwrap());
    let blocks = played().await;
    let kept: Vec<&str> = pieces.collect();
    assert_eq!(kept.len(), blocks.len(), "blocks of frames in the chapter");
    for (piece, block) in kept.into_iter().zip(&blocks) {
        let behind = piece.find(CLOSE).unwrap();
        made += OPEN;
        made += &block.iter().map(|frame| format!("{frame}\n")).collect::<String>();
        made += &piece[behind..];
    }
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap();
    for (kept, made) in page.lines().zip(made.lines()) {
        assert_eq!(kept, made, "docs/connect-api.md is old: run `cargo xtask gen`");
    }
    assert_eq!(page.lines().count(), made.lines().count());
}
