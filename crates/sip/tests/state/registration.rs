//! Registrations: what is granted, refused, moved and ended.

use std::time::Duration;

use trunkline_sip::registration::{Ended, Endpoint, Event, Registration};
use trunkline_sip::transaction::{Outcome, Unknown};
use trunkline_sip::{Epid, Request, Response, Uri};

use crate::sample::{at, request};

const OTHER: &str = "b7878522-d7fe-5c33-b30d-265f6618ae78";

fn registration() -> Registration {
    let endpoint = Endpoint {
        user: Uri::parse("sip:alice@example.com").unwrap(),
        epid: Epid::parse("26a7a9f5a6").unwrap(),
        contact: Uri::parse("sip:relay1.example.com:6001;transport=tls;ms-opaque=3f9c1a").unwrap(),
        expires: 3_600,
        agent: "RTCC/6.0.0.0 Relay".to_owned(),
    };
    Registration::new(endpoint, "reg", "6c8f4a2d").unwrap()
}

/// A 200 with the Contacts of two endpoints, ours the second.
fn granted(request: &Request, expires: u32) -> Response {
    let ours = request.contacts().unwrap()[0].instance().unwrap();
    Response::build(request, 200)
        .to_tag("EF56")
        .header(
            "Contact",
            format!(
                "<sip:192.0.2.7>;expires=99;+sip.instance=\"<urn:uuid:{OTHER}>\";gruu=\"sip:wrong@x;gruu\""
            ),
        )
        .header(
            "Contact",
            format!(
                "<sip:relay1.example.com:6001>;expires={expires};+sip.instance=\"<urn:uuid:{ours}>\";\
                 gruu=\"sip:alice@example.com;opaque=user:epid:GfL3hYSaU1mDp4RfbG-ZZgAA;gruu\""
            ),
        )
        .header("Expires", expires.to_string())
        .header("Allow-Events", "presence,vnd-microsoft-roaming-self")
        .header("Supported", "adhoclist")
        .header("Supported", "msrtc-event-categories")
        .header("ms-keep-alive", "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300")
        .done()
}

fn held(expires: u32) -> Registration {
    let mut one = registration();
    let request = one.due(at(0)).unwrap();
    let event = one.ended(at(0), &Outcome::Accepted(granted(&request, expires)), 0);
    assert!(matches!(event, Event::Registered(_)), "{event:?}");
    one
}

/// Sends the REGISTER that is due at 1 s and answers it.
fn refused(one: &mut Registration, status: u16, headers: &[(&str, &str)]) -> Event {
    let request = one.due(at(1)).unwrap();
    let answer =
        headers.iter().fold(Response::build(&request, status).to_tag("f"), |answer, (name, value)| {
            answer.header(name, value)
        });
    one.ended(at(1), &Outcome::of(answer.done()), 0)
}

fn deregistered(event: &str, why: &str) -> Request {
    request(&format!(
        "BENOTIFY sip:relay1.example.com:6001 SIP/2.0\nVia: SIP/2.0/TLS 192.0.2.5:5061;branch=z9hG4bK77.1\n\
         From: <sip:alice@example.com>;tag=EF56\nTo: <sip:alice@example.com>;tag=6c8f4a2d;epid=26a7a9f5a6\n\
         Call-ID: reg\nCSeq: 2 BENOTIFY\nEvent: registration-notify\n\
         Subscription-State: terminated;expires=0\nms-diagnostics-public: {why};reason=\"x\"\n\
         Content-Type: text/registration-event\n\nderegistered;event={event}"
    ))
}

#[test]
fn ours_of_several_contacts_is_granted() {
    let mut one = registration();
    let request = one.due(at(0)).unwrap();
    assert_eq!(request.uri().as_str(), "sip:example.com");
    assert_eq!((request.expires().unwrap(), one.due(at(0))), (Some(3_600), None), "one at a time");
    let Event::Registered(granted) = one.ended(at(0), &Outcome::Accepted(granted(&request, 600)), 0) else {
        panic!("not registered")
    };
    let gruu = granted.gruu.clone().unwrap();
    assert_eq!(gruu.as_str(), "sip:alice@example.com;opaque=user:epid:GfL3hYSaU1mDp4RfbG-ZZgAA;gruu");
    assert_eq!((granted.expires, granted.keep_alive), (600, Some(300)));
    assert!(granted.allows("vnd-microsoft-roaming-self") && !granted.allows("presence.wpending"));
    assert!(granted.supports("adhoclist") && granted.supports("MSRTC-event-categories"));
    assert!(one.is_registered(at(599)) && !one.is_registered(at(600)));
}

#[test]
fn refreshes_come_in_time_however_short_the_lifetime() {
    for (expires, at_seconds) in
        [(7_200, 6_480), (600, 540), (300, 270), (120, 90), (90, 60), (60, 30), (2, 1)]
    {
        assert_eq!(held(expires).next_deadline(), Some(at(at_seconds)), "{expires}");
    }
    let mut one = held(600);
    assert_eq!(one.due(at(539)), None);
    let refresh = one.due(at(540)).unwrap();
    assert_eq!((refresh.cseq().unwrap().number, refresh.call_id().unwrap().as_str()), (2, "reg"));
    assert!(one.is_registered(at(541)), "while the refresh is open");
    assert!(matches!(one.ended(at(541), &Outcome::Unknown(Unknown::NoAnswer), 0), Event::Wait { .. }));
    assert!(one.is_registered(at(599)) && !one.is_registered(at(600)), "the old lifetime counts on");
}

#[test]
fn a_server_that_does_not_trust_or_know_us_is_not_asked_again() {
    let table = [
        (401, "1000", "service_unavailable", true),
        (403, "4003", "account_not_enabled", false),
        (403, "4004", "service_unavailable", true),
        (404, "4005", "contact_not_found", false),
        (482, "0", "internal_error", true),
    ];
    for (status, id, text, alarm) in table {
        let mut one = registration();
        let why = format!("{id};reason=\"User disabled\"");
        match refused(&mut one, status, &[("ms-diagnostics", &why)]) {
            Event::Refused { status: said, failure, words } => {
                assert_eq!((said, failure.text, failure.alarm), (status, Some(text), alarm), "{status} {id}");
                assert_eq!(words.as_deref(), Some("User disabled"));
            }
            other => panic!("{status} {id}: {other:?}"),
        }
        assert!(one.is_stopped() && one.due(at(9_999)).is_none() && one.leave().is_none());
    }
    let warning = ("Warning", "310 lcs.microsoft.com \"You are using an incompatible client\"");
    let event = refused(&mut registration(), 403, &[warning]);
    assert!(matches!(event, Event::Refused { words: Some(words), .. } if words.starts_with("You are")));
}

#[test]
fn what_may_pass_is_tried_again_later_and_later() {
    for status in [408, 500, 503, 504, 480] {
        let mut one = registration();
        let event = refused(&mut one, status, &[("Retry-After", "120")]);
        assert!(
            matches!(event, Event::Wait { wait, failure: Some(_) } if wait == at(120)),
            "{status} {event:?}"
        );
        assert_eq!((one.due(at(120)), one.due(at(121)).is_some()), (None, true));
    }
    let (mut one, mut now, mut waits) = (registration(), at(0), Vec::new());
    for _ in 0..4 {
        one.due(now).unwrap();
        let Event::Wait { wait, failure: None } =
            one.ended(now, &Outcome::Unknown(Unknown::NoAnswer), u32::MAX)
        else {
            panic!("does not wait")
        };
        waits.push(wait.as_secs());
        now += wait;
    }
    assert_eq!(waits, [5, 10, 20, 40]);
}

#[test]
fn a_redirection_is_followed_until_it_goes_in_circles() {
    let home = [("Contact", "<sip:192.0.2.5:5061;transport=tls>"), ("Expires", "2592000")];
    let mut one = registration();
    for turn in 0..6 {
        match refused(&mut one, 301, &home) {
            Event::Redirected { uri, permanent: true, seconds: Some(2_592_000) } if turn < 5 => {
                assert_eq!((uri.host(), uri.port()), ("192.0.2.5", Some(5061)));
            }
            Event::Wait { failure: Some(failure), .. } if turn == 5 => assert!(failure.alarm),
            other => panic!("{turn}: {other:?}"),
        }
    }
    assert!(matches!(refused(&mut registration(), 302, &[]), Event::Wait { .. }), "to nowhere");
}

#[test]
fn too_short_a_lifetime_is_raised_once() {
    let mut one = registration();
    assert_eq!(refused(&mut one, 423, &[("Min-Expires", "7200")]), Event::Again);
    let again = one.due(at(1)).unwrap();
    assert_eq!(again.expires().unwrap(), Some(7_200));
    let answer = Response::build(&again, 423).header("Min-Expires", "7200").done();
    assert!(
        matches!(one.ended(at(1), &Outcome::of(answer), 0), Event::Wait { .. }),
        "it asked for just that"
    );
}

#[test]
fn the_server_ends_a_registration() {
    let mut one = held(600);
    let Event::Ended(Ended::Rejected(Some(why))) = one.notified(at(1), &deregistered("rejected", "4141"), 0)
    else {
        panic!("not rejected")
    };
    assert_eq!((why.text, one.is_stopped()), (Some("account_not_enabled"), true));
    let mut one = held(600);
    assert_eq!(one.notified(at(1), &deregistered("deactivated", "0"), 0), Event::Ended(Ended::Moved));
    assert!(!one.is_registered(at(1)) && one.due(at(1)).is_some());
    let mut one = held(600);
    let wait = Duration::from_millis(2_500);
    assert_eq!(
        one.notified(at(1), &deregistered("unregistered", "0"), 0),
        Event::Ended(Ended::Replaced(wait))
    );
    assert!(one.due(at(3)).is_none() && one.due(at(4)).is_some());
    assert_eq!(
        one.notified(at(4), &deregistered("unregistered", "0"), 0),
        Event::Ended(Ended::Moved),
        "under way"
    );
    let mut one = held(600);
    let mut other = deregistered("rejected", "4141");
    other.headers_mut().set("Call-ID", "another");
    assert_eq!(one.notified(at(1), &other, 0), Event::Nothing);
    assert!(one.is_registered(at(1)));
}

#[test]
fn leaving_is_the_last_word() {
    let mut one = held(600);
    one.due(at(540)).unwrap();
    let leave = one.leave().unwrap();
    assert_eq!(leave.expires().unwrap(), Some(0));
    assert_eq!((one.leave(), one.due(at(999))), (None, None));
    assert!(!one.is_registered(at(541)));
    assert_eq!(one.ended(at(541), &Outcome::Unknown(Unknown::NoAnswer), 0), Event::Nothing, "the refresh");
    assert_eq!(one.ended(at(542), &Outcome::Unknown(Unknown::NoAnswer), 0), Event::Left);
    assert!(one.is_stopped());
}

#[test]
fn a_server_that_forgot_us_is_registered_with_at_once_and_one_that_only_says_so_is_not_pestered() {
    let mut one = held(7_200);
    let denied = |one: &mut Registration, now: u64, status: u16, id: u32| {
        let asked = request(
            "INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/TLS a;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n\
             To: <sip:bob@example.com>\nCall-ID: c\nCSeq: 1 INVITE\n",
        );
        let answer =
            Response::build(&asked, status).header("ms-diagnostics", format!("{id};reason=\"x\"")).done();
        let Outcome::Refused(refusal) = Outcome::of(answer) else { panic!("{status} is no refusal") };
        one.denied(at(now), &refusal)
    };
    assert_eq!(denied(&mut one, 10, 403, 1002), Event::Nothing);
    assert_eq!(denied(&mut one, 10, 404, 4004), Event::Nothing);
    assert_eq!(denied(&mut one, 10, 403, 4004), Event::Ended(Ended::Forgotten));
    assert!(!one.is_registered(at(10)) && one.next_deadline() == Some(at(10)));
    let again = one.due(at(10)).unwrap();
    assert_eq!(denied(&mut one, 10, 403, 4004), Event::Nothing, "a REGISTER is under way");
    assert!(matches!(one.ended(at(11), &Outcome::Accepted(granted(&again, 7_200)), 0), Event::Registered(_)));
    assert_eq!(denied(&mut one, 12, 403, 4004), Event::Nothing, "it says so of everything");
    assert_eq!(denied(&mut one, 400, 403, 4004), Event::Ended(Ended::Forgotten));
}

#[test]
fn a_registration_that_runs_out_while_the_server_lets_us_wait_is_told_once() {
    for asks in [false, true] {
        let mut one = held(7_200);
        let refresh = one.due(at(6_480)).unwrap();
        assert_eq!(one.next_deadline(), Some(at(7_200)), "its end comes, whatever the answer does");
        if !asks {
            let busy = Response::build(&refresh, 503).to_tag("f").header("Retry-After", "3600").done();
            assert!(matches!(one.ended(at(6_480), &Outcome::of(busy), 0), Event::Wait { .. }));
            assert_eq!(one.next_deadline(), Some(at(7_200)), "which is before the next REGISTER");
        }
        assert_eq!((one.expire(at(7_199)), one.is_registered(at(7_199))), (Event::Nothing, true));
        assert_eq!(one.expire(at(7_200)), Event::Ended(Ended::RanOut));
        assert_eq!(one.expire(at(7_200)), Event::Nothing, "once");
        assert_eq!(one.next_deadline(), (!asks).then(|| at(6_480 + 3_600)), "no sooner than was asked for");
    }
}

#[test]
fn a_server_that_takes_us_in_and_sends_us_away_again_and_again_is_obeyed_ever_later() {
    let (mut one, mut now, mut waits) = (held(7_200), at(1), Vec::new());
    for _ in 0..5 {
        one.notified(now, &deregistered("deactivated", "4142"), u32::MAX);
        let due = one.next_deadline().unwrap();
        waits.push((due - now).as_secs());
        let again = one.due(due).unwrap();
        now = due;
        let event = one.ended(now, &Outcome::Accepted(granted(&again, 7_200)), 0);
        assert!(matches!(event, Event::Registered(_)), "{event:?}");
    }
    assert_eq!(waits, [0, 5, 10, 20, 40]);
    let later = now + at(120);
    let wait = Duration::from_secs(5);
    assert_eq!(
        one.notified(later, &deregistered("deactivated", "4142"), u32::MAX),
        Event::Ended(Ended::Replaced(wait)),
        "what held for a while makes good for what failed before"
    );
    let again = one.due(later + wait).unwrap();
    one.ended(later + wait, &Outcome::Accepted(granted(&again, 7_200)), 0);
    assert_eq!(
        one.notified(later + at(400), &deregistered("deactivated", "4142"), 0),
        Event::Ended(Ended::Moved)
    );
}
