use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::table::{Record, Table};

/// The same is written once in this time.
const QUIET: Duration = Duration::from_secs(60);
/// Lines that may come at once, whoever causes them, and how often there is room for one more: a flood from many
/// networks fills no disk.
const BURST: f64 = 200.0;
const EVERY: Duration = Duration::from_secs(1);

/// What somebody was refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A wrong, used or expired access key, or an unknown address.
    AccessKey,
    /// Too many wrong access keys from one source.
    AccessKeyFlood,
    /// An unknown or revoked token.
    Token,
    /// A token that was issued to another device, or another session's.
    OtherDevice,
    /// A right token of a disabled account.
    Disabled,
    /// Too many wrong tokens from one source.
    TokenFlood,
    /// An IM password that the IM system refused.
    ImPassword,
    /// Too many wrong IM passwords of an account, or from one source.
    ImPasswordFlood,
    /// A missing or wrong admin token.
    AdminToken,
    /// A page of a foreign origin.
    Origin,
    /// A request to the admin port under a name that is not this computer's own.
    Host,
}

impl Refusal {
    /// Every reason.
    pub(crate) const ALL: [Self; 11] = [
        Self::AccessKey,
        Self::AccessKeyFlood,
        Self::Token,
        Self::OtherDevice,
        Self::Disabled,
        Self::TokenFlood,
        Self::ImPassword,
        Self::ImPasswordFlood,
        Self::AdminToken,
        Self::Origin,
        Self::Host,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::AccessKey => "access-key",
            Self::AccessKeyFlood => "access-key-flood",
            Self::Token => "token",
            Self::OtherDevice => "other-device",
            Self::Disabled => "disabled",
            Self::TokenFlood => "token-flood",
            Self::ImPassword => "im-password",
            Self::ImPasswordFlood => "im-password-flood",
            Self::AdminToken => "admin-token",
            Self::Origin => "origin",
            Self::Host => "host",
        }
    }

    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::AccessKey => "an activation was refused",
            Self::AccessKeyFlood => {
                "activation is closed to a source for a while: too many wrong access keys"
            }
            Self::Token => "a token was refused",
            Self::OtherDevice => "a token was shown by another device than its own",
            Self::Disabled => "a disabled account was refused",
            Self::TokenFlood => "tokens of a source are not looked up for a while: too many were wrong",
            Self::ImPassword => "the IM system refused a password",
            Self::ImPasswordFlood => "IM passwords are not tried for a while: too many were wrong",
            Self::AdminToken => "the admin port was refused: the admin token is missing or wrong",
            Self::Origin => "a page of a foreign origin was refused",
            Self::Host => "the admin port was refused: it was asked for under a foreign name",
        }
    }
}

/// Decides which refusals are written into the log.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: Table<Matter, Last>,
    used: f64,
    at: Option<Instant>,
}

type Matter = (Refusal, Option<IpAddr>, Box<str>);

#[derive(Debug, Clone, Copy, Default)]
struct Last {
    written: Option<Instant>,
    /// How many were not written since.
    unlogged: u64,
}

impl Record for Last {
    fn is_over(&self, now: Instant) -> bool {
        self.written.is_none_or(|written| now.saturating_duration_since(written) >= QUIET)
    }
}

impl Notices {
    /// Whether this one is written, and how many like it were not since the last.
    pub(super) fn admit(
        &self,
        refusal: Refusal,
        source: Option<IpAddr>,
        account: &str,
        now: Instant,
    ) -> Option<u64> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = inner.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        inner.used = (inner.used - passed / EVERY.as_secs_f64()).max(0.0);
        inner.at = Some(now);
        let full = inner.used >= BURST;
        let (_, last) = inner.known.record(&(refusal, source, account.into()), now);
        if full || !last.is_over(now) {
            last.unlogged += 1;
            return None;
        }
        let unlogged = last.unlogged;
        *last = Last { written: Some(now), unlogged: 0 };
        inner.used += 1.0;
        Some(unlogged)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        time::{Duration, Instant},
    };

    use super::{Notices, Refusal};

    #[test]
    fn the_same_is_written_once_a_minute_with_what_was_left_out() {
        let (notices, now) = (Notices::default(), Instant::now());
        let source = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(notices.admit(Refusal::Token, source, "", now), Some(0));
        for _ in 0..1_000 {
            assert_eq!(notices.admit(Refusal::Token, source, "", now), None);
        }
        assert_eq!(notices.admit(Refusal::Disabled, source, "sip:a@b", now), Some(0));
        assert_eq!(notices.admit(Refusal::Token, source, "", now + Duration::from_secs(60)), Some(1_000));
    }

    #[test]
    fn a_flood_from_many_networks_fills_no_disk() {
        let (notices, now) = (Notices::default(), Instant::now());
        let sources = (0..100_000_u32).map(|n| IpAddr::V4(Ipv4Addr::from_bits(n)));
        let written =
            sources.filter(|source| notices.admit(Refusal::Token, Some(*source), "", now).is_some()).count();
        assert_eq!(written, 200);
        let later = now + Duration::from_secs(10);
        assert!(notices.admit(Refusal::AdminToken, None, "", later).is_some());
    }
}
