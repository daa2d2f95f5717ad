use std::{fs, time::Duration};

use secrecy::SecretString;
use trunkline_model::{Address, Availability};
use trunkline_wire::ErrorCode;

use super::{
    ChatError, ChatOptions,
    state::{Kept, StateFile},
    terminal::Terminal,
};
use crate::{ActivationRequest, AuthenticationError, Phone, Profile, RequestError, Server, StopReason};

/// How long to wait for the session before going on without it.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// How often a wrong password may be typed.
const PASSWORD_TRIES: usize = 3;

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) address: Address,
    pub(super) name: String,
}

/// Activates if need be, asks for the IM password if need be, and connects.
pub(super) async fn sign_in(
    options: &ChatOptions,
    user: &Address,
    server: &Server,
    file: &StateFile,
    terminal: &mut Terminal,
) -> Result<(Phone, Me), ChatError> {
    let mut kept = file.load()?;
    let mut fresh = false;
    loop {
        let token = match kept.token.take() {
            Some(token) => token,
            None => {
                fresh = true;
                let token = activate(options, user, server, &kept.device_token, terminal).await?;
                file.save(&Kept { device_token: kept.device_token.clone(), token: Some(token.clone()) })?;
                token
            }
        };
        let mut profile = Profile::new(server.clone(), token, kept.device_token.clone());
        profile.platform = "Terminal".to_owned();
        profile.presence = Some(Availability::Available);
        match connect(profile, user, terminal).await {
            Err(ChatError::Stopped(StopReason::TokenRefused(_) | StopReason::Revoked)) if !fresh => {
                terminal.say("The relay no longer knows this device; it takes a new access key to go on.")?;
            }
            other => return other,
        }
    }
}

async fn activate(
    options: &ChatOptions,
    user: &Address,
    server: &Server,
    device_token: &str,
    terminal: &mut Terminal,
) -> Result<SecretString, ChatError> {
    let access_key = match &options.access_key_file {
        Some(path) => {
            let text = fs::read_to_string(path)
                .map_err(|source| ChatError::AccessKeyFile { path: path.clone(), source })?;
            SecretString::from(text.trim().to_owned())
        }
        None => {
            terminal.say(format_args!("This device is new to {server}."))?;
            let key = terminal.secret("Access key").await?;
            key.ok_or(ChatError::NothingTyped("the access key"))?
        }
    };
    let request = ActivationRequest {
        address: user.to_string(),
        access_key,
        device_token: device_token.to_owned(),
        platform: "Terminal".to_owned(),
        name: "trunkline chat".to_owned(),
        app_version: env!("CARGO_PKG_VERSION").to_owned(),
        locale: "en_GB".to_owned(),
    };
    let activated = Phone::activate(server, &request).await?;
    terminal.say(format_args!("Activated for {}.", activated.address))?;
    Ok(activated.token)
}

async fn connect(
    mut profile: Profile,
    user: &Address,
    terminal: &mut Terminal,
) -> Result<(Phone, Me), ChatError> {
    let needed = match Phone::needs_password(&profile).await {
        Err(AuthenticationError::Refused(error)) if error.code == ErrorCode::AuthTokenInvalid => {
            return Err(ChatError::Stopped(StopReason::TokenRefused(error.inner)));
        }
        answer => answer?,
    };
    for _ in 0..PASSWORD_TRIES {
        if needed {
            let password = terminal.secret("Password of the IM system").await?;
            profile.im_password = Some(password.ok_or(ChatError::NothingTyped("the password"))?);
        }
        let phone = Phone::connect(profile.clone());
        match phone.ready(READY_LIMIT).await {
            Ok(session) => {
                let me =
                    Me { address: session.user.unwrap_or_else(|| user.clone()), name: session.display_name };
                return Ok((phone, me));
            }
            Err(RequestError::Stopped(StopReason::PasswordRefused(_))) if needed => {
                terminal.say("The IM system does not accept this password.")?;
            }
            Err(RequestError::Stopped(reason)) => return Err(ChatError::Stopped(reason)),
            Err(_) => {
                terminal.say("Not signed in yet; trying on.")?;
                return Ok((phone, Me { address: user.clone(), name: String::new() }));
            }
        }
    }
    Err(ChatError::Stopped(StopReason::PasswordRefused("given up".to_owned())))
}
