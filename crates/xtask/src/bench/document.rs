use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Between these lines the page holds what was measured.
const BEGIN: &str = "<!-- begin: measured; `cargo xtask bench --fill FILE.json` writes it -->\n";
const END: &str = "<!-- end: measured -->\n";

/// What the load program's `--json` writes.
#[derive(Deserialize)]
struct Measured {
    machine: Machine,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Machine {
    processor: String,
    cores: u32,
    memory: String,
    kernel: String,
    program: String,
    quick: bool,
}

#[derive(Deserialize)]
struct Case {
    part: String,
    case: String,
    figures: Vec<Figure>,
    runs: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Figure {
    name: String,
    /// Absent when nothing was measured.
    median: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
}

/// Writes the tables of a measurement into the page.
pub(super) fn fill(page: &Path, measured: &Path) -> Result<()> {
    let told = fs::read_to_string(measured).with_context(|| format!("{}", measured.display()))?;
    let told: Measured = serde_json::from_str(&told).with_context(|| format!("{}", measured.display()))?;
    let text = fs::read_to_string(page).with_context(|| format!("{}", page.display()))?;
    let filled =
        filled(&text, &tables(&told)).with_context(|| format!("{} lacks its marks", page.display()))?;
    Ok(fs::write(page, filled)?)
}

fn filled(text: &str, tables: &str) -> Option<String> {
    let (head, rest) = text.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n{tables}{END}{tail}"))
}

fn tables(told: &Measured) -> String {
    let Machine { processor, cores, memory, kernel, program, quick } = &told.machine;
    let mut text = format!("{program}; {cores} cores of {processor}, {memory}, Linux {kernel}.\n");
    if *quick {
        text.push_str(
            "\n**Measured with `--quick`: this shows that the benchmark works, and nothing else.**\n",
        );
    }
    let mut rest = told.cases.as_slice();
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|case| case.part == first.part).count();
        let (part, others) = rest.split_at(same);
        rest = others;
        table(&mut text, part);
    }
    text.push('\n');
    text
}

/// One table: a row for each case, a column for each figure.
fn table(text: &mut String, cases: &[Case]) {
    let Some(first) = cases.first() else { return };
    let names: Vec<&str> = first.figures.iter().map(|figure| figure.name.as_str()).collect();
    // A String takes everything.
    let _ = writeln!(text, "\n### {}\n\n| | {} | runs |", first.part, names.join(" | "));
    let _ = writeln!(text, "|---|{}---:|", "---:|".repeat(names.len()));
    for case in cases {
        let cells: Vec<String> = case.figures.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} | {} |", case.case, cells.join(" | "), case.runs.len());
    }
}

fn cell(figure: &Figure) -> String {
    match (figure.median, figure.least, figure.most) {
        (Some(median), Some(least), Some(most)) if least < most => {
            format!("{} ({} – {})", short(median), short(least), short(most))
        }
        (Some(median), ..) => short(median),
        _ => "–".to_owned(),
    }
}

fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, Measured, filled, tables};

    #[test]
    fn a_measurement_becomes_a_table_between_the_marks() {
        let told = r#"{"machine":{"processor":"P","cores":2,"memory":"4 kB","kernel":"6","program":"trunkline 0","quick":false},
            "cases":[{"part":"idle","case":"50 plain","figures":[{"name":"KiB","median":5.25,"least":5.0,"most":6.0}],"runs":[{},{}]},
            {"part":"idle","case":"50 TLS","figures":[{"name":"KiB","median":null,"least":null,"most":null}],"runs":[{}]}]}"#;
        let told: Measured = serde_json::from_str(told).expect("it is what load writes");
        let tables = tables(&told);
        assert!(tables.contains("| 50 plain | 5.25 (5.00 – 6.00) | 2 |"), "{tables}");
        assert!(tables.contains("| 50 TLS | – | 1 |"), "{tables}");
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let page = filled(&page, &tables).expect("the marks are there");
        assert!(page.starts_with("before\n") && page.ends_with("after\n") && !page.contains("old"));
        assert_eq!(filled(&page, &tables).expect("the marks are there still"), page);
        assert!(filled("no marks", &tables).is_none());
    }
}
