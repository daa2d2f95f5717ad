//! The documents that are made from the table of keys are what the table says, and the example file works.

use std::{env, fs, path::Path};

use trunkline_config::{Config, KEYS, System, example_file, parse, reference_markdown};

fn in_the_tree(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// With `UPDATE_DOCS=1` it writes the file instead.
fn assert_current(path: &str, text: &str) {
    let file = in_the_tree(path);
    let found = fs::read_to_string(&file).unwrap_or_default();
    if found != text && env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        return fs::write(&file, text).expect("the document can be written");
    }
    assert!(found == text, "{path} is out of date: run `cargo xtask gen`");
}

#[test]
fn the_reference_is_current() {
    assert_current("docs/configuration.md", &reference_markdown());
}

#[test]
fn the_example_file_is_current() {
    assert_current("config/GoodConnectServer.exe.config", &example_file());
}

#[test]
fn the_example_file_changes_nothing() {
    let (config, warnings) =
        parse(&example_file(), "example", Path::new("/etc"), &System).expect("it is without problems");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn the_lines_of_the_example_file_hold_the_defaults() {
    let mut text = example_file();
    for key in KEYS {
        let line = format!("<add key=\"{}\" value=\"{}\" />", key.name, key.default);
        assert!(text.contains(&format!("<!-- {line} -->")), "{line} is missing");
        text = text.replace(&format!("<!-- {line} -->"), &line);
    }
    let (config, warnings) = parse(&text, "example", Path::new(""), &System).expect("it is without problems");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}
