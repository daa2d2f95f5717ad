//! A phone's bare socket, for what the SDK would not do.

use std::collections::HashMap;

use serde_json::{Value, json};
use trunkline_client::{Handshake, RawSocket};
use trunkline_testkit::patience;
use trunkline_wire::{
    ApiError,
    phone::{ServerFrame, read, request},
};

use crate::house::Pass;

/// A socket that is bound to no session at first.
pub(crate) struct Socket {
    socket: RawSocket,
    requests: u32,
    endings: HashMap<String, Ending>,
}

/// How a request ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) phase: u8,
    pub(crate) result: Result<Value, ApiError>,
}

impl Socket {
    pub(crate) async fn open(pass: &Pass) -> Self {
        let handshake =
            Handshake { auth_token: Some(pass.token.clone()), ..Handshake::new(pass.install.clone()) };
        Self {
            socket: RawSocket::connect(&pass.server, &handshake).await.unwrap(),
            requests: 0,
            endings: HashMap::new(),
        }
    }

    /// Sends a request and waits for its end.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Ending {
        let id = self.post(method, params).await;
        self.end(&id).await
    }

    /// Sends a request and gives its id.
    pub(crate) async fn post(&mut self, method: &str, params: Value) -> String {
        self.requests += 1;
        let id = format!("c{}", self.requests);
        self.socket.send(request(&id, method, params)).await.unwrap();
        id
    }

    /// How a request ends; what becomes of others meanwhile is kept.
    pub(crate) async fn end(&mut self, id: &str) -> Ending {
        loop {
            if let Some(ending) = self.endings.remove(id) {
                return ending;
            }
            let text = self.socket.next_text(patience()).await.unwrap();
            let (id, ending) = match read(&text).unwrap() {
                ServerFrame::Early { id, result, complete, .. } if complete || result.is_err() => {
                    (id, Ending { phase: 1, result })
                }
                ServerFrame::Late { id, result, .. } => (id, Ending { phase: 2, result }),
                _ => continue,
            };
            self.endings.insert(id, ending);
        }
    }

    /// BeginSession with this password, or with none.
    pub(crate) async fn begin(&mut self, password: Option<&str>) -> Ending {
        self.ask("BeginSession", password.map_or(json!({}), |password| json!({"imPassword": password}))).await
    }

    /// What GetAuthenticationInfo says.
    pub(crate) async fn wanted(&mut self) -> String {
        let data = self.ask("GetAuthenticationInfo", json!({})).await.result.unwrap();
        data["authDataType"].as_str().unwrap().to_owned()
    }
}

impl Ending {
    /// The code and the plain words of a refusal.
    pub(crate) fn refused(self) -> (u8, i64, String) {
        let error = self.result.unwrap_err();
        (self.phase, error.code.number(), error.inner)
    }
}
