use std::{error::Error, fmt, iter::repeat_n};

use crate::{
    code::Code,
    mask::in_name,
    source::{Place, Source, Span},
};

/// More problems than this are counted, not listed.
const LISTED: usize = 100;

/// Whether a problem stops the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// The configuration is used; something in it has no effect or is unwise.
    Warning,
}

/// One problem of a configuration file; its `Display` is the whole message in rustc's form, without a
/// newline at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    severity: Severity,
    code: &'static Code,
    message: String,
    file: String,
    place: Option<Place>,
    label: String,
    notes: Vec<String>,
}

/// A problem that does not stop the program.
pub type Warning = Diagnostic;

impl Diagnostic {
    /// Error or warning.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// The stable code that docs/configuration.md explains, such as `C032`.
    pub fn code(&self) -> &'static str {
        self.code.id
    }

    /// What is wrong, in one line; never holds a secret, nor a value that came by `env:` or `file:`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Line and column in characters, both from 1; None when the problem is the file as a whole.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line, place.column))
    }

    /// What was expected at the place, and further hints, one line each.
    pub fn hints(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.label).chain(&self.notes).filter(|text| !text.is_empty()).map(String::as_str)
    }

    /// Adds a line under the source line: `help: …` or `note: …`.
    pub(crate) fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.notes.push(text.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code.id, self.message)?;
        let Some(place) = &self.place else {
            write!(f, "\n --> {}", self.file)?;
            return self.hints().try_for_each(|hint| write!(f, "\n  = {hint}"));
        };
        let gutter = place.line.to_string().len();
        let carets: String = repeat_n(' ', place.caret_at).chain(repeat_n('^', place.carets)).collect();
        write!(f, "\n{:gutter$}--> {}:{}:{}", "", self.file, place.line, place.column)?;
        write!(f, "\n{:gutter$} |\n{} | {}", "", place.line, place.shown)?;
        write!(f, "\n{:gutter$} | {}", "", format!("{carets} {}", self.label).trim_end())?;
        self.notes.iter().try_for_each(|note| write!(f, "\n{:gutter$} = {note}", ""))
    }
}

/// Everything that is wrong with a configuration, warnings too, in the file's order; holds at least one
/// error.
///
/// Its `Display` is ready for a terminal: all messages, then a line that counts them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    list: Vec<Diagnostic>,
    unlisted: usize,
}

impl Diagnostics {
    /// The problems, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// How many errors there are; warnings are not counted.
    pub fn error_count(&self) -> usize {
        self.unlisted + self.list.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// One error about the file as a whole.
    pub(crate) fn of_file(file: &str, code: &'static Code, message: String, hint: &str) -> Self {
        let mut problems = Problems::new(file, None);
        problems.add(Severity::Error, code, None, message, hint.to_owned());
        Self { file: file.to_owned(), list: problems.list, unlisted: 0 }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|problem| write!(f, "{problem}\n\n"))?;
        if self.unlisted > 0 {
            writeln!(f, "... and {} more errors\n", self.unlisted)?;
        }
        let plural = if self.error_count() == 1 { "" } else { "s" };
        write!(f, "error: {} has {} error{plural}", self.file, self.error_count())
    }
}

impl Error for Diagnostics {}

/// The problems found so far in one file.
pub(crate) struct Problems<'a> {
    file: String,
    source: Option<&'a Source<'a>>,
    list: Vec<Diagnostic>,
    /// Where each problem of `list` is, to put them into the file's order.
    positions: Vec<usize>,
    unlisted: usize,
    /// Takes what is added beyond [`LISTED`].
    overflow: Diagnostic,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(file: &str, source: Option<&'a Source<'a>>) -> Self {
        let overflow = Diagnostic {
            severity: Severity::Error,
            code: &crate::code::UNREADABLE,
            message: String::new(),
            file: String::new(),
            place: None,
            label: String::new(),
            notes: Vec::new(),
        };
        let file = file.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        Self { file, source, list: Vec::new(), positions: Vec::new(), unlisted: 0, overflow }
    }

    /// Adds an error; `label` stands beside the caret and says what was expected.
    pub(crate) fn error(
        &mut self,
        code: &'static Code,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Error, code, Some(span), message.into(), label.into())
    }

    /// Adds a warning, in the same form.
    pub(crate) fn warning(
        &mut self,
        code: &'static Code,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Severity::Warning, code, Some(span), message.into(), label.into())
    }

    /// The number of the line that holds this byte, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.source.map_or(1, |source| source.line(at))
    }

    /// The warnings when nothing is wrong, else everything; in the file's order.
    pub(crate) fn finish(self) -> Result<Vec<Warning>, Diagnostics> {
        let mut ordered: Vec<_> = self.positions.into_iter().zip(self.list).collect();
        ordered.sort_by_key(|(position, _)| *position);
        let list: Vec<_> = ordered.into_iter().map(|(_, problem)| problem).collect();
        if self.unlisted == 0 && list.iter().all(|problem| problem.severity == Severity::Warning) {
            return Ok(list);
        }
        Err(Diagnostics { file: self.file, list, unlisted: self.unlisted })
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static Code,
        span: Option<Span>,
        message: String,
        label: String,
    ) -> &mut Diagnostic {
        if self.list.len() >= LISTED {
            self.unlisted += usize::from(severity == Severity::Error);
            self.overflow.notes.clear();
            return &mut self.overflow;
        }
        let place = span.zip(self.source).map(|(span, source)| source.place(span));
        let file = self.file.clone();
        let problem = Diagnostic { severity, code, message, file, place, label, notes: Vec::new() };
        self.positions.push(span.map_or(0, |span| span.start));
        self.list.push(problem);
        self.list.last_mut().unwrap_or(&mut self.overflow)
    }
}

/// A name from the file between backticks, not longer than 60 characters.
///
/// What cannot be a name is not shown, since a slip of the hand may have joined a secret to it.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", shortened(name))
}

/// The start tag of an element from the file, in the same way.
pub(crate) fn tag(name: &str) -> String {
    format!("`<{}>`", shortened(name))
}

/// The end tag of an element from the file, in the same way.
pub(crate) fn end_tag(name: &str) -> String {
    format!("`</{}>`", shortened(name))
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(60) {
        _ if !name.chars().all(in_name) => "…".to_owned(),
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
