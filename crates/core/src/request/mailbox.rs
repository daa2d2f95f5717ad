use std::sync::Arc;

use trunkline_model::{Epoch, Seq};
use trunkline_wire::{ApiError, DeviceView, Reply};

use crate::{error, relay::Inner, router, router::Later, session::Session};

/// Most bytes of entries in one page, so that the answer stays below the largest frame.
const MAX_PAGE_BYTES: usize = 900_000;

/// `mailbox.Sync`: a page of the account's mailbox after `since`, which is thereby acknowledged.
pub(super) async fn sync(
    relay: &Arc<Inner>,
    session: &Arc<Session>,
    epoch: Option<Epoch>,
    since: Seq,
    limit: usize,
) -> Result<Later, ApiError> {
    let present = relay.store.epoch();
    let bounds = relay.store.mailbox_bounds(session.account()).await.map_err(error::store)?;
    let (reset, after) = match epoch {
        Some(told) if told != present => (Some("epoch"), bounds.floor),
        _ if since < bounds.floor => (Some("retention"), bounds.floor),
        _ => (None, since.min(bounds.head)),
    };
    let acknowledged = match reset {
        None => Some(router::acknowledge_up_to(relay, session, after).await?),
        Some(_) => None,
    };
    let (relay, session) = (Arc::clone(relay), Arc::clone(session));
    Ok(Box::pin(async move {
        if let Some(acknowledged) = acknowledged {
            acknowledged.await?;
        }
        let _paging = session.paging.lock().await;
        session.has_room().await;
        let page = relay.store.mailbox(session.account(), after, limit).await.map_err(error::store)?;
        let (mut next, mut entries, mut bytes) = (after, Vec::with_capacity(page.len()), 0);
        for entry in &page {
            if entry.is_for(session.identity.device) {
                let name = relay.lines.names.of(entry.body.peer()).await;
                let data = trunkline_wire::entry_event(entry, present, &name);
                bytes += data.as_str().len();
                if bytes > MAX_PAGE_BYTES && !entries.is_empty() {
                    break;
                }
                entries.push(data);
            }
            next = entry.seq;
        }
        session.state().outbound.show(next);
        let head = relay.store.mailbox_bounds(session.account()).await.map_err(error::store)?.head;
        Ok(Reply::Synced { epoch: present, entries, next, more: next < head && !page.is_empty(), reset })
    }))
}

/// `device.List`: the account's own devices.
pub(super) async fn devices(relay: &Arc<Inner>, session: &Session) -> Result<Reply, ApiError> {
    let rows = relay.store.devices(session.account()).await.map_err(error::store)?;
    let view = |row: trunkline_store::DeviceRow| {
        let live = relay.hub.session(row.account, row.id);
        DeviceView {
            this_device: row.id == session.identity.device,
            connected: live.as_ref().is_some_and(|session| session.is_connected()),
            acknowledged: row.acknowledged,
            seen: live.map_or(row.acknowledged, |session| session.state().outbound.seen()),
            id: row.id,
            name: row.name,
            platform: row.platform,
            app_version: row.app_version,
            last_seen: row.last_seen,
        }
    };
    Ok(Reply::Devices(rows.into_iter().filter(|row| !row.revoked).map(view).collect()))
}
