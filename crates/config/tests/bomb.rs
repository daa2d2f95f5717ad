//! XML that means harm: nothing is fetched, nothing grows, nothing is trusted, and a person is told what is wrong.

use std::{ffi::OsString, io, path::Path};

use trunkline_config::{Lookup, parse};

/// A file that asks for anything is a fault.
struct Sealed;

impl Lookup for Sealed {
    fn variable(&self, name: &str) -> Option<OsString> {
        panic!("the variable {name} was asked for")
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        panic!("{} was read", path.display())
    }

    fn openable(&self, path: &Path) -> io::Result<()> {
        panic!("{} was opened", path.display())
    }
}

fn problems(text: &str) -> String {
    match parse(text, "bomb.config", Path::new(""), &Sealed) {
        Ok((config, _)) => panic!("it was taken: {config:?}"),
        Err(problems) => problems.to_string(),
    }
}

fn with_value(prologue: &str, value: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n{prologue}\n<configuration><appSettings><add key=\"LOG_LEVEL\" value=\"{value}\" />\
         </appSettings></configuration>"
    )
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    let mut entities = String::from("<!ENTITY l0 \"lol\">");
    for level in 1..30 {
        entities += &format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10));
    }
    let told = problems(&with_value(&format!("<!DOCTYPE c [{entities}]>"), "&l29;"));
    assert!(told.len() < 64 * 1024 && !told.contains("lollol"), "{told:.2000}");
}

#[test]
fn external_entities_are_never_fetched() {
    for source in
        ["SYSTEM \"file:///etc/passwd\"", "SYSTEM \"http://127.0.0.1:1/x\"", "PUBLIC \"a\" \"/etc/passwd\""]
    {
        let general = format!("<!DOCTYPE c [<!ENTITY x {source}>]>");
        let told = problems(&with_value(&general, "&x;"));
        assert!(told.contains("bomb.config") && !told.contains("root:"), "{told}");
        let parameter = format!("<!DOCTYPE c [<!ENTITY % p {source}> %p;]>");
        let told = parse(&with_value(&parameter, "info"), "bomb.config", Path::new(""), &Sealed);
        assert!(told.is_err() || format!("{told:?}").len() < 64 * 1024);
    }
}

#[test]
fn depth_and_size_cost_no_stack_and_little_text() {
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let unclosed = "<configuration><appSettings>".repeat(50_000);
    let wide = format!("<configuration {}/>", "a=\"b\" ".repeat(50_000));
    let long = with_value("", &"x".repeat(4 << 20));
    for text in [deep, unclosed, wide, long] {
        let told = problems(&text);
        assert!(told.len() < 256 * 1024, "{} bytes of problems", told.len());
    }
}

#[test]
fn characters_that_xml_does_not_have_are_refused() {
    for value in
        ["&#0;", "&#xD800;", "&#xDFFF;", "&#x110000;", "&#xFFFFFFFFFF;", "&unknown;", "&;", "&#;", "&#x;"]
    {
        let told = problems(&with_value("", value));
        assert!(told.contains("bomb.config:"), "{value}: {told}");
    }
}
