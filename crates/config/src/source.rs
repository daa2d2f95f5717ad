use crate::mask;

/// How many characters of a source line a message shows at most: some editors save a file as one line.
const SHOWN: usize = 160;
const TAB: &str = "    ";

/// A range of bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// The span of a text that was borrowed from `whole`.
    pub(crate) fn of(part: &str, whole: &str) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
        Self { start, end: (start + part.len()).min(whole.len()) }
    }
}

/// The text of a configuration file with what is needed to point into it.
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    line_starts: Vec<usize>,
    masks: Vec<Span>,
}

/// Where a problem is, with the source line as it may be shown: secrets masked, tabs and controls replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) shown: String,
    pub(crate) caret_at: usize,
    pub(crate) carets: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, masks: mask::masks(text) }
    }

    /// The line number, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= at)
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        let line = self.line(span.start);
        let start = self.line_starts[line - 1];
        let text = self.text[start..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let column = text.char_indices().take_while(|(at, _)| start + at < span.start).count() + 1;
        let drawn = self.draw(text, start);
        let caret_at = drawn.column_of(span.start - start);
        let carets = drawn.column_of(span.end.saturating_sub(start)).saturating_sub(caret_at).max(1);
        drawn.window(line, column, caret_at, carets)
    }

    fn draw(&self, line: &str, start: usize) -> Drawn {
        let mut drawn = Drawn { glyphs: Vec::new(), columns: Vec::new() };
        let first = self.masks.partition_point(|mask| mask.end <= start);
        let mut masks = self.masks[first..].iter().peekable();
        let mut hidden_at = None;
        for (at, c) in line.char_indices() {
            while masks.next_if(|mask| mask.end <= start + at).is_some() {
                hidden_at = None;
            }
            let hidden = masks.peek().is_some_and(|mask| mask.start <= start + at);
            // All of what is hidden is drawn at one place, so that carets do not tell its length.
            drawn.columns.push((at, hidden_at.unwrap_or(drawn.glyphs.len())));
            if !hidden {
                drawn.push(c);
            } else if hidden_at.is_none() {
                hidden_at = Some(drawn.glyphs.len());
                drawn.glyphs.extend("***".chars());
            }
        }
        drawn
    }
}

struct Drawn {
    glyphs: Vec<char>,
    /// For each character of the line: its byte and the column where it is drawn.
    columns: Vec<(usize, usize)>,
}

impl Drawn {
    fn push(&mut self, c: char) {
        match c {
            '\t' => self.glyphs.extend(TAB.chars()),
            c if c.is_control() => self.glyphs.push('\u{FFFD}'),
            c => self.glyphs.push(c),
        }
    }

    fn column_of(&self, byte: usize) -> usize {
        let index = self.columns.partition_point(|&(at, _)| at < byte);
        self.columns.get(index).map_or(self.glyphs.len(), |&(_, column)| column)
    }

    fn window(&self, line: usize, column: usize, caret_at: usize, carets: usize) -> Place {
        if self.glyphs.len() <= SHOWN {
            let shown = self.glyphs.iter().collect::<String>();
            return Place { line, column, shown: shown.trim_end().to_owned(), caret_at, carets };
        }
        let from = caret_at.saturating_sub(SHOWN / 3).min(self.glyphs.len() - SHOWN);
        let shown = self.glyphs[from..from + SHOWN].iter().collect::<String>();
        let lead = if from > 0 { "…" } else { "" };
        let caret_at = caret_at - from + lead.chars().count();
        let carets = carets.min(SHOWN.saturating_sub(caret_at)).max(1);
        Place { line, column, shown: format!("{lead}{shown}…"), caret_at, carets }
    }
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, Source, Span};

    #[test]
    fn columns_count_characters_and_tabs_are_widened() {
        let source = Source::new("<a>\n\t<ü é=\"1\" b=\"2\"/>\r\n</a>");
        let at = source.text.find("b=").unwrap();
        let place = source.place(Span { start: at, end: at + 1 });
        assert_eq!((place.line, place.column), (2, 11));
        assert_eq!(place.shown.chars().nth(place.caret_at), Some('b'));
    }

    #[test]
    fn a_file_of_one_long_line_is_shown_around_the_caret() {
        let text = format!("<a>{}<here/>{}</a>", "<b/>".repeat(500), "<b/>".repeat(500));
        let source = Source::new(&text);
        let at = text.find("here").unwrap();
        let place = source.place(Span { start: at, end: at + 4 });
        assert!(place.shown.chars().count() <= SHOWN + 2);
        let under: String = place.shown.chars().skip(place.caret_at).take(place.carets).collect();
        assert_eq!(under, "here");
    }
}
