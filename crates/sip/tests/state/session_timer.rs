//! Session timers: who refreshes, when, and what is too short.

use trunkline_sip::Request;
use trunkline_sip::session_timer::{Due, Offer, SessionTimer, offer};

use crate::sample::{at, bare, reply};

fn answered(value: &str, allow: &str) -> SessionTimer {
    let mut response = reply(&bare("INVITE", 1), 200, "b");
    response.headers_mut().push("Session-Expires", value);
    response.headers_mut().push("Allow", allow);
    SessionTimer::accepted(at(0), &response).unwrap().unwrap()
}

fn invite(value: &str, supported: &str) -> Request {
    let mut request = bare("INVITE", 1);
    request.headers_mut().push("Session-Expires", value);
    request.headers_mut().push("Supported", supported);
    request
}

#[test]
fn we_refresh_half_way_once_and_end_what_was_not_refreshed() {
    for (allow, update) in [("INVITE, UPDATE", true), ("INVITE", false)] {
        let mut timer = answered("720;refresher=uac", allow);
        assert_eq!((timer.due(at(359)), timer.next_deadline()), (Due::Nothing, at(360)));
        assert_eq!(timer.due(at(360)), Due::Refresh { update });
        assert_eq!((timer.due(at(361)), timer.next_deadline()), (Due::Nothing, at(688)));
        assert_eq!(timer.due(at(688)), Due::Over);
        let mut ok = reply(&bare("UPDATE", 2), 200, "b");
        ok.headers_mut().push("Session-Expires", "720;refresher=uac");
        let mut next = timer.refreshed(at(361), &ok).unwrap().unwrap();
        assert_eq!(next.due(at(721)), Due::Refresh { update });
    }
}

#[test]
fn the_peer_refreshes_or_the_session_is_over() {
    let mut timer = answered("90;refresher=uas", "UPDATE");
    assert!(!timer.refreshes());
    assert_eq!((timer.due(at(59)), timer.due(at(60))), (Due::Nothing, Due::Over));
}

#[test]
fn an_offer_is_taken_raised_or_found_too_brief() {
    let offered = |value, supported| SessionTimer::offered(at(0), &invite(value, supported), 120).unwrap();
    assert_eq!(offered("100;refresher=uac", "timer"), Offer::TooBrief(120));
    let Offer::Timer(timer) = offered("1800", "timer") else { panic!("no timer") };
    assert_eq!((timer.refreshes(), timer.value(false).as_str()), (false, "1800;refresher=uac"));
    let Offer::Timer(timer) = offered("1800;refresher=uas", "timer") else { panic!("no timer") };
    assert_eq!((timer.refreshes(), timer.value(false).as_str()), (true, "1800;refresher=uas"));
    let Offer::Timer(timer) = offered("100", "ms-sender") else { panic!("no timer") };
    assert!(timer.refreshes(), "a peer that cannot does not");
    assert_eq!(timer.interval(), at(120));
    assert_eq!(SessionTimer::offered(at(0), &bare("INVITE", 1), 90).unwrap(), Offer::None);
    assert!(SessionTimer::offered(at(0), &invite("soon", "timer"), 90).is_err());
}

#[test]
fn a_422_leads_to_a_longer_interval_and_never_to_the_same() {
    let mut brief = reply(&bare("INVITE", 1), 422, "b");
    brief.headers_mut().push("Min-SE", "600");
    assert_eq!(SessionTimer::longer(90, &brief).unwrap(), Some(600));
    assert_eq!(SessionTimer::longer(600, &brief).unwrap(), None);
    let mut request = bare("INVITE", 1);
    offer(&mut request, 600);
    assert_eq!(request.session_expires().unwrap().unwrap().seconds, 600);
    assert_eq!(request.min_se().unwrap(), Some(90));
    assert!(request.supports("timer"));
}
