//! Subscriptions (RFC 6665) as Microsoft's servers have them: first notifications within the answer, BENOTIFYs that
//! nobody answers, lifetimes that each notification extends.

mod notifier;
mod subscriber;

pub use notifier::{Notifier, NotifierError};
pub use subscriber::{Due, Event, News, Notified, SubscribeError, Subscription, Target, Termination};

/// `Supported` and `Proxy-Require`: notifications may come as BENOTIFY.
const BENOTIFY: &str = "ms-benotify";
/// `Supported`: the answer may be the first notification.
const PIGGYBACK: &str = "ms-piggyback-first-notify";
/// `Supported`: notifications may extend the subscription.
const AUTOEXTEND: &str = "com.microsoft.autoextend";
