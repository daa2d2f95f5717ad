//! What no text in the repository may say: where somebody's machine keeps its files, where packages come from,
//! and secrets.

use std::path::Path;

use super::Finding;

/// Hosts that packages come from; which of them a machine asks is its own affair. Split, so that this file passes.
const REGISTRIES: &[&str] = &[
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("extra-index", "-url"),
    concat!("replace", "-with"),
];

/// Folders under which people keep their files.
const HOMES: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!(":\\Us", "ers\\"),
];

pub(super) fn check(file: &Path, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| check_line(line).map(|message| Finding::new(file, index + 1, message)))
        .collect()
}

fn check_line(line: &str) -> Option<String> {
    if let Some(host) = REGISTRIES.iter().find(|host| line.contains(**host)) {
        return Some(format!("`{host}`: name packages, never where they come from"));
    }
    if let Some(home) = HOMES.iter().find(|home| starts_a_path(line, home)) {
        return Some(format!("a path of somebody's machine (`{home}…`)"));
    }
    let line = line.trim_start();
    let is_key = line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY-----");
    is_key.then(|| "a private key: make keys when they are needed, never keep one in git".to_owned())
}

/// Whether `folder` stands in `line` at the beginning of a path, not inside one or inside a URL.
fn starts_a_path(line: &str, folder: &str) -> bool {
    let inside = |before: char| before.is_alphanumeric() || "._-/}>".contains(before);
    let mut places = line.match_indices(folder);
    places.any(|(at, _)| folder.starts_with(':') || !line[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(Path::new("docs/a.md"), text).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn paths_of_a_machine_are_found_and_urls_left_alone() {
        let text = "see HOMEalice/notes\n\"HOMEalice\"\nhttps://example.testHOMEpage\n./HOMEx\n$DIR}HOMEx\n";
        assert_eq!(lines(&text.replace("HOME", HOMES[0])), [1, 2]);
        assert_eq!(lines(&format!("C{}alice", HOMES[4])), [1]);
    }

    #[test]
    fn registry_hosts_are_found_and_the_lock_files_own_word_is_not() {
        assert_eq!(lines(&format!("ok\nurl = \"https://{}/simple\"", REGISTRIES[2])), [2]);
        assert_eq!(lines("source = \"registry+https://github.com/rust-lang/crates.io-index\""), [0; 0]);
    }

    #[test]
    fn private_keys_are_found_and_code_that_reads_them_is_not() {
        assert_eq!(lines(&format!("-----BEGIN {}-----", "EC PRIVATE KEY")), [1]);
        assert_eq!(lines("if text.contains(\"-----BEGIN PRIVATE KEY-----\") {"), [0; 0]);
        assert_eq!(lines("-----BEGIN CERTIFICATE-----"), [0; 0]);
    }
}
