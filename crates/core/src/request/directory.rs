use trunkline_model::{Address, Contact};
use trunkline_store::PeopleList;
use trunkline_wire::{ApiError, Call, DirectoryField, ErrorCode, Reply};

use super::{
    line, not_supported,
    roster::{keep, view},
};
use crate::{
    error,
    port::{Line, Roster, Search, SearchField},
    portion::{MOST_BYTES, fitting, portions},
    relay::Inner,
    session::Session,
};

/// What a group takes in an answer beside its name.
const GROUP_BYTES: usize = 48;
/// Most people that a search returns.
const MAX_HITS: usize = 50;

/// The calls that look people up.
pub(super) async fn look(relay: &Inner, session: &Session, call: Call) -> Result<Reply, ApiError> {
    match call {
        Call::GetContactList { after } => contact_list(relay, session, after).await,
        Call::GetContactDetail { contact } => contact_detail(relay, session, &contact).await,
        Call::GetContactsState { contacts } => contacts_state(relay, session, contacts).await,
        Call::GetContactPhotos { contacts } => {
            Ok(Reply::Photos { contacts: relay.cards.photos(session, contacts).await })
        }
        Call::SearchDirectory { term, field } => search(relay, session, term, field).await,
        Call::RegisterTempRemotePresence { contact } => watch(relay, session, contact).await,
        Call::UnregisterTempRemotePresence { contacts } => unwatch(relay, session, contacts).await,
        _ => Err(not_supported("this method")),
    }
}

/// The contacts after `after`, by address, as far as they go into one frame. A phone that asks for all, as the vendor's
/// does, and gets only some, is told the others by ContactUpdate before the answer.
async fn contact_list(relay: &Inner, session: &Session, after: Option<Address>) -> Result<Reply, ApiError> {
    let Roster { contacts, groups } = line(relay, session).await?.roster().await.map_err(error::line)?;
    let mut contacts = view(relay, session, contacts).await?;
    contacts.sort_unstable_by(|one, other| one.contact.address.cmp(&other.contact.address));
    if let Some(after) = &after {
        contacts.retain(|view| view.contact.address > *after);
    }
    let named: usize = groups.iter().map(|group| group.name.len() + GROUP_BYTES).sum();
    let rest = contacts.split_off(fitting(&contacts, MOST_BYTES.saturating_sub(named)));
    let last = contacts.last().filter(|_| !rest.is_empty());
    let next = last.map(|view| view.contact.address.clone());
    if after.is_none() {
        for some in portions(&rest) {
            session.has_room().await;
            session.tell(some);
        }
    }
    Ok(Reply::ContactList { contacts, groups, next })
}

async fn contact_detail(relay: &Inner, session: &Session, who: &Address) -> Result<Reply, ApiError> {
    let contact = line(relay, session).await?.contact(who).await.map_err(error::line)?;
    let contact = contact
        .ok_or_else(|| ApiError::new(ErrorCode::InvalidArgument, format!("nobody is known as {who}")))?;
    relay.cards.learn(session, &contact).await;
    let mut views = view(relay, session, vec![contact]).await?;
    match views.pop() {
        Some(view) => Ok(Reply::ContactDetail(Box::new(view))),
        None => Err(ApiError::new(ErrorCode::GeneralFailure, "the contact was lost on the way")),
    }
}

async fn contacts_state(relay: &Inner, session: &Session, who: Vec<Address>) -> Result<Reply, ApiError> {
    let line = line(relay, session).await?;
    let contacts = known(line.as_ref(), who).await?;
    Ok(Reply::ContactsState {
        user: session.address().clone(),
        contacts: view(relay, session, contacts).await?,
    })
}

async fn known(line: &dyn Line, who: Vec<Address>) -> Result<Vec<Contact>, ApiError> {
    let mut contacts = Vec::with_capacity(who.len());
    for one in who {
        let contact = line.contact(&one).await.map_err(error::line)?;
        contacts.push(contact.unwrap_or_else(|| Contact::unknown(one)));
    }
    Ok(contacts)
}

async fn search(
    relay: &Inner,
    session: &Session,
    term: String,
    field: DirectoryField,
) -> Result<Reply, ApiError> {
    let field = match field {
        DirectoryField::Name => SearchField::Name,
        DirectoryField::Email => SearchField::Email,
        DirectoryField::Phone => SearchField::Phone,
        DirectoryField::Any => SearchField::Any,
    };
    let search = Search { term, field, limit: MAX_HITS };
    let line = relay.lines.line(session.account());
    let found = relay.directories.find(session.address().domain(), line, &search).await?;
    Ok(Reply::Found {
        contacts: view(relay, session, found.contacts).await?,
        more: found.more,
        term: search.term,
    })
}

/// RegisterTempRemotePresence: presence of somebody outside the roster, until unregistered or the session's end.
async fn watch(relay: &Inner, session: &Session, who: Address) -> Result<Reply, ApiError> {
    let line = line(relay, session).await?;
    line.watch(&who, true).await.map_err(error::line)?;
    if !session.state().people.watch(who.clone()) {
        relay.unwatch(session.account(), line.as_ref(), &who).await;
        return Err(ApiError::new(
            ErrorCode::InvalidOperation,
            "too-many: 1000 people are watched by this session",
        ));
    }
    keep(relay, session, PeopleList::Watched, vec![who.clone()], true).await?;
    if let Some(contact) = line.contact(&who).await.map_err(error::line)? {
        session.contact_changed(&contact);
    }
    Ok(Reply::Plain)
}

async fn unwatch(relay: &Inner, session: &Session, who: Vec<Address>) -> Result<Reply, ApiError> {
    let line = line(relay, session).await?;
    keep(relay, session, PeopleList::Watched, who.clone(), false).await?;
    for one in who {
        session.state().people.unwatch(&one);
        relay.unwatch(session.account(), line.as_ref(), &one).await;
    }
    Ok(Reply::Message("Presence subscription removed".into()))
}

impl Inner {
    /// Stops watching somebody's presence unless another session of the account still does.
    pub(crate) async fn unwatch(&self, account: trunkline_model::AccountId, line: &dyn Line, who: &Address) {
        let wanted = self.hub.sessions(account).iter().any(|session| session.state().people.watches(who));
        if !wanted && let Err(error) = line.watch(who, false).await {
            tracing::debug!(%error, "a temporary presence subscription could not be removed");
        }
    }
}
