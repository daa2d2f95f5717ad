use encoding_rs::WINDOWS_1252;

/// Longest name of an entity, with what surrounds it.
const MAX_LEN: usize = 12;

/// What a `&` at the start of `rest` stands for, and how many bytes that takes. What is no reference stands for itself.
pub(super) fn resolve(rest: &str) -> (String, usize) {
    let end =
        rest.bytes().take(MAX_LEN).skip(1).position(|byte| !byte.is_ascii_alphanumeric() && byte != b'#');
    let end = end.map_or(rest.len().min(MAX_LEN), |at| at + 1);
    let name = rest.get(1..end).unwrap_or_default();
    let closed = rest.as_bytes().get(end) == Some(&b';');
    let resolved = match name.strip_prefix('#') {
        Some(number) => numeric(number),
        None => named(name).filter(|_| closed || LOOSE.contains(&name)),
    };
    match resolved {
        Some(c) => (c.to_string(), end + usize::from(closed)),
        None => ("&".to_owned(), 1),
    }
}

/// Names that old documents do not close.
const LOOSE: [&str; 5] = ["amp", "lt", "gt", "quot", "nbsp"];

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    match code {
        // What documents mean by control characters: the code page of Windows.
        0x80..=0x9f => WINDOWS_1252.decode_without_bom_handling(&[u8::try_from(code).ok()?]).0.chars().next(),
        0 => None,
        code => char::from_u32(code),
    }
}

fn named(name: &str) -> Option<char> {
    let latin = || {
        LATIN
            .iter()
            .position(|latin| *latin == name)
            .and_then(|at| char::from_u32(0xa0 + u32::try_from(at).ok()?))
    };
    OTHERS.iter().find(|(other, _)| *other == name).map(|(_, c)| *c).or_else(latin)
}

/// Names of U+00A0 to U+00FF.
const LATIN: [&str; 96] = [
    "nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect", "uml", "copy", "ordf", "laquo",
    "not", "shy", "reg", "macr", "deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot",
    "cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",
    "Atilde", "Auml", "Aring", "AElig", "Ccedil", "Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute",
    "Icirc", "Iuml", "ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times", "Oslash",
    "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig", "agrave", "aacute", "acirc", "atilde",
    "auml", "aring", "aelig", "ccedil", "egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc",
    "iuml", "eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide", "oslash", "ugrave",
    "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml",
];

const OTHERS: [(&str, char); 36] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("Yuml", 'Ÿ'),
    ("circ", 'ˆ'),
    ("tilde", '˜'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("dagger", '†'),
    ("bull", '•'),
    ("hellip", '…'),
    ("permil", '‰'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("euro", '€'),
    ("trade", '™'),
    ("minus", '−'),
];
