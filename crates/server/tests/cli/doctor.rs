use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, process::Command};

use serde_json::{Value, json};

use crate::program::Folder;

/// The step of a part, by their names.
pub(crate) fn step<'r>(report: &'r Value, part: &str, name: &str) -> &'r Value {
    let parts = report["parts"].as_array().unwrap();
    let steps =
        parts.iter().filter(|one| one["part"] == part).flat_map(|one| one["steps"].as_array().unwrap());
    let mut found = steps.filter(|step| step["name"] == name);
    found.next().unwrap_or_else(|| panic!("no step {name} of {part} in {report}"))
}

/// What the doctor says, when it ends with this code.
pub(crate) fn report(folder: &Folder, code: i32) -> Value {
    let outcome = folder.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, Some(code), "{outcome:?}");
    serde_json::from_str(&outcome.out).unwrap()
}

#[test]
fn a_running_server_is_examined_from_outside() {
    let folder = Folder::with(&[("HTTPS_BIND", "127.0.0.1:0")]);
    let serving = folder.serve();
    let text = folder.run(&["doctor"]);
    // The configuration names an XMPP server that is not there, and nothing else fails.
    assert_eq!(text.code, Some(1), "{text:?}");
    assert!(text.out.contains("cannot connect to 127.0.0.1:9"), "{}", text.out);
    let report = report(&folder, 1);
    assert_eq!(report["failed"], json!(1), "{report}");
    for (part, name) in [
        ("config", "file"),
        ("clock", "time"),
        ("disk", "space"),
        ("disk", "folder"),
        ("certificate", "files"),
        ("certificate", "dates"),
        ("server", "process"),
        ("server", "ready"),
        ("server", "settings"),
        ("database", "pages"),
        ("database", "read"),
        ("listeners", "https"),
        ("listeners", "http"),
        ("listeners", "admin"),
        ("backend corp.test", "dns"),
    ] {
        assert_eq!(step(&report, part, name)["finding"], "good", "{part} {name} in {report}");
    }
    let tcp = step(&report, "backend corp.test", "tcp");
    assert!(["expected", "seen", "likely", "attempt"].iter().all(|word| tcp[word].is_string()), "{tcp}");
    assert_eq!(step(&report, "backend corp.test", "tls")["finding"], "notTried");
    drop(serving);
}

#[test]
fn a_replaced_certificate_that_the_server_does_not_serve_is_told() {
    let folder = Folder::with(&[("HTTPS_BIND", "127.0.0.1:0")]);
    let serving = folder.serve();
    for file in ["cert.pem", "key.pem"] {
        fs::remove_file(folder.path().join("data/tls").join(file)).unwrap();
    }
    let other = Folder::with(&[("HTTPS_BIND", "127.0.0.1:0")]);
    drop(other.serve());
    for file in ["cert.pem", "key.pem"] {
        let name = std::path::Path::new("data/tls").join(file);
        fs::copy(other.path().join(&name), folder.path().join(&name)).unwrap();
    }
    let report = report(&folder, 1);
    let https = step(&report, "listeners", "https");
    assert_eq!((&https["finding"], &https["attempt"]), (&json!("bad"), &json!("trunkline reload")));
    drop(serving);
}

#[test]
fn before_the_first_start_nothing_is_made_and_a_taken_port_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = Folder::with(&[("HTTP_BIND", &address)]);
    let report = report(&folder, 1);
    let http = step(&report, "listeners", "http");
    assert_eq!(http["finding"], "bad");
    assert!(http["expected"].as_str().unwrap().contains(&address), "{http}");
    assert_eq!(step(&report, "database", "open")["finding"], "notTried");
    assert!(!folder.path().join("data").exists(), "the doctor makes nothing");
    let broken = Folder::with(&[("HTTP_BNID", "")]);
    let report = self::report(&broken, 1);
    assert_eq!(step(&report, "config", "file")["finding"], "bad");
    assert_eq!(step(&report, "config", "the rest")["finding"], "notTried");
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_told() {
    let one = Folder::with(&[("HTTPS_BIND", "127.0.0.1:0")]);
    drop(one.serve());
    let folder = Folder::with(&[
        ("TLS_CERTIFICATE_FILE", one.path().join("data/tls/cert.pem").to_str().unwrap()),
        ("TLS_PRIVATE_KEY_FILE", "key.pem"),
    ]);
    let other = Folder::with(&[("HTTPS_BIND", "127.0.0.1:0")]);
    drop(other.serve());
    fs::copy(other.path().join("data/tls/key.pem"), folder.path().join("key.pem")).unwrap();
    let report = report(&folder, 1);
    let files = step(&report, "certificate", "files");
    assert!(files["seen"].as_str().unwrap().contains("is not the key of"), "{files}");
    let checked = folder.run(&["check-config"]);
    assert_eq!(checked.code, Some(1));
    assert!(checked.out.contains("is not the key of"), "check-config says it too: {}", checked.out);
}

#[test]
fn a_bundle_shows_neither_a_password_without_its_url_nor_half_a_name() {
    let url = "postgres://ann:p%26s%3Cs%20w'rd@127.0.0.1:9/relay";
    let folder = Folder::with(&[("DB_CONNECTION", url)]);
    let log = "FATAL: password \"p&s<s w'rd\" is wrong, p%26s%3Cs%20w'rd too; peer=sip:o'hara=x^y?z@corp.test waits\n";
    folder.write("relay.log", log);
    folder.well(&["support-bundle", "bundle.tar.gz", "--log", "relay.log"]);
    let unpacked =
        Command::new("tar").arg("-xzOf").arg(folder.path().join("bundle.tar.gz")).output().unwrap();
    let all = String::from_utf8(unpacked.stdout).unwrap();
    for hidden in ["p&s", "w'rd", "p%26s", "hara", "x^y", "?z"] {
        assert!(!all.contains(hidden), "{hidden} is shown");
    }
    assert!(all.contains("peer=sip:user-") && all.contains("@corp.test waits"), "{all}");
}

#[test]
fn a_bundle_for_others_holds_what_helps_and_nobodys_secrets() {
    let token = "a-token-for-metrics-only";
    let folder = Folder::with(&[("ADMIN_TOKEN", token)]);
    let serving = folder.serve();
    folder.well(&["account", "add", "sip:alice@example.test", "--name", "Alice"]);
    folder.write(
        "relay.log",
        &format!(
            "account=alice@example.test source=192.0.2.7 token {token}\n34679-ACDEF-GHJKM password=hunter22 Bearer abcdef \
             sessionId=s-e-s {{\"displayName\":\"Quentin T\",\"who\":\"bob\\u0040example.test\"}}\n"
        ),
    );
    let key = fs::read_to_string(folder.path().join("data/master.key")).unwrap();
    let told = folder.well(&["support-bundle", "--dry-run", "--log", "relay.log"]);
    assert!(told.contains("doctor.json") && told.contains("Nothing was written"), "{told}");
    folder.well(&["support-bundle", "bundle.tar.gz", "--log", "relay.log"]);
    let bundle = folder.path().join("bundle.tar.gz");
    assert_eq!(fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
    let unpacked = Command::new("tar").arg("-xzOf").arg(&bundle).output().unwrap();
    let all = String::from_utf8(unpacked.stdout).unwrap();
    for helps in [
        "HTTP_BIND = 127.0.0.1:0",
        "runs as process",
        "trunkline_",
        "master.key",
        "account=user-",
        "source=ip-",
    ] {
        assert!(all.contains(helps), "{helps} is missing");
    }
    for hidden in [
        token,
        key.trim(),
        "alice@",
        "192.0.2.7",
        "34679-",
        "hunter22",
        "abcdef",
        "s-e-s",
        "Quentin",
        "bob\\u",
    ] {
        assert!(!all.contains(hidden), "{hidden} is shown");
    }
    let again = folder.run(&["support-bundle", "bundle.tar.gz", "--log", "relay.log"]);
    assert_eq!(again.code, Some(1), "nothing is overwritten: {again:?}");
    drop(serving);
}

#[test]
fn a_database_of_an_earlier_version_is_left_as_it_is() {
    let folder = Folder::new();
    folder.well(&["migrate"]);
    let earlier = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript('DROP TABLE session_people; \
                   DELETE FROM _sqlx_migrations WHERE version > 1')";
    let file = folder.path().join("data/trunkline.db");
    let changed = Command::new("python3").args(["-c", earlier]).arg(file).status().unwrap();
    assert!(changed.success());
    let missing = folder.json(&["migrate", "--dry-run"]);
    assert_eq!(missing["plan"]["found"], json!(1));
    let report = report(&folder, 1);
    assert_eq!(step(&report, "database", "schema")["finding"], "doubtful", "{report}");
    assert_eq!(folder.json(&["migrate", "--dry-run"]), missing, "the look has changed it");
}

#[test]
fn a_server_that_does_not_run_is_not_well() {
    let folder = Folder::without_backends(&[]);
    drop(folder.serve());
    let told = folder.run(&["doctor"]);
    assert_eq!(told.code, Some(4), "{told:?}");
    assert!(
        told.out.contains("Trunkline is not running") && !told.out.contains("All is well"),
        "{}",
        told.out
    );
    assert!(told.out.contains("systemctl start trunkline"), "{}", told.out);
    let report = report(&folder, 4);
    assert_eq!(report["running"], json!(false));
    assert_eq!(step(&report, "server", "process")["finding"], "doubtful");
}

#[test]
fn what_the_file_says_and_the_server_has_not_is_told() {
    let folder = Folder::without_backends(&[]);
    let serving = folder.serve();
    assert_eq!(report(&folder, 0)["running"], json!(true));
    folder.set("HTTP_BIND", "127.0.0.1:4");
    folder.set("LOG_LEVEL", "debug");
    let told = folder.run(&["doctor"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for wanted in ["HTTP_BIND: the file says 127.0.0.1:4, the server has 127.0.0.1:0", "LOG_LEVEL: "] {
        assert!(told.out.contains(wanted), "{wanted}: {}", told.out);
    }
    assert!(!told.out.contains("All is well"), "{}", told.out);
    drop(serving);
}

#[test]
fn one_fault_is_told_once_and_no_port_of_its_own_is_called_anothers() {
    let folder = Folder::without_backends(&[]);
    let serving = folder.serve();
    let [file, aside] = ["data/trunkline.db", "aside.db"].map(|name| folder.path().join(name));
    fs::rename(&file, &aside).unwrap();
    let moved = report(&folder, 1);
    assert_eq!(moved["failed"], json!(1), "{moved}");
    let ready = step(&moved, "server", "ready");
    assert!(ready["seen"].as_str().unwrap().contains("deleted or moved"), "{ready}");
    assert_eq!(step(&moved, "listeners", "http")["finding"], "good");
    fs::rename(&aside, &file).unwrap();

    folder.set("HTTP_BIND", serving.listeners["http"].as_str().unwrap());
    fs::remove_file(folder.path().join("data/admin.sock")).unwrap();
    let silent = report(&folder, 1);
    assert_eq!(silent["failed"], json!(1), "{silent}");
    assert_eq!(step(&silent, "server", "process")["finding"], "bad");
    assert_eq!(step(&silent, "listeners", "http")["finding"], "notTried");
    drop(serving);
}

#[test]
fn an_account_that_is_not_there_is_a_fault_and_hides_no_other_step() {
    let folder = Folder::new();
    let _serving = folder.serve();
    let outcome = folder.run(&["doctor", "--json", "--as", "sip:nobody@corp.test"]);
    let report = serde_json::from_str(&outcome.out).unwrap();
    let sign_in = step(&report, "backend corp.test", "sign-in");
    assert!(sign_in.to_string().contains("no account sip:nobody@corp.test"), "{sign_in}");
    assert!(sign_in.to_string().contains("trunkline account list"), "{sign_in}");
    assert!(outcome.out.contains("127.0.0.1:9"), "the way to the server is looked at: {}", outcome.out);

    let outcome = folder.run(&["doctor", "--json", "--as", "sip:ana@elsewhere.test"]);
    let report = serde_json::from_str(&outcome.out).unwrap();
    let sign_in = step(&report, "backend elsewhere.test", "sign-in");
    assert!(sign_in.to_string().contains("lives on the relay itself"), "{sign_in}");
}
