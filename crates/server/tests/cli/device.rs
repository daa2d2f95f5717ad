use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    phone::{connect, sign_in, with_alice},
    program::Folder,
};

#[test]
fn a_revoked_device_is_signed_out_at_once() {
    let (folder, serving, runtime, key) = with_alice(&[]);
    let (signed, _) = runtime.block_on(sign_in(&serving.url(), &key, "install-1"));

    let listed = folder.json(&["device", "list", "alice@example.test"]);
    let device = &listed["devices"][0];
    assert_eq!(
        (&device["name"], &device["platform"], &device["appVersion"], &device["revoked"]),
        (&json!("Alice's phone"), &json!("Android"), &json!("7"), &json!(false))
    );
    assert_eq!(folder.json(&["device", "list"]), listed);
    assert!(folder.well(&["status"]).contains("1; open sockets: 1"));

    let id = device["id"].as_str().unwrap();
    assert_eq!(folder.run(&["device", "revoke", id]).code, Some(2), "without consent nothing happens");
    let begun = Instant::now();
    assert_eq!(folder.json(&["device", "revoke", id, "--yes"])["revoked"], json!(true));
    runtime.block_on(signed.locked_out());
    assert!(begun.elapsed() < Duration::from_secs(3), "took {:?}", begun.elapsed());
    assert_eq!(folder.json(&["account", "show", "alice@example.test"])["devices"][0]["revoked"], json!(true));
}

#[test]
fn a_disabled_account_is_signed_out_and_may_come_back() {
    let (folder, serving, runtime, key) = with_alice(&[]);
    let (signed, profile) = runtime.block_on(sign_in(&serving.url(), &key, "install-1"));
    let begun = Instant::now();
    folder.well(&["account", "disable", "alice@example.test"]);
    runtime.block_on(signed.locked_out());
    assert!(begun.elapsed() < Duration::from_secs(3), "took {:?}", begun.elapsed());

    folder.well(&["account", "enable", "alice@example.test"]);
    runtime.block_on(connect(profile));
}

#[test]
fn an_unknown_device_is_told_so() {
    let folder = Folder::new();
    let outcome = folder.run(&["device", "revoke", "019a2f0c-8d3e-7c51-9a1b-2f6f5f0d9c11", "--yes"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(1), ""));
    assert!(outcome.err.contains("there is no device 019a2f0c"), "{}", outcome.err);
}
