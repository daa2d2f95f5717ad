//! Where files stand and what they are called.

use std::path::{Component, Path, PathBuf};

use super::Finding;

/// All that may stand at the top, beside dot-files.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "LICENSE",
    "crates",
    "config",
    "migrations",
    "tests",
    "deploy",
    "docs",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["common", "util", "utils", "helper", "helpers", "manager", "managers", "service", "services", "misc"];

/// Files that are keys, databases or built, never sources.
const FOREIGN: &[&str] = &["key", "p12", "pfx", "db", "sqlite", "sqlite3", "rlib", "so", "o", "profraw"];

const MAX_BYTES: usize = 1024 * 1024;

pub(super) fn check(files: &[PathBuf]) -> Vec<Finding> {
    files.iter().flat_map(|file| check_file(file)).collect()
}

fn check_file(file: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let top = file.components().next().map(name).unwrap_or_default();
    if !top.starts_with('.') && !TOP.contains(&top) {
        findings.push(Finding::new(file, 0, format!("`{top}` has no place at the top: {}", TOP.join(" "))));
    }
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if FOREIGN.contains(&extension) {
        findings.push(Finding::new(file, 0, format!("a .{extension} file is no source: keep it out of git")));
    }
    if extension == "rs" {
        findings.extend(check_module(file));
    }
    findings
}

fn check_module(file: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.ends_with("mod.rs") {
        findings.push(Finding::new(
            file,
            0,
            "no mod.rs: name it like its folder and put it beside the folder",
        ));
    }
    let stem = file.with_extension("");
    findings.extend(stem.components().filter_map(|part| check_name(file, 0, name(part))));
    findings
}

/// Objects to a module, folder or package name that would fit anything.
pub(super) fn check_name(file: &Path, line: usize, name: &str) -> Option<Finding> {
    let word = name.split(['_', '-']).find(|word| EMPTY_NAMES.contains(word))?;
    Some(Finding::new(file, line, format!("`{word}` says nothing: name `{name}` after the thing it holds")))
}

/// Objects to a file that makes every clone slow for ever.
pub(super) fn check_size(file: &Path, bytes: usize) -> Option<Finding> {
    (bytes > MAX_BYTES)
        .then(|| Finding::new(file, 0, format!("{bytes} bytes: at most {MAX_BYTES} are allowed")))
}

fn name(part: Component<'_>) -> &str {
    part.as_os_str().to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(file: &str) -> Vec<String> {
        check(&[file.into()]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn the_top_holds_what_it_must_and_dot_files() {
        for file in ["Cargo.toml", "crates/core/src/hub.rs", ".ci/run", ".gitignore", "docs/a.md"] {
            assert_eq!(messages(file), [""; 0], "{file}");
        }
        assert!(messages("scripts/run.sh")[0].starts_with("`scripts` has no place at the top"));
        assert!(messages("Makefile")[0].starts_with("`Makefile` has no place"));
    }

    #[test]
    fn names_that_fit_anything_are_refused_wherever_they_stand() {
        assert_eq!(messages("crates/core/src/utils.rs").len(), 1);
        assert_eq!(messages("crates/core/src/session_manager/idle.rs").len(), 1);
        assert_eq!(messages("crates/core/tests/common/mod.rs").len(), 2, "its folder and mod.rs");
        assert_eq!(messages("crates/core/src/commonplace.rs").len(), 0, "only whole words count");
    }

    #[test]
    fn keys_databases_and_big_files_stay_out() {
        assert_eq!(messages("tests/data/server.key").len(), 1);
        assert_eq!(messages("tests/data/old.db").len(), 1);
        assert!(check_size(Path::new("docs/a.png"), MAX_BYTES).is_none());
        assert!(check_size(Path::new("docs/a.png"), MAX_BYTES + 1).is_some());
    }
}
