//! Which crate may stand on which: the picture in docs/ARCHITECTURE.md, as a table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Finding, layout};
use crate::workspace::{Dependency, Metadata, Package};

const PREFIX: &str = "trunkline-";

/// Every crate of ours and what it may stand on; roof first.
const FLOORS: &[(&str, &[&str])] = &[
    ("server", &["client", "config", "core", "directory", "http", "lync", "model", "store", "wire", "xmpp"]),
    ("http", &["config", "core", "model", "wire"]),
    ("xmpp", &["core", "model", "tls"]),
    ("directory", &["core", "model"]),
    ("lync", &["core", "model", "sip", "tls"]),
    ("core", &["model", "store", "wire"]),
    ("store", &["model"]),
    ("wire", &["model"]),
    ("config", &["model"]),
    ("model", &[]),
    ("sip", &[]),
    ("tls", &[]),
    ("client", &["model", "wire"]),
    ("testkit", &["client", "config", "model", "sip", "wire"]),
    ("xtask", &[]),
];

/// Crates that any test may use and nothing that ships may.
const FOR_TESTS: &str = "testkit";

/// Other people's crates that only some of ours may name, so that each has one door.
const DOORS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("tokio-xmpp", &["xmpp"]),
    ("ldap3", &["directory"]),
    ("xmpp-parsers", &["xmpp"]),
    ("rustls", &["client", "directory", "http", "lync", "server", "testkit", "tls", "xmpp"]),
    ("tokio-rustls", &["client", "directory", "http", "lync", "server", "testkit", "tls", "xmpp"]),
    ("openssl", &["tls"]),
    ("tokio-openssl", &["tls"]),
];

/// Other people's crates that no default build has: a feature must ask for them.
const ASKED_FOR: &[&str] = &["openssl", "tokio-openssl"];

/// Other people's crates that the standard library or another choice of ours replaces.
const REPLACED: &[(&str, &str)] = &[
    ("once_cell", "std::sync::OnceLock"),
    ("lazy_static", "std::sync::LazyLock"),
    ("chrono", "jiff"),
    ("ring", "aws-lc-rs"),
    ("native-tls", "rustls"),
];

pub(super) fn check(metadata: &Metadata, root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let path = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path);
        let read = fs::read_to_string(&package.manifest_path);
        let text = read.with_context(|| format!("cannot read {}", path.display()))?;
        findings.extend(check_package(package, path, &text));
    }
    Ok(findings)
}

fn check_package(package: &Package, path: &Path, text: &str) -> Vec<Finding> {
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let mut findings = Vec::from_iter(layout::check_name(path, 0, folder));
    if package.name != format!("{PREFIX}{folder}") {
        findings.push(Finding::new(
            path,
            line(text, "name"),
            format!("call it `{PREFIX}{folder}`, like its folder"),
        ));
    }
    if !text.contains("[lints]\nworkspace = true") {
        findings.push(Finding::new(path, 0, "the workspace's lints are missing: [lints] workspace = true"));
    }
    let Some(floor) = floor(folder) else {
        findings.push(Finding::new(
            path,
            0,
            format!("`{folder}` has no floor yet: give it one in tidy/picture.rs"),
        ));
        return findings;
    };
    for dependency in &package.dependencies {
        let for_tests = dependency.kind.as_deref() == Some("dev");
        let objection = match dependency.name.strip_prefix(PREFIX) {
            Some(ours) => check_ours(folder, floor, ours, for_tests),
            None => check_theirs(folder, dependency),
        };
        let at = line(text, &dependency.name);
        findings.extend(objection.map(|message| Finding::new(path, at, message)));
    }
    findings
}

fn floor(folder: &str) -> Option<&'static [&'static str]> {
    FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, below)| *below)
}

/// Tests may reach every floor below; what ships names its direct ones.
fn check_ours(folder: &str, floor: &[&str], ours: &str, for_tests: bool) -> Option<String> {
    let allowed = floor.contains(&ours) || (for_tests && (ours == FOR_TESTS || below(folder).contains(ours)));
    if allowed {
        return None;
    }
    Some(match (ours, floor) {
        (FOR_TESTS, _) => format!("`{FOR_TESTS}` never ships: it belongs under [dev-dependencies]"),
        (_, []) => format!("`{folder}` may not stand on `{ours}`: it stands on none of ours"),
        _ => format!("`{folder}` may not stand on `{ours}`, only on {}", floor.join(", ")),
    })
}

fn below(folder: &str) -> BTreeSet<&'static str> {
    let direct = floor(folder).unwrap_or_default();
    direct.iter().flat_map(|name| below(name).into_iter().chain([*name])).collect()
}

fn check_theirs(folder: &str, dependency: &Dependency) -> Option<String> {
    let theirs = dependency.name.as_str();
    if let Some((_, better)) = REPLACED.iter().find(|(name, _)| *name == theirs) {
        return Some(format!("`{theirs}` is not used here: use {better}"));
    }
    if ASKED_FOR.contains(&theirs) && !dependency.optional {
        return Some(format!(
            "`{theirs}` must be optional = true, and come with a feature that is not a default"
        ));
    }
    let (_, doors) = DOORS.iter().find(|(name, _)| *name == theirs)?;
    (!doors.contains(&folder)).then(|| format!("`{theirs}` may be named only in {}", doors.join(", ")))
}

/// The line of a manifest that sets `key`, or 0.
fn line(text: &str, key: &str) -> usize {
    let sets = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '=', '.']));
    text.lines().position(sets).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objections(folder: &str, dependencies: &[(&str, Option<&str>)]) -> Vec<String> {
        let path = Path::new("crates").join(folder).join("Cargo.toml");
        let one = |&(name, kind): &(&str, Option<&str>)| Dependency {
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            optional: kind == Some("optional"),
        };
        let package = Package {
            name: format!("{PREFIX}{folder}"),
            manifest_path: path.clone(),
            dependencies: dependencies.iter().map(one).collect(),
            targets: Vec::new(),
        };
        let findings = check_package(&package, &path, "[lints]\nworkspace = true\n");
        findings.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn edges_point_down_and_adapters_never_see_each_other() {
        assert_eq!(objections("http", &[("trunkline-core", None), ("serde", None)]), [""; 0]);
        assert!(objections("http", &[("trunkline-store", None)])[0].contains("config, core, model, wire"));
        assert!(objections("core", &[("trunkline-http", None)])[0].contains("may not stand on `http`"));
        assert!(objections("http", &[("trunkline-xmpp", None)])[0].contains("may not stand on `xmpp`"));
    }

    #[test]
    fn tests_reach_every_floor_below_and_the_testkit_but_none_above() {
        assert_eq!(objections("http", &[("trunkline-store", Some("dev"))]), [""; 0]);
        assert_eq!(objections("wire", &[("trunkline-testkit", Some("dev"))]), [""; 0]);
        assert!(objections("server", &[("trunkline-testkit", None)])[0].contains("never ships"));
        assert!(objections("core", &[("trunkline-http", Some("dev"))])[0].contains("may not stand"));
    }

    #[test]
    fn some_crates_have_one_door_and_some_none() {
        assert_eq!(objections("store", &[("sqlx", None)]), [""; 0]);
        assert!(objections("core", &[("sqlx", None)])[0].contains("only in store"));
        assert!(objections("core", &[("rustls", Some("dev"))])[0].contains("only in client"));
        assert!(objections("core", &[("chrono", None)])[0].contains("use jiff"));
        assert!(objections("tls", &[("openssl", None)])[0].contains("must be optional"));
        assert!(objections("lync", &[("openssl", Some("optional"))])[0].contains("only in tls"));
        assert_eq!(objections("tls", &[("openssl", Some("optional"))]), [""; 0]);
    }

    #[test]
    fn a_crate_without_a_floor_is_not_overlooked() {
        assert!(objections("lobby", &[])[0].contains("has no floor yet"));
    }

    #[test]
    fn the_picture_has_no_circle() {
        for (name, _) in FLOORS {
            assert!(!below(name).contains(name), "{name} stands on itself");
        }
    }

    #[test]
    fn a_finding_points_at_the_line_that_names_the_dependency() {
        assert_eq!(line("[dependencies]\nsqlx-core = \"1\"\nsqlx = \"1\"\n", "sqlx"), 3);
        assert_eq!(line("[dependencies]\nsqlx.workspace = true\n", "sqlx"), 2);
    }
}
