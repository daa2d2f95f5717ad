//! RTF as text. The crates that read it panic on what is not RTF or know one code page only.

mod charset;
mod reader;

use reader::Reader;

use crate::body::{BodyCode, BodyError};

/// Deepest nesting of groups.
const MAX_GROUPS: usize = 256;

/// # Errors
/// What does not begin as RTF does, or nests too deep.
pub(super) fn to_text(body: &[u8]) -> Result<String, BodyError> {
    if !body.trim_ascii_start().starts_with(b"{\\rtf") {
        return Err(BodyError::new(BodyCode::Malformed, "rtf", 0, "{\\rtf"));
    }
    let mut reader = Reader::new(body);
    while let Some(token) = reader.next() {
        if !reader.take(token)? {
            break;
        }
    }
    Ok(reader.finish())
}
