use serde::Serialize;

/// Deepest nesting of arrays and objects that is accepted.
pub(crate) const MAX_DEPTH: usize = 64;

/// What serde_json would let through unseen, because a raw member is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanError {
    /// More than [`MAX_DEPTH`] levels.
    TooDeep,
    /// Half of a UTF-16 pair, which no text can hold.
    LoneSurrogate,
}

/// Looks for nesting beyond [`MAX_DEPTH`] and for lone surrogates; all other faults are left to the parser.
pub(crate) fn scan(text: &str) -> Result<(), ScanError> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(ScanError::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = scan_string(bytes, at)?,
            _ => {}
        }
    }
    Ok(())
}

/// Goes from behind the opening quote to behind the closing one.
fn scan_string(bytes: &[u8], mut at: usize) -> Result<usize, ScanError> {
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => break,
            b'\\' if bytes.get(at) == Some(&b'u') => match code_unit(bytes, at + 1) {
                Some(0xD800..=0xDBFF) => {
                    let escaped = bytes.get(at + 5) == Some(&b'\\') && bytes.get(at + 6) == Some(&b'u');
                    match code_unit(bytes, at + 7) {
                        Some(0xDC00..=0xDFFF) if escaped => at += 11,
                        _ => return Err(ScanError::LoneSurrogate),
                    }
                }
                Some(0xDC00..=0xDFFF) => return Err(ScanError::LoneSurrogate),
                _ => at += 1,
            },
            b'\\' => at += 1,
            _ => {}
        }
    }
    Ok(at)
}

fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = std::str::from_utf8(bytes.get(at..at + 4)?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

/// Builds a JSON object member by member, in the order of the calls.
pub(crate) struct Object {
    buf: Vec<u8>,
}

impl Object {
    /// An object that begins with these members.
    pub(crate) fn new() -> Self {
        let mut buf = Vec::with_capacity(256);
        buf.push(b'{');
        Self { buf }
    }

    /// Adds a member. What serde_json cannot write becomes null; none of our types is such.
    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> &mut Self {
        self.key(key);
        let before = self.buf.len();
        if serde_json::to_writer(&mut self.buf, value).is_err() {
            self.buf.truncate(before);
            self.buf.extend_from_slice(b"null");
        }
        self
    }

    /// Adds a member whose value is JSON text already.
    pub(crate) fn put_raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.buf.extend_from_slice(json.as_bytes());
        self
    }

    /// The finished text.
    pub(crate) fn finish(&mut self) -> String {
        self.buf.push(b'}');
        let buf = std::mem::take(&mut self.buf);
        String::from_utf8(buf).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// Keys are ours: letters, digits and underscores.
    fn key(&mut self, key: &str) {
        if self.buf.len() > 1 {
            self.buf.push(b',');
        }
        self.buf.push(b'"');
        self.buf.extend_from_slice(key.as_bytes());
        self.buf.extend_from_slice(b"\":");
    }
}

#[cfg(test)]
mod tests {
    use super::{Object, ScanError, scan};

    #[test]
    fn nesting_counts_outside_strings_only() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(scan(&nested(64)), Ok(()));
        assert_eq!(scan(&nested(65)), Err(ScanError::TooDeep));
        assert_eq!(scan(&format!("\"{}\"", nested(500))), Ok(()));
        assert_eq!(scan(&format!("\"\\\"{}\"", nested(500))), Ok(()));
        assert_eq!(scan(&"[]".repeat(500)), Ok(()));
    }

    #[test]
    fn surrogates_must_come_in_pairs() {
        for good in [r#""\ud83d\ude00""#, r#""\u00e9""#, r#""\\ud83d""#, r#""\u12"#, r#""\"#] {
            assert_eq!(scan(good), Ok(()), "{good}");
        }
        for bad in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\ud83d""#, r#""\ud83dxude00""#, r#""\uDbFf\n""#] {
            assert_eq!(scan(bad), Err(ScanError::LoneSurrogate), "{bad}");
        }
    }

    #[test]
    fn members_come_in_order() {
        assert_eq!(Object::new().put("a", "x\"y").put_raw("b", "[1]").finish(), r#"{"a":"x\"y","b":[1]}"#);
        assert_eq!(Object::new().finish(), "{}");
    }
}
