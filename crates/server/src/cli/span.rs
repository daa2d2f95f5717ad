use std::{fmt, str::FromStr, time::Duration};

use jiff::SpanRelativeTo;

/// The longest [`Span`]: a key that lies about for longer than a year is a mistake.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A length of time as people write it: `30m`, `24h`, `7d`; one second to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// Why a text is not a [`Span`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SpanError {
    /// Not a number with a unit.
    #[error("expected a length of time like 30m, 24h or 7d")]
    NotASpan,
    /// Zero, negative, or beyond a year.
    #[error("expected a length of time between 1s and 366d")]
    OutOfRange,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let span: jiff::Span = text.trim().parse().map_err(|_| SpanError::NotASpan)?;
        let signed =
            span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| SpanError::NotASpan)?;
        let duration = Duration::try_from(signed).map_err(|_| SpanError::OutOfRange)?;
        if duration < Duration::from_secs(1) || duration > LONGEST {
            return Err(SpanError::OutOfRange);
        }
        Ok(Self(duration))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Span, SpanError};

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, secs) in [("90s", 90), ("30m", 1_800), ("24h", 86_400), ("7d", 604_800), ("1h 30m", 5_400)]
        {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs(secs))), "{text}");
        }
        for text in ["", "24", "soon", "1 fortnight", "1mo"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::NotASpan), "{text}");
        }
        for text in ["0s", "-1h", "500d"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError::OutOfRange), "{text}");
        }
    }
}
