//! A whole session of pidgin-sipe's, kept as a file for those who read SIP.

use std::{collections::BTreeSet, fs, path::PathBuf};

use trunkline_sip::{Frame, Framer, Message};
use trunkline_testkit::peer::{
    FrontEnd, Pidgin, Told,
    front_end::{Heading, Piece},
};

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/transcript/pidgin.txt"))
}

/// Sign-in, list, presence, messages both ways, typing and sign-out, as they pass on the client's connection.
async fn session() -> Vec<Piece> {
    let front =
        FrontEnd::start("contoso.test", &[("alice", "Alice A"), ("bob", "Bob B")]).await.expect("one");
    front.pooled(true);
    let (alice_at, bob_at) = (front.address("alice"), front.address("bob"));
    let mut bob = Pidgin::sign_in(&front, "bob").await.expect("Bob");
    front.record();
    let mut alice = Pidgin::sign_in(&front, "alice").await.expect("Alice");
    alice.add(&bob_at, "Crew").await.expect("a contact");
    alice.sees(&bob_at, "available").await.expect("Bob is there");
    bob.show("busy", "").await.expect("a status");
    alice.sees(&bob_at, "busy").await.expect("Bob is busy");
    alice.send(&bob_at, "lunch?").await.expect("a message");
    bob.message("lunch?").await.expect("the message");
    bob.typing(&alice_at, true).await.expect("typing");
    let typing = |told: &Told| matches!(told, Told::Typing { .. }).then_some(());
    alice.until("sees Bob type", typing).await.expect("typing");
    bob.send(&alice_at, "at one, Gr\u{fc}\u{df}e").await.expect("a message");
    alice.message("at one, Gr\u{fc}\u{df}e").await.expect("the message");
    alice.quit().await.expect("Alice leaves");
    let pieces = front.record();
    let of_alice = |piece: &Piece| String::from_utf8_lossy(&piece.bytes).contains("REGISTER sip:");
    let line = pieces.iter().find(|piece| of_alice(piece)).expect("her connection").line;
    pieces.into_iter().filter(|piece| piece.line == line).collect()
}

/// The methods of the client's requests.
fn methods<'a>(bytes: impl Iterator<Item = &'a [u8]>) -> BTreeSet<String> {
    let mut framer = Framer::default();
    bytes.for_each(|bytes| framer.push(bytes));
    let frames = std::iter::from_fn(|| framer.pull());
    let method = |frame| match frame {
        Frame::Message(Message::Request(request)) => Some(request.method().to_string()),
        _ => None,
    };
    frames.filter_map(method).collect()
}

#[tokio::test]
async fn peer_pidgin_still_says_what_was_recorded() {
    let session = session().await;
    if std::env::var_os("TRUNKLINE_RECORD").is_some() {
        let mut bytes = Vec::new();
        for Piece { heading, bytes: said, .. } in &session {
            let way = if *heading == Heading::Received { "from" } else { "to" };
            bytes.extend(format!("--- 0 {way} {}\n", said.len()).into_bytes());
            bytes.extend(said);
            bytes.push(b'\n');
        }
        fs::write(file(), bytes).expect("the transcript can be written");
    }
    let received = session.iter().filter(|piece| piece.heading == Heading::Received);
    let said = methods(received.map(|piece| &piece.bytes[..]));
    let recorded = fs::read_to_string(file()).expect("the transcript");
    for method in &said {
        assert!(
            recorded.contains(&format!("\n{method} sip:")),
            "{method} was not recorded: TRUNKLINE_RECORD=1"
        );
    }
}
