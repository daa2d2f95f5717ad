//! Logs on standard error, as LOG_LEVEL and LOG_FORMAT say; never message text, tokens or passwords.

mod line;
mod mishap;

use std::io::{self, IsTerminal};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer, filter::FilterExt, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt,
};
use trunkline_config::LogFormat;

pub(crate) use self::mishap::register;
use crate::{exit::Failure, print};

/// Starts logging; `level` is a list of filter directives such as `info,trunkline_core=debug`.
pub(crate) fn start(level: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Failure::failed(format!("LOG_LEVEL is not understood: {error}"))
            .advise("LOG_LEVEL=info, or info,trunkline_core=debug")
    })?;
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
    Ok(())
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
