//! A relay of one's own, its people and their devices.

use std::sync::Arc;

use serde_json::{Value, json};
use trunkline_client::{ActivationRequest, Phone, Server, Trust};
use trunkline_testkit::{Relay, peer::Postgres};

use crate::device::Device;

/// A running relay.
pub(crate) struct House {
    pub(crate) relay: Relay,
    pub(crate) server: Server,
    /// Its database server, if it has one; after the relay, so that it ends later.
    _database: Option<Arc<Postgres>>,
}

/// An activated device: everything that a phone keeps.
#[derive(Clone)]
pub(crate) struct Pass {
    pub(crate) address: String,
    pub(crate) device_token: String,
    pub(crate) device_id: String,
    pub(crate) token: String,
    pub(crate) server: Server,
}

/// The address of one of our people.
pub(crate) fn sip(name: &str) -> String {
    format!("sip:{name}@example.test")
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    /// With these keys of `appSettings`.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let mut builder = Relay::of(env!("CARGO_BIN_EXE_trunkline"));
        let database = crate::database().await;
        if let Some((_, url)) = &database {
            builder = builder.database(url);
        }
        for (key, value) in settings {
            builder = builder.set(key, value);
        }
        let database = database.map(|(server, _)| server);
        Self { _database: database, ..Self::of(builder.start().await.unwrap()) }
    }

    pub(crate) fn of(relay: Relay) -> Self {
        let server = Server::new(&relay.url(), &Trust::System).unwrap();
        Self { relay, server, _database: None }
    }

    /// Makes sure that there is an account; its name is the local part with a capital.
    pub(crate) async fn account(&self, name: &str) {
        self.profile(name, json!({"displayName": capital(name)})).await;
    }

    /// Adds an account with these words about the person; one that is there stays as it is.
    pub(crate) async fn profile(&self, name: &str, profile: Value) {
        let add = json!({"do": "accountAdd", "address": sip(name), "profile": profile});
        if let Err(error) = self.relay.admin(&add).await {
            assert!(error.to_string().contains("there is already an account"), "{error}");
        }
    }

    /// Activates a device of a person's.
    pub(crate) async fn pass(&self, name: &str, device: &str) -> Pass {
        self.account(name).await;
        self.pass_of(&sip(name), device).await
    }

    /// Activates a device of an account that is there.
    pub(crate) async fn pass_of(&self, address: &str, device: &str) -> Pass {
        let request = ActivationRequest {
            address: address.to_owned(),
            access_key: self.relay.access_key(address).await.unwrap().into(),
            device_token: device.to_owned(),
            platform: "Android".to_owned(),
            name: format!("phone {device}"),
            app_version: "1.0".to_owned(),
            locale: "en_GB".to_owned(),
        };
        let activated = Phone::activate(&self.server, &request).await.unwrap();
        Pass {
            address: address.to_owned(),
            device_token: device.to_owned(),
            device_id: activated.device_id.to_string(),
            token: secrecy::ExposeSecret::expose_secret(&activated.token).to_owned(),
            server: self.server.clone(),
        }
    }

    /// A person's first device, signed in.
    pub(crate) async fn device(&self, name: &str) -> Device {
        self.another(name, 1).await
    }

    /// A person's n-th device, signed in.
    pub(crate) async fn another(&self, name: &str, number: u32) -> Device {
        let pass = self.pass(name, &format!("{name}-{number}")).await;
        Device::signed_in(&pass).await
    }

    /// Two people who have agreed to talk: the first wrote `hello`, the second accepted.
    pub(crate) async fn pair(&self, one: &str, other: &str) -> (Device, Device) {
        let (mut one, mut other) = (self.device(one).await, self.device(other).await);
        one.talk_to(&mut other).await;
        (one, other)
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
