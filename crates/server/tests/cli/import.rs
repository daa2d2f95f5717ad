use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::program::Folder;

const STAFF: &str = "address;name;title\nalice@example.test;Alice Example;Engineer\nbob@example.test;Bob;\n";

#[test]
fn a_file_becomes_accounts_and_a_second_time_changes_nothing() {
    let folder = Folder::new();
    folder.well(&[
        "account",
        "add",
        "bob@example.test",
        "--name",
        "Robert",
        "--title",
        "Boss",
        "--office",
        "1",
    ]);
    folder.write("staff.csv", STAFF);
    let _serving = folder.serve();

    let foreseen = folder.well(&["account", "import", "staff.csv", "--dry-run"]);
    assert!(foreseen.contains("1 added, 1 updated, 0 unchanged"), "{foreseen}");
    assert_eq!(folder.json(&["account", "list"])["accounts"].as_array().unwrap().len(), 1);

    let done = folder.json(&["account", "import", "staff.csv"]);
    assert_eq!((&done["added"], &done["updated"], &done["unchanged"]), (&json!(1), &json!(1), &json!(0)));
    let bob = folder.json(&["account", "show", "bob@example.test"]);
    assert_eq!(
        (&bob["displayName"], &bob["title"], &bob["office"]),
        (&json!("Bob"), &json!(""), &json!("1")),
        "an empty cell clears, a missing column leaves"
    );
    let again = folder.well(&["account", "import", "staff.csv"]);
    assert_eq!(again, "0 added, 0 updated, 2 unchanged.\n");
}

#[test]
fn one_bad_line_keeps_all_out_unless_it_may_be_skipped() {
    let folder = Folder::new();
    folder.write("staff.csv", &format!("{STAFF}nobody;Nobody;\ncarol@example.test;Carol\n"));
    let refused = folder.run(&["account", "import", "staff.csv"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    for word in ["staff.csv:4:1: address:", "staff.csv:5: expected 3 cells, found 2", "nothing was imported"]
    {
        assert!(refused.err.contains(word), "{}", refused.err);
    }
    let told = folder.run(&["account", "import", "staff.csv", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, document["problems"].as_array().unwrap().len()), (Some(1), 2), "{document}");
    assert_eq!(folder.json(&["account", "list"])["accounts"], json!([]));

    let skipped = folder.well(&["account", "import", "staff.csv", "--skip-bad"]);
    assert_eq!(skipped, "2 added, 0 updated, 0 unchanged, 2 bad lines skipped.\n");
}

#[test]
fn each_new_account_gets_a_key_that_only_the_file_tells() {
    let folder = Folder::new();
    folder.well(&["account", "add", "bob@example.test"]);
    folder.write("staff.csv", STAFF);
    let serving = folder.serve();
    let line = ["account", "import", "staff.csv", "--activate", "--keys-to", "keys.csv"];
    let told = folder.well(&line);
    assert_eq!(told, "1 added, 1 updated, 0 unchanged.\n");
    let file = folder.path().join("keys.csv");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let keys = fs::read_to_string(&file).unwrap();
    let lines: Vec<Vec<_>> = keys.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), &lines[0]), (2, &vec!["address", "name", "accessKey", "expiresAt"]));
    assert_eq!(lines[1][..2], ["sip:alice@example.test", "Alice Example"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _phone = runtime.block_on(crate::phone::sign_in(&serving.url(), lines[1][2], "install-1"));

    let again = folder.run(&line);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("keys.csv") && again.err.contains("nothing was imported"), "{}", again.err);
}

#[test]
fn keys_come_as_csv_on_standard_output_or_within_the_json() {
    let folder = Folder::new();
    folder.write("staff.csv", STAFF);
    let outcome = folder.run(&["account", "import", "staff.csv", "--activate"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(
        (outcome.out.lines().count(), outcome.err.as_str()),
        (3, "2 added, 0 updated, 0 unchanged.\n")
    );
    folder.write("more.csv", "address\ncarol@example.test\n");
    let document = folder.json(&["account", "import", "more.csv", "--activate", "--expires", "2h"]);
    assert_eq!(document["keys"][0]["address"], json!("sip:carol@example.test"));
    assert_eq!(folder.json(&["activation", "list"])["keys"].as_array().unwrap().len(), 3);
}

#[test]
fn more_than_one_command_holds_is_imported_in_parts() {
    let folder = Folder::new();
    let lines: String = (0..1_001).map(|n| format!("p{n:04}@example.test,Person {n}\n")).collect();
    folder.write("many.csv", &format!("address,name\n{lines}"));
    let _serving = folder.serve();
    assert_eq!(folder.json(&["account", "import", "many.csv"])["added"], json!(1_001));
    assert_eq!(folder.json(&["status"])["counts"]["accounts"], json!(1_001));
}

#[test]
fn the_audit_log_tells_who_was_imported() {
    let folder = Folder::new();
    folder.well(&["account", "add", "a@example.test", "--name", "A"]);
    let _serving = folder.serve();
    folder.write("staff.csv", "address,name\na@example.test,A\nb@example.test,B\nc@example.test,C\n");
    folder.well(&["account", "import", "staff.csv"]);
    let log = folder.log();
    let lines = log.lines().filter(|line| line.contains("audit") && line.contains("account import"));
    let told = |who: &str| lines.clone().any(|line| line.contains(&format!("whose=sip:{who}@example.test")));
    assert_eq!(
        [told("a"), told("b"), told("c")],
        [false, true, true],
        "whose nothing changed is not told: {log}"
    );
}
