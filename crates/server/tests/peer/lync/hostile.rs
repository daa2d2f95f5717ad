//! What a server must not do, over the real listener: nonsense, forgeries, repeats.

use trunkline_sip::{Method, Request, Uri, body::text, header::name};
use trunkline_testkit::{
    peer::{
        Pidgin,
        front_end::{Heading, Traffic},
    },
    trial,
};

use super::{
    pool::{DOMAIN, Pool, address, front_end, sip},
    server::{Server, contact_of, from},
};
use crate::{chance::Chance, handset::Handset, house::plan};

/// Messages of RFC 4475 and RFC 5118 that are refused, with the status that is asked for; of `inv2543` nobody can tell where it ends on
/// a stream.
const REFUSED: &[(&str, u16)] = &[
    ("badinv01", 400),
    ("inv2543", 400),
    ("ncl", 400),
    ("scalar02", 400),
    ("quotbal", 400),
    ("ltgtruri", 400),
    ("lwsruri", 400),
    ("lwsstart", 400),
    ("trws", 400),
    ("escruri", 400),
    ("regbadct", 400),
    ("badaspec", 400),
    ("baddn", 400),
    ("badvers", 505),
    ("mismatch01", 400),
    ("mismatch02", 400),
    ("insuf", 400),
    ("unkscm", 416),
    ("novelsc", 416),
    ("multi01", 400),
    ("mcl01", 400),
    ("ipv6-bad", 400),
];

/// Responses to nothing, and `clerr`, which counts more bytes than there are and is never complete.
const UNANSWERED: &[&str] = &["bcast", "bigcode", "clerr", "noreason", "scalarlg", "unreason"];

/// After these nobody knows where the next message begins; `dblreq` is followed by half of another one.
const ENDS: &[&str] = &["baddn", "clerr", "dblreq", "inv2543", "mcl01", "ncl"];

/// A good chat, both ways.
pub(super) async fn chat(alice: &mut Handset, bob: &mut Pidgin, pool: &Pool, round: &str) {
    let (there, back) = (format!("to Bob, {round}"), format!("to Alice, {round}"));
    alice.phone.send_as(&there, &address("bob"), &there).await.unwrap();
    bob.message(&there).await.unwrap();
    bob.send(&pool.front.address("alice"), &back).await.unwrap();
    alice.message(&back).await;
}

/// Every file of a folder of `sip`'s test data.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = format!("{}/../sip/tests/data/{folder}", env!("CARGO_MANIFEST_DIR"));
    let all = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

/// A message of RFC 5118 as it goes over a stream: its archive ends lines with LF, leaves out the last, and miscounts.
fn on_the_wire((name, bytes): (String, Vec<u8>)) -> (String, Vec<u8>) {
    let mut text = String::from_utf8(bytes).unwrap().replace('\n', "\r\n");
    if !text.contains("\r\n\r\n") {
        text.push_str("\r\n");
    }
    let length = text.split_once("\r\n\r\n").unwrap().1.len();
    let said = text.lines().find(|line| line.starts_with("Content-Length")).unwrap().to_owned();
    (name, text.replacen(&said, &format!("Content-Length: {length}"), 1).into_bytes())
}

#[tokio::test]
async fn peer_that_says_every_torture_message_is_answered_by_the_book_and_harms_nobody() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    chat(&mut alice, &mut bob, &pool, "before").await;
    let torture = files("rfc4475");
    assert_eq!(torture.len(), 49);
    for (number, (name, bytes)) in
        torture.into_iter().chain(files("rfc5118").into_iter().map(on_the_wire)).enumerate()
    {
        let mut server = Server::connect(&pool).await;
        let (answers, serves) = server.answers(&bytes, number).await;
        let refused = REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, status)| *status);
        let is_right =
            |status: &u16| refused.map_or([404, 481].contains(status), |refused| *status == refused);
        assert!(answers.iter().all(is_right), "{name}: {answers:?}");
        assert_eq!(answers.is_empty(), UNANSWERED.contains(&&name[..]), "{name}: {answers:?}");
        assert_eq!(serves, !ENDS.contains(&&name[..]), "{name}");
    }
    let told = pool.relay.log().lines().filter(|line| line.contains(" WARN ")).count();
    assert!(told < 10, "{told} warnings");
    chat(&mut alice, &mut bob, &pool, "after").await;
    pool.check().await;
}

/// What came to a phone, in its order.
pub(super) async fn texts(phone: &Handset) -> Vec<String> {
    let all = phone.mailbox().await.into_iter();
    all.filter(|entry| entry.method.ends_with("Received")).map(|entry| entry.text).collect()
}

/// The bytes that the Front End sent to the relay with such a request, the latest first.
fn sent(pool: &Pool, method: &Method) -> Vec<Vec<u8>> {
    let bytes = |traffic: &Traffic| {
        let request = traffic.sent_request().filter(|request| request.method() == method)?;
        request.uri().param("ms-opaque").is_some().then(|| request.to_bytes().to_vec())
    };
    pool.front.traffic().iter().rev().filter_map(bytes).collect()
}

#[tokio::test]
async fn peer_messages_that_are_replayed_arrive_once() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    for text in ["one", "two", "three"] {
        bob.send(&pool.front.address("alice"), text).await.unwrap();
        alice.message(text).await;
    }
    let (invites, messages) = (sent(&pool, &Method::INVITE), sent(&pool, &Method::MESSAGE));
    assert!(!invites.is_empty() && !messages.is_empty());
    let all: Vec<_> = invites.iter().chain(&messages).collect();
    for bytes in &all {
        pool.front.send_raw("alice", bytes);
    }
    let mut server = Server::connect(&pool).await;
    for (number, bytes) in all.into_iter().enumerate() {
        let (answers, ended) = server.answers(bytes, number).await;
        assert!(ended && answers.iter().any(|status| *status >= 200), "{answers:?}");
    }
    bob.send(&pool.front.address("alice"), "last").await.unwrap();
    alice.message("last").await;
    assert_eq!(texts(&alice).await, ["one", "two", "three", "last"]);
    pool.check_log();
}

/// An INVITE for a chat.
fn invite(sender: &str, callee: &Uri, to: &str, call_id: &str) -> Request {
    let offer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                 m=message 5060 sip null\r\na=accept-types:text/plain\r\n";
    let mut request = from(sender, &Method::INVITE, callee.as_str(), to, call_id, 1);
    request.set_body("application/sdp", offer.as_bytes().to_vec());
    request
}

/// Opens a chat and says one thing in it.
async fn say(server: &mut Server, sender: &str, callee: &Uri, to: &str, call_id: &str, words: &str) {
    let answer = server.ask(&invite(sender, callee, to, call_id)).await;
    assert_eq!(answer.status(), 200);
    let to = answer.text(name::TO).unwrap().into_owned();
    let ack = from(sender, &Method::ACK, callee.as_str(), &to, call_id, 1);
    server.write(&ack.to_bytes()).await;
    let mut message = from(sender, &Method::MESSAGE, callee.as_str(), &to, call_id, 2);
    message.set_body(text::TYPE, text::write(words));
    assert_eq!(server.ask(&message).await.status(), 200);
}

#[tokio::test]
async fn peer_clients_with_the_same_ids_and_tags_are_not_taken_for_each_other() {
    let front = front_end().await;
    let port = front.tls_port();
    let pool = Pool::of(front, port, plan(), &["alice", "carol"]).await;
    let (alice, carol) = (pool.alice().await, pool.phone("carol").await);
    let mut server = Server::connect(&pool).await;
    let (to_alice, to_carol) = (contact_of(&pool, "alice"), contact_of(&pool, "carol"));
    let (at_alice, at_carol) = (format!("<{}>", sip("alice")), format!("<{}>", sip("carol")));
    say(&mut server, "dave", &to_alice, &at_alice, "the-same", "Dave to Alice").await;
    say(&mut server, "erin", &to_alice, &at_alice, "the-same", "Erin to Alice").await;
    say(&mut server, "dave", &to_carol, &at_carol, "the-same", "Dave to Carol").await;
    // Whose it is says the Contact that it is addressed to, and To says nothing.
    say(&mut server, "frank", &to_carol, &at_alice, "another", "Frank to Carol").await;
    assert_eq!(texts(&alice).await, ["Dave to Alice", "Erin to Alice"]);
    assert_eq!(texts(&carol).await, ["Dave to Carol", "Frank to Carol"]);
    pool.check_log();
}

#[tokio::test]
async fn peer_that_is_not_allowed_asserts_nobody_and_is_let_in_nowhere() {
    let pool = Pool::open().await;
    let alice = pool.alice().await;
    let callee = contact_of(&pool, "alice");
    for stranger in ["fe9.evil.test", &format!("fe1.{DOMAIN}.evil.test"), "relay.contoso.test"] {
        let mut server = Server::under(&pool, stranger).await;
        let mut forged = invite("bob", &callee, &format!("<{}>", sip("alice")), "forged");
        forged.push(name::P_ASSERTED_IDENTITY, format!("<{}>", sip("bob")));
        server.write(&forged.to_bytes()).await;
        assert!(server.next().await.is_none(), "{stranger} was answered");
    }
    assert_eq!(texts(&alice).await, Vec::<String>::new());
    let log = pool.relay.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("a server was turned away")).collect();
    assert!(told[0].contains("fe9.evil.test") && told[0].contains("allowedPeers"), "{told:?}");
    pool.check_log();
}

/// The stream with a byte changed, a piece cut out, doubled or replaced, or its end cut off.
fn bent(stream: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bent = stream.to_vec();
    for _ in 0..chance.within(1..4) {
        let at = chance.below(bent.len());
        let end = (at + chance.within(1..200)).min(bent.len());
        match chance.below(5) {
            0 => bent[at] ^= 1 << chance.below(8),
            1 => drop(bent.drain(at..end)),
            2 => drop(bent.splice(at..at, bent[at..end].to_vec()).collect::<Vec<_>>()),
            3 => bent[at..end].iter_mut().for_each(|byte| *byte = chance.below(256) as u8),
            _ => bent.truncate(at.max(1)),
        }
    }
    bent
}

#[tokio::test]
async fn peer_session_with_garbage_at_any_byte_harms_nobody() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    chat(&mut alice, &mut bob, &pool, "before").await;
    let all = pool.front.traffic().into_iter().filter(|traffic| traffic.heading == Heading::Sent);
    let stream: Vec<u8> = all.flat_map(|traffic| traffic.message.to_bytes().to_vec()).collect();
    let mut chance = Chance::new(4475);
    for _ in 0..trial(150, 20_000) {
        Server::connect(&pool).await.leave(&bent(&stream, &mut chance)).await;
    }
    // What was bent may have ended Bob's conversation for one side alone.
    let mut carol = Pidgin::sign_in(&pool.front, "carol").await.unwrap();
    carol.send(&pool.front.address("alice"), "after all that").await.unwrap();
    alice.message("after all that").await;
    alice.phone.send_as("after", &address("carol"), "still here").await.unwrap();
    carol.message("still here").await.unwrap();
    let told = pool.relay.log().lines().filter(|line| line.contains(" WARN ")).count();
    assert!(told < 20, "{told} warnings");
    pool.check_log();
}
