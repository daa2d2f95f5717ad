use insta::assert_snapshot;
use serde_json::json;
use trunkline_testkit::peer::Authority;

use crate::program::Folder;

const BROKEN: &str = r#"<?xml version="1.0"?>
<configuration>
  <startup><supportedRuntime version="v4.0" /></startup>
  <appSettings>
    <add key="HTTPS_BND" value="0.0.0.0:8082" />
    <add key="SESSION_TIMEOUT_SECS" value="a day" />
    <add key="ADMIN_TOKEN" value="sh0rt" />
  </appSettings>
  <backends>
    <backend kind="xmpp" domain="corp.test" />
  </backends>
</configuration>
"#;

#[test]
fn every_problem_is_told_at_once_at_its_place() {
    let folder = Folder::new();
    folder.write("broken.config", BROKEN);
    let outcome = folder.run(&["check-config", "broken.config"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""));
    assert_snapshot!(outcome.out);
}

#[test]
fn programs_get_the_same_as_json() {
    let folder = Folder::new();
    folder.write("broken.config", BROKEN);
    let outcome = folder.run(&["check-config", "--json", "--config", "broken.config"]);
    assert_eq!((outcome.code, outcome.err.as_str()), (Some(1), ""));
    let report: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(report["file"], json!("broken.config"));
    let lines: Vec<_> =
        report["problems"].as_array().unwrap().iter().map(|problem| &problem["line"]).collect();
    assert_eq!(lines, [3, 5, 6, 7, 10]);
    assert!(!outcome.out.contains("sh0rt"), "a secret is not shown");
}

#[test]
fn serve_refuses_what_check_config_refuses() {
    let folder = Folder::new();
    folder.write("broken.config", BROKEN);
    let outcome = folder.run(&["serve", "--config", "broken.config"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(
        outcome.err.contains("HTTPS_BND") && outcome.err.contains("a whole number of seconds"),
        "{}",
        outcome.err
    );
    assert!(!folder.path().join("data").exists(), "nothing is made before the configuration is right");
}

#[test]
fn a_good_file_and_no_file_are_fine() {
    let folder = Folder::new();
    assert_eq!(folder.well(&["check-config"]), "GoodConnectServer.exe.config: no errors\n");
    std::fs::remove_file(folder.path().join("GoodConnectServer.exe.config")).unwrap();
    assert_eq!(folder.well(&["check-config"]), "no file: the built-in defaults hold\n");
    assert_eq!(folder.json(&["check-config"]), json!({ "file": null, "problems": [] }));
    assert_eq!(folder.run(&["check-config", "absent.config"]).code, Some(1));
}

/// A folder with a configuration that has a Lync backend.
fn with_lync(local_fqdn: &str) -> Folder {
    let folder = Folder::new();
    let authority = Authority::new().unwrap();
    let identity = authority.identity(&["relay.contoso.test"]).unwrap();
    folder.write("relay.pem", &identity.certificate_pem);
    folder.write("key.pem", &identity.key_pem);
    folder.write("ca.pem", authority.certificate_pem());
    let backend = format!(
        r#"<backend kind="lync" domain="contoso.test" pool="pool.contoso.test" localFqdn="{local_fqdn}"
        listen="127.0.0.1:6001" certificateFile="relay.pem" privateKeyFile="key.pem" caFile="ca.pem"
        allowedPeers="pool.contoso.test" />"#
    );
    folder.write("lync.config", &format!("<configuration><backends>{backend}</backends></configuration>"));
    folder
}

#[test]
fn a_lync_backend_whose_port_is_taken_is_told() {
    let folder = with_lync("relay.contoso.test");
    assert_eq!(folder.well(&["check-config", "lync.config"]), "lync.config: no errors\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = std::fs::read_to_string(folder.path().join("lync.config")).unwrap();
    folder.write("lync.config", &config.replace("127.0.0.1:6001", &format!("127.0.0.1:{port}")));
    let outcome = folder.run(&["serve", "--config", "lync.config"]);
    assert_eq!(outcome.code, Some(1));
    let said = format!("the Lync backend of contoso.test: cannot listen for Front Ends at 127.0.0.1:{port}");
    assert!(outcome.err.contains(&said) && outcome.err.contains("ss -ltnp"), "{}", outcome.err);
}

#[test]
fn what_the_files_of_a_lync_backend_hold_is_looked_at() {
    let check = |folder: &Folder| {
        let outcome = folder.run(&["check-config", "lync.config"]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.out);
        outcome.out
    };
    let folder = with_lync("other.contoso.test");
    assert!(check(&folder).contains("that of relay.contoso.test, and localFqdn is other.contoso.test"));
    folder.write("ca.pem", "");
    assert!(check(&folder).contains("there is no certificate of an authority in it"));
    let folder = with_lync("relay.contoso.test");
    folder.write("key.pem", &Authority::new().unwrap().identity(&["a.test"]).unwrap().key_pem);
    assert!(check(&folder).contains("is not the key of the first certificate in"));
}

/// What a starting server refuses of an address is found before, without a database server; a password is not shown.
#[test]
fn a_wrong_address_of_a_database_is_an_error() {
    let folder = Folder::new();
    folder.set("DB_CONNECTION", "postgres:///relay?host=/x&amp;user=ann&amp;password=s3&amp;cretword=1");
    let outcome = folder.run(&["check-config"]);
    assert!(outcome.code == Some(1) && outcome.out.contains("DB_CONNECTION: "), "{outcome:?}");
    assert!(!outcome.out.contains("cretword") && !outcome.err.contains("cretword"), "{outcome:?}");
}
