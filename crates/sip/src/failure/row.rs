use super::On::{Answer, Bye, Http, Message, Notification, Warning};
use super::Retry::{Automatic, Later, Nothing, Permanent, Unknown};
use super::{Failure, On, Retry};

/// All meanings that are known. Of two that fit, the first counts.
pub const ROWS: &[Failure] = &[
    row(Answer, &[400], &[4001], "the server could not read our XML", Permanent, Some("internal_error")),
    row(
        Answer,
        &[400],
        &[4010, 4011, 4012],
        "our From has no epid, or one that is too long",
        Permanent,
        Some("internal_error"),
    ),
    row(
        Answer,
        &[400, 415],
        &[4013],
        "the server expected another content type",
        Permanent,
        Some("internal_error"),
    ),
    row(
        Answer,
        &[401],
        &[1000],
        "authentication failed: the server does not trust this connection",
        Later,
        Some("service_unavailable"),
    )
    .alarming(),
    row(Answer, &[401], &[1013], "the clocks differ too much", Later, Some("service_unavailable")).alarming(),
    row(
        Answer,
        &[403],
        &[1001],
        "the user may not write to public networks",
        Permanent,
        Some("contact_not_allowed"),
    ),
    row(
        Answer,
        &[403],
        &[1002],
        "the user may not write to federated partners",
        Permanent,
        Some("contact_not_allowed"),
    ),
    row(
        Answer,
        &[403],
        &[1012],
        "the user may not write outside of the enterprise",
        Permanent,
        Some("contact_not_allowed"),
    ),
    row(
        Answer,
        &[403],
        &[4003],
        "the user is not enabled for remote access",
        Permanent,
        Some("account_not_enabled"),
    ),
    row(
        Answer,
        &[403],
        &[4004],
        "we may not act for this user: trust is not set up",
        Permanent,
        Some("service_unavailable"),
    )
    .alarming(),
    row(
        Answer,
        &[403],
        &[1027],
        "requests of this kind do not go to federated partners",
        Permanent,
        Some("not_supported_for_contact"),
    ),
    row(Answer, &[404], &[1003], "there is no such user", Permanent, Some("contact_not_found")),
    row(
        Answer,
        &[404],
        &[4005],
        "the address is unknown, or not enabled",
        Permanent,
        Some("contact_not_found"),
    ),
    row(
        Answer,
        &[404],
        &[4006],
        "the user is not in this pool: look up the home pool",
        Automatic,
        Some("try_again"),
    ),
    row(
        Answer,
        &[404],
        &[4007],
        "the deployment does not know this resource",
        Permanent,
        Some("contact_not_found"),
    ),
    row(Answer, &[404], &[1005], "there is no way to the domain", Permanent, Some("contact_not_found")),
    row(
        Answer,
        &[404, 504],
        &[1008, 1009, 1014],
        "the partner's domain is not to be found in DNS",
        Later,
        Some("partner_unreachable"),
    ),
    row(
        Answer,
        &[404],
        &[15000],
        "the contact's settings could not be read",
        Later,
        Some("contact_unavailable"),
    ),
    row(
        Answer,
        &[403, 404],
        &[1017],
        "the domains of sender and recipient cannot be routed together",
        Permanent,
        Some("contact_not_found"),
    )
    .alarming(),
    row(Answer, &[408], &[5001], "a server application did not answer in time", Automatic, Some("try_again")),
    row(
        Message,
        &[480, 481],
        &[],
        "the contact's client is gone: send once more in a new dialog",
        Automatic,
        Some("not_delivered_offline"),
    ),
    row(
        Message,
        &[408],
        &[],
        "nobody answered in time, so the message may have arrived",
        Unknown,
        Some("maybe_not_delivered"),
    ),
    row(Answer, &[409], &[], "something newer was published: take its version", Automatic, None),
    row(Answer, &[413, 513], &[], "it is too long: split it", Permanent, Some("message_too_long")),
    row(Warning(309), &[606], &[], "a policy blocks the content", Permanent, Some("blocked_by_policy")),
    row(
        Answer,
        &[415, 488, 606],
        &[],
        "the contact's client does not take this type: write plain text",
        Permanent,
        Some("not_supported_by_contact"),
    ),
    row(
        Answer,
        &[480],
        &[13014, 15030],
        "no endpoint of the contact's answered",
        Later,
        Some("not_delivered_offline"),
    ),
    row(Answer, &[480], &[], "the contact is not signed in", Later, Some("not_delivered_offline")),
    row(Answer, &[481], &[1004], "the route is no longer valid: begin a new dialog", Automatic, None),
    row(Answer, &[481], &[], "the dialog is unknown: begin a new one", Automatic, None),
    row(Answer, &[482, 483], &[], "the request went round in circles", Permanent, Some("internal_error"))
        .alarming(),
    row(Answer, &[486], &[], "the contact does not want to be disturbed", Permanent, Some("contact_dnd")),
    row(Answer, &[487], &[5002], "cancelled", Nothing, None),
    row(Answer, &[487], &[], "cancelled", Nothing, None),
    row(Answer, &[489], &[], "the server does not offer this kind of subscription", Permanent, None),
    row(Answer, &[500], &[4000, 5003, 5004], "the server failed", Later, Some("service_unavailable")),
    row(
        Answer,
        &[500],
        &[4008],
        "a parameter was too large: ask for less at a time",
        Permanent,
        Some("internal_error"),
    ),
    row(
        Answer,
        &[503],
        &[5000],
        "an application of the server's is not running",
        Later,
        Some("service_unavailable"),
    ),
    row(
        Answer,
        &[503, 504],
        &[1006, 1007],
        "the server cannot reach the next one for now",
        Later,
        Some("service_unavailable"),
    ),
    row(
        Answer,
        &[504],
        &[1010],
        "a server does not trust the certificate of the next one, perhaps ours",
        Later,
        Some("service_unavailable"),
    )
    .alarming(),
    row(
        Answer,
        &[504],
        &[1011, 1034],
        "the next server failed and did not say why",
        Later,
        Some("partner_unreachable"),
    ),
    row(Answer, &[504], &[10003], "a gateway failed", Later, Some("partner_unreachable")),
    row(Answer, &[603], &[], "the contact declined", Permanent, Some("declined")),
    row(Answer, &[101], &[13004], "the request is on its way to the contact's endpoints", Nothing, None),
    row(Bye, &[487], &[51004], "the contact ended it", Nothing, None),
    row(
        Answer,
        &[],
        &[24067, 24081, 24083],
        "the conference or endpoint at the other end is being replaced: begin anew",
        Automatic,
        None,
    ),
    row(Notification, &[], &[4141], "the user was disabled", Permanent, Some("account_not_enabled")),
    row(Http, &[], &[28020, 28029], "the server wants a new token", Permanent, Some("sign_in_again")),
];

/// What a status means by its class alone.
pub(super) fn by_class(status: u16) -> &'static Failure {
    match status {
        300..=399 => const { &class("the server names another address", Automatic, None) },
        401 | 407 => {
            const {
                &class(
                    "the server asks us to authenticate, which it does only when it does not trust us",
                    Later,
                    Some("service_unavailable"),
                )
                .alarming()
            }
        }
        403 => const { &class("the server does not allow it", Permanent, Some("contact_not_allowed")) },
        404 | 410 | 604 => const { &class("there is no such user", Permanent, Some("contact_not_found")) },
        408 => const { &class("nobody answered in time", Later, Some("try_again")) },
        400..=499 => {
            const { &class("the server does not accept the request", Permanent, Some("internal_error")) }
        }
        600 | 603 => const { &class("the contact declined", Permanent, Some("declined")) },
        600..=699 => {
            const { &class("nobody accepts it anywhere", Permanent, Some("not_supported_by_contact")) }
        }
        100..=299 => const { &class("it is no failure", Nothing, None) },
        _ => const { &class("the server failed", Later, Some("service_unavailable")) },
    }
}

const fn row(
    on: On,
    statuses: &'static [u16],
    ids: &'static [u32],
    meaning: &'static str,
    retry: Retry,
    text: Option<&'static str>,
) -> Failure {
    Failure { on, statuses, ids, meaning, retry, text, alarm: false }
}

const fn class(meaning: &'static str, retry: Retry, text: Option<&'static str>) -> Failure {
    row(Answer, &[], &[], meaning, retry, text)
}

impl Failure {
    const fn alarming(self) -> Self {
        Self { alarm: true, ..self }
    }
}
