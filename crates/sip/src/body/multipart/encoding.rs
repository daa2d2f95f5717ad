use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::body::{BodyCode, BodyError};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Undoes a transfer encoding; `at` is where the part begins.
pub(super) fn decode(body: &[u8], encoding: &str, at: usize) -> Result<Vec<u8>, BodyError> {
    match encoding {
        "" | "binary" | "8bit" | "7bit" => Ok(body.to_vec()),
        "base64" => from_base64(body, at),
        "quoted-printable" => Ok(from_quoted_printable(body)),
        _ => Err(BodyError::new(BodyCode::WrongType, encoding, at, "binary, base64 or quoted-printable")),
    }
}

/// Padding may be there or not, and white space anywhere.
pub(in crate::body) fn from_base64(text: &[u8], at: usize) -> Result<Vec<u8>, BodyError> {
    let dense: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(dense).map_err(|_| BodyError::new(BodyCode::BadValue, "base64", at, "base64"))
}

pub(in crate::body) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// What is no escape stays as it is.
fn from_quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape = if byte == b'=' { after } else { b"" };
        match escape {
            [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..] => rest = tail,
            [high, low, tail @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = tail;
                }
                _ => decoded.push(byte),
            },
            _ => decoded.push(byte),
        }
    }
    decoded
}

pub(in crate::body) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
