//! An IM system that cannot be reached: sessions stand all the same.

use serde_json::json;
use trunkline_testkit::Relay;

use crate::{
    device::Device,
    frame::Kind,
    house::{House, Pass},
};

/// A relay whose accounts in corp.test live on an XMPP server that does not answer.
async fn house() -> (House, Pass) {
    let backend = r#"<backend kind="xmpp" domain="corp.test" host="127.0.0.1" port="9" />"#;
    let builder = Relay::of(env!("CARGO_BIN_EXE_trunkline")).backend(backend);
    let builder = builder.set("LINE_WAIT_MS", "200").set("SEND_OUTCOME_WAIT_MS", "200");
    let house = House::of(builder.start().await.unwrap());
    let add = json!({"do": "accountAdd", "address": "sip:cy@corp.test", "profile": {"displayName": "Cy"}});
    house.relay.admin(&add).await.unwrap();
    let pass = house.pass_of("sip:cy@corp.test", "cy-1").await;
    (house, pass)
}

#[tokio::test]
pub(crate) async fn without_an_im_password_there_is_no_session() {
    let (_house, pass) = house().await;
    let mut cy = Device::with(&pass, &pass.bare_handshake()).await;
    let info = cy.well("GetAuthenticationInfo", json!({"gdAuthToken": pass.token})).await;
    assert_eq!(info["authDataType"], "Password");
    for _ in 0..2 {
        let refused = cy.ask("BeginSession", pass.begin_params()).await.unwrap_err();
        assert_eq!((refused.code, refused.kind), (1018, Kind::Late), "{}", refused.inner);
        assert!(refused.inner.starts_with("im-password-needed"), "{}", refused.inner);
        cy.refused(1017, "Ping", json!({})).await;
        // Each attempt is a session of its own, which counts anew.
        (cy.last, cy.events) = (0, 0);
    }
}

#[tokio::test]
pub(crate) async fn a_session_stands_while_the_line_comes_up_and_messages_wait_for_it() {
    let (mut house, pass) = house().await;
    let mut cy = Device::with(&pass, &pass.bare_handshake()).await;
    let mut params = pass.begin_params();
    params["imPassword"] = json!("secret");
    let begun = cy.well("BeginSession", params).await;
    assert_eq!(begun["lineState"], "connecting", "{begun}");
    assert!(!begun["lineReason"].as_str().unwrap().is_empty(), "why it is not up: {begun}");
    for (method, params) in [
        ("GetContactList", json!({})),
        ("AddGroup", json!({"groupName": "x"})),
        ("StartTyping", json!({"contactId": "sip:dee@corp.test", "chatId": ""})),
    ] {
        let why = cy.refused(1018, method, params).await;
        assert!(why.starts_with("line-not-connected"), "{method}: {why}");
    }
    cy.well("SetPresence", json!({"presence": "busy"})).await;
    let sent = cy.say("sip:dee@corp.test", "m-1", "later").await;
    assert!(sent["chatId"].is_string(), "open is no error: {sent}");
    let again = cy.say("sip:dee@corp.test", "m-1", "later").await;
    assert_eq!(again["dup"], true);
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut cy = cy.resumed(-1).await;
    assert_eq!(cy.say("sip:dee@corp.test", "m-1", "later").await["dup"], true, "it waits over a kill");
    cy.well("TerminateSession", json!({})).await;
}
