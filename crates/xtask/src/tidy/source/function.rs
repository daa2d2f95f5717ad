//! How long functions may be: none past the screen, nearly all at a glance.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::Finding;

const MAX: usize = 80;
const SHORT: usize = 35;
const SHORT_SHARE_PERCENT: usize = 90;
/// How many of the longest are named when too few are short.
const NAMED: usize = 10;

/// Where a function stands and how many lines it has, from `fn` to its closing brace.
pub(in crate::tidy) struct Function {
    path: PathBuf,
    name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

impl Function {
    pub(super) fn new(path: &Path, name: String, lines: RangeInclusive<usize>) -> Self {
        Self { path: path.to_owned(), name, line: *lines.start(), lines: lines.count() }
    }

    fn finding(&self, rule: &str) -> Finding {
        let message = format!("`{}` has {} lines: {rule}", self.name, self.lines);
        Finding::new(&self.path, self.line, message)
    }
}

/// Judges all functions of the repository together.
pub(in crate::tidy) fn judge(mut functions: Vec<Function>) -> Vec<Finding> {
    functions.sort_by_key(|function| std::cmp::Reverse(function.lines));
    let too_long = functions.iter().take_while(|function| function.lines > MAX);
    let mut findings: Vec<_> =
        too_long.map(|function| function.finding(&format!("at most {MAX} are allowed"))).collect();
    let short = functions.iter().filter(|function| function.lines < SHORT).count();
    if short * 100 < functions.len() * SHORT_SHARE_PERCENT {
        let rule = format!(
            "only {short} of {} functions are under {SHORT} lines, {SHORT_SHARE_PERCENT} % must be",
            functions.len()
        );
        findings.extend(functions.iter().take(NAMED).map(|function| function.finding(&rule)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(lengths: &[usize]) -> usize {
        let function = |&lines: &usize| Function::new(Path::new("a.rs"), "f".to_owned(), 1..=lines);
        judge(lengths.iter().map(function).collect()).len()
    }

    #[test]
    fn no_function_is_longer_than_the_screen() {
        let mut lengths = vec![1; 100];
        lengths[7] = MAX;
        assert_eq!(judged(&lengths), 0);
        lengths[8] = MAX + 1;
        assert_eq!(judged(&lengths), 1);
    }

    #[test]
    fn nine_of_ten_are_short() {
        let mut lengths = vec![SHORT - 1; 10];
        lengths[0] = SHORT;
        assert_eq!(judged(&lengths), 0);
        lengths[1] = SHORT;
        assert_eq!(judged(&lengths), NAMED);
    }
}
