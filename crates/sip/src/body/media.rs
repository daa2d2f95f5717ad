//! Media types with their parameters, as Content-Type spells them.

use std::fmt;

/// A media type: `type/subtype` in lower case, and parameters in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaType {
    /// `type/subtype` in lower case.
    pub kind: String,
    /// Parameters; names are in lower case, values without their quotes.
    pub params: Vec<(String, String)>,
}

impl MediaType {
    /// Most parameters that are kept.
    const MAX_PARAMS: usize = 32;

    /// A type without parameters.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_ascii_lowercase(), params: Vec::new() }
    }

    /// With a parameter more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Reads a header's value. Whatever it is, something comes out: a type that nobody knows is refused later on.
    #[must_use]
    pub fn read(value: &str) -> Self {
        let mut rest = value;
        let kind = field(&mut rest).trim().to_ascii_lowercase();
        let mut media = Self { kind, params: Vec::new() };
        while !rest.is_empty() && media.params.len() < Self::MAX_PARAMS {
            let field = field(&mut rest);
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let name = name.trim().to_ascii_lowercase();
            if !name.is_empty() {
                media.params.push((name, unquote(value.trim())));
            }
        }
        media
    }

    /// A parameter by its name in lower case.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is that type, in any case.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        for (name, value) in &self.params {
            let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if !value.is_empty() && value.chars().all(plain) {
                write!(f, ";{name}={value}")?;
            } else {
                write!(f, ";{name}=\"")?;
                for c in value.chars().filter(|c| !c.is_control()) {
                    if matches!(c, '"' | '\\') {
                        f.write_str("\\")?;
                    }
                    write!(f, "{c}")?;
                }
                f.write_str("\"")?;
            }
        }
        Ok(())
    }
}

/// Takes what comes before the next `;` outside quotes.
fn field<'a>(rest: &mut &'a str) -> &'a str {
    let (mut quoted, mut escaped) = (false, false);
    let end = rest.char_indices().find(|(_, c)| {
        let ends = !quoted && *c == ';';
        if !escaped && *c == '"' {
            quoted = !quoted;
        }
        escaped = quoted && !escaped && *c == '\\';
        ends
    });
    let end = end.map_or(rest.len(), |(at, _)| at);
    let field = &rest[..end];
    *rest = rest.get(end + 1..).unwrap_or_default();
    field
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut escaped = false;
    let kept = inner.chars().filter(|c| {
        escaped = *c == '\\' && !escaped;
        !escaped
    });
    kept.collect()
}
