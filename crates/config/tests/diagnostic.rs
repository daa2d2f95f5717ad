//! What is said about files that are wrong.

use std::{ffi::OsString, io, path::Path};

use trunkline_config::{Lookup, Severity, parse};

/// A world without variables and files.
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

fn said_of(text: &str) -> String {
    let problems = parse(text, "test.config", Path::new(""), &Nothing).expect_err("it is wrong").to_string();
    assert!(!problems.contains("hunter2"), "{problems}");
    problems
}

#[test]
fn a_file_of_the_vendor_gets_useful_answers() {
    insta::assert_snapshot!(said_of(include_str!("file/vendor.config")));
}

#[test]
fn slips_of_every_kind_are_shown_at_once() {
    insta::assert_snapshot!(said_of(include_str!("file/slips.config")));
}

#[test]
fn keys_that_do_not_fit_together_are_shown() {
    insta::assert_snapshot!(said_of(include_str!("file/conflicts.config")));
}

#[test]
fn every_attribute_of_a_lync_backend_is_looked_at() {
    insta::assert_snapshot!(said_of(include_str!("file/lync.config")));
}

#[test]
fn every_attribute_of_a_directory_is_looked_at() {
    insta::assert_snapshot!(said_of(include_str!("file/directory.config")));
}

#[test]
fn what_is_not_xml_is_shown_and_the_rest_is_still_read() {
    insta::assert_snapshot!(said_of(include_str!("file/malformed.config")));
}

#[test]
fn a_vendor_file_that_holds_nothing_of_ours_is_usable_with_warnings() {
    let text = "<configuration><startup/><runtime><a>b</a></runtime><startup/></configuration>";
    let (_, warnings) = parse(text, "test.config", Path::new(""), &Nothing).unwrap();
    assert!(warnings.iter().all(|warning| warning.severity() == Severity::Warning));
    insta::assert_snapshot!(warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>(), @r#"
    warning[W001]: the section `<startup>` is ignored
     --> test.config:1:17
      |
    1 | <configuration><startup/><runtime><a>***</a></runtime><startup/></configuration>
      |                 ^^^^^^^ .NET reads it, Trunkline does not
    warning[W001]: the section `<runtime>` is ignored
     --> test.config:1:27
      |
    1 | <configuration><startup/><runtime><a>***</a></runtime><startup/></configuration>
      |                           ^^^^^^^ .NET reads it, Trunkline does not
    "#);
}
