//! A phone's bare socket, for what the SDK would not do.

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
        Self { socket: RawSocket::connect(&pass.server, &handshake).await.unwrap(), requests: 0 }
    }

    /// Sends a request and waits for its end.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Ending {
        self.requests += 1;
        let id = format!("c{}", self.requests);
        self.socket.send(request(&id, method, params)).await.unwrap();
        loop {
            let text = self.socket.next_text(patience()).await.unwrap();
            match read(&text).unwrap() {
                ServerFrame::Early { id: of, result, complete, .. }
                    if of == id && (complete || result.is_err()) =>
                {
                    return Ending { phase: 1, result };
                }
                ServerFrame::Late { id: of, result, .. } if of == id => {
                    return Ending { phase: 2, result };
                }
                _ => {}
            }
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
