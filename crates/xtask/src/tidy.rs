//! The rules of the house that neither the compiler nor a linter knows, each in a room of its own.

mod layout;
mod picture;
mod source;
mod text;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// One broken rule, at a place; line 0 means the file as a whole.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: PathBuf,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: impl Into<PathBuf>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into() }
    }
}

/// What the rules say: findings fail, remarks do not.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
    remarks: Vec<String>,
}

pub(crate) fn run() -> Result<ExitCode> {
    check()?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Prints every finding as `file:line: what is wrong` and fails when there is one.
pub(crate) fn check() -> Result<()> {
    let report = inspect()?;
    for remark in &report.remarks {
        eprintln!("xtask: {remark}");
    }
    for Finding { path, line, message } in &report.findings {
        match line {
            0 => println!("{}: {message}", path.display()),
            _ => println!("{}:{line}: {message}", path.display()),
        }
    }
    if !report.findings.is_empty() {
        bail!("{} places break the rules of the house", report.findings.len());
    }
    Ok(())
}

fn inspect() -> Result<Report> {
    let root = workspace::root();
    let files = workspace::files()?;
    let mut report = Report::default();
    report.findings.extend(layout::check(&files));
    report.findings.extend(picture::check(&workspace::metadata()?, &root)?);
    let mut functions = Vec::new();
    for file in &files {
        let Some(content) = read(&root, file, &mut report)? else { continue };
        report.findings.extend(text::check(file, &content));
        if file.extension().is_some_and(|extension| extension == "rs") {
            let source = source::read(file, &content);
            report.remarks.extend(source.remarks);
            report.findings.extend(source.findings);
            functions.extend(source.functions);
        }
    }
    report.findings.extend(source::judge(functions));
    report.findings.sort();
    Ok(report)
}

/// The text of a file, or nothing when it is no text; notes a file that is too big for a repository.
fn read(root: &Path, file: &Path, report: &mut Report) -> Result<Option<String>> {
    let path = root.join(file);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    report.findings.extend(layout::check_size(file, bytes.len()));
    Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')))
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_repository_is_tidy() {
        let report = super::inspect().unwrap();
        assert_eq!(report.findings, []);
    }
}
