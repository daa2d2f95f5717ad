//! What is too large or not quite right: how much of it is still taken, and that the stream goes on behind it.

use bytes::Bytes;
use trunkline_sip::{ErrorCode, Frame, Framer, Limits, Message, Method, Request, check, name};

const REGISTERED: &str = "SIP/2.0 200 OK\r\n\
    Via: SIP/2.0/TLS 192.0.2.30:49233;branch=z9hG4bK8b4f6d21;ms-received-port=49233;ms-received-cid=1200\r\n\
    From: \"Alice A\"<sip:alice@example.com>;tag=6c8f4a2d;epid=26a7a9f5a6\r\n\
    To: <sip:alice@example.com>;epid=26a7a9f5a6;tag=EF56CD78\r\n\
    Call-ID: 5e1f0c2f9bb04e6b9a1f\r\n\
    CSeq: 1 REGISTER\r\n\
    Contact: <sip:relay1.example.com:6001;transport=tls;ms-opaque=3f9c1a>;expires=3600;\
    +sip.instance=\"<urn:uuid:85f7f219-9a84-5953-83a7-845f6c6f9966>\";\
    gruu=\"sip:alice@example.com;opaque=user:epid:GfL3hYSaU1mDp4RfbG-ZZgAA;gruu\"\r\n\
    ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300\r\n\
    Expires: 3600\r\n\
    Supported: adhoclist\r\n\
    Supported: msrtc-event-categories, ms-keepalive-deregister\r\n\
    Content-Length: 0\r\n\r\n";

fn message(text: &str) -> Message {
    Message::parse(&Bytes::copy_from_slice(text.as_bytes())).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn frames(bytes: &[u8], limits: Limits) -> Vec<Frame> {
    let mut framer = Framer::new(limits);
    framer.push(bytes);
    std::iter::from_fn(|| framer.pull()).collect()
}

#[test]
fn what_is_over_a_limit_is_answered_and_what_comes_behind_it_is_read() {
    let head = REGISTERED.replace("SIP/2.0 200 OK", "MESSAGE sip:a@h SIP/2.0");
    let long = head.replace("Expires:", &format!("X: {}\r\nExpires:", "x".repeat(2_000)));
    let large = head.replace("Length: 0", "Length: 2001") + &"\r\n\r".repeat(667);
    let limits = Limits { block: 1_500, body: 2_000 };
    for (bytes, code, status) in [(long, ErrorCode::BlockTooLong, 400), (large, ErrorCode::BodyTooLong, 413)]
    {
        let frames = frames(format!("{bytes}{REGISTERED}").as_bytes(), limits);
        let [Frame::Refused(refused), Frame::Message(next)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((refused.error.code, refused.close, next), (code, false, &message(REGISTERED)));
        let answer = refused.answer("tag").unwrap();
        assert_eq!((answer.status(), answer.call_id().as_deref()), (status, Ok("5e1f0c2f9bb04e6b9a1f")));
    }
}

#[test]
fn what_is_over_a_limit_and_has_no_end_ends_the_stream() {
    let limits = Limits { block: 1_500, body: 2_000 };
    let endless = REGISTERED.replace("Expires:", &format!("X: {}", "x".repeat(16 * 1_500)));
    let huge = REGISTERED.replace("Length: 0", "Length: 16777217");
    let lengthless = REGISTERED.replace("Content-Length: 0", &format!("X: {}", "x".repeat(1_500)));
    for (bytes, code) in [
        (endless, ErrorCode::BlockTooLong),
        (huge, ErrorCode::BodyTooLong),
        (lengthless, ErrorCode::BlockTooLong),
    ] {
        let frames = frames(format!("{bytes}{REGISTERED}").as_bytes(), limits);
        let [Frame::Refused(refused)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((refused.error.code, refused.close), (code, true));
        assert!(refused.response.is_none());
    }
}

#[test]
fn a_body_of_a_mebibyte_and_a_first_message_of_8000_characters_are_within_the_usual_limits() {
    let first = format!("ms-text-format: text/plain; ms-body={}\r\nExpires:", "5Lit".repeat(8_000));
    let text = REGISTERED.replace("Expires:", &first).replace("Length: 0", "Length: 1048576");
    let frames = frames(&[text.as_bytes(), &vec![b'x'; 1 << 20]].concat(), Limits::default());
    assert!(matches!(&frames[..], [Frame::Message(message)] if message.body().len() == 1 << 20));
}

#[test]
fn an_answer_that_is_too_large_still_ends_its_transaction() {
    let limits = Limits { block: 1_500, body: 2_000 };
    for (method, status) in [("SUBSCRIBE", 513), ("INVITE", 200), ("MESSAGE", 200)] {
        let text =
            REGISTERED.replace("1 REGISTER", &format!("1 {method}")).replace("Length: 0", "Length: 2001");
        let frames = frames(format!("{text}{}", "x".repeat(2_001)).as_bytes(), limits);
        let [Frame::Refused(refused)] = &frames[..] else { panic!("{frames:?}") };
        let response = refused.response.as_deref().expect("a response");
        assert_eq!((response.status(), response.body().len(), refused.close), (status, 0, false), "{method}");
        assert_eq!(check(&response.clone().into()), Ok(()));
        assert_eq!(Message::parse(&response.to_bytes()), Ok(response.clone().into()));
    }
}

#[test]
fn a_fault_beside_what_names_it_costs_no_answer() {
    for line in [
        "Warning: 309 lcs.example.com no quotes",
        "Warning:",
        "Expires:",
        "Route:",
        "Contact:",
        "Retry-After: soon",
        "Content-Type: text",
        "Max-Forwards: 300",
        "X bad",
    ] {
        let text = REGISTERED.replace("Expires: 3600", line).replace("Contact: ", "X-Contact: ");
        let text = text.replace("X-Contact: \r\n", "Contact: \r\n");
        let frames = frames(text.as_bytes(), Limits::default());
        let [Frame::Message(message)] = &frames[..] else { panic!("{line}: {frames:?}") };
        assert_eq!(check(message), Ok(()), "{line}");
    }
}

#[test]
fn a_start_line_is_one_line() {
    for start in ["SIP/2.0 200\r\n OK", "OPTIONS sip:a@h SIP/2.0\r\n X: y"] {
        let text = REGISTERED.replace("SIP/2.0 200 OK", start);
        let error = Message::parse(&Bytes::from(text)).unwrap_err();
        assert_eq!(error.code, ErrorCode::StartLine, "{start}");
    }
}

#[test]
fn what_is_built_has_one_length() {
    let built = Request::build(Method::INFO, "sip:a@h".parse().unwrap())
        .body("text/plain", "hello")
        .header(name::CONTENT_LENGTH, "0")
        .done();
    assert_eq!(built.all(name::CONTENT_LENGTH).count(), 1);
    assert_eq!(built.text(name::CONTENT_LENGTH).as_deref(), Some("5"));
}
