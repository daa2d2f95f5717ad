use std::fmt::{self, Debug, Write};

use tracing::field::Field;
use tracing_subscriber::{
    field::MakeExt,
    fmt::{FormatFields, format},
};

/// Fields as `name=value`, such that no value, whoever chose it, begins a line of its own, colours a terminal, or turns
/// the order of letters around.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> {
    format::debug_fn(|writer, field, value| write_field(writer, field, value)).delimited(" ")
}

fn write_field(writer: &mut format::Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name().trim_start_matches("r#"))?;
    }
    write!(Escaping(writer), "{value:?}")
}

struct Escaping<'a, 'w>(&'a mut format::Writer<'w>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, letter) in text.char_indices().filter(|(_, letter)| misleads(*letter)) {
            self.0.write_str(&text[plain..at])?;
            write!(self.0, "{}", letter.escape_default())?;
            plain = at + letter.len_utf8();
        }
        self.0.write_str(&text[plain..])
    }
}

/// Control characters, separators of lines, and what is not seen itself but changes how others look.
pub(crate) fn misleads(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_writes_a_line_of_his_own_into_the_log() {
        let page = Page::default();
        let copy = page.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .fmt_fields(super::fields())
            .with_writer(move || copy.clone());
        let evil = "x\r\n2026-01-01 WARN audit: \u{1b}[31mall is well\u{85}\u{2028}\u{202e}dlrow\u{9b}31m";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("request", id = %evil);
            let _entered = span.enter();
            tracing::warn!(reason = %evil, debug = ?evil, text = evil, "said {evil}");
        });
        let written = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 1, "{written}");
        assert!(!written.trim_end_matches('\n').chars().any(super::misleads), "{written:?}");
        assert!(written.contains("WARN request{id=x\\r\\n2026"), "{written}");
        assert!(written.contains("said x\\r\\n2026") && written.contains(" reason=x\\r\\n"), "{written}");
    }
}
