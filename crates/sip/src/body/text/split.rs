use unicode_segmentation::UnicodeSegmentation;

/// Most bytes of one message: clients refuse more than 8000 characters.
pub const MAX_MESSAGE: usize = 7_500;

/// Parts a text into pieces that, as [`super::write`] writes them, have at most so many bytes; joined they are the text. A
/// piece ends after a line or a word if one ends in its last quarter, and never within what a reader sees as one character,
/// unless that alone is too long.
#[must_use]
pub fn split(text: &str, max: usize) -> Vec<&str> {
    let max = max.max(8);
    let mut pieces = Vec::new();
    let mut rest = text;
    while written(rest) > max {
        let (piece, after) = rest.split_at(cut(rest, max));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Where to cut: within `max` as written, and after at least one character.
fn cut(text: &str, max: usize) -> usize {
    let (mut fits, mut size, mut word, mut line) = (0, 0, 0, 0);
    for grapheme in text.graphemes(true) {
        size += written(grapheme);
        if size > max {
            break;
        }
        fits += grapheme.len();
        if grapheme.ends_with('\n') {
            line = fits;
        } else if grapheme.chars().all(char::is_whitespace) {
            word = fits;
        }
    }
    if fits == 0 {
        return within(text, max);
    }
    let late = |place: &usize| *place > fits / 4 * 3;
    [line, word].into_iter().find(late).unwrap_or(fits)
}

/// Where to cut what is too long to be shown anyway.
fn within(text: &str, max: usize) -> usize {
    let mut size = 0;
    let fits = text.char_indices().take_while(|(_, c)| {
        size += if *c == '\n' { 2 } else { c.len_utf8() };
        size <= max
    });
    fits.last().map_or(text.len(), |(at, c)| at + c.len_utf8())
}

fn written(text: &str) -> usize {
    let bytes = text.as_bytes();
    let bare = |at: &usize| bytes[*at] == b'\n' && (*at == 0 || bytes[at - 1] != b'\r');
    bytes.len() + (0..bytes.len()).filter(bare).count()
}
