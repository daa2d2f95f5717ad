use std::{ffi::OsString, io, path::Path};

use trunkline_config::{Lookup, parse};

struct Nothing;

impl Lookup for Nothing {
    fn variable(&self, _: &str) -> Option<OsString> {
        None
    }

    fn file(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn openable(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A configuration file: whatever it holds, it is read, or every problem is shown at a place that exists. Nothing is fetched,
/// and no text grows while it is read.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, "fuzz.config", Path::new(""), &Nothing) {
        Ok((config, warnings)) => {
            let shown = format!("{config:?}");
            assert!(shown.len() < 64 * 1024 + 16 * text.len(), "{} bytes of {}", shown.len(), text.len());
            warnings.iter().for_each(|warning| drop(warning.to_string()));
        }
        Err(problems) => {
            assert!(problems.error_count() > 0);
            let lines = text.lines().count().max(1) + 1;
            for problem in problems.iter() {
                if let Some((line, column)) = problem.position() {
                    assert!((1..=lines).contains(&line) && column >= 1, "{line}:{column} of {lines}");
                }
            }
            drop(problems.to_string());
        }
    }
}
