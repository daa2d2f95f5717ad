/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The phone signed out.
    SignedOut,
    /// Nothing was heard of the phone for too long.
    Timeout,
    /// The account was disabled, or the device revoked.
    Revoked,
    /// The session could not begin after all (a refused IM password); its phone was told by an error.
    Refused,
}

impl End {
    /// The `reason` of SessionTerminated; `None` when the phone knows already.
    pub(crate) fn reason(self) -> Option<&'static str> {
        match self {
            Self::Timeout => Some("timeout"),
            Self::Revoked => Some("revoked"),
            Self::SignedOut | Self::Refused => None,
        }
    }

    /// The close code of the session's socket.
    pub(crate) fn close(self) -> (u16, &'static str) {
        match self {
            Self::SignedOut => (1000, "signed out"),
            Self::Timeout => (4401, "session gone"),
            Self::Revoked => (4403, "revoked"),
            Self::Refused => (1000, "session refused"),
        }
    }
}
