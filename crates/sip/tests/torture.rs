//! The torture messages of RFC 4475, byte for byte, with the outcome that the RFC asks for.

use bytes::Bytes;
use trunkline_sip::{Frame, Framer, Limits, Message, Scheme, check};

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It is worked with.
    Taken,
    /// It is a request and answered with this status.
    Answered(u16),
    /// It is a response and nobody looks at it.
    Dropped,
}

use Outcome::{Answered, Dropped, Taken};

/// Each message of sections 3.1.1, 3.1.2, 3.2, 3.3 and 3.4 in their order.
const OUTCOMES: [(&str, Outcome); 49] = [
    ("wsinv", Taken),
    ("intmeth", Taken),
    ("esc01", Taken),
    ("escnull", Taken),
    ("esc02", Taken),
    ("lwsdisp", Taken),
    ("longreq", Taken),
    ("dblreq", Taken),
    ("semiuri", Taken),
    ("transports", Taken),
    ("mpart01", Taken),
    ("unreason", Taken),
    ("noreason", Taken),
    ("badinv01", Answered(400)),
    ("clerr", Answered(400)),
    ("ncl", Answered(400)),
    ("scalar02", Answered(400)),
    ("scalarlg", Dropped),
    ("quotbal", Answered(400)),
    ("ltgtruri", Answered(400)),
    ("lwsruri", Answered(400)),
    ("lwsstart", Answered(400)),
    ("trws", Answered(400)),
    ("escruri", Answered(400)),
    // A zone other than GMT may be refused; the date is nothing that is used here.
    ("baddate", Taken),
    ("regbadct", Answered(400)),
    ("badaspec", Answered(400)),
    ("baddn", Answered(400)),
    ("badvers", Answered(505)),
    ("mismatch01", Answered(400)),
    ("mismatch02", Answered(400)),
    ("bigcode", Dropped),
    ("badbranch", Taken),
    ("insuf", Answered(400)),
    ("unkscm", Answered(416)),
    ("novelsc", Answered(416)),
    ("unksm2", Taken),
    // What it requires, which media type it has, how it authenticates, is looked at above: see below.
    ("bext01", Taken),
    ("invut", Taken),
    ("regaut01", Taken),
    ("multi01", Answered(400)),
    ("mcl01", Answered(400)),
    ("bcast", Taken),
    ("zeromf", Taken),
    ("cparam01", Taken),
    ("cparam02", Taken),
    ("regescrt", Taken),
    ("sdp01", Taken),
    ("inv2543", Taken),
];

fn bytes(name: &str) -> Bytes {
    let file = format!("{}/tests/data/rfc4475/{name}.dat", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}")).into()
}

fn message(name: &str) -> Message {
    Message::parse(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn outcome(name: &str) -> (Outcome, String) {
    let bytes = bytes(name);
    let error = match Message::parse(&bytes) {
        Ok(message) => match check(&message) {
            Ok(()) => return (Taken, String::new()),
            Err(error) => error,
        },
        Err(error) => error,
    };
    let outcome = if bytes.starts_with(b"SIP/") { Dropped } else { Answered(error.status()) };
    (outcome, error.to_string())
}

#[test]
fn each_message_ends_as_the_rfc_asks() {
    for (name, expected) in OUTCOMES {
        let (outcome, error) = outcome(name);
        assert_eq!(outcome, expected, "{name}: {error}");
    }
}

#[test]
fn what_was_read_is_written_as_it_was() {
    for (name, _) in OUTCOMES {
        let bytes = bytes(name);
        let Ok(message) = Message::parse(&bytes) else { continue };
        let written = message.to_bytes();
        assert_eq!(written, bytes[..written.len()], "{name}");
        assert!(written.len() == bytes.len() || name == "dblreq", "{name}");
    }
}

#[test]
fn folds_spaces_and_compact_names_make_no_difference() {
    let message = message("wsinv");
    let to = message.to().unwrap();
    assert_eq!((to.uri.as_str(), to.tag()), ("sip:vivekg@chair-dnrc.example.com", Some("1918181833n")));
    assert_eq!(message.from().unwrap().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(message.from().unwrap().tag(), Some("98asjd8"));
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!(message.cseq().unwrap().number, 9);
    let hops: Vec<_> = message.vias().unwrap().into_iter().map(|via| (via.transport, via.host)).collect();
    let expected = [("UDP", "192.0.2.2"), ("TCP", "spindle.example.com"), ("UDP", "192.168.255.111")];
    assert_eq!(hops, expected.map(|(transport, host)| (transport.to_owned(), host.to_owned())));
    assert_eq!(message.vias().unwrap()[1].unique_branch(), Some("z9hG4bK9ikj8"));
    assert_eq!(message.text("Subject").as_deref(), Some(""));
    assert_eq!(
        message.text("newfangledheader").as_deref(),
        Some("newfangled value continued newfangled value")
    );
    assert_eq!(message.contacts().unwrap()[0].display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(message.routes().unwrap()[0].uri.param("unknownwith"), Some("value"));
}

#[test]
fn unusual_characters_survive() {
    let message = message("intmeth");
    assert_eq!(message.to().unwrap().display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    let from = message.from().unwrap();
    assert_eq!(from.display.as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(from.params.get("fromParam''~+*_!.-%").as_deref(), Some("работающий"));
    let request = message.request().unwrap();
    assert_eq!(request.cseq().unwrap().method, *request.method());
    assert_eq!(request.uri().host(), "example.com");
}

#[test]
fn escapes_and_semicolons_in_users_name_other_users() {
    let esc = message("esc01").request().unwrap();
    assert_eq!(esc.uri().user(), Some("sips%3Auser%40example.com"));
    assert_eq!(esc.contacts().unwrap()[0].uri.user(), Some("cal%6Cer"));
    assert_eq!(esc.contacts().unwrap()[0].uri.address().as_deref(), Some("caller@host5.example.net"));
    assert!(esc.contacts().unwrap()[0].uri.param("lr").is_some());
    let semicolon = message("semiuri").request().unwrap();
    assert_eq!(semicolon.uri().user(), Some("user;par=u%40example.net"));
    assert_eq!(semicolon.uri().params().count(), 0);
    let names = message("escnull").contacts().unwrap();
    assert!(!names[0].uri.is_same(&names[1].uri), "a name with %00 is not the name up to it");
}

#[test]
fn a_methods_or_headers_name_is_never_unescaped() {
    let message = message("esc02");
    assert_eq!(message.all("Contact").count(), 2);
    let request = message.request().unwrap();
    assert_eq!(request.method().as_str(), "RE%47IST%45R");
}

#[test]
fn parameters_of_a_contact_without_brackets_are_the_headers() {
    let within = message("cparam02").contacts().unwrap();
    assert!(within[0].uri.param("unknownparam").is_some() && within[0].params.is_empty());
    let without = message("cparam01").contacts().unwrap();
    assert!(without[0].uri.param("unknownparam").is_none() && without[0].params.has("unknownparam"));
    let escaped = message("regescrt").contacts().unwrap();
    assert_eq!(escaped[0].uri.query(), Some("Route=%3Csip:sip.example.com%3E"));
}

#[test]
fn what_the_layers_above_decide_by_can_be_read() {
    let unknown = message("bext01").unknown_requirements(&["gruu"]).unwrap();
    assert_eq!(unknown, ["nothingSupportsThis", "nothingSupportsThisEither"]);
    assert!(message("invut").content_type().unwrap().unwrap().is("application/unknownformat"));
    assert!(message("regaut01").text("Authorization").unwrap().starts_with("NoOneKnowsThisScheme"));
    assert_eq!(message("zeromf").max_forwards(), Ok(Some(0)));
    assert_eq!(message("unksm2").to().unwrap().uri.scheme(), Scheme::Other);
    assert_eq!(message("badbranch").via().unwrap().branch(), Some("z9hG4bK"));
    assert_eq!(message("badbranch").via().unwrap().unique_branch(), None);
    assert_eq!(message("inv2543").via().unwrap().branch(), None);
    assert_eq!(message("bcast").vias().unwrap()[1].host, "255.255.255.255");
    let response = message("noreason").response().unwrap();
    assert_eq!((response.status(), response.reason().as_ref()), (100, ""));
    assert!(message("unreason").response().unwrap().reason().contains("простое"));
    assert_eq!(message("longreq").vias().unwrap().len(), 34);
}

#[test]
fn two_requests_on_a_stream_are_two() {
    let mut framer = Framer::new(Limits::default());
    framer.push(&bytes("dblreq"));
    let methods: Vec<_> = std::iter::from_fn(|| framer.pull())
        .filter_map(|frame| match frame {
            Frame::Message(Message::Request(request)) => Some(request.method().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(methods, ["REGISTER", "INVITE"]);
    assert_eq!(framer.end(), Ok(()));
}

#[test]
fn lengths_that_lie_end_the_stream_with_an_answer() {
    for (name, code) in [("ncl", "content_length"), ("mcl01", "content_length_conflict")] {
        let mut framer = Framer::new(Limits::default());
        framer.push(&bytes(name));
        let Some(Frame::Refused(refused)) = framer.pull() else { panic!("{name} was taken") };
        assert_eq!((refused.error.code.as_str(), refused.close), (code, true), "{name}");
        assert_eq!(refused.answer("t").map(|answer| answer.status()), Some(400), "{name}");
        assert_eq!(framer.pull(), None);
    }
    let mut framer = Framer::new(Limits::default());
    framer.push(&bytes("clerr"));
    assert_eq!(framer.pull(), None);
    assert_eq!(framer.end().unwrap_err().code.as_str(), "truncated");
}
