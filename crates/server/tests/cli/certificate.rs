use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use trunkline_testkit::peer::{Authority, Identity};

use crate::program::{Folder, eventually};

const DAY: u64 = 86_400;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Puts a certificate to where the configuration names it.
fn put(folder: &Folder, identity: &Identity) {
    folder.write("cert.pem", &identity.certificate_pem);
    folder.write("key.pem", &identity.key_pem);
}

fn with_certificate(from: u64, until: u64) -> Folder {
    let identity = Authority::new().unwrap().identity_within(&["relay.test"], from, until).unwrap();
    let folder = Folder::with(&[
        ("HTTPS_BIND", "127.0.0.1:0"),
        ("TLS_CERTIFICATE_FILE", "cert.pem"),
        ("TLS_PRIVATE_KEY_FILE", "key.pem"),
    ]);
    put(&folder, &identity);
    folder
}

/// Phones cannot connect, and nothing else shows it.
#[test]
fn a_certificate_that_does_not_hold_is_told_by_everything() {
    for (from, until, words) in [
        (now() - 9 * DAY, now() - DAY, "ended on"),
        (now() + DAY, now() + 99 * DAY, "does not hold before"),
        (now() - DAY, now() + 13 * DAY, "ends on"),
    ] {
        let folder = with_certificate(from, until);
        let checked = folder.run(&["check-config"]);
        assert_eq!(checked.code, Some(0), "a warning, since it may be replaced in a moment: {checked:?}");
        assert!(checked.out.contains(&format!("warning: {}", "cert.pem: the certificate ")), "{checked:?}");
        assert!(checked.out.contains(words), "{checked:?}");
        let _serving = folder.serve();
        eventually(words, || folder.log().contains("WARN") && folder.log().contains(words));
        let status = folder.json(&["status"]);
        let certificate = &status["server"]["listeners"]["certificate"];
        assert_eq!(certificate["selfMade"], json!(false), "{status}");
        assert!(certificate["warning"].as_str().unwrap().contains(words), "{status}");
        let reloaded = folder.json(&["reload"]);
        assert!(reloaded["warnings"][0].as_str().unwrap().contains(words), "{reloaded}");
    }
}

#[test]
fn a_certificate_that_holds_is_shown_with_its_end_and_no_warning() {
    let folder = with_certificate(now() - DAY, now() + 90 * DAY);
    let _serving = folder.serve();
    let status = folder.well(&["status"]);
    assert!(status.contains("certificate until 20") && status.contains("SHA-256 "), "{status}");
    assert_eq!(folder.json(&["reload"])["warnings"], json!([]));
    assert!(!folder.log().contains("needs renewal"), "{}", folder.log());
    // It is renewed too late, and reloaded all the same.
    let late = Authority::new().unwrap().identity_within(&["relay.test"], now() - 9 * DAY, now() - DAY);
    put(&folder, &late.unwrap());
    assert_eq!(folder.json(&["reload"])["certificate"], json!(true));
    assert_eq!(folder.log().matches("the certificate needs renewal").count(), 1);
}
