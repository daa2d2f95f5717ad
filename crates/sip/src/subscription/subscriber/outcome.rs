use std::time::Duration;

use crate::dialog::DialogError;
use crate::failure::Failure;

/// Why there is no SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The first SUBSCRIBE waits for its answer, without which another one would begin another dialog.
    #[error("the first SUBSCRIBE has no answer yet: wait for it")]
    Pending,
    /// It is over.
    #[error("the subscription is over: begin another one")]
    Over,
    /// The dialog lets no request through.
    #[error(transparent)]
    Dialog(#[from] DialogError),
}

/// What the end of a SUBSCRIBE means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It holds, or the notification that was asked for once is on its way. If `notified` is set, the answer's body is a
    /// notification.
    Active {
        /// Whether the answer is a notification too.
        notified: bool,
    },
    /// It is over as it should be: asked once, or unsubscribed. The answer's body may be the notification asked for.
    Ended {
        /// Whether the answer is a notification too.
        notified: bool,
    },
    /// The server forgot it, or the answer is lost with the connection: begin anew, with another Call-ID and tag.
    Restart,
    /// Ask again after this time, in whatever dialog there is then.
    Wait(Duration),
    /// The server wants at least so many seconds: ask again with [`Subscription::lengthen`].
    TooBrief(u32),
    /// The server does not take it; asked again it would not either. What was granted before lasts until it runs out.
    Refused(&'static Failure),
}

/// What to do with a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notified {
    /// The status to answer with; nothing for BENOTIFY.
    pub reply: Option<u16>,
    /// What it brings.
    pub news: News,
}

/// What a notification brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Its body is to be read. If `gap` is set, notifications before it were lost; the subscription is due for renewal.
    Take {
        /// Whether some before it were lost.
        gap: bool,
    },
    /// Its body may be read; the subscription is over.
    Over(Termination),
    /// It is not ours, or old.
    Ignore,
}

/// What to do after the server ended a subscription (RFC 6665 section 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// Begin anew.
    Restart,
    /// Begin anew after this time.
    Wait(Duration),
    /// Do not: nothing is there, or the server does not want.
    Stop,
}

/// What time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// A SUBSCRIBE in the dialog.
    Renew,
    /// A new subscription: this one has run out.
    Restart,
}
