//! What statuses and diagnostics mean.

use trunkline_sip::Method;
use trunkline_sip::failure::{On, ROWS, Retry, judge, of_id};

use crate::sample::{bare, reply};

/// Status, id (0 for none) and the key of the text that the user gets (empty for none): all that is documented.
const KNOWN: &[(u16, u32, &str)] = &[
    (400, 4001, "internal_error"),
    (400, 4010, "internal_error"),
    (400, 4011, "internal_error"),
    (400, 4012, "internal_error"),
    (400, 4013, "internal_error"),
    (415, 4013, "internal_error"),
    (401, 1000, "service_unavailable"),
    (401, 1013, "service_unavailable"),
    (403, 1001, "contact_not_allowed"),
    (403, 1002, "contact_not_allowed"),
    (403, 1012, "contact_not_allowed"),
    (403, 4003, "account_not_enabled"),
    (403, 4004, "service_unavailable"),
    (403, 1027, "not_supported_for_contact"),
    (404, 1003, "contact_not_found"),
    (404, 4005, "contact_not_found"),
    (404, 4006, "try_again"),
    (404, 4007, "contact_not_found"),
    (404, 1005, "contact_not_found"),
    (404, 1008, "partner_unreachable"),
    (504, 1008, "partner_unreachable"),
    (404, 1009, "partner_unreachable"),
    (504, 1014, "partner_unreachable"),
    (404, 15000, "contact_unavailable"),
    (403, 1017, "contact_not_found"),
    (404, 1017, "contact_not_found"),
    (408, 5001, "try_again"),
    (409, 0, ""),
    (413, 0, "message_too_long"),
    (513, 0, "message_too_long"),
    (415, 0, "not_supported_by_contact"),
    (488, 0, "not_supported_by_contact"),
    (606, 0, "not_supported_by_contact"),
    (480, 13014, "not_delivered_offline"),
    (480, 15030, "not_delivered_offline"),
    (480, 0, "not_delivered_offline"),
    (481, 1004, ""),
    (481, 0, ""),
    (482, 0, "internal_error"),
    (483, 0, "internal_error"),
    (486, 0, "contact_dnd"),
    (487, 5002, ""),
    (487, 51004, ""),
    (489, 0, ""),
    (500, 4000, "service_unavailable"),
    (500, 5003, "service_unavailable"),
    (500, 5004, "service_unavailable"),
    (500, 4008, "internal_error"),
    (503, 5000, "service_unavailable"),
    (503, 1006, "service_unavailable"),
    (504, 1007, "service_unavailable"),
    (504, 1010, "service_unavailable"),
    (504, 1011, "partner_unreachable"),
    (504, 1034, "partner_unreachable"),
    (504, 10003, "partner_unreachable"),
    (603, 0, "declined"),
    (101, 13004, ""),
    (480, 24067, ""),
    (481, 24081, ""),
    (404, 24083, ""),
];

fn text(method: &str, status: u16, headers: &[(&str, &str)]) -> (Retry, Option<&'static str>, bool) {
    let request = bare(method, 1);
    let mut response = reply(&request, status, "b");
    headers.iter().for_each(|(name, value)| response.headers_mut().push(name, value));
    let failure = judge(request.method(), status, &response);
    (failure.retry, failure.text, failure.alarm)
}

#[test]
fn every_documented_failure_has_its_meaning() {
    for (status, id, expected) in KNOWN {
        let why = format!("{id};reason=\"x\";source=\"fe1.example.com\"");
        let headers = [("ms-diagnostics", why.as_str())];
        let headers = if *id == 0 { &[][..] } else { &headers[..] };
        let found = text("INVITE", *status, headers).1.unwrap_or_default();
        assert_eq!(found, *expected, "{status} {id}");
        if *id != 0 {
            assert!(ROWS.iter().any(|row| row.ids.contains(id)), "{id} has a row");
        }
    }
    for (id, expected) in [(4141, "account_not_enabled"), (28020, "sign_in_again"), (28029, "sign_in_again")]
    {
        assert_eq!(of_id(id).unwrap().text, Some(expected), "{id}");
    }
    assert!(of_id(99_999).is_none());
    let of_answers = ROWS.iter().filter(|row| matches!(row.on, On::Answer | On::Bye));
    for row in of_answers {
        let is_known = |id| KNOWN.iter().any(|(_, known, _)| *known == id);
        assert!(row.ids.iter().all(|id| is_known(*id)), "{}", row.meaning);
    }
}

#[test]
fn a_message_without_an_answer_is_never_sent_again_by_itself() {
    for why in [&[][..], &[("ms-diagnostics", "5001")][..]] {
        let expected = (Retry::Unknown, Some("maybe_not_delivered"), false);
        assert_eq!(text("MESSAGE", 408, why), expected);
        assert_ne!(text("INFO", 408, why).0, Retry::Unknown);
    }
    for status in [480, 481] {
        let expected = (Retry::Automatic, Some("not_delivered_offline"), false);
        assert_eq!(text("MESSAGE", status, &[("ms-diagnostics", "13014")]), expected);
    }
}

#[test]
fn a_policy_is_known_by_its_warning() {
    let warning = ("Warning", "309 lcs.microsoft.com \"Message contents not allowed\"");
    assert_eq!(text("MESSAGE", 606, &[warning]), (Retry::Permanent, Some("blocked_by_policy"), false));
}

#[test]
fn an_unknown_id_leaves_it_to_the_status() {
    let unknown = [("ms-diagnostics", "77777;reason=\"new\"")];
    let of = |status| text("INVITE", status, &unknown);
    assert_eq!(of(486), (Retry::Permanent, Some("contact_dnd"), false));
    assert_eq!(of(301), (Retry::Automatic, None, false));
    assert_eq!(of(401), (Retry::Later, Some("service_unavailable"), true));
    assert_eq!(of(404).1, Some("contact_not_found"));
    assert_eq!(of(499), (Retry::Permanent, Some("internal_error"), false));
    assert_eq!(of(599), (Retry::Later, Some("service_unavailable"), false));
    assert_eq!(of(699).0, Retry::Permanent);
    let progress = [("ms-diagnostics", "13004;reason=\"proxied\"")];
    assert_eq!(text("INVITE", 480, &progress).1, Some("not_delivered_offline"), "progress is no excuse");
}

#[test]
fn what_an_operator_has_to_mend_raises_an_alarm() {
    let alarms = [(401, "1000"), (401, "1013"), (403, "4004"), (403, "1017"), (504, "1010"), (482, "0")];
    for (status, id) in alarms {
        assert!(text("REGISTER", status, &[("ms-diagnostics", id)]).2, "{status} {id}");
    }
    assert!(!judge(&Method::REGISTER, 503, &bare("REGISTER", 1)).alarm);
}
