use std::sync::Arc;

use trunkline_model::{Address, Contact, PresenceChoice};
use trunkline_store::PeopleList;
use trunkline_wire::{ApiError, Call, ContactView, ErrorCode, Reply};

use super::{directory, line};
use crate::{
    error,
    port::{LineError, RosterChange},
    relay::Inner,
    router::Later,
    session::Session,
};

/// Begins a call about people: such calls of a session are done one after another, after the line had its time to open.
pub(super) fn start(relay: &Arc<Inner>, session: &Arc<Session>, call: Call) -> Later {
    let mut turn = session.turns.take();
    let (relay, session) = (Arc::clone(relay), Arc::clone(session));
    Box::pin(async move {
        turn.wait().await;
        session.has_room().await;
        work(&relay, &session, call).await
    })
}

async fn work(relay: &Arc<Inner>, session: &Session, call: Call) -> Result<Reply, ApiError> {
    match call {
        Call::SetPresence { choice, personal_message } => {
            set_presence(relay, session, Some(choice), personal_message).await
        }
        Call::SetPersonalMessage { personal_message } => {
            set_presence(relay, session, None, Some(personal_message)).await
        }
        Call::StartTyping { contact } => {
            typing(relay, session, &contact, true).await?;
            Ok(Reply::Typing { contact })
        }
        Call::StopTyping { contact } => typing(relay, session, &contact, false).await.map(|()| Reply::Plain),
        Call::ContactBlock { contact } => block(relay, session, &contact, true).await,
        Call::ContactUnblock { contact } => block(relay, session, &contact, false).await,
        Call::BlockContact { contacts } => mute(relay, session, contacts).await,
        Call::UnblockContact { contacts } => unmute(relay, session, contacts).await,
        Call::AddContact { .. }
        | Call::RemoveContact { .. }
        | Call::AddGroup { .. }
        | Call::RenameGroup { .. }
        | Call::RemoveGroup { .. }
        | Call::CopyContactToGroup { .. }
        | Call::RemoveContactFromGroup { .. } => change(relay, session, call).await,
        other => directory::look(relay, session, other).await,
    }
}

async fn set_presence(
    relay: &Inner,
    session: &Session,
    choice: Option<PresenceChoice>,
    personal_message: Option<String>,
) -> Result<Reply, ApiError> {
    let mut row = relay.store.presence(session.account()).await.map_err(error::store)?;
    match choice {
        Some(PresenceChoice::Set(availability)) => row.choice = Some(availability),
        Some(PresenceChoice::Reset) => row.choice = None,
        None => {}
    }
    if let Some(note) = personal_message {
        row.personal_message = note;
    }
    relay.store.presence_set(session.account(), &row).await.map_err(error::store)?;
    relay.lines.publish_account(session.account()).await;
    Ok(Reply::Plain)
}

async fn typing(
    relay: &Inner,
    session: &Session,
    contact: &Address,
    composing: bool,
) -> Result<(), ApiError> {
    line(relay, session).await?.typing(contact, composing).await.map_err(error::line)
}

/// `contact.Block`: stops messages, for the whole account.
async fn block(
    relay: &Inner,
    session: &Session,
    contact: &Address,
    blocked: bool,
) -> Result<Reply, ApiError> {
    relay.lines.blocks.set(session.account(), contact, blocked).await.map_err(error::store)?;
    // The relay stops messages in any case.
    let Ok(line) = line(relay, session).await else { return Ok(Reply::Blocking { on_im_system: false }) };
    let on_im_system = match line.block(contact, blocked).await {
        Ok(()) => true,
        Err(LineError::NotSupported(_)) => false,
        Err(error) => {
            tracing::warn!(account = %session.address(), %error, "the IM system does not block as the relay does");
            false
        }
    };
    if let Ok(Some(contact)) = line.contact(contact).await {
        relay.hub.contact_changed(session.account(), &contact);
    }
    Ok(Reply::Blocking { on_im_system })
}

/// BlockContact: this session's phone gets no presence updates of these people.
async fn mute(relay: &Inner, session: &Session, contacts: Vec<Address>) -> Result<Reply, ApiError> {
    let asked = contacts.len();
    let muted: Vec<_> = {
        let mut state = session.state();
        contacts.into_iter().take_while(|contact| state.people.mute(contact.clone())).collect()
    };
    let all = muted.len() == asked;
    keep(relay, session, PeopleList::Muted, muted, true).await?;
    if all {
        return Ok(Reply::Plain);
    }
    Err(ApiError::new(ErrorCode::InvalidOperation, "too-many: 1000 people are muted by this session"))
}

/// Writes down whom a session has put on a list, or taken off, so that a restart does not change it.
pub(super) async fn keep(
    relay: &Inner,
    session: &Session,
    list: PeopleList,
    who: Vec<Address>,
    on: bool,
) -> Result<(), ApiError> {
    relay.store.session_list(session.identity.device, list, who, on).await.map_err(error::store)
}

/// UnblockContact: from now on, and how they are at present.
async fn unmute(relay: &Inner, session: &Session, contacts: Vec<Address>) -> Result<Reply, ApiError> {
    for contact in &contacts {
        session.state().people.unmute(contact);
    }
    keep(relay, session, PeopleList::Muted, contacts.clone(), false).await?;
    // Without a line nothing is known; what changed is told when it is back.
    let Ok(line) = line(relay, session).await else { return Ok(Reply::Plain) };
    for contact in &contacts {
        if let Ok(Some(contact)) = line.contact(contact).await {
            session.contact_changed(&contact);
        }
    }
    Ok(Reply::Plain)
}

async fn change(relay: &Inner, session: &Session, call: Call) -> Result<Reply, ApiError> {
    let line = line(relay, session).await?;
    let (change, done) = match call {
        Call::AddContact { contact, group } => (RosterChange::AddContact(contact, group), Reply::Plain),
        Call::RemoveContact { contact } => (RosterChange::RemoveContact(contact), Reply::Plain),
        Call::AddGroup { name } => return add_group(line.as_ref(), name).await,
        Call::RenameGroup { group, name } => {
            let done = Reply::Message(format!("Group renamed to {name}"));
            (RosterChange::RenameGroup(group, name), done)
        }
        Call::RemoveGroup { group } => {
            (RosterChange::RemoveGroup(group), Reply::Message("Group removed".into()))
        }
        Call::CopyContactToGroup { contact, group } => {
            let done = Reply::Message(format!("{contact} added to the group"));
            (RosterChange::AddToGroup(contact, group), done)
        }
        Call::RemoveContactFromGroup { contact, group } => {
            let done = Reply::Message(format!("{contact} removed from the group"));
            (RosterChange::RemoveFromGroup(contact, group), done)
        }
        other => return directory::look(relay, session, other).await,
    };
    match line.change_roster(change).await {
        Ok(_) => Ok(done),
        Err(error @ LineError::AlreadyInGroup) => Ok(Reply::Message(error.to_string())),
        Err(error) => Err(error::line(error)),
    }
}

async fn add_group(line: &dyn crate::port::Line, name: String) -> Result<Reply, ApiError> {
    let id = line.change_roster(RosterChange::AddGroup(name.clone())).await.map_err(error::line)?;
    match id {
        Some(id) => Ok(Reply::GroupAdded { message: format!("Group {name} added"), id, name }),
        None => Ok(Reply::Message(format!("Group {name} added"))),
    }
}

/// Contacts as the session's phone is to see them.
pub(super) async fn view(
    relay: &Inner,
    session: &Session,
    contacts: Vec<Contact>,
) -> Result<Vec<ContactView>, ApiError> {
    relay.view(session, contacts).await.map_err(error::store)
}
