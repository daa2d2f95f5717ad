//! What a socket asked before it was lost comes to its end after it.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt;
use secrecy::SecretString;
use trunkline_core::{Connection, Opening, Outgoing, Relay};
use trunkline_wire::activation::ActivationRequest;

use crate::relay::{access_key, account, relay};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const BEGIN: &str = r#"{"jsonrpc":"2.0","id":"c1","method":"BeginSession","params":{}}"#;

async fn socket(relay: &Relay, token: &SecretString) -> Connection {
    let opening = Opening {
        device_token: Some("install-1".into()),
        auth_token: Some(token.clone()),
        sequence: None,
        background: None,
        source: HERE,
    };
    relay.open(opening).await
}

/// Everything that is to be written now, up to a close.
async fn rest(socket: &Connection) -> Vec<Outgoing> {
    let mut all = Vec::new();
    while let Some(outgoing) = socket.next().now_or_never() {
        all.push(outgoing);
        if matches!(all.last(), Some(Outgoing::Close(..))) {
            break;
        }
    }
    all
}

#[tokio::test]
async fn a_socket_that_is_gone_takes_the_session_from_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let (relay, store) = relay(folder.path()).await;
    let alice = account(&store, "alice@example.test").await;
    let request = ActivationRequest {
        address: "alice@example.test".into(),
        access_key: access_key(&store, alice, false).await.into(),
        device_token: "install-1".into(),
        platform: String::new(),
        name: String::new(),
        app_version: String::new(),
        locale: String::new(),
    };
    let token = relay.activate(request, HERE).await.expect("an activation").auth_token;
    // It was opened before there was a session, so it is bound to none.
    let lost = socket(&relay, &token).await;
    let present = socket(&relay, &token).await;
    present.receive(BEGIN).await;
    assert!(present.session_id().is_some(), "the session has begun");
    lost.gone();
    lost.receive(BEGIN).await;
    assert_eq!(lost.session_id(), present.session_id(), "what was asked is carried out");
    let told = rest(&present).await;
    assert!(!told.iter().any(|out| matches!(out, Outgoing::Close(..))), "{told:?}");
    drop(lost);
    present.receive(r#"{"jsonrpc":"2.0","id":"c2","method":"Ping","params":{}}"#).await;
    let told = rest(&present).await;
    let answered = |out: &Outgoing| matches!(out, Outgoing::Text(text) if text.contains(r#""id":"c2""#));
    assert!(told.iter().any(answered), "it is still the one that is told: {told:?}");
}
