//! Phones that talk to the program.

use std::time::Duration;

use secrecy::SecretString;
use tokio::{runtime::Runtime, sync::mpsc, time::timeout};
use trunkline_client::{ActivationRequest, Event, Phone, Profile, Received, Server, StopReason, Trust};

use crate::program::{Folder, Serving};

const PATIENCE: Duration = Duration::from_secs(30);

/// A phone that is signed in.
pub(crate) struct Signed {
    phone: Phone,
    events: mpsc::Receiver<Received>,
}

/// Activates a phone of Alice's and signs it in.
pub(crate) async fn sign_in(server: &str, key: &str, install: &str) -> (Signed, Profile) {
    let server = Server::new(server, &Trust::System).unwrap();
    let request = ActivationRequest {
        address: "alice@example.test".to_owned(),
        access_key: SecretString::from(key),
        device_token: install.to_owned(),
        platform: "Android".to_owned(),
        name: "Alice's phone".to_owned(),
        app_version: "7".to_owned(),
        locale: String::new(),
    };
    let activated = Phone::activate(&server, &request).await.unwrap();
    let profile = Profile::new(server, activated.token, install);
    (connect(profile.clone()).await, profile)
}

pub(crate) async fn connect(profile: Profile) -> Signed {
    let phone = Phone::connect(profile);
    let events = phone.events().unwrap();
    phone.ready(PATIENCE).await.unwrap();
    Signed { phone, events }
}

impl Signed {
    /// Waits for the phone to be told that it is no longer let in.
    pub(crate) async fn locked_out(mut self) {
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

/// A server with an account of Alice's, and an access key for it.
pub(crate) fn with_alice(keys: &[(&str, &str)]) -> (Folder, Serving, Runtime, String) {
    let folder = Folder::with(keys);
    let serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test"]);
    let key =
        folder.json(&["activation", "issue", "alice@example.test"])["accessKey"].as_str().unwrap().to_owned();
    (folder, serving, Runtime::new().unwrap(), key)
}
