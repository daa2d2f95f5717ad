use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use trunkline_wire::{
    ApiError,
    phone::{self, ServerFrame},
};

use crate::{
    ConnectError, Handshake, Profile, RawSocket,
    http_form::{Failure, HttpForm},
};

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

/// Asks GetAuthenticationInfo on a socket of its own that is bound to no session, or in a POST where there are none.
pub(crate) async fn needs_password(profile: &Profile) -> Result<bool, AuthenticationError> {
    let mut handshake = Handshake::new(profile.device_token.clone());
    handshake.platform.clone_from(&profile.platform);
    handshake.locale.clone_from(&profile.locale);
    let params = json!({"gdAuthToken": profile.token.expose_secret()});
    let frame = phone::request("c1", "GetAuthenticationInfo", params);
    let opened = match profile.web_sockets {
        true => RawSocket::connect(&profile.server, &handshake).await.map(Some),
        false => Ok(None),
    };
    let data = match opened {
        Ok(Some(mut socket)) => {
            let answer = ask(&mut socket, frame).await;
            socket.close(1000).await;
            answer?
        }
        Ok(None) | Err(ConnectError::Upgrade(_) | ConnectError::Handshake(_)) => {
            post(&HttpForm::new(&profile.server, handshake), frame).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(data.get("authDataType").and_then(Value::as_str) == Some("Password"))
}

async fn post(form: &HttpForm, frame: String) -> Result<Value, AuthenticationError> {
    let answers = form.post(&mut form.line(), frame).await.map_err(|failure| match failure {
        Failure::Connect(error) => AuthenticationError::Connect(error),
        _ => AuthenticationError::NoAnswer,
    })?;
    match answers.first().map(|text| phone::read(text)) {
        Some(Ok(ServerFrame::Early { result, .. })) => result.map_err(AuthenticationError::Refused),
        _ => Err(AuthenticationError::NoAnswer),
    }
}

async fn ask(socket: &mut RawSocket, frame: String) -> Result<Value, AuthenticationError> {
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
