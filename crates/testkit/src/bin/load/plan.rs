use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Measurements of each case; their median and spread are told.
    pub(crate) runs: usize,
    /// Silent sessions.
    pub(crate) idle: &'static [usize],
    /// Senders that send as fast as they are answered.
    pub(crate) senders: &'static [usize],
    /// How long they do.
    pub(crate) sending: Duration,
    /// Messages a second, sent whether or not the last one was answered.
    pub(crate) rates: &'static [u32],
    /// For how long.
    pub(crate) at_rate: Duration,
    /// Pairs of phones that share such a rate.
    pub(crate) pairs: usize,
    /// Phones that come back at once.
    pub(crate) phones: usize,
    /// Messages that the store alone takes in one measurement.
    pub(crate) stored: usize,
    /// Messages in the database at a start, and on the disk.
    pub(crate) filled: usize,
    /// Accounts on one Front End.
    pub(crate) accounts: &'static [usize],
    /// How many others each of them has on the list.
    pub(crate) contacts: usize,
    /// Senders among them that send as fast as they are answered.
    pub(crate) talkers: &'static [usize],
    /// Messages a second from phone to phone over the Front End.
    pub(crate) talking_rates: &'static [u32],
    /// Pairs that share such a rate.
    pub(crate) talking_pairs: usize,
}

pub(crate) const FULL: Plan = Plan {
    runs: 3,
    idle: &[1_000, 5_000, 10_000],
    senders: &[1, 10, 100, 1_000],
    sending: Duration::from_secs(10),
    rates: &[600, 3_000],
    at_rate: Duration::from_secs(30),
    pairs: 200,
    phones: 5_000,
    stored: 100_000,
    filled: 1_000_000,
    accounts: &[1_000, 5_000],
    contacts: 5,
    talkers: &[1, 10, 100],
    talking_rates: &[200, 600],
    talking_pairs: 100,
};

pub(crate) const QUICK: Plan = Plan {
    runs: 1,
    idle: &[50],
    senders: &[1, 10],
    sending: Duration::from_secs(1),
    rates: &[100],
    at_rate: Duration::from_secs(2),
    pairs: 10,
    phones: 50,
    stored: 1_000,
    filled: 2_000,
    accounts: &[50],
    contacts: 5,
    talkers: &[1, 10],
    talking_rates: &[50],
    talking_pairs: 10,
};
