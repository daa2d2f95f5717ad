//! The documents of the contract: they are what the code makes, their schemas hold for what the printer prints, and
//! docs/connect-api.md tells the same.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Value, json};
use trunkline_wire::{
    EventName, Method,
    contract::{
        Member, Tag, closed, component_name, components, describe, describe_event, example_event,
        example_request, example_result, openrpc,
    },
};

fn document(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../docs", name].iter().collect()
}

/// All components, closed against members that nobody described.
struct Judge {
    schemas: Schemas,
    compiler: Compiler,
}

impl Judge {
    fn new() -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V7);
        let all = json!({"components": {"schemas": closed(&Value::Object(components()))}});
        compiler.add_resource("trunkline:contract", all).unwrap();
        Self { schemas: Schemas::new(), compiler }
    }

    fn schema(&mut self, name: &str) -> SchemaIndex {
        let place = format!("trunkline:contract#/components/schemas/{name}");
        self.compiler.compile(&place, &mut self.schemas).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn check(&mut self, name: &str, value: &Value) {
        let schema = self.schema(name);
        if let Err(error) = self.schemas.validate(value, schema) {
            panic!("{name}: {value}: {error:#}");
        }
    }
}

#[test]
fn the_openrpc_document_is_the_one_that_the_code_makes() {
    let made = openrpc(env!("CARGO_PKG_VERSION"));
    let path = document("openrpc.json");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{made:#}\n")).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == format!("{made:#}\n"), "docs/openrpc.json is old: run `cargo xtask gen`");
}

#[test]
fn every_schema_is_one_and_every_example_fits() {
    let mut judge = Judge::new();
    for name in components().keys() {
        judge.schema(name);
    }
    for &method in Method::ALL {
        let Some((early, late)) = example_result(method) else { continue };
        let name = component_name(method.name());
        judge.check(&format!("{name}Params"), &example_request(method));
        judge.check(&format!("{name}Result"), &late);
        assert_eq!(early.is_none(), method.one_phase(), "{}", method.name());
        if let Some(early) = early {
            judge.check(&format!("{name}Early"), &early);
        }
    }
    for &event in EventName::ALL {
        let data: Value = serde_json::from_str(example_event(event).unwrap().as_str()).unwrap();
        assert_eq!(data["method"], event.name());
        judge.check(&format!("{}Event", component_name(event.name())), &data);
        let entry = judge.schema("MailboxEntry");
        assert_eq!(judge.schemas.validate(&data, entry).is_ok(), event.durable(), "{}", event.name());
    }
}

#[test]
fn a_member_that_is_not_described_is_noticed() {
    let mut judge = Judge::new();
    let schema = judge.schema("PingResult");
    let fits = |value: Value| judge.schemas.validate(&value, schema).is_ok();
    assert!(fits(json!({"method": "Ping", "state": "COMPLETE", "sessionTimeout": 5})));
    assert!(!fits(json!({"method": "Ping", "state": "COMPLETE", "sessionTimeout": 5, "more": 1})));
    assert!(!fits(json!({"method": "Ping", "state": "COMPLETE"})));
}

/// The cells of the row that begins with this name in a table with this many columns.
fn row(page: &str, name: &str, columns: usize) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(|line| {
        let line = line.replace("\\|", "/");
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    });
    let found: Vec<_> =
        rows.filter(|cells| cells.len() == columns && quoted(&cells[0]).contains(name)).collect();
    assert_eq!(found.len(), 1, "rows of {name} with {columns} columns");
    found.into_iter().next().unwrap()
}

/// What stands between backticks.
fn quoted(cell: &str) -> BTreeSet<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn numbers(cell: &str) -> BTreeSet<i64> {
    cell.split(|c: char| !c.is_ascii_digit())
        .filter(|word| word.len() == 4)
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn told(what: &str, members: &[Member], words: &BTreeSet<&str>) {
    for member in members {
        assert!(words.contains(member.name), "{what}: docs/connect-api.md does not tell {}", member.name);
    }
}

#[test]
fn the_reference_for_people_tells_every_parameter_result_and_error() {
    let page = fs::read_to_string(document("connect-api.md")).unwrap();
    let chapter = &page[page.find("## 9 Methods").unwrap()..page.find("## 10 Events").unwrap()];
    for &method in Method::ALL.iter().filter(|method| describe(**method).tag != Tag::Absent) {
        let (name, description) = (method.name(), describe(method));
        let cells = row(chapter, name, 4);
        let as_above = |cell: &str| cell.starts_with("as ");
        if !as_above(&cells[1]) {
            told(name, description.params, &quoted(&cells[1]));
            for param in description.params {
                let marked = cells[1].contains(&format!("`{}`\\*", param.name));
                assert_eq!(marked, param.required, "{name}: the mark of {}", param.name);
            }
        }
        if !as_above(&cells[2]) && cells[2] != "see below" {
            told(name, description.result, &quoted(&cells[2]));
            assert_eq!(
                cells[2].contains("std"),
                description.result.is_empty() && name != "TerminateSession",
                "{name}"
            );
        }
        let errors = cells[3].replace("*line*", "1018 `line-not-connected`, 1020");
        if !as_above(&errors) {
            let known: BTreeSet<i64> = description.errors.iter().map(|fault| fault.code.number()).collect();
            let missing: Vec<_> = known.difference(&numbers(&errors)).copied().collect();
            assert!(missing.is_empty(), "{name}: errors that connect-api.md does not tell: {missing:?}");
            let words: BTreeSet<&str> =
                description.errors.iter().map(|fault| fault.word).filter(|word| !word.is_empty()).collect();
            let missing: Vec<_> = words.difference(&quoted(&errors)).copied().collect();
            assert!(missing.is_empty(), "{name}: words that connect-api.md does not tell: {missing:?}");
        }
    }
}

#[test]
fn the_reference_for_people_tells_every_event() {
    let page = fs::read_to_string(document("connect-api.md")).unwrap();
    let chapter = &page[page.find("## 10 Events").unwrap()..page.find("## 11 Records").unwrap()];
    for &event in EventName::ALL {
        let cells = row(chapter, event.name(), 4);
        assert_eq!(cells[1] == "yes", event.durable(), "{}", event.name());
        if !cells[2].starts_with("the same") {
            told(event.name(), describe_event(event).members, &quoted(&cells[2]));
        }
    }
}
