//! What happens by itself: sessions come back after a restart and time out, old entries go, unseen devices expire.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::Instant;
use trunkline_model::Timestamp;
use trunkline_store::{Purge, SessionRow, StoreError};
use trunkline_wire::{ApiError, ErrorCode};

use crate::{
    port::Person,
    relay::{Inner, StartError},
    router,
    session::{Beginning, End, People, Session, outbound::Outbound, sequence::Sequences},
};

/// How often old entries are looked for.
const PURGE_EVERY: Duration = Duration::from_secs(600);
/// When they are looked for first: phones that come back at once after a start are served before.
const PURGE_FIRST: Duration = Duration::from_secs(2);
/// How often signs of life are written down.
const TOUCH_EVERY: Duration = Duration::from_secs(30);

/// Brings back the sessions that an earlier life of the process left, and opens their lines in the background.
pub(crate) async fn restore(relay: &Arc<Inner>) -> Result<(), StartError> {
    let now = Timestamp::now();
    let settings = relay.settings();
    let timeout = settings.session_timeout;
    let mut people = Vec::new();
    let mut seen = HashSet::new();
    let mut lists = relay.store.session_lists().await?;
    for row in relay.store.sessions().await? {
        if row.last_active.plus(timeout).plus(settings.line_keep) < now {
            relay.store.session_end(row.device).await?;
            continue;
        }
        if seen.insert(row.account) {
            people.push(Person { account: row.account, address: row.address.clone() });
        }
        if row.last_active.plus(timeout) >= now {
            let lists = lists.remove(&row.device).unwrap_or_default();
            let session = session(relay, row);
            session.state().people = People::restored(lists);
            relay.hub.add(&Arc::new(session));
        }
    }
    tracing::info!(sessions = relay.hub.all().len(), lines = people.len(), "sessions restored");
    let opener = Arc::clone(relay);
    relay.tasks.spawn(async move { open_lines(&opener, people).await });
    Ok(())
}

fn session(relay: &Inner, row: SessionRow) -> Session {
    // Whatever was reserved may have been given out: numbering goes on behind it.
    let sequences = Sequences::new(row.started_at, row.reserved, row.reserved);
    Session::new(Beginning {
        id: relay.store.session_id(row.device, row.started_at),
        outbound: Outbound::new(row.device, sequences, row.acknowledged, row.acknowledged),
        identity: crate::port::Identity {
            account: row.account,
            address: row.address,
            device: row.device,
            device_token: row.device_token,
        },
        background: row.background,
        push_type: row.push_type,
        availability: row.availability,
        personal_message: row.personal_message,
        last_active: row.last_active,
    })
}

async fn open_lines(relay: &Arc<Inner>, people: Vec<Person>) {
    for person in people {
        if relay.stop.is_cancelled() {
            return;
        }
        if let Err(error) = relay.lines.open(&person, None, Duration::ZERO).await {
            tracing::warn!(account = %person.address, %error, "the line of a sleeping session does not open");
        }
    }
}

/// Begins the tasks that run until the relay stops.
pub(crate) fn begin(relay: &Arc<Inner>) {
    let (one, two, three) = (Arc::clone(relay), Arc::clone(relay), Arc::clone(relay));
    relay.tasks.spawn(async move {
        while pause(&one, between_looks(&one)).await {
            round(time_out(&one)).await;
        }
    });
    relay.tasks.spawn(async move {
        while pause(&two, TOUCH_EVERY).await {
            round(touch(&two)).await;
        }
    });
    relay.tasks.spawn(async move {
        let mut wait = PURGE_FIRST;
        while pause(&three, wait).await {
            wait = PURGE_EVERY;
            let tidied = async {
                if let Err(error) = tidy(&three).await {
                    tracing::warn!(%error, "old entries could not be purged; it is tried again later");
                }
            };
            round(tidied).await;
        }
    });
}

/// One round; a panic, which the program's hook tells, ends this one and not those to come.
async fn round(work: impl Future<Output = ()>) {
    let _ = AssertUnwindSafe(work).catch_unwind().await;
}

/// Between two looks for sessions that are over.
fn between_looks(relay: &Inner) -> Duration {
    (relay.settings().session_timeout / 4).clamp(Duration::from_millis(100), Duration::from_secs(5))
}

/// False when the relay stops.
async fn pause(relay: &Inner, time: Duration) -> bool {
    relay.stop.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
}

/// Ends the sessions of which nothing was heard for too long.
async fn time_out(relay: &Arc<Inner>) {
    let now = Instant::now();
    relay.hub.tidy(now);
    let limit = relay.settings().session_timeout;
    for session in relay.hub.all() {
        session.end_polling(now);
        if session.silence() > limit {
            relay.end_session(&session, End::Timeout).await;
        }
    }
}

/// Writes down when each phone was heard of, and how far it is, where that is news. What fails is news still, and ends the
/// round with one line: what concerns all phones is not told for each.
pub(crate) async fn touch(relay: &Arc<Inner>) {
    let sessions = relay.hub.all();
    if let Err(error) = write_lives(relay, &sessions).await {
        tracing::warn!(%error, "signs of life could not be written down; it is tried again");
    } else if let Err((error, phones)) = write_marks(relay, &sessions).await {
        tracing::warn!(%error, phones, "how far phones are could not be written down; it is tried again");
    }
}

async fn write_lives(relay: &Arc<Inner>, sessions: &[Arc<Session>]) -> Result<(), StoreError> {
    let news: Vec<_> =
        sessions.iter().filter_map(|session| Some((session, session.news_of_life()?))).collect();
    if !news.is_empty() {
        let rows = news.iter().map(|(session, heard)| (session.identity.device, *heard)).collect();
        relay.store.session_touch(rows).await?;
        news.iter().for_each(|(session, heard)| session.life_written(*heard));
    }
    Ok(())
}

/// A device that only sends acknowledges nothing, but needs its own entries no more. An error of the database comes with
/// how many phones are left.
async fn write_marks(relay: &Arc<Inner>, sessions: &[Arc<Session>]) -> Result<(), (ApiError, usize)> {
    let news: Vec<_> =
        sessions.iter().filter_map(|session| Some((session, session.news_of_mark()?))).collect();
    for (done, (session, up_to)) in news.iter().enumerate() {
        match router::acknowledge_wholly(relay, session, *up_to).await {
            Err(error) if error.code == ErrorCode::GeneralFailure => return Err((error, news.len() - done)),
            Err(error) => tracing::debug!(%error, "how far a phone is could not be written down"),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn tidy(relay: &Arc<Inner>) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let settings = relay.settings();
    // Before the purge: what only an expired device had not got may go.
    expire(relay, now, settings.device_expiry).await?;
    let purge = Purge { now, retention: settings.retention, undelivered: settings.undelivered };
    while relay.store.purge(purge).await? {
        if relay.stop.is_cancelled() {
            return Ok(());
        }
    }
    close_idle_lines(relay, now).await
}

/// Devices that nobody has heard of for long have to be activated again.
async fn expire(relay: &Arc<Inner>, now: Timestamp, limit: Duration) -> Result<(), StoreError> {
    let unseen = now.minus(limit);
    // A live session was heard of lately, whatever a clock that jumped says of when that was.
    let live = relay.hub.all().into_iter().filter(|session| session.last_heard() < unseen);
    let heard: Vec<_> = live.map(|session| (session.identity.device, now.minus(session.silence()))).collect();
    if !heard.is_empty() {
        relay.store.session_touch(heard).await?;
    }
    loop {
        let expired = relay.store.expire_devices(unseen).await?;
        if expired.is_empty() {
            return Ok(());
        }
        for (account, device) in expired {
            tracing::info!(target: "audit", %device, "a device that was not seen for long has expired");
            relay.revoke(account, device).await;
        }
    }
}

/// Signs out the lines of accounts whose last session timed out longer ago than lines are kept.
async fn close_idle_lines(relay: &Arc<Inner>, now: Timestamp) -> Result<(), StoreError> {
    let settings = relay.settings();
    let keep = settings.session_timeout + settings.line_keep;
    let mut kept = relay.hub.accounts();
    for row in relay.store.sessions().await? {
        if row.last_active.plus(keep) >= now {
            kept.insert(row.account);
        } else if !kept.contains(&row.account) {
            relay.store.session_end(row.device).await?;
        }
    }
    for slot in relay.lines.all() {
        if !kept.contains(&slot.person.account) {
            relay.lines.close_if_idle(slot.person.account).await;
        }
    }
    Ok(())
}
