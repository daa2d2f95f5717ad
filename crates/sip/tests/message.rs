//! Messages in the dialect of Lync and Skype for Business Server: what is read, kept and answered.

use bytes::Bytes;
use trunkline_sip::typed::{Origin, State};
use trunkline_sip::{
    Address, ErrorCode, Frame, Framer, Header, Limits, Message, Method, Request, Response, Uri, check, name,
};

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

fn with(header: &str) -> Message {
    message(&format!("OPTIONS sip:a@example.com SIP/2.0\r\n{header}\r\nContent-Length: 0\r\n\r\n"))
}

fn frames(bytes: &[u8], limits: Limits) -> Vec<Frame> {
    let mut framer = Framer::new(limits);
    framer.push(bytes);
    std::iter::from_fn(|| framer.pull()).collect()
}

#[test]
fn a_registration_tells_its_endpoint_and_its_lifetime() {
    let response = message(REGISTERED).response().unwrap();
    assert_eq!(check(&response.clone().into()), Ok(()));
    let contact = &response.contacts().unwrap()[0];
    let gruu = contact.gruu().unwrap().unwrap();
    assert_eq!(contact.instance().unwrap().to_string(), "85f7f219-9a84-5953-83a7-845f6c6f9966");
    assert_eq!(trunkline_sip::identity::instance_of(&gruu), contact.instance());
    assert!(gruu.is_gruu());
    assert_eq!(contact.expires(), Some(3600));
    assert_eq!(response.keep_alive().unwrap().and_then(|alive| alive.timeout()), Some(300));
    assert_eq!(response.expires(), Ok(Some(3600)));
    assert!(response.supports("MSRTC-event-categories") && response.supports("adhoclist"));
    let to = response.to().unwrap();
    assert_eq!((to.tag(), to.epid().as_deref()), (Some("EF56CD78"), Some("26a7a9f5a6")));
}

#[test]
fn names_come_in_any_case_and_compact() {
    let text = "INFO sip:a@example.com SIP/2.0\r\nv: SIP/2.0/tcp h\r\nFROM: <sip:b@example.com>;tag=1\r\nt:sip:a@example.com\r\n\
        i:\t1 \r\ncSEQ: 7  INFO\t\r\nM: <sip:b@h>\r\nk: a\r\nSubject:   Füße \t\r\nX-Empty:\r\nL: 2\r\n\r\nöx";
    let message = message(text);
    assert_eq!(message.via().unwrap().transport, "tcp");
    assert_eq!(message.from().unwrap().tag(), Some("1"));
    assert_eq!(message.call_id().as_deref(), Ok("1"));
    assert_eq!(message.cseq().unwrap().method, Method::INFO);
    assert_eq!(message.contacts().unwrap().len(), 1);
    assert_eq!(message.get("subject").unwrap().value(), "Füße".as_bytes());
    assert_eq!(message.text("x-empty").as_deref(), Some(""));
    assert_eq!(message.body(), "ö".as_bytes(), "lengths count bytes");
    assert_eq!(message.to_bytes(), text.as_bytes()[..text.len() - 1]);
}

#[test]
fn equal_lengths_are_one_and_different_ones_an_error() {
    let twice = "MESSAGE sip:a@h SIP/2.0\r\nl: 2\r\nVia: SIP/2.0/TLS h\r\nContent-Length: 02\r\nVia: SIP/2.0/TLS i\r\n\r\nhi";
    let message = message(twice);
    assert_eq!((message.vias().unwrap().len(), message.body().as_ref()), (2, b"hi".as_slice()));
    let frames = frames(twice.replace("02", "3").as_bytes(), Limits::default());
    assert!(matches!(&frames[..], [Frame::Refused(refused)]
        if refused.close && refused.error.code == ErrorCode::ContentLengthConflict));
}

#[test]
fn quotes_hide_what_would_part() {
    let via = with(
        r#"Via: SIP/2.0/TLS 192.0.2.5:5061;branch=z9hG4bK1.2;branched=FALSE;ms-internal-info="a=b,c;\"d<""#,
    );
    let via = via.via().unwrap();
    assert_eq!(via.params.get("ms-internal-info").as_deref(), Some("a=b,c;\"d<"));
    assert_eq!(via.unique_branch(), Some("z9hG4bK1.2"));
    let from = with(r#"From: "Bob, <B>; \"x\"" <sip:bob@example.com>;tag=1"#).from().unwrap();
    assert_eq!((from.display.as_deref(), from.tag()), (Some("Bob, <B>; \"x\""), Some("1")));
    let identities = with(r#"P-Asserted-Identity: "Bob, B"<sip:bob@example.com>,<tel:+15550100>"#);
    let identities = identities.asserted_identities().unwrap();
    assert_eq!(identities[0].display.as_deref(), Some("Bob, B"));
    assert_eq!(identities[1].uri.user(), Some("+15550100"));
}

#[test]
fn what_says_nothing_costs_nothing() {
    let from = with("From: <sip:a@h>;epid=;;tag=1;").from().unwrap();
    assert_eq!((from.tag(), from.epid()), (Some("1"), None));
    assert_eq!(from.params.iter().count(), 2, "{from}");
    assert_eq!(with("To: <sip:a@h>;tag=").to().unwrap().tag(), None);
    let via = with("Via: SIP/2.0/TLS h;branch=z9hG4bK1;ms-received-cid=").via().unwrap();
    assert_eq!(via.unique_branch(), Some("z9hG4bK1"));
    let contact = &with("Contact: <sip:a@h:>").contacts().unwrap()[0];
    assert_eq!((contact.uri.port(), contact.uri.as_str()), (None, "sip:a@h:"));
    let identities = |value: &str| with(&format!("P-Asserted-Identity: {value}")).asserted_identities();
    let read = identities("\"Bob\" <sip:bob@h>, <tel:+1 555>").unwrap();
    assert_eq!(read.iter().map(|one| one.uri.as_str()).collect::<Vec<_>>(), ["sip:bob@h"]);
    assert!(identities("<tel:+1 555>").is_err(), "it is not as if there were none");
    assert_eq!(with("X: y").asserted_identities(), Ok(Vec::new()));
}

#[test]
fn addresses_come_in_every_form() {
    let address = |text: &str| Address::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(address("\"Bob B\"<sip:bob@h>").display.as_deref(), Some("Bob B"));
    assert_eq!(address("\"\"<sip:bob@h>").display.as_deref(), Some(""));
    assert_eq!(address("Bob B <sip:bob@h>").display.as_deref(), Some("Bob B"));
    let bare = address("sip:bob@h;tag=1");
    assert_eq!((bare.display.as_deref(), bare.uri.as_str(), bare.tag()), (None, "sip:bob@h", Some("1")));
    for wrong in
        ["", "<sip:bob@h", "\"Bob <sip:bob@h>", "Bob, B <sip:bob@h>", "<sip:bob@h> tag=1", "< sip:bob@h>"]
    {
        assert!(Address::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Address::new(Some("a\"b\r\n"), "sip:a@h".parse().unwrap()).as_str(), "\"a\\\"b  \"<sip:a@h>");
}

#[test]
fn record_routes_are_kept_to_the_byte() {
    let one =
        "<sip:fe1.example.com:5061;transport=tls;opaque=state:T:F:Ci.R2b3c00;lr;ms-route-sig=ab+/C==>;tag=01";
    let two = "<sip:pool.example.com:5061;lr;ms-route-sig=ef>;ms-rrsig=ijKl;tag=FE";
    for message in [
        with(&format!("Record-Route: {one} ,{two}")),
        with(&format!("record-route:{one}\r\nRECORD-ROUTE: {two}")),
    ] {
        let routes: Vec<_> =
            message.record_routes().unwrap().iter().map(|route| route.as_str().to_owned()).collect();
        assert_eq!(routes, [one, two]);
        assert_eq!(message.raw_elements(name::RECORD_ROUTE).unwrap(), [one, two]);
    }
    let bytes = b"OPTIONS sip:h SIP/2.0\r\nRecord-Route: <sip:a;x=\xff\r\n\ty>\r\n , <sip:b>\r\n\r\n";
    let message = Message::parse(&Bytes::from_static(bytes)).unwrap();
    let raw = message.raw_elements(name::RECORD_ROUTE).unwrap();
    assert_eq!(raw, [b"<sip:a;x=\xff\r\n\ty>".as_slice(), b"<sip:b>"]);
    assert_eq!(Header::new(name::ROUTE, &raw[0]).line(), b"Route: <sip:a;x=\xff\r\n\ty>\r\n".as_slice());
}

#[test]
fn parameters_of_uris_keep_their_value_and_order() {
    let uri: Uri = "sip:bob@example.com;opaque=app:conf:focus:id:A_b-c+/=;gruu;grid".parse().unwrap();
    let params: Vec<_> = uri.params().collect();
    assert_eq!(params, [("opaque", Some("app:conf:focus:id:A_b-c+/=")), ("gruu", None), ("grid", None)]);
    let same = |one: &str, other: &str| one.parse::<Uri>().unwrap().is_same(&other.parse().unwrap());
    assert!(same(
        "sip:Bob@Example.com;gruu;opaque=user:epid:aB",
        "sip:bob@example.COM;opaque=user:epid:aB;gruu"
    ));
    assert!(same("sip:b%6Fb@h", "SIP:BOB@h;transport=tls"));
    assert!(!same("sip:bob@h;opaque=a", "sip:bob@h;opaque=A"));
    assert!(!same("sip:bob@h;opaque=a", "sip:bob@h"));
    assert!(!same("sip:bob@h", "sips:bob@h"));
    assert!(!same("sip:bob@h:5061", "sip:bob@h"));
    assert!(same("tel:+1-555-0100", "tel:+15550100;phone-context=x"));
    assert_eq!(uri.bare().as_str(), "sip:bob@example.com");
}

#[test]
fn an_unknown_method_is_kept_and_can_be_answered() {
    let text = REGISTERED
        .replace("SIP/2.0 200 OK", "PARLEY sip:a@example.com SIP/2.0")
        .replace("REGISTER", "PARLEY");
    let request = message(&text).request().unwrap();
    assert_eq!(check(&request.clone().into()), Ok(()));
    let answer = Response::build(&request, 405).header(name::ALLOW, "INVITE, BYE").done().to_bytes();
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    assert!(
        answer.starts_with("SIP/2.0 405 Method Not Allowed\r\nVia: SIP/2.0/TLS 192.0.2.30:49233;branch=")
    );
    assert!(answer.contains("\r\nCSeq: 1 PARLEY\r\nAllow: INVITE, BYE\r\nContent-Length: 0\r\n\r\n"));
}

#[test]
fn status_lines_may_say_anything() {
    let reason = |line: &str| {
        let response = message(&format!("{line}\r\nContent-Length: 0\r\n\r\n")).response().unwrap();
        (response.status(), response.reason().into_owned())
    };
    assert_eq!(reason("SIP/2.0 101 Progress Report"), (101, "Progress Report".to_owned()));
    assert_eq!(reason("SIP/2.0 480 "), (480, String::new()));
    assert_eq!(reason("SIP/2.0 480"), (480, String::new()));
    assert_eq!(reason("sip/2.0 603 Nein, übrigens"), (603, "Nein, übrigens".to_owned()));
}

#[test]
fn pipelined_messages_and_noise_between_them_come_apart() {
    let one = "MESSAGE sip:a@h SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nContent-Length: 5\r\n\r\nö\r\n1";
    let bytes = format!("\r\n{one}\r\n\r\n\r\n{one}\r\n{REGISTERED}");
    let frames = frames(bytes.as_bytes(), Limits::default());
    assert_eq!(
        frames,
        [
            Frame::Message(message(one)),
            Frame::Ping,
            Frame::Message(message(one)),
            Frame::Message(message(REGISTERED)),
        ]
    );
}

#[test]
fn a_bad_start_line_is_answered_and_the_stream_goes_on() {
    let bad = REGISTERED.replace("SIP/2.0 200 OK", "OPTIONS sip:a@h SIP/3.0");
    let frames = frames(format!("{bad}{REGISTERED}").as_bytes(), Limits::default());
    let [Frame::Refused(refused), Frame::Message(_)] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(refused.answer("t").map(|answer| answer.status()), Some(505));
    assert!(!refused.close);
}

#[test]
fn another_protocol_or_a_body_of_unknown_length_ends_the_stream() {
    let http = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned();
    let endless = REGISTERED.replace("Content-Length: 0", "Content-Type: text/plain");
    let lost = REGISTERED.replace("Content-Length:", "Content-Length");
    let split = REGISTERED.replace("\r\nExpires", "\nExpires");
    for (bytes, code) in [
        (http, ErrorCode::StartLine),
        (endless, ErrorCode::ContentLengthMissing),
        (lost, ErrorCode::HeaderLine),
        (split, ErrorCode::LineEnd),
    ] {
        let frames = frames(bytes.as_bytes(), Limits::default());
        let [Frame::Refused(refused)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((refused.error.code, refused.close), (code, true));
    }
}

#[test]
fn diagnostics_and_other_words_about_failures_are_read() {
    let message = with(
        "ms-diagnostics-public: 4141;reason=\"User; disabled\"\r\nms-diagnostics: bad\r\nms-client-diagnostics: 51004;reason=\"\"x\"\r\n\
        ms-diagnostics: 13004;reason=\"Request was proxied\";source=\"fe1.example.com\";Count=\"1\"\r\n\
        Warning: 309 lcs.example.com \"Blocked, by policy\"\r\nRetry-After: 30 (soon)\r\n\
        Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nSession-Expires: 720;refresher=uac\r\nMin-SE: 90\r\n\
        Subscription-State: terminated;expires=0;reason=timeout\r\nEvent: presence;id=4\r\nms-piggyback-cseq: 1",
    );
    let all = message.diagnostics();
    assert_eq!(
        (all[0].id, all[0].origin, all[0].source().as_deref()),
        (13004, Origin::Server, Some("fe1.example.com"))
    );
    assert_eq!((all[1].id, all[1].reason().as_deref()), (4141, Some("User; disabled")));
    assert_eq!((all[2].id, all[2].origin), (51004, Origin::Client));
    let warnings = message.warnings().unwrap();
    assert_eq!((warnings[0].code, warnings[0].text.as_str()), (309, "Blocked, by policy"));
    assert_eq!(message.retry_after().unwrap().unwrap().seconds, 30);
    assert_eq!(message.reasons().unwrap()[0].cause(), Some(200));
    let session = message.session_expires().unwrap().unwrap();
    assert_eq!((session.seconds, session.is_refresher_uac()), (720, Some(true)));
    assert_eq!(message.min_se(), Ok(Some(90)));
    let state = message.subscription_state().unwrap().unwrap();
    assert_eq!(
        (&state.state, state.expires(), state.reason()),
        (&State::Terminated, Some(0), Some("timeout"))
    );
    assert_eq!(message.event().unwrap().unwrap().package, "presence");
    assert_eq!(message.piggyback_cseq(), Ok(Some(1)));
}

#[test]
fn a_first_message_comes_out_of_its_header_and_never_shows_in_debug() {
    let message = with(
        "ms-text-format: text/plain; charset=UTF-8; ms-body=SGVsbG8=\r\nms-im-format: text/html;ms-body=PGI+\r\n\
        Ms-Conversation-ID: AdAB/w==\r\nMs-Sender: <sip:bob@example.com>",
    );
    let first = message.first_message().unwrap().unwrap();
    assert_eq!(
        (first.body.as_slice(), first.media.charset().as_deref()),
        (b"Hello".as_slice(), Some("utf-8"))
    );
    assert_eq!(first.value(), "text/plain;charset=UTF-8;ms-body=SGVsbG8=");
    assert_eq!(message.rich_first_messages()[0].body, b"<b>");
    assert_eq!(message.conversation_id().as_deref(), Some("AdAB/w=="));
    assert_eq!(message.ms_sender().unwrap().unwrap().uri.as_str(), "sip:bob@example.com");
    assert!(!format!("{message:?}{first:?}").contains("SGVs"));
    assert!(with("ms-text-format: text/plain;ms-body=*").first_message().is_err());
}

#[test]
fn headers_move_by_position() {
    let mut message = message(REGISTERED);
    let before = message.to_bytes();
    message.insert(0, Header::new(name::VIA, "SIP/2.0/TLS 192.0.2.1;branch=z9hG4bKx"));
    assert_eq!(message.via().unwrap().host, "192.0.2.1");
    assert_eq!(message.remove_at(0).unwrap().value(), b"SIP/2.0/TLS 192.0.2.1;branch=z9hG4bKx");
    assert_eq!(message.to_bytes(), before);
    assert_eq!(message.position("supported"), Some(8));
    message.set("Supported", "timer");
    assert_eq!(message.all("k").count(), 1);
    assert_eq!(message.at(8).unwrap().line(), "Supported: timer\r\n");
    let bent = Header::new("X y", "a\r\nEvil: 1");
    assert_eq!(bent.line(), "X-y: a  Evil: 1\r\n");
}

#[test]
fn a_request_is_built_in_the_order_in_which_it_was_said() {
    let request = Request::build(Method::MESSAGE, "sip:bob@example.com".parse().unwrap())
        .header(name::VIA, "SIP/2.0/TLS 192.0.2.30:49233;branch=z9hG4bKm2")
        .header(name::FROM, "<sip:alice@example.com>;tag=a1;epid=26a7a9f5a6")
        .header(name::TO, "<sip:bob@example.com>")
        .header(name::CALL_ID, "c1")
        .cseq(2)
        .header(name::RECORD_ROUTE, "<sip:h;lr>;tag=1")
        .body("text/plain; charset=UTF-8", "Grüße")
        .done();
    assert_eq!(message(std::str::from_utf8(&request.to_bytes()).unwrap()), request.clone().into());
    assert_eq!(request.text("content-length").as_deref(), Some("7"));
    let answer = Response::build(&request, 200).to_tag("b2").record_routes().done();
    assert_eq!(answer.to().unwrap().tag(), Some("b2"));
    assert_eq!(answer.record_routes().unwrap().len(), 1);
    assert_eq!(answer.get("from"), request.get("from"));
}

#[test]
fn errors_say_what_where_and_what_would_be_right() {
    let text = with("CSeq: x").cseq().unwrap_err().to_string();
    assert_eq!(text, "CSeq, byte 0: syntax, expected a number below 2^31");
    let text = with("X: y").via().unwrap_err().to_string();
    assert_eq!(text, "Via, byte 0: missing, expected the header");
}
