use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use trunkline_wire::{
    ApiError,
    phone::{self, ServerFrame},
};

use crate::{ConnectError, Handshake, Profile, RawSocket};

/// How long the relay may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Why it is not known whether a password is needed.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticationError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The relay says no.
    #[error("{0}")]
    Refused(ApiError),
    /// Nothing usable came.
    #[error("the relay does not say how to sign in")]
    NoAnswer,
}

/// Asks GetAuthenticationInfo on a socket of its own that is bound to no session.
pub(crate) async fn needs_password(profile: &Profile) -> Result<bool, AuthenticationError> {
    let mut handshake = Handshake::new(profile.device_token.clone());
    handshake.platform.clone_from(&profile.platform);
    handshake.locale.clone_from(&profile.locale);
    let mut socket = RawSocket::connect(&profile.server, &handshake).await?;
    let params = json!({"gdAuthToken": profile.token.expose_secret()});
    let answer = ask(&mut socket, params).await;
    socket.close(1000).await;
    let data = answer?;
    Ok(data.get("authDataType").and_then(Value::as_str) == Some("Password"))
}

async fn ask(socket: &mut RawSocket, params: Value) -> Result<Value, AuthenticationError> {
    let frame = phone::request("c1", "GetAuthenticationInfo", params);
    socket.send(frame).await.map_err(|_| AuthenticationError::NoAnswer)?;
    loop {
        let text = socket.next_text(LIMIT).await.map_err(|_| AuthenticationError::NoAnswer)?;
        match phone::read(&text) {
            Ok(ServerFrame::Early { id, result, .. }) if id == "c1" => {
                return result.map_err(AuthenticationError::Refused);
            }
            Ok(_) => {}
            Err(_) => return Err(AuthenticationError::NoAnswer),
        }
    }
}
