//! The way to a real XMPP server, step by step.

use std::process::Command;

use serde_json::Value;

use crate::house::{House, backend, jid, password, plan, prosody, sip};

fn examine(house: &House, account: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(["doctor", "--json", "--as", account, "--config"])
        .arg(house.relay.config())
        .current_dir(house.relay.folder())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&password("alice")), "no password is shown");
    let parts = report["parts"].as_array().unwrap();
    let part =
        parts.iter().find(|part| part["part"] == "backend corp.test").unwrap_or_else(|| panic!("{report}"));
    part["steps"].as_array().unwrap().clone()
}

fn findings(steps: &[Value]) -> Vec<(&str, &str)> {
    steps.iter().map(|step| (step["name"].as_str().unwrap(), step["finding"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_doctor_walks_to_a_sign_in_with_the_password_that_is_kept() {
    let mut house = House::open().await;
    let _phone = house.alice().await;
    let well = ["dns", "tcp", "tls", "certificate", "stream", "sign-in", "lines"].map(|name| (name, "good"));
    assert_eq!(findings(&examine(&house, &sip("alice"))), well);
    assert_eq!(
        house.relay.admin(&serde_json::json!({"do": "status"})).await.unwrap()["status"]["server"]["backends"]
            [0]["connected"],
        1,
        "the line is not touched"
    );
    house.relay.stop().await.unwrap();
    let stopped = examine(&house, &jid("alice"));
    assert_eq!(findings(&stopped), well[..6], "with the database that it opens itself");
    house.check_log();
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_doctor_tells_a_certificate_for_another_name() {
    let prosody = prosody().await;
    let element = backend(&prosody, prosody.port()).replace(" caFile", " serverName=\"im.corp.test\" caFile");
    let house = House::of(prosody, plan().backend(&element)).await;
    let steps = examine(&house, &sip("alice"));
    let found = findings(&steps);
    assert_eq!(found[..4], [("dns", "good"), ("tcp", "good"), ("tls", "bad"), ("certificate", "notTried")]);
    let seen = steps[2]["seen"].as_str().unwrap();
    assert!(seen.contains("corp.test") && seen.contains("serverName"), "{seen}");
}
