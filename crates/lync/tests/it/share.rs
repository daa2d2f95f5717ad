use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;
use trunkline_lync::{
    address::Target,
    connection::{CloseReason, Direction, Event},
    listener,
    pool::{DialError, DialLimits, RoundError},
};
use trunkline_testkit::{eventually, patience};

use crate::stage::{FRONT_END, FrontEnd, NEW, POOL, Stage};

#[tokio::test]
async fn a_thousand_callers_share_one_dial_and_one_connection() -> Result<()> {
    let stage = Stage::new()?;
    let (front_end, mut relay) = (FrontEnd::new(&stage, &stage.front_end()?, NEW).await?, stage.relay()?);
    let target = front_end.target(POOL)?;
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let (pool, target) = (relay.pool.clone(), target.clone());
            tokio::spawn(async move { pool.get(&target).await })
        })
        .collect();
    let gone = tokio::spawn({
        let (pool, target) = (relay.pool.clone(), target.clone());
        async move { pool.get(&target).await }
    });
    gone.abort();
    let _accepted = front_end.accept().await?;
    let mut ids = Vec::new();
    for caller in callers {
        ids.push(caller.await??.id());
    }
    ids.dedup();
    assert_eq!((ids.len(), relay.pool.connections().len()), (1, 1));
    let Event::Opened(opened) = relay.next().await? else { anyhow::bail!("not opened") };
    assert_eq!((opened.direction(), opened.peer().name.as_str()), (Direction::Outbound, POOL));
    assert!(opened.peer().names.has(FRONT_END), "the Front End behind the pool's name is known");
    assert_eq!(relay.pool.find("FE1.contoso.test"), Some(opened.clone()));
    opened.close();
    assert_eq!(relay.pool.find("FE1.contoso.test"), None, "one that is closing takes nothing more");
    Ok(())
}

#[tokio::test]
async fn a_connection_that_a_front_end_drops_is_told_of_and_not_hammered_at() -> Result<()> {
    let stage = Stage::new()?;
    let (front_end, mut relay) = (FrontEnd::new(&stage, &stage.front_end()?, NEW).await?, stage.relay()?);
    let target = front_end.target(POOL)?;
    let (connection, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
    drop(accepted?);
    assert_eq!(connection?.closed().await, CloseReason::There);
    assert!(matches!(relay.next().await?, Event::Opened(_)));
    assert!(matches!(relay.next().await?, Event::Closed(_, CloseReason::There)));
    assert!(relay.pool.connections().is_empty());
    let error = relay.pool.get(&target).await.err().context("it was dialled at once")?;
    assert!(matches!(error, DialError::Resting { .. }) && error.retry_at().is_some(), "{error}");
    let (again, _accepted) = tokio::join!(
        eventually("the rest is over", || relay.pool.get(&target)),
        tokio::time::timeout(patience(), front_end.accept())
    );
    assert!(again?.is_open());
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_or_does_not_answer_is_an_error_in_words() -> Result<()> {
    let stage = Stage::new()?;
    let handshake = Duration::from_millis(200);
    let relay = stage.relay_with(DialLimits { handshake, ..DialLimits::default() })?;
    let dead = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let target = |host: &str, port| Target { name: POOL.into(), host: Some(host.to_owned()), port };
    let failed = |error: DialError| match error {
        DialError::Failed { last, .. } => Ok(last),
        error => Err(error),
    };
    let error = failed(relay.pool.get(&target("127.0.0.1", dead)).await.err().context("dead")?)?;
    assert!(matches!(error, RoundError::Connect { .. }), "{error}");
    let again = relay.pool.get(&target("127.0.0.1", dead)).await.err().context("dead")?;
    assert!(again.to_string().contains("waiting before the next try after: cannot connect"), "{again}");
    let mute = std::net::TcpListener::bind("127.0.0.1:0")?;
    let error =
        failed(relay.pool.get(&target("127.0.0.1", mute.local_addr()?.port())).await.err().context("mute")?)?;
    assert!(matches!(error, RoundError::Handshake { .. }), "{error}");
    let nameless = Target { name: "not a name".into(), ..target("127.0.0.1", dead) };
    let error = failed(relay.pool.get(&nameless).await.err().context("nameless")?)?;
    assert!(matches!(error, RoundError::Name(_)), "{error}");
    Ok(())
}

#[tokio::test]
async fn all_connections_end_when_the_pool_stops() -> Result<()> {
    let (stage, stop) = (Stage::new()?, CancellationToken::new());
    let (identity, relay) = (stage.front_end()?, stage.relay()?);
    let front_end = FrontEnd::new(&stage, &identity, NEW).await?;
    let target = front_end.target(POOL)?;
    let (outbound, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
    let listener = relay.listen(listener::Limits::default()).await?;
    let at = listener.address()?;
    tokio::spawn(listener.run(stop.clone()));
    let _inbound = stage.connect(at, Some(&identity), NEW).await?;
    eventually("both are there", || async { (relay.pool.connections().len() == 2).then_some(()) }).await?;
    outbound?.send("farewell".into()).await?;
    stop.cancel();
    relay.pool.stop(patience()).await;
    let mut text = String::new();
    accepted?.read_to_string(&mut text).await?;
    assert_eq!((text.as_str(), relay.pool.connections().len()), ("farewell", 0));
    assert!(matches!(relay.pool.get(&target).await, Err(DialError::Stopped)));
    Ok(())
}
