//! The unit of systemd, judged by systemd's own tools and laid on the program as far as can be done without systemd.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use trunkline_client::{Server, Trust, parse_fingerprint};
use trunkline_testkit::Relay;

use crate::people::{Chatter, install, signal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trunkline");

/// A tenth of what `systemd-analyze security` may find: what is open is the network, which is what it is for.
const MOST_EXPOSED: &str = "15";

fn unit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/trunkline.service").canonicalize().unwrap()
}

/// The values of a setting, in the file's order.
fn values(name: &str) -> Vec<String> {
    let text = fs::read_to_string(unit()).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).collect()
}

#[test]
fn systemd_understands_the_unit_and_finds_it_tight() {
    let folder = TempDir::new().unwrap();
    let copy = folder.path().join("trunkline.service");
    fs::write(&copy, fs::read_to_string(unit()).unwrap().replace("/usr/bin/trunkline", PROGRAM)).unwrap();
    let analyze = |words: &[&str]| {
        let output = Command::new("systemd-analyze").args(words).arg(&copy).output();
        let output =
            output.unwrap_or_else(|error| panic!("systemd-analyze: {error}: apt-get install systemd"));
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{words:?}: {out}{err}");
        err.into_owned()
    };
    let complaints = analyze(&["verify", "--man=no"]);
    assert!(!complaints.contains("trunkline.service"), "{complaints}");
    analyze(&["security", "--no-pager", "--offline=true", "--threshold", MOST_EXPOSED]);
}

#[test]
fn the_unit_gives_the_drain_its_time_and_names_what_the_program_has() {
    let drain = default_drain();
    let stop: u64 = values("TimeoutStopSec")[0].parse().unwrap();
    assert!(stop >= drain + 60, "DRAIN_SECS is {drain} by default, TimeoutStopSec {stop}");
    for command in [values("ExecStart"), values("ExecReload")].concat() {
        let words: Vec<_> = command.split_whitespace().skip(1).chain(["--help"]).collect();
        assert!(Command::new(PROGRAM).args(&words).output().unwrap().status.success(), "{command}");
    }
    assert_eq!(values("StateDirectory"), ["trunkline"]);
}

/// The default of DRAIN_SECS, from the reference.
fn default_drain() -> u64 {
    let page = include_str!("../../../../docs/configuration.md");
    let entry = page.split("### `DRAIN_SECS`").nth(1).unwrap();
    entry.split("- Default: `").nth(1).unwrap().split('`').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_program_lives_under_the_units_rules() {
    let folder = TempDir::new().unwrap();
    let caged = folder.path().join("trunkline");
    fs::write(&caged, cage()).unwrap();
    fs::set_permissions(&caged, fs::Permissions::from_mode(0o755)).unwrap();
    let mut relay = Relay::of(&caged).set("LOG_LEVEL", "debug").start().await.unwrap();
    assert_caged(&relay);

    let pin = parse_fingerprint(relay.listeners().fingerprint.as_deref().unwrap()).unwrap();
    let secure = Server::new(&relay.tls_url(), &Trust::Fingerprint(pin)).unwrap();
    let alice = Chatter::sign_in(&install(&relay, &secure, "alice").await).await;
    let mut bob = Chatter::sign_in(&install(&relay, &secure, "bob").await).await;
    alice.say("bob", "through bars").await;
    assert_eq!(bob.hear().await, "through bars");
    signal(&relay, "-HUP").await;
    relay.admin(&serde_json::json!({"do": "reload"})).await.unwrap();
    assert_eq!(relay.stop().await.unwrap().code(), Some(0));
    let log = relay.log();
    let bad = |line: &&str| line.contains(" WARN ") || line.contains(" ERROR ") || line.contains("panicked");
    assert_eq!(log.lines().find(bad), None);
}

/// A program that runs ours as the unit has it: without new privileges and under its system call rules; as root also
/// without any capability and with every file read-only but those of temporary folders.
fn cage() -> String {
    let sandbox = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy/sandbox.py");
    let (sandbox, unit) = (sandbox.display(), unit());
    let unit = unit.display();
    format!(
        r#"#!/bin/sh
set -e
inner="/usr/bin/python3 {sandbox} {unit} {PROGRAM}"
if [ "$(id -u)" != 0 ]; then
    exec setpriv --no-new-privs $inner "$@"
fi
exec unshare --mount sh -c '
    mount --bind /tmp /tmp && mount -o remount,bind,ro /
    exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"' sh $inner "$@"
"#
    )
}

/// The cage is there: a program that was never put into one would do well too.
fn assert_caged(relay: &Relay) {
    let status = fs::read_to_string(format!("/proc/{}/status", relay.pid().unwrap())).unwrap();
    let says = |line: &str| status.lines().any(|found| found.split_whitespace().eq(line.split_whitespace()));
    assert!(says("Seccomp: 2") && says("NoNewPrivs: 1"), "{status}");
    if says("Uid: 0 0 0 0") {
        assert!(says("CapEff: 0000000000000000") && says("CapBnd: 0000000000000000"), "{status}");
    }
}
