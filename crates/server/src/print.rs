//! Standard output: data for people or programs; a reader that goes away ends the program quietly.

use std::{
    io::{self, BufRead, ErrorKind, IsTerminal, Write},
    process,
};

use serde::Serialize;

use crate::exit::Failure;

/// Writes text as it is.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // `trunkline account list | head`
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        result => Ok(result?),
    }
}

/// Writes text that is a courtesy: nothing depends on its being read.
pub(crate) fn courtesy(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether to use colour: only on a terminal that can, and not when NO_COLOR is set (https://no-color.org).
pub(crate) fn colour(terminal: bool) -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    terminal && wanted && !dumb
}

/// Writes one JSON value on one line.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_string(value).map_err(|error| Failure::failed(error.to_string()))?;
    line.push('\n');
    text(&line)
}

/// Writes rows in columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut all = line(&head.map(str::to_owned), &widths);
    for row in rows {
        all.push_str(&line(row, &widths));
    }
    text(&all)
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}"));
    format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
}

/// Asks on the terminal whether to go on. Without a terminal nothing is asked and nothing done.
pub(crate) fn consent(effect: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(
            Failure::usage(format!("{effect} There is nobody to ask here.")).advise("the same with --yes")
        );
    }
    eprint!("{effect}\nType yes to go on: ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(Failure::failed("nothing was changed"))
    }
}

/// Bytes in the unit that fits.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 1_536, 5 << 20].map(size), ["0.0 KiB", "1.5 KiB", "5.0 MiB"].map(str::to_owned));
    }
}
