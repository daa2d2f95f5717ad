use std::{net::IpAddr, sync::Arc, time::Duration};

use secrecy::SecretString;
use trunkline_model::{PresenceChoice, Seq, Timestamp};
use trunkline_store::{SessionRow, SessionState};
use trunkline_wire::{ApiError, BeginSession, ErrorCode, NotifyBackground, Reply, Request, SessionReply};

use super::now;
use crate::{
    connection::Opening,
    error,
    port::{AuthenticationError, Credential, Identity, LineState, Person},
    relay::Inner,
    router::Later,
    session::{
        Beginning, Session,
        outbound::Outbound,
        sequence::{BLOCK, Sequences},
    },
    stranger::{Refusal, Suspect},
};

/// How long a request waits for its token's turn, when too many wrong ones came from the same place.
const TURN: Duration = Duration::from_secs(30);
/// The same for the token of an opening, without which phones go on as well.
const OPENING_TURN: Duration = Duration::from_secs(2);

/// Our own methods and members beyond the vendor's, told in BeginSession's result.
const EXTENSIONS: &[&str] = &[
    "mailbox.Sync",
    "conversation.Read",
    "device.List",
    "contact.Block",
    "contact.Unblock",
    "LineStateChanged",
];

/// A session that a BeginSession has made or found; its line may still be coming up.
pub(crate) struct Begun {
    pub(crate) session: Arc<Session>,
    /// Made just now: it ends again when the IM system refuses the password.
    pub(crate) fresh: bool,
    im_password: Option<SecretString>,
    source: IpAddr,
}

/// The live session of the device that an opening's token proves, if there is one; a device id alone proves nothing.
pub(crate) async fn proven_session(relay: &Inner, opening: &Opening) -> Option<Arc<Session>> {
    opening.auth_token.as_ref()?;
    let identity = proven(relay, opening).await.ok()?;
    let session = relay.hub.session(identity.account, identity.device);
    session.filter(|session| !session.is_over())
}

/// Whom the opening's token proves.
pub(crate) async fn proven(relay: &Inner, opening: &Opening) -> Result<Identity, ApiError> {
    identify(relay, opening, None, None, OPENING_TURN).await
}

/// Proves who opens the socket, from the request's token or the header's.
async fn identify(
    relay: &Inner,
    opening: &Opening,
    token: Option<&SecretString>,
    device_token: Option<&str>,
    patience: Duration,
) -> Result<Identity, ApiError> {
    let Some(token) = token.or(opening.auth_token.as_ref()) else {
        return Err(ApiError::new(ErrorCode::NullArgument, "gdAuthToken is missing"));
    };
    let credential = Credential { token: token.clone(), device_token: opening.device_token.clone() };
    let (who, source) = (Suspect::at(opening.source), Some(opening.source));
    let identity =
        relay.authenticate(&credential, who, source, patience).await.map_err(error::authentication)?;
    if device_token.is_some_and(|told| told != identity.device_token) {
        relay.strangers.refused(Refusal::OtherDevice, source, &identity.address.uri());
        return Err(error::authentication(AuthenticationError::OtherDevice { account: identity.address }));
    }
    Ok(identity)
}

/// Makes or finds the session; an error here is told in phase 1, because without a session there is no sequence.
pub(crate) async fn begin(
    relay: &Arc<Inner>,
    opening: &Opening,
    request: &Request,
    params: BeginSession,
) -> Result<Begun, ApiError> {
    let told = params.device_token.as_deref();
    let device = identify(relay, opening, params.token.as_ref(), told, TURN).await?.device;
    let _beginning = relay.beginning(device).lock().await;
    // Once more, now that a revocation either is seen here or waits for the session that begins.
    let identity = identify(relay, opening, params.token.as_ref(), told, TURN).await?;
    let live = relay.hub.session(identity.account, identity.device).filter(|session| !session.is_over());
    if live.is_none() && wants_reconnect(request.reconnect.as_deref()) {
        return Err(ApiError::new(ErrorCode::SessionTimeout, "the session to reconnect to is over"));
    }
    if let Some(note) = &params.personal_message {
        let mut row = relay.store.presence(identity.account).await.map_err(error::store)?;
        row.personal_message.clone_from(note);
        relay.store.presence_set(identity.account, &row).await.map_err(error::store)?;
    }
    let fresh = live.is_none();
    let session = match live {
        Some(session) => session,
        None => create(relay, identity, opening.background == Some(true)).await.map_err(error::store)?,
    };
    if let Some(choice) = params.presence {
        session.state().availability = match choice {
            PresenceChoice::Set(availability) => Some(availability),
            PresenceChoice::Reset => None,
        };
        relay.save(&session).await.map_err(error::store)?;
    }
    Ok(Begun { session, fresh, im_password: params.im_password, source: opening.source })
}

fn wants_reconnect(value: Option<&str>) -> bool {
    value
        .is_some_and(|value| !matches!(value.trim(), "" | "0") && !value.trim().eq_ignore_ascii_case("false"))
}

async fn create(
    relay: &Arc<Inner>,
    identity: Identity,
    background: bool,
) -> Result<Arc<Session>, trunkline_store::StoreError> {
    let started_at = Timestamp::now();
    let origin = Sequences::origin(started_at);
    relay
        .store
        .session_begin(SessionRow {
            device: identity.device,
            account: identity.account,
            address: identity.address.clone(),
            display_name: String::new(),
            device_token: identity.device_token.clone(),
            started_at,
            reserved: origin + BLOCK,
            background,
            push_type: 0,
            availability: None,
            personal_message: String::new(),
            last_active: started_at,
            acknowledged: Seq(0),
        })
        .await?;
    let acknowledged = relay.store.acknowledged(identity.device).await?;
    let sequences = Sequences::new(started_at, origin, origin + BLOCK);
    let session = Arc::new(Session::new(Beginning {
        id: relay.store.session_id(identity.device, started_at),
        outbound: Outbound::new(identity.device, sequences, acknowledged, acknowledged),
        identity,
        background,
        push_type: 0,
        availability: None,
        personal_message: String::new(),
        last_active: started_at,
    }));
    relay.hub.add(&session);
    relay.catch_up(&session).await?;
    Ok(session)
}

/// Waits for the line and tells what the session is like; after an error a fresh session must end.
pub(crate) async fn settle(relay: &Arc<Inner>, begun: Begun) -> Result<Reply, ApiError> {
    let Begun { session, fresh: _, im_password, source } = begun;
    let person = Person { account: session.account(), address: session.address().clone() };
    let state = open_line(relay, &person, im_password, source).await?;
    relay.lines.publish_account(session.account()).await;
    Ok(Reply::Session(Box::new(describe(relay, &session, &state).await)))
}

/// Opens the person's line; a password that is not known to be right is tried only so many times an hour.
async fn open_line(
    relay: &Arc<Inner>,
    person: &Person,
    password: Option<SecretString>,
    source: IpAddr,
) -> Result<LineState, ApiError> {
    let guess = match &password {
        Some(password) => relay.lines.is_guess(person, password).await.map_err(error::store)?,
        None => false,
    };
    let mut attempt = None;
    if guess {
        let limit = relay.settings().im_password_failures_per_hour;
        let wait = match relay.lines.guesses.refusal(&person.account, limit) {
            Some(wait) => Err(wait),
            None => relay.strangers.passwords_of(source, limit).await,
        };
        attempt = Some(wait.map_err(|wait| {
            relay.strangers.refused(Refusal::ImPasswordFlood, Some(source), &person.address.uri());
            too_many_passwords(wait)
        })?);
    }
    let opened = relay.lines.open(person, password, relay.settings().line_wait).await;
    if let Ok(LineState::PasswordRefused) = opened {
        relay.strangers.refused(Refusal::ImPassword, Some(source), &person.address.uri());
        return Err(ApiError::new(
            ErrorCode::OperationFailure,
            "im-password-refused: the IM system refused the password; it is not tried again",
        ));
    }
    if let Some(attempt) = attempt {
        attempt.forgive();
    }
    opened.map_err(error::line)
}

fn too_many_passwords(wait: Duration) -> ApiError {
    let minutes = wait.as_secs().div_ceil(60);
    ApiError::new(
        ErrorCode::OperationFailure,
        format!(
            "im-password-attempts: too many wrong passwords were given; this one was not tried, try again in \
             {minutes} min, or sign in without one where it is known already"
        ),
    )
}

async fn describe(relay: &Inner, session: &Session, line: &LineState) -> SessionReply {
    SessionReply {
        session_id: session.id.clone(),
        user: session.address().clone(),
        display_name: relay.lines.names.of(session.address()).await.to_string(),
        device_token: session.identity.device_token.clone(),
        session_timeout_secs: relay.settings().session_timeout.as_secs(),
        server_time: Timestamp::now(),
        line_state: line.name().to_owned(),
        line_reason: line.reason().to_owned(),
        persistent_chat: false,
        file_transfer: false,
        epoch: relay.store.epoch(),
        mailbox_head: session.state().outbound.head(),
        api_extensions: EXTENSIONS,
    }
}

/// GetAuthenticationInfo: whether the phone must ask for an IM password.
pub(crate) async fn password_wanted(
    relay: &Inner,
    opening: &Opening,
    token: Option<SecretString>,
) -> Result<Reply, ApiError> {
    let identity = identify(relay, opening, token.as_ref(), None, TURN).await?;
    let password =
        relay.lines.password_wanted(identity.account, &identity.address).await.map_err(error::store)?;
    Ok(Reply::Authentication { password })
}

/// SetGDAuthToken and its older relatives: a fresh token of the same person on the same device.
pub(super) async fn renew(relay: &Inner, session: &Session, token: SecretString) -> Result<Reply, ApiError> {
    let credential = Credential { token, device_token: Some(session.identity.device_token.clone()) };
    let who = Suspect::Device(session.identity.device);
    let identity = relay.authenticate(&credential, who, None, TURN).await.map_err(error::authentication)?;
    if identity != session.identity {
        return Err(ApiError::new(
            ErrorCode::InvalidArgument,
            "the token belongs to somebody else than the session",
        ));
    }
    Ok(Reply::Plain)
}

/// NotifyBackground: kept with the session, for the push that wakes it.
pub(super) async fn background(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    to: &NotifyBackground,
) -> Result<Later, ApiError> {
    {
        let mut state = session.state();
        state.background = to.background;
        state.push_type = to.push_type.unwrap_or(state.push_type);
    }
    relay.save(session).await.map_err(error::store)?;
    Ok(now(Ok(Reply::Plain)))
}

impl Inner {
    /// Writes down what a session said of itself.
    pub(super) async fn save(&self, session: &Session) -> Result<(), trunkline_store::StoreError> {
        let state = {
            let state = session.state();
            SessionState {
                background: state.background,
                push_type: state.push_type,
                availability: state.availability,
                personal_message: state.personal_message.clone(),
            }
        };
        self.store.session_state(session.identity.device, state).await
    }
}
