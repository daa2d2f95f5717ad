use std::time::{Duration, Instant};

use secrecy::SecretString;
use serde_json::json;
use tokio::{runtime::Runtime, sync::mpsc, time::timeout};
use trunkline_client::{ActivationRequest, Event, Phone, Profile, Received, Server, StopReason, Trust};

use crate::program::{Folder, Serving};

const PATIENCE: Duration = Duration::from_secs(30);

struct Signed {
    phone: Phone,
    events: mpsc::Receiver<Received>,
}

/// Activates a phone of Alice's and signs it in.
async fn sign_in(server: &str, key: &str) -> (Signed, Profile) {
    let server = Server::new(server, &Trust::System).unwrap();
    let request = ActivationRequest {
        address: "alice@example.test".to_owned(),
        access_key: SecretString::from(key),
        device_token: "install-1".to_owned(),
        platform: "Android".to_owned(),
        name: "Alice's phone".to_owned(),
        app_version: "7".to_owned(),
        locale: String::new(),
    };
    let activated = Phone::activate(&server, &request).await.unwrap();
    let profile = Profile::new(server, activated.token, "install-1");
    (connect(profile.clone()).await, profile)
}

async fn connect(profile: Profile) -> Signed {
    let phone = Phone::connect(profile);
    let events = phone.events().unwrap();
    phone.ready(PATIENCE).await.unwrap();
    Signed { phone, events }
}

impl Signed {
    /// Waits for the phone to be told that it is no longer let in.
    async fn locked_out(mut self) {
        let told = async {
            while let Some(received) = self.events.recv().await {
                if let Event::Terminated { reason } = received.event {
                    return Some(reason);
                }
            }
            None
        };
        let reason = timeout(PATIENCE, told).await.unwrap();
        assert!(matches!(reason, Some(StopReason::Revoked | StopReason::TokenRefused(_))), "{reason:?}");
        assert!(!self.phone.is_connected());
    }
}

fn with_alice() -> (Folder, Serving, Runtime, String) {
    let folder = Folder::new();
    let serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test"]);
    let key =
        folder.json(&["activation", "issue", "alice@example.test"])["accessKey"].as_str().unwrap().to_owned();
    (folder, serving, Runtime::new().unwrap(), key)
}

#[test]
fn a_revoked_device_is_signed_out_at_once() {
    let (folder, serving, runtime, key) = with_alice();
    let (signed, _) = runtime.block_on(sign_in(&serving.url(), &key));

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
    let (folder, serving, runtime, key) = with_alice();
    let (signed, profile) = runtime.block_on(sign_in(&serving.url(), &key));
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
