//! What the core counts for `/metrics`; docs/metrics.md is made from what is registered here and elsewhere.

mod present;

use std::{borrow::Cow, time::Instant};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use trunkline_model::MessageState;
use trunkline_wire::ErrorCode;

pub(crate) use self::present::Present;
use crate::{
    port::{Backend, DirectoryError, Outcome},
    stranger::Refusal,
};

/// Counters told apart by N labels, each of a closed set of values.
pub type Counts<const N: usize> = Family<Labels<N>, Counter>;

/// Names and values.
pub type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// From what nobody notices to what everybody does.
const DELIVERY_SECONDS: [f64; 13] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 10.0];

/// Counters that the core raises as it works; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// Messages dropped because the recipient blocks the sender.
    pub(crate) blocked: Counter,
    /// Sockets given up because the phone took too little.
    pub(crate) lagging: Counter,
    /// Sockets that went on with a session that was there.
    pub(crate) resumes: Counter,
    /// Entries read back from the mailbox for a phone.
    pub(crate) reread: Counter,
    stored: Counts<2>,
    settled: Counts<3>,
    resettled: Counts<3>,
    put_back: Counts<2>,
    received: Counts<2>,
    delivery: Histogram,
    errors: Counts<2>,
    activations: Counts<1>,
    directory_searches: Counts<2>,
    directory_lookups: Counts<2>,
    refusals: Counts<1>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            delivery: Histogram::new(DELIVERY_SECONDS),
            blocked: Counter::default(),
            lagging: Counter::default(),
            resumes: Counter::default(),
            reread: Counter::default(),
            stored: Counts::default(),
            settled: Counts::default(),
            resettled: Counts::default(),
            put_back: Counts::default(),
            received: Counts::default(),
            errors: Counts::default(),
            activations: Counts::default(),
            directory_searches: Counts::default(),
            directory_lookups: Counts::default(),
            refusals: Counts::default(),
        }
    }
}

/// Every way in which a message is settled.
const OUTCOMES: [&str; 3] = ["confirmed", "failed", "unknown"];

const ACTIVATIONS: [&str; 3] = ["done", "refused", "too_many"];

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.register_messages(registry);
        registry.register(
            "trunkline_delivery_seconds",
            "From the commit of a mailbox entry until it is written to a connected phone's socket",
            self.delivery.clone(),
        );
        registry.register(
            "trunkline_session_resumes",
            "Sockets that went on with a session which was there already",
            self.resumes.clone(),
        );
        registry.register(
            "trunkline_entries_reread",
            "Mailbox entries that were read back from the database for a phone: after a reconnect, or because it was behind",
            self.reread.clone(),
        );
        registry.register(
            "trunkline_sockets_lagging",
            "Sockets closed because their phones took too little of what waited (4010)",
            self.lagging.clone(),
        );
        registry.register(
            "trunkline_request_errors",
            "Requests that ended in an error, by the Connect API's code",
            self.errors.clone(),
        );
        registry.register("trunkline_activations", "Attempts to activate a device", self.activations.clone());
        registry.register(
            "trunkline_directory_searches",
            "Searches for people in the directory of a domain: answered, or why not",
            self.directory_searches.clone(),
        );
        registry.register(
            "trunkline_directory_lookups",
            "Looks at one person in the directory of a domain, for photo and profile: answered, or why not",
            self.directory_lookups.clone(),
        );
        registry.register(
            "trunkline_refusals",
            "Strangers who were refused, by reason; the audit log tells of each, rate-limited",
            self.refusals.clone(),
        );
        self.begin_at_zero();
    }

    fn register_messages(&self, registry: &mut Registry) {
        registry.register(
            "trunkline_messages_stored",
            "Messages of phones that were committed, resends aside, by the sender's backend",
            self.stored.clone(),
        );
        registry.register(
            "trunkline_messages_settled",
            "Messages whose end became known: confirmed by the IM system (on the local one by the commit), failed, or \
             unknown. Stored less settled is what is under way: trunkline_outbox_messages",
            self.settled.clone(),
        );
        registry.register(
            "trunkline_messages_resettled",
            "Messages of which the IM system said something else later, such as a message returned after it was confirmed",
            self.resettled.clone(),
        );
        registry.register(
            "trunkline_messages_put_back",
            "Messages that a line could not take; they wait in the outbox and are tried again",
            self.put_back.clone(),
        );
        registry.register(
            "trunkline_messages_received",
            "Messages taken from IM systems, repeats aside",
            self.received.clone(),
        );
        registry.register(
            "trunkline_messages_blocked",
            "Messages from IM systems dropped because the recipient blocks the sender",
            self.blocked.clone(),
        );
    }

    /// A counter that appears with its first event hides that event from whoever watches for a rise.
    fn begin_at_zero(&self) {
        for code in ErrorCode::ALL {
            drop(self.errors.get_or_create(&error_labels(*code)));
        }
        for result in ACTIVATIONS {
            drop(self.activations.get_or_create(&[("result", result.into())]));
        }
        for refusal in Refusal::ALL {
            drop(self.refusals.get_or_create(&[("reason", refusal.word().into())]));
        }
    }

    /// There is this backend.
    pub(crate) fn know(&self, backend: &dyn Backend) {
        for family in [&self.stored, &self.put_back, &self.received] {
            drop(family.get_or_create(&labels(backend)));
        }
        for outcome in OUTCOMES {
            drop(self.settled.get_or_create(&with_outcome(backend, outcome)));
            drop(self.resettled.get_or_create(&with_outcome(backend, outcome)));
        }
    }

    /// There is a directory of this domain.
    pub(crate) fn know_directory(&self, domain: &str) {
        for result in ["answered"].into_iter().chain(DirectoryError::WORDS) {
            drop(self.directory_searches.get_or_create(&directory_labels(domain, result)));
            drop(self.directory_lookups.get_or_create(&directory_labels(domain, result)));
        }
    }

    /// A directory was asked.
    pub(crate) fn directory_asked(&self, domain: &str, result: &'static str) {
        self.directory_searches.get_or_create(&directory_labels(domain, result)).inc();
    }

    /// A directory was asked for one person.
    pub(crate) fn directory_looked_up(&self, domain: &str, result: &'static str) {
        self.directory_lookups.get_or_create(&directory_labels(domain, result)).inc();
    }

    /// A phone's message was committed, in this state.
    pub(crate) fn stored(&self, backend: &dyn Backend, state: MessageState) {
        self.stored.get_or_create(&labels(backend)).inc();
        if state == MessageState::Confirmed {
            self.settled.get_or_create(&with_outcome(backend, "confirmed")).inc();
        }
    }

    /// The IM system's word on a message was committed; `from` is the state before, `None` when it changed nothing.
    pub(crate) fn settled(&self, backend: &dyn Backend, outcome: &Outcome, from: Option<MessageState>) {
        let Some(from) = from else { return };
        let outcome = match outcome {
            Outcome::Confirmed => "confirmed",
            Outcome::Refused { .. } => "failed",
            Outcome::Unknown => "unknown",
            Outcome::NotSent => {
                self.put_back.get_or_create(&labels(backend)).inc();
                return;
            }
        };
        let open = matches!(from, MessageState::Stored | MessageState::Submitted);
        let family = if open { &self.settled } else { &self.resettled };
        family.get_or_create(&with_outcome(backend, outcome)).inc();
    }

    /// A message came from an IM system and was committed.
    pub(crate) fn received(&self, backend: &dyn Backend) {
        self.received.get_or_create(&labels(backend)).inc();
    }

    /// An entry that was committed then is written to a socket now.
    pub(crate) fn delivered(&self, committed: Instant) {
        self.delivery.observe(committed.elapsed().as_secs_f64());
    }

    pub(crate) fn error(&self, code: ErrorCode) {
        self.errors.get_or_create(&error_labels(code)).inc();
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&[("reason", reason.into())]).inc();
    }

    pub(crate) fn activation(&self, result: &'static str) {
        self.activations.get_or_create(&[("result", result.into())]).inc();
    }
}

fn directory_labels(domain: &str, result: &'static str) -> Labels<2> {
    [("domain", domain.to_owned().into()), ("result", result.into())]
}

fn error_labels(code: ErrorCode) -> Labels<2> {
    [("code", code.number().to_string().into()), ("name", code.name().into())]
}

fn labels(backend: &dyn Backend) -> Labels<2> {
    let domain = backend.domain().unwrap_or_default().to_owned();
    [("backend", backend.kind().into()), ("domain", domain.into())]
}

fn with_outcome(backend: &dyn Backend, outcome: &'static str) -> Labels<3> {
    let [kind, domain] = labels(backend);
    [kind, domain, ("outcome", outcome.into())]
}
