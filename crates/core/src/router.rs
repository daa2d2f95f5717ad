//! The way of what phones do with conversations: policy, the choice of the way, the commit, and the word from the IM
//! system. Each function enters the store's writer in the order of calls; what it gives back resolves after the commit.

mod answer;
mod answering;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use trunkline_model::{
    AccountId, Address, ChatId, ConversationState, MessageId, MessageState, MessageText, Seq,
};
use trunkline_store::{NewMessage, Receipt, Route};
use trunkline_wire::{ApiError, ErrorCode, Reply, Target};

use self::{answer::Answer, answering::Answering};
use crate::{error, port::CallAnswer, relay::Inner, session::Session};

/// What is left to do after a request has entered the writer.
pub(crate) type Later = BoxFuture<'static, Result<Reply, ApiError>>;

/// Who is at the other end of a conversation.
enum Peer {
    /// An account on the relay itself, reached by the commit.
    Local(AccountId),
    /// Somebody on the IM system.
    Remote,
}

impl Peer {
    fn local(&self) -> Option<AccountId> {
        match self {
            Self::Local(account) => Some(*account),
            Self::Remote => None,
        }
    }
}

/// Sends a message.
pub(crate) async fn send(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    peer: Address,
    text: MessageText,
    id: MessageId,
) -> Result<Later, ApiError> {
    let route = match find(relay, session, &peer).await? {
        Peer::Remote => Route::Line,
        Peer::Local(recipient) => {
            let blocked =
                relay.lines.blocks.blocks(recipient, session.address()).await.map_err(error::store)?;
            Route::Local { recipient, deliver: !blocked }
        }
    };
    let message = NewMessage {
        account: session.account(),
        device: session.identity.device,
        peer,
        id: id.clone(),
        text,
        route,
    };
    let answer = Answer::begin(session, &message);
    let since = Instant::now();
    let pending = relay.store.send(message).await.map_err(error::store)?;
    let (relay, backend) = (Arc::clone(relay), Arc::clone(relay.lines.backend(session.address())));
    Ok(Box::pin(async move {
        let sent = pending.await.map_err(error::store)?;
        if !sent.dup {
            relay.metrics.stored(backend.as_ref(), sent.state);
        }
        if matches!(sent.state, MessageState::Stored | MessageState::Submitted) {
            answer.outcome(&relay, &sent, since).await?;
        }
        Ok(Reply::Sent { at: sent.sent_at, chat: sent.chat, id, dup: sent.dup })
    }))
}

/// Invites somebody to a conversation.
pub(crate) async fn start_chat(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    peer: Address,
) -> Result<Later, ApiError> {
    let mut recipient = find(relay, session, &peer).await?.local();
    if let Some(account) = recipient
        && relay.lines.blocks.blocks(account, session.address()).await.map_err(error::store)?
    {
        recipient = None;
    }
    let (account, device) = (session.account(), session.identity.device);
    let tell = Answering::new(relay, session, &peer, CallAnswer::Accept);
    let pending = relay.store.start_chat(account, device, peer, recipient).await.map_err(error::store)?;
    Ok(Box::pin(async move {
        let started = pending.await.map_err(error::store)?;
        tell.spawn();
        Ok(Reply::Started { at: started.at, chat: started.chat })
    }))
}

/// Accepts an invitation.
pub(crate) async fn accept(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    chat: ChatId,
) -> Result<Later, ApiError> {
    let (peer, recipient) = invited(relay, session, chat).await?;
    let (account, device) = (session.account(), session.identity.device);
    let tell = Answering::new(relay, session, &peer, CallAnswer::Accept);
    let pending = relay.store.accept(account, device, peer, chat, recipient).await.map_err(error::store)?;
    Ok(Box::pin(async move {
        pending.await.map_err(error::store)?;
        tell.spawn();
        Ok(Reply::Accepted { chat })
    }))
}

/// Declines an invitation.
pub(crate) async fn decline(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    chat: ChatId,
) -> Result<Later, ApiError> {
    let (peer, recipient) = invited(relay, session, chat).await?;
    let (account, device) = (session.account(), session.identity.device);
    let tell = Answering::new(relay, session, &peer, CallAnswer::Decline);
    let pending = relay.store.decline(account, device, peer, chat, recipient).await.map_err(error::store)?;
    Ok(Box::pin(async move {
        pending.await.map_err(error::store)?;
        tell.spawn();
        Ok(Reply::Plain)
    }))
}

/// Ends a conversation.
pub(crate) async fn end_chat(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    target: Target,
) -> Result<Later, ApiError> {
    let (account, device) = (session.account(), session.identity.device);
    let peer = match target {
        Target::Contact(peer) => peer,
        Target::Chat(chat) => invited(relay, session, chat).await?.0,
    };
    let recipient = local(relay, session, &peer).await?;
    let tell = Answering::new(relay, session, &peer, CallAnswer::Decline);
    let pending = relay.store.end_chat(account, device, peer, recipient).await.map_err(error::store)?;
    Ok(Box::pin(async move {
        pending.await.map_err(error::store)?;
        tell.spawn();
        Ok(Reply::Plain)
    }))
}

/// How long an IM system may take over the receipts of one step: the phone's answer waits for it.
const TELLING: Duration = Duration::from_secs(5);

/// The phone has a message, and with it everything before.
pub(crate) async fn acknowledge(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    id: &MessageId,
    peer: Option<&Address>,
) -> Result<Later, ApiError> {
    let remembered = session.state().outbound.unacknowledged(id, peer);
    let up_to = match remembered.and_then(|all| all.into_iter().map(|(seq, _)| seq).max()) {
        Some(seq) => Some(seq),
        None => {
            let (account, device) = (session.account(), session.identity.device);
            let shown = session.state().outbound.shown();
            let found = relay.store.unacknowledged(account, device, id, peer, shown).await;
            let found = found.map_err(error::store)?;
            // What the phone was never shown it cannot have, whatever id it names. What was shown before the process
            // began nobody remembers: but entries are shown in order, so that who has one of them has the first.
            let before = || found.first.filter(|seq| session.state().outbound.may_have_shown(*seq));
            found.last_shown.or_else(before)
        }
    };
    // Nothing waits under that id: acknowledged before, which is no error for a phone that repeats itself.
    let Some(up_to) = up_to else { return Ok(Box::pin(async { Ok(Reply::Plain) })) };
    let later = acknowledge_up_to(relay, session, up_to).await?;
    Ok(Box::pin(async move {
        later.await?;
        Ok(Reply::Plain)
    }))
}

/// The phone has everything up to `up_to`; tells the writers on IM systems of it.
pub(crate) async fn acknowledge_up_to(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    up_to: Seq,
) -> Result<BoxFuture<'static, Result<(), ApiError>>, ApiError> {
    let (account, device) = (session.account(), session.identity.device);
    let pending = relay.store.acknowledge(account, device, up_to).await.map_err(error::store)?;
    let (relay, session) = (Arc::clone(relay), Arc::clone(session));
    Ok(Box::pin(async move {
        let mut step = pending.await.map_err(error::store)?;
        tell_lines(&relay, &session, step.receipts).await;
        while step.more {
            let next = relay.store.acknowledge(account, device, up_to).await.map_err(error::store)?;
            step = next.await.map_err(error::store)?;
            tell_lines(&relay, &session, step.receipts).await;
        }
        session.acknowledged(up_to);
        Ok(())
    }))
}

/// [`acknowledge_up_to`] to its end.
pub(crate) async fn acknowledge_wholly(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    up_to: Seq,
) -> Result<(), ApiError> {
    acknowledge_up_to(relay, session, up_to).await?.await
}

/// Passes receipts on to the IM system of those who wrote from there.
async fn tell_lines(relay: &Arc<Inner>, session: &Arc<Session>, receipts: Vec<Receipt>) {
    let remote: Vec<_> = receipts.into_iter().filter(|receipt| !receipt.local).collect();
    if remote.is_empty() {
        return;
    }
    let Ok(line) = relay.lines.line(session.account()) else { return };
    let told = async {
        for receipt in remote {
            if let Err(error) = line.delivered(&receipt.peer, &receipt.id).await {
                tracing::debug!(%error, "a receipt was not passed on");
            }
        }
    };
    if tokio::time::timeout(TELLING, told).await.is_err() {
        tracing::debug!("an IM system did not take receipts in time");
    }
}

/// The person has read a conversation. In one that is open a peer's call brings no invitation, but its message: who reads
/// that answers the call.
pub(crate) async fn read(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    peer: Address,
    up_to: Option<Seq>,
) -> Result<Later, ApiError> {
    let (account, device) = (session.account(), session.identity.device);
    let tell = Answering::new(relay, session, &peer, CallAnswer::Accept);
    let pending = relay.store.read(account, device, peer.clone(), up_to).await.map_err(error::store)?;
    Ok(Box::pin(async move {
        let mark = pending.await.map_err(error::store)?;
        if matches!(mark.state, ConversationState::Open | ConversationState::Recalled) {
            tell.spawn();
        }
        Ok(Reply::Read { contact: peer, up_to: mark.up_to, unread: mark.unread })
    }))
}

/// Who an address is, as the sender's own backend reaches it.
async fn find(relay: &Inner, session: &Session, peer: &Address) -> Result<Peer, ApiError> {
    if peer == session.address() {
        return Err(ApiError::new(ErrorCode::InvalidArgument, "contactId is the account itself"));
    }
    let by_commit = |who: &Address| relay.lines.backend(who).delivers_by_commit();
    let (own, theirs) = (by_commit(session.address()), by_commit(peer));
    let account = if theirs { relay.lines.names.account(peer).await.map_err(error::store)? } else { None };
    let unreachable = |why: String| Err(ApiError::new(ErrorCode::InvalidArgument, why));
    match (own, theirs, account) {
        (true, true, Some(account)) => Ok(Peer::Local(account)),
        (true, true, None) => {
            unreachable(format!("unreachable: there is no enabled account {peer} on this server"))
        }
        // Whoever has no account here may still be known to the sender's IM system.
        (false, _, None) => Ok(Peer::Remote),
        _ => unreachable(format!("unreachable: {peer} is on another IM system than {}", session.address())),
    }
}

/// The local account at the other end, if there is one; somebody who is gone is no error.
async fn local(relay: &Inner, session: &Session, peer: &Address) -> Result<Option<AccountId>, ApiError> {
    let by_commit = |who: &Address| relay.lines.backend(who).delivers_by_commit();
    if !by_commit(session.address()) || !by_commit(peer) {
        return Ok(None);
    }
    relay.lines.names.account(peer).await.map_err(error::store)
}

/// Whose invitation a request id is.
async fn invited(
    relay: &Inner,
    session: &Session,
    chat: ChatId,
) -> Result<(Address, Option<AccountId>), ApiError> {
    let found = relay.store.conversation_by_chat(session.account(), chat).await.map_err(error::store)?;
    let Some((peer, _)) = found else {
        return Err(ApiError::new(ErrorCode::InvalidArgument, "there is no conversation with this id"));
    };
    let recipient = local(relay, session, &peer).await?;
    Ok((peer, recipient))
}
