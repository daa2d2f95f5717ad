use crate::method::Method;
use crate::transaction::{NotSent, Outcome, Refusal, Unknown};

/// What becomes of a dialog after a request of ours in it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It goes on; what the outcome means for the request is another matter.
    Keep,
    /// It goes on, and the request may be sent again: it never left.
    SendAgain,
    /// Both sides changed it at once: try again after [`super::retry_after_491`].
    TryLater,
    /// It is over: write a BYE if `bye` is set, and forget it.
    Drop {
        /// Whether to write a BYE first.
        bye: bool,
        /// Whether the request did not arrive for certain and may be sent once more, in a new dialog.
        resend: bool,
    },
}

/// ms-diagnostics: the route set is no longer valid.
const ROUTE_SET_INVALID: u32 = 1004;

/// What the outcome of a request in a dialog means for it (RFC 3261 section 12.2.1.2, RFC 5057, and what clients of
/// Microsoft's do).
pub fn advice(method: &Method, outcome: &Outcome) -> Advice {
    let is_bye = *method == Method::BYE;
    match outcome {
        _ if is_bye => Advice::Drop { bye: false, resend: false },
        Outcome::Accepted(_) => Advice::Keep,
        Outcome::Refused(refusal) => refused(method, refusal),
        Outcome::NotSent(NotSent::ConnectionLost | NotSent::TooLate) => Advice::SendAgain,
        Outcome::NotSent(NotSent::Withdrawn) => Advice::Keep,
        Outcome::Unknown(Unknown::NoAnswer) => Advice::Drop { bye: true, resend: false },
        Outcome::Unknown(Unknown::ConnectionLost) => Advice::Keep,
    }
}

fn refused(method: &Method, refusal: &Refusal) -> Advice {
    let may_resend = *method == Method::MESSAGE || *method == Method::SUBSCRIBE;
    let has_route = !refusal.diagnostics.iter().any(|why| why.id == ROUTE_SET_INVALID);
    let talks = matches!(method.as_str(), "MESSAGE" | "INFO");
    match refusal.status {
        _ if !has_route => Advice::Drop { bye: false, resend: may_resend },
        408 => Advice::Drop { bye: true, resend: false },
        480 if talks => Advice::Drop { bye: true, resend: may_resend },
        481 => Advice::Drop { bye: talks, resend: may_resend },
        491 => Advice::TryLater,
        _ => Advice::Keep,
    }
}
