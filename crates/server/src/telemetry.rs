//! Logs on standard error, as LOG_LEVEL and LOG_FORMAT say; never message text, tokens or passwords.

pub(crate) mod certificate;
mod line;
mod mishap;
mod process;

use std::{
    fmt,
    io::{self, IsTerminal},
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, filter_fn},
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};
use trunkline_config::LogFormat;

use crate::{exit::Failure, print};

/// Changes what is logged while the program runs.
#[derive(Clone)]
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.with_current(|filter| write!(f, "{filter}")).unwrap_or(Err(fmt::Error))
    }
}

impl LogLevel {
    /// One that no log goes by.
    #[cfg(test)]
    pub(crate) fn unused(level: &str) -> Self {
        let (layer, handle) = reload::Layer::new(EnvFilter::new(level));
        // The handle holds it weakly.
        std::mem::forget(layer);
        Self(handle)
    }

    /// One whose log is gone, so that it cannot be changed.
    #[cfg(test)]
    pub(crate) fn gone() -> Self {
        Self(reload::Layer::new(EnvFilter::new("info")).1)
    }

    /// Takes a list of filter directives such as `info,trunkline_core=debug`; else says what is wrong with it, and the
    /// level stays.
    pub(crate) fn set(&self, level: &str) -> Result<(), String> {
        let filter = EnvFilter::try_new(level).map_err(|error| format!("LOG_LEVEL: {error}"))?;
        self.0.reload(filter).map_err(|error| format!("LOG_LEVEL cannot be changed: {error}"))
    }
}

/// Shows in `/metrics` which program this is, what it uses, and its panics.
pub(crate) fn register(registry: &mut prometheus_client::registry::Registry) {
    mishap::register(registry);
    process::register(registry);
}

/// Starts logging; `level` is as for [`LogLevel::set`].
pub(crate) fn start(level: &str, format: LogFormat) -> Result<LogLevel, Failure> {
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Failure::failed(format!("LOG_LEVEL is not understood: {error}"))
            .advise("LOG_LEVEL=info, or info,trunkline_core=debug")
    })?;
    let (filter, handle) = reload::Layer::new(filter);
    let filter = filter.and(filter_fn(discreet));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => {
            let colour = print::colour(io::stderr().is_terminal());
            lines.with_ansi(colour).fmt_fields(line::fields()).with_filter(filter).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .try_init()
        .map_err(|error| Failure::failed(format!("logging cannot start: {error}")))?;
    mishap::hook();
    // Libraries that speak through `log` would be held to the level of the start for ever.
    log::set_max_level(log::LevelFilter::Info);
    Ok(LogLevel(handle))
}

/// Libraries below us log whole frames and stanzas when asked for details; they are not asked.
fn discreet(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("trunkline")
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::{Layer, filter::filter_fn, layer::SubscriberExt};

    use super::discreet;

    #[test]
    fn libraries_are_never_asked_for_details() {
        let registry = tracing_subscriber::registry()
            .with(tracing_subscriber::fmt::layer().with_filter(filter_fn(discreet)));
        tracing::subscriber::with_default(registry, || {
            assert!(!tracing::enabled!(target: "tungstenite::protocol", tracing::Level::TRACE));
            assert!(!tracing::enabled!(target: "tokio_xmpp", tracing::Level::DEBUG));
            assert!(tracing::enabled!(target: "tokio_xmpp", tracing::Level::INFO));
            assert!(tracing::enabled!(target: "trunkline_core", tracing::Level::TRACE));
        });
    }
}
