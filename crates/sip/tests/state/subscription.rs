//! Subscriptions: a subscriber and a notifier against each other, and what servers may do to the former.

use std::time::Duration;

use trunkline_sip::dialog::Owner;
use trunkline_sip::subscription::{
    Due, Event, News, Notified, Notifier, NotifierError, SubscribeError, Subscription, Target, Termination,
};
use trunkline_sip::transaction::{Outcome, Unknown};
use trunkline_sip::{Method, Request, Response, Uri};

use crate::sample::at;

const TYPE: &str = "application/vnd-microsoft-roaming-self+xml";

fn subscription(once: bool) -> Subscription {
    let target = Target {
        uri: Uri::parse("sip:alice@example.com").unwrap(),
        from: "<sip:alice@example.com>;tag=a1;epid=26a7a9f5a6".to_owned(),
        call_id: "sub".to_owned(),
        contact: "<sip:alice@example.com;opaque=user:epid:x;gruu>".into(),
        event: "vnd-microsoft-roaming-self".into(),
        accept: TYPE.into(),
        once,
    };
    Subscription::new(Owner(1), target)
}

fn ask(subscription: &mut Subscription) -> Request {
    let request = subscription.subscribe().unwrap().body(TYPE, "<roamingList/>").done();
    subscription.sent(&request);
    request
}

fn accept(request: &Request) -> (Notifier, Response) {
    let ids = ("f1", "<sip:pool.example.com:5061;transport=tls;ms-fe=fe1.example.com>");
    let (notifier, answer) = Notifier::accept(at(0), Owner(9), request, ids, 43_200).unwrap();
    (notifier, answer.body(TYPE, "<roamingData/>").done())
}

/// One that holds, with its server.
fn pair() -> (Subscription, Notifier) {
    let mut subscription = subscription(false);
    let request = ask(&mut subscription);
    let (notifier, ok) = accept(&request);
    let event = subscription.ended(at(0), &request, &Outcome::Accepted(ok), 0);
    assert_eq!(event, Event::Active { notified: true });
    (subscription, notifier)
}

fn refused(subscription: &mut Subscription, request: &Request, status: u16, header: (&str, &str)) -> Event {
    let response = Response::build(request, status).to_tag("f1").header(header.0, header.1).done();
    subscription.ended(at(1), request, &Outcome::of(response), u32::MAX)
}

fn take(gap: bool) -> Notified {
    Notified { reply: None, news: News::Take { gap } }
}

#[test]
fn the_answer_is_the_first_notification_and_a_gap_asks_for_renewal() {
    let (mut subscription, mut notifier) = pair();
    assert!(notifier.benotifies());
    let mut notes: Vec<_> = (0..4).map(|_| notifier.notify(at(5)).unwrap().done()).collect();
    assert_eq!(notes[0].cseq().unwrap().number, 2, "the answer was number 1");
    assert_eq!(*notes[0].method(), Method::BENOTIFY);
    assert_eq!(subscription.notified(at(5), &notes[0], 0), take(false));
    assert_eq!(subscription.due(at(5)), Due::Nothing);
    assert_eq!(subscription.notified(at(6), &notes[2], 0), take(true));
    assert_eq!(subscription.due(at(6)), Due::Renew);
    let late = subscription.notified(at(6), &notes[1], 0);
    assert_eq!(late, Notified { reply: None, news: News::Ignore }, "it came too late");
    assert_eq!(subscription.notified(at(7), &notes.remove(3), 0), take(false));
    assert_eq!(subscription.due(at(7)), Due::Renew, "until it is asked for");
    let renewal = ask(&mut subscription);
    assert_eq!((renewal.cseq().unwrap().number, renewal.to().unwrap().tag()), (2, Some("f1")));
    assert!(renewal.uri().as_str().starts_with("sip:pool.example.com:5061"));
    let ok = notifier.renew(at(8), &renewal, 43_200).unwrap().done();
    let event = subscription.ended(at(8), &renewal, &Outcome::Accepted(ok), 0);
    assert_eq!((event, subscription.due(at(8))), (Event::Active { notified: true }, Due::Nothing));
    assert_eq!(subscription.notified(at(9), &notifier.notify(at(9)).unwrap().done(), 0), take(false));
}

#[test]
fn renewal_comes_two_minutes_early_and_notifications_extend() {
    let (mut subscription, mut notifier) = pair();
    assert_eq!(subscription.next_deadline(), Some(at(43_200 - 120)));
    assert_eq!(subscription.due(at(43_079)), Due::Nothing);
    assert_eq!(subscription.due(at(43_080)), Due::Renew);
    let mut note = notifier.notify(at(5)).unwrap().done();
    note.headers_mut().set("Subscription-State", "active;expires=86400");
    subscription.notified(at(43_081), &note, 0);
    assert_eq!(subscription.due(at(86_401)), Due::Nothing);
    assert_eq!(subscription.due(at(43_081 + 86_400)), Due::Restart, "nobody renewed it");
    assert!(subscription.is_over() && subscription.subscribe().is_err());
}

#[test]
fn a_server_ends_a_subscription_with_a_reason() {
    let table = [
        ("terminated;reason=deactivated", Termination::Restart),
        ("terminated;reason=timeout", Termination::Restart),
        ("terminated;reason=rejected", Termination::Stop),
        ("terminated;reason=noresource", Termination::Stop),
        ("terminated;reason=giveup;retry-after=60", Termination::Wait(at(60))),
        ("terminated;expires=0", Termination::Wait(Duration::from_millis(2_500))),
    ];
    for (state, expected) in table {
        let (mut subscription, mut notifier) = pair();
        let mut note = notifier.terminate("deactivated").unwrap().done();
        note.headers_mut().set("Subscription-State", state);
        let news = subscription.notified(at(100), &note, 0).news;
        assert_eq!(news, News::Over(expected), "{state}");
        assert!(subscription.is_over());
        assert!(matches!(notifier.notify(at(1)), Err(NotifierError::Over)));
    }
}

#[test]
fn refusals_say_what_to_do_next() {
    let new = || {
        let mut subscription = subscription(false);
        let request = ask(&mut subscription);
        (subscription, request)
    };
    let none = ("X-None", "");
    let (mut one, request) = new();
    assert_eq!(refused(&mut one, &request, 503, ("Retry-After", "100")), Event::Wait(at(110)));
    assert_eq!((one.due(at(110)), one.due(at(111))), (Due::Nothing, Due::Renew));
    assert_eq!(ask(&mut one).cseq().unwrap().number, 2, "no dialog yet, and yet a new number");
    let (mut one, request) = new();
    assert_eq!(refused(&mut one, &request, 423, ("Min-Expires", "600")), Event::TooBrief(600));
    for status in [488, 489, 403] {
        let (mut one, request) = new();
        assert!(matches!(refused(&mut one, &request, status, none), Event::Refused(_)), "{status}");
        assert!(one.is_over());
    }
    let (mut held, _) = pair();
    let renewal = ask(&mut held);
    assert!(matches!(refused(&mut held, &renewal, 400, none), Event::Refused(_)));
    assert!(!held.is_over(), "what was granted lasts");
    let renewal = ask(&mut held);
    let lost = held.ended(at(2), &renewal, &Outcome::Unknown(Unknown::ConnectionLost), 0);
    assert_eq!(lost, Event::Wait(Duration::from_millis(2_500)));
    let renewal = ask(&mut held);
    let gone = Response::build(&renewal, 481).done();
    assert_eq!(held.ended(at(100), &renewal, &Outcome::of(gone), 0), Event::Restart);
    assert!(held.is_over());
}

#[test]
fn a_server_that_forgets_at_once_is_asked_later_and_later() {
    let mut one = subscription(false);
    let waits = (0..3).map(|_| {
        let request = ask(&mut one);
        let event = refused(&mut one, &request, 481, ("X-None", ""));
        let Event::Wait(wait) = event else { panic!("{event:?}") };
        assert!(one.next_deadline() == Some(at(1) + wait) && !one.is_over());
        wait
    });
    let waits: Vec<_> = waits.collect();
    assert!(waits[0] >= at(2) && waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
    let mut none = subscription(false);
    for number in 1..4 {
        let request = ask(&mut none);
        assert_eq!(request.cseq().unwrap().number, number);
        let (_, mut ok) = accept(&request);
        ok.headers_mut().remove("Subscription-State");
        ok.headers_mut().set("Expires", "0");
        let event = none.ended(at(0), &request, &Outcome::Accepted(ok), 0);
        assert!(matches!(event, Event::Wait(wait) if wait >= at(2)), "{event:?}");
        assert_eq!(none.due(at(1)), Due::Nothing);
    }
    let (mut young, _) = pair();
    let renewal = ask(&mut young);
    assert!(matches!(refused(&mut young, &renewal, 481, ("X-None", "")), Event::Wait(_)));
    assert_eq!((young.due(at(1)), young.due(at(60))), (Due::Nothing, Due::Renew));
    let again = ask(&mut young);
    assert_eq!((again.to().unwrap().tag(), again.cseq().unwrap().number), (None, 3));
    let mut brief = subscription(false);
    let request = ask(&mut brief);
    let (mut notifier, mut ok) = accept(&request);
    ok.headers_mut().set("Subscription-State", "active;expires=1");
    brief.ended(at(0), &request, &Outcome::Accepted(ok), 0);
    assert!(brief.next_deadline() >= Some(at(5)), "{:?}", brief.next_deadline());
    let note = notifier.terminate("timeout").unwrap().done();
    let news = brief.notified(at(1), &note, 0).news;
    assert!(matches!(news, News::Over(Termination::Wait(_))), "{news:?}");
}

#[test]
fn an_answer_that_a_notification_overtook_is_no_news() {
    let (mut subscription, mut notifier) = pair();
    let renewal = ask(&mut subscription);
    let ok = notifier.renew(at(1), &renewal, 43_200).unwrap().done();
    let note = notifier.notify(at(1)).unwrap().done();
    subscription.notified(at(1), &note, 0);
    let event = subscription.ended(at(1), &renewal, &Outcome::Accepted(ok), 0);
    assert_eq!(event, Event::Active { notified: false });
    let again = subscription.notified(at(1), &note, 0);
    assert_eq!(again.news, News::Ignore, "what was heard stays heard");
    assert_eq!(
        subscription.notified(at(2), &notifier.notify(at(2)).unwrap().done(), 0).news,
        News::Take { gap: false }
    );
}

#[test]
fn asked_once_it_is_over_with_the_answer_or_the_notification() {
    let mut once = subscription(true);
    let request = ask(&mut once);
    assert_eq!(request.expires().unwrap(), Some(0));
    let (notifier, ok) = accept(&request);
    assert!(notifier.is_over(at(0)));
    assert_eq!(ok.text("Subscription-State").unwrap(), "terminated;expires=0");
    let event = once.ended(at(0), &request, &Outcome::Accepted(ok.clone()), 0);
    assert_eq!((event, once.is_over()), (Event::Ended { notified: true }, true));
    let (mut once, mut plain) = (subscription(true), ok);
    let request = ask(&mut once);
    plain.headers_mut().remove("ms-piggyback-cseq");
    let event = once.ended(at(0), &request, &Outcome::Accepted(plain), 0);
    assert_eq!((event, once.is_over()), (Event::Active { notified: false }, false));
}

#[test]
fn a_notify_may_overtake_the_answer() {
    let mut early = subscription(false);
    let mut request = ask(&mut early);
    assert_eq!(early.subscribe().unwrap_err(), SubscribeError::Pending);
    request.headers_mut().remove("Supported");
    let (mut notifier, ok) = accept(&request);
    assert!(!notifier.benotifies() && !ok.has("ms-piggyback-cseq"));
    let note = notifier.notify(at(0)).unwrap().done();
    assert_eq!(*note.method(), Method::NOTIFY);
    let taken = Notified { reply: Some(200), news: News::Take { gap: false } };
    assert_eq!(early.notified(at(0), &note, 0), taken);
    let again = Notified { reply: Some(200), news: News::Ignore };
    assert_eq!(early.notified(at(0), &note, 0), again);
    assert_eq!(early.ended(at(0), &request, &Outcome::Accepted(ok), 0), Event::Active { notified: false });
    assert_eq!(ask(&mut early).to().unwrap().tag(), Some("f1"));
}

#[test]
fn what_is_not_ours_is_refused_and_changes_nothing() {
    let (mut subscription, mut notifier) = pair();
    notifier.notify(at(0)).unwrap().done();
    let table =
        [("To", "<sip:alice@example.com>;tag=zz", 481), ("Event", "presence", 489), ("CSeq", "x", 400)];
    for (name, value, status) in table {
        let mut note = notifier.notify(at(0)).unwrap().done();
        note.headers_mut().set(name, value);
        let taken = subscription.notified(at(0), &note, 0);
        assert_eq!(taken, Notified { reply: None, news: News::Ignore }, "a BENOTIFY is never answered");
        let mut note = request_as_notify(&note);
        note.headers_mut().set(name, value);
        assert_eq!(subscription.notified(at(0), &note, 0).reply, Some(status), "{name}");
    }
    assert_eq!(subscription.due(at(0)), Due::Nothing);
}

/// The same as NOTIFY.
fn request_as_notify(benotify: &Request) -> Request {
    let mut request = Request::build(Method::NOTIFY, benotify.uri().clone()).done();
    *request.headers_mut() = benotify.headers().clone();
    let number = benotify.cseq().map_or(9, |cseq| cseq.number);
    request.headers_mut().set("CSeq", format!("{number} NOTIFY"));
    request
}

#[test]
fn a_notifier_takes_renewals_and_the_end_and_refuses_what_is_old() {
    let (mut subscription, mut notifier) = pair();
    let end = subscription.unsubscribe().unwrap();
    let ok = notifier.renew(at(1), &end, 43_200).unwrap().done();
    assert_eq!(ok.expires().unwrap(), Some(0));
    assert_eq!(subscription.ended(at(1), &end, &Outcome::Accepted(ok), 0), Event::Ended { notified: true });
    assert_eq!(notifier.renew(at(2), &end, 43_200).unwrap_err(), NotifierError::Refuse(481));
    let mut nameless = end.clone();
    nameless.headers_mut().remove("Event");
    let refused = Notifier::accept(at(0), Owner(9), &nameless, ("f1", "<sip:x>"), 60);
    assert_eq!(refused.unwrap_err(), NotifierError::Refuse(489));
}
