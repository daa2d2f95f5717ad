//! Databases that a disk, or a hand, has spoilt.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

use serde_json::json;

use crate::{
    doctor::{report, step},
    program::{Folder, Serving},
};

/// A folder with so many accounts that their table has several pages.
fn peopled() -> Folder {
    let folder = Folder::without_backends(&[]);
    let lines: String = (0..600).map(|number| format!("p{number}@example.test,Person {number}\n")).collect();
    folder.write("staff.csv", &format!("address,name\n{lines}"));
    folder.well(&["account", "import", "staff.csv"]);
    folder
}

/// Spoils a page in the middle of a table, and nothing that a start reads.
fn spoil(folder: &Folder, table: &str) {
    let program = "import sqlite3, sys; name = sys.argv[1]; \
         root = sqlite3.connect(name).execute('SELECT rootpage FROM sqlite_schema WHERE name = ?', \
         (sys.argv[2],)).fetchone()[0]; \
         db = open(name, 'r+b'); size = 4096; db.seek((root - 1) * size); page = db.read(size); \
         assert page[0] == 5 and int.from_bytes(page[3:5], 'big') > 2, 'one page is the whole table'; \
         cell = int.from_bytes(page[14:16], 'big'); child = int.from_bytes(page[cell:cell + 4], 'big'); \
         db.seek((child - 1) * size + size // 2); db.write(b'\\xff' * (size // 2)); db.close()";
    let file = folder.path().join("data/trunkline.db");
    let done = Command::new("python3").args(["-c", program]).arg(file).arg(table).status().unwrap();
    assert!(done.success());
}

fn get(serving: &Serving, path: &str) -> String {
    let mut stream = TcpStream::connect(serving.listeners["admin"].as_str().unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn damage_that_nobody_has_met_yet_is_found() {
    let folder = peopled();
    spoil(&folder, "accounts");
    let serving = folder.serve();
    for running in [true, false] {
        let report = report(&folder, 1);
        assert_eq!(report["failed"], json!(1), "running {running}: {report}");
        let pages = step(&report, "database", "pages");
        assert!(pages["seen"].as_str().unwrap().contains("is damaged"), "{pages}");
        assert!(pages["attempt"].as_str().unwrap().contains("trunkline restore BACKUP --replace"), "{pages}");
        if running {
            serving.terminate();
            crate::program::eventually("the end", || folder.run(&["status"]).code == Some(4));
        }
    }
    let backup = folder.run(&["backup", "x.backup"]);
    assert_eq!(backup.code, Some(1), "{backup:?}");
    for wanted in ["in the table accounts", "trunkline restore BACKUP --replace"] {
        assert!(backup.err.contains(wanted), "{wanted}: {}", backup.err);
    }
}

#[test]
fn a_server_that_meets_damage_is_not_ready_any_more() {
    let folder = peopled();
    spoil(&folder, "accounts");
    let serving = folder.serve();
    assert!(get(&serving, "/metrics").contains("trunkline_store_damaged 0"));
    let met = folder.run(&["account", "list"]);
    assert!(met.code == Some(1) && met.err.contains("the database file is damaged"), "{met:?}");
    let page = get(&serving, "/health/ready");
    assert!(page.starts_with("HTTP/1.1 503") && page.contains("is damaged"), "{page}");
    assert!(get(&serving, "/metrics").contains("trunkline_store_damaged 1"));
    let told = folder.well(&["status"]);
    assert!(told.contains("not ready: database: the database file is damaged"), "{told}");
}

#[test]
fn what_is_no_database_is_called_damaged() {
    let folder = Folder::without_backends(&[]);
    drop(folder.serve());
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(folder.path().join(format!("data/trunkline.db{end}")));
    }
    folder.write("data/trunkline.db", &"x".repeat(8_192));
    let refused = folder.run(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for wanted in ["is damaged: file is not a database", "trunkline restore BACKUP --replace"] {
        assert!(refused.err.contains(wanted), "{wanted}: {}", refused.err);
    }
    let pages = step(&report(&folder, 1), "database", "pages").clone();
    assert!(pages["likely"].as_str().unwrap().contains("the disk has lost"), "{pages}");
    let status = folder.run(&["status"]);
    assert!(status.code == Some(4) && status.out.starts_with("Trunkline is not running"), "{status:?}");
}

#[test]
fn an_emptied_database_does_not_become_a_new_relay_in_silence() {
    let folder = Folder::without_backends(&[]);
    folder.well(&["account", "add", "alice@example.test"]);
    folder.well(&["backup", "a.backup"]);
    let file = folder.path().join("data/trunkline.db");
    fs::write(&file, "").unwrap();
    for line in [["serve", "--json"], ["account", "list"], ["backup", "b.backup"]] {
        let refused = folder.run(&line);
        assert_eq!(refused.code, Some(1), "{line:?}: {refused:?}");
        assert!(
            refused.err.contains("0 bytes") && refused.err.contains("trunkline restore BACKUP"),
            "{refused:?}"
        );
    }
    assert_eq!(step(&report(&folder, 1), "database", "open")["finding"], "bad");
    fs::remove_file(&file).unwrap();
    let absent = report(&folder, 4);
    assert_eq!(step(&absent, "database", "open")["finding"], "doubtful", "{absent}");
    fs::write(&file, "").unwrap();
    folder.well(&["restore", "a.backup"]);
    assert_eq!(folder.json(&["account", "list"])["accounts"].as_array().unwrap().len(), 1);
}
