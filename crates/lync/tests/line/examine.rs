//! What `trunkline doctor` says of the way to a pool and back.

use trunkline_core::port::{Backend, Finding, Step};
use trunkline_sip::{Message, Method};
use trunkline_testkit::peer::{Authority, front_end::Act};

use crate::stage::{RELAY, Stage};

fn named<'s>(steps: &'s [Step], name: &str) -> &'s Finding {
    &steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("no {name}: {steps:?}")).finding
}

fn seen(finding: &Finding) -> String {
    match finding {
        Finding::Good { seen } => format!("good: {seen}"),
        Finding::Doubtful { seen, attempt } => format!("doubtful: {seen}; {attempt}"),
        Finding::Bad(trouble) => {
            format!("bad: {}; {}; {}; {}", trouble.expected, trouble.seen, trouble.likely, trouble.attempt)
        }
        Finding::NotTried { why } => format!("not tried: {why}"),
    }
}

async fn examine(stage: &Stage, account: &str) -> Vec<Step> {
    let address = format!("{account}@contoso.test").parse().unwrap();
    stage.backend.examine(Some(&address), None).await
}

#[tokio::test]
async fn the_whole_way_is_walked_and_no_line_is_touched() {
    let stage = Stage::open().await;
    let _alice = stage.connected("alice").await;
    let steps = examine(&stage, "alice").await;
    for (name, words) in [
        ("dns", "127.0.0.1"),
        ("tcp", "answers after"),
        ("tls", "pool.contoso.test was expected; the relay shows relay.contoso.test"),
        ("options", "answers"),
        ("sign-in", "alice@contoso.test signs in without a password"),
        ("listener", "listening at 127.0.0.1:"),
    ] {
        let found = seen(named(&steps, name));
        assert!(found.starts_with("good") && found.contains(words), "{name}: {found}");
    }
    let found = seen(named(&steps, "dial-back"));
    assert!(found.contains(RELAY), "{found}");
    assert_eq!(stage.front.endpoints("alice"), 1, "the endpoint of the examination is gone again");
}

#[tokio::test]
async fn each_refusal_says_what_to_do_about_it() {
    let stage = Stage::open().await;
    let is_register = |message: &Message| matches!(message, Message::Request(request) if *request.method() == Method::REGISTER);
    let elsewhere = Act::answer(301).header("Contact", "<sip:fe9.other.test:5061;transport=tls>");
    let home = Act::answer(301).header("Contact", "<sip:fe1.contoso.test:5061;transport=tls>");
    for (act, how, words) in [
        (Act::answer(401), "bad", "does not trust this connection"),
        (Act::answer(403).diagnostics(4003, "no"), "bad", "Get-CsUser sip:alice@contoso.test"),
        (Act::answer(404).diagnostics(4005, "no"), "bad", "not enabled for the pool"),
        (elsewhere, "bad", "add fe9.other.test to allowedPeers"),
        (home, "good", "fe1.contoso.test (301)"),
        (Act::answer(503), "bad", "serviced"),
        (Act::Cut, "bad", "ended the connection"),
    ] {
        stage.front.on_received(act, is_register);
        let found = seen(named(&examine(&stage, "alice").await, "sign-in"));
        assert!(found.starts_with(how) && found.contains(words), "{found}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_expected_is_told_by_its_names() {
    let stage = Stage::with(|settings| {
        settings.pool.name = "other.contoso.test".into();
        settings.tls.peers = ["other.contoso.test"].iter().collect();
    })
    .await;
    let steps = examine(&stage, "alice").await;
    let found = seen(named(&steps, "tls"));
    assert!(
        found.starts_with("bad") && found.contains("fe1.contoso.test") && found.contains("allowedPeers"),
        "{found}"
    );
    assert!(seen(named(&steps, "sign-in")).contains("an earlier step failed"));
    assert!(seen(named(&steps, "listener")).starts_with("good"), "the way back is looked at all the same");
}

#[tokio::test]
async fn an_authority_that_one_side_does_not_know_is_told_apart_from_the_other_side() {
    let other = Authority::new().unwrap();
    let theirs = Stage::with(|settings| {
        std::fs::write(&settings.tls.authorities, other.certificate_pem()).unwrap();
    })
    .await;
    let found = seen(named(&examine(&theirs, "alice").await, "tls"));
    assert!(found.contains("`caFile` holds another authority") && !found.contains("allowedPeers"), "{found}");

    let identity = other.identity(&[RELAY]).unwrap();
    let ours = Stage::with(|settings| {
        std::fs::write(&settings.tls.certificate, &identity.certificate_pem).unwrap();
        std::fs::write(&settings.tls.private_key, &identity.key_pem).unwrap();
    })
    .await;
    let found = seen(named(&examine(&ours, "alice").await, "options"));
    assert!(found.contains("do not trust the authority") && !found.contains("topology"), "{found}");
}

#[tokio::test]
async fn a_port_on_which_no_tls_is_spoken_is_called_a_wrong_port() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut tcp, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let stage = Stage::with(|settings| settings.pool.port = port).await;
    let found = seen(named(&examine(&stage, "alice").await, "tls"));
    assert!(found.contains("not TLS") && found.contains("5061 is usual"), "{found}");
}
