//! That Wireshark's opinion is one: it counts what is whole, and finds what is not.

use trunkline_testkit::peer::{
    FrontEnd, Pidgin,
    front_end::Heading,
    tshark::{self, Opinion},
};

const HEAD: &str = "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1\r\nFrom: <sip:alice@example.test>;tag=1;epid=aa\r\n\
    To: <sip:bob@example.test>\r\nCall-ID: 7\r\nCSeq: 1 SERVICE\r\nMax-Forwards: 70\r\n";

fn service(media: &str, body: &str, length: usize) -> Vec<u8> {
    format!(
        "SERVICE sip:bob@example.test SIP/2.0\r\n{HEAD}Content-Type: {media}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

async fn judged(messages: &[&[u8]]) -> Opinion {
    let said: Vec<_> = messages.iter().map(|bytes| (Heading::Sent, bytes.to_vec())).collect();
    tshark::judge(&said).await.expect("an opinion")
}

#[tokio::test]
async fn peer_tshark_finds_what_is_malformed() {
    let whole = service("text/plain", "hello", 5);
    let opinion = judged(&[&whole, &whole]).await;
    assert_eq!(opinion, Opinion { messages: 2, complaints: Vec::new() });
    let line = String::from_utf8(whole.clone()).unwrap().replace("Max-Forwards:", "Max-Forwards");
    for (broken, what) in [
        (line.into_bytes(), "a header without a colon"),
        (service("application/xml", "<a><b c='d'/></", 15), "XML that is cut short"),
        (service("application/sdp", "v=0\r\nm=audio x y\r\na=rtpmap:\r\n", 29), "SDP without what it needs"),
        (service("multipart/alternative", "--y\r\n\r\n", 7), "parts without a boundary"),
    ] {
        let opinion = judged(&[&broken, &whole]).await;
        assert_eq!((opinion.messages, opinion.complaints.len()), (2, 1), "{what}: {opinion:?}");
    }
    let opinion = judged(&[&service("text/plain", "hello", 5 + whole.len()), &whole]).await;
    assert_ne!(opinion.messages, 2, "a length that is too great takes the next message along: {opinion:?}");
}

#[tokio::test]
async fn peer_pidgin_and_front_end_say_nothing_malformed() {
    let front = FrontEnd::start("example.test", &[("alice", "Alice A"), ("bob", "Bob B")]).await.unwrap();
    front.pooled(true);
    let mut alice = Pidgin::sign_in(&front, "alice").await.unwrap();
    let mut bob = Pidgin::sign_in(&front, "bob").await.unwrap();
    alice.add("bob@example.test", "Crew").await.unwrap();
    alice.sees("bob@example.test", "available").await.unwrap();
    alice.send("bob@example.test", "Grüße, \"Bob\" <b>").await.unwrap();
    bob.message("Grüße, \"Bob\" <b>").await.unwrap();
    assert_eq!(tshark::complaints(&front.traffic()).await.unwrap(), Vec::<String>::new());
}
