//! `trunkline reload` and SIGHUP on a relay that carries phones.

use std::process::Command;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_client::{Profile, Server, Trust};
use trunkline_testkit::{Relay, eventually, peer::Authority};

use crate::people::{Chatter, close_code, install, plain, plan, signal, socket};

/// Writes these keys into the file and reloads; the answer of the server.
async fn reload(relay: &mut Relay, keys: &[(&str, &str)]) -> Value {
    for (key, value) in keys {
        relay.set(key, value);
    }
    relay.write_config().unwrap();
    let reloaded = relay.admin(&json!({"do": "reload"})).await.unwrap()["reloaded"].clone();
    assert_eq!(reloaded["applied"], json!(keys.iter().map(|(key, _)| key).collect::<Vec<_>>()));
    reloaded
}

/// The status of a plain GET with further header lines, each ending in `\r\n`.
async fn get(address: &str, path: &str, lines: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    ask(address, &request).await
}

async fn ask(address: &str, request: &str) -> u16 {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    tcp.read_exact(&mut status).await.unwrap();
    String::from_utf8_lossy(&status[9..]).parse().unwrap()
}

#[tokio::test]
async fn limits_change_under_phones_that_notice_nothing() {
    let mut relay = plan().start().await.unwrap();
    let server = plain(&relay);
    let profile = install(&relay, &server, "carol").await;
    let alice = Chatter::sign_in(&install(&relay, &server, "alice").await).await;
    let mut bob = Chatter::sign_in(&install(&relay, &server, "bob").await).await;
    alice.say("bob", "a longer message").await;
    assert_eq!(bob.hear().await, "a longer message");

    reload(&mut relay, &[("SESSION_TIMEOUT_SECS", "3600"), ("MAX_MESSAGE_CHARS", "10")]).await;
    let alive = alice.phone.request("Ping", json!({})).await.unwrap();
    assert!(alive.to_string().contains("3600"), "{alive}");
    let to = "sip:bob@house.test".parse().unwrap();
    assert!(alice.phone.send(&to, "a longer message").await.is_err());
    alice.say("bob", "short").await;
    assert_eq!(bob.hear().await, "short");

    reload(&mut relay, &[("FRAME_MAX_BYTES", "4096")]).await;
    let mut narrow = socket(&profile).await.unwrap();
    narrow.send("x".repeat(5_000)).await.unwrap();
    assert_eq!(close_code(&mut narrow).await, Some(1009));
    reload(&mut relay, &[("SOCKETS_PER_ADDRESS", "1")]).await;
    assert!(socket(&profile).await.unwrap_err().contains("429"));
    reload(&mut relay, &[("SOCKETS_PER_ADDRESS", "9")]).await;
    reload(&mut relay, &[("ALLOW_WEBSOCKETS", "false")]).await;
    assert!(socket(&profile).await.unwrap_err().contains("403"));
    alice.say("bob", "still here").await;
    assert_eq!(bob.hear().await, "still here");
}

#[tokio::test]
async fn who_may_ask_changes_at_once() {
    let mut relay = plan().start().await.unwrap();
    let (http, admin) = (relay.listeners().http.clone().unwrap(), relay.listeners().admin.clone().unwrap());
    let origin = "Origin: https://chat.house.test\r\n";
    assert_eq!(get(&http, "/GaslampService/ws", origin).await, 403);
    reload(&mut relay, &[("ALLOWED_ORIGINS", "https://chat.house.test")]).await;
    assert_eq!(get(&http, "/GaslampService/ws", origin).await, 426);

    assert_eq!(get(&admin, "/metrics", "").await, 200);
    reload(&mut relay, &[("ADMIN_TOKEN", "0123456789abcdef")]).await;
    assert_eq!(get(&admin, "/metrics", "").await, 401);
    assert_eq!(get(&admin, "/metrics", "Authorization: Bearer 0123456789abcdef\r\n").await, 200);

    // Wrong keys from two people behind one proxy: they are one source until the proxy is trusted.
    reload(&mut relay, &[("ACTIVATION_FAILURES_PER_HOUR", "1")]).await;
    assert_eq!(guess(&http, "203.0.113.1").await, 403);
    assert_eq!(guess(&http, "203.0.113.2").await, 429);
    reload(&mut relay, &[("TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    assert_eq!(guess(&http, "203.0.113.2").await, 403);
    assert_eq!(guess(&http, "203.0.113.2").await, 429);
    reload(&mut relay, &[("ACTIVATION_FAILURES_PER_HOUR", "2")]).await;
    assert_eq!(guess(&http, "203.0.113.2").await, 403);
}

async fn guess(http: &str, from: &str) -> u16 {
    let body = r#"{"address":"alice@house.test","accessKey":"AAAA-AAAA-AAAA-AAAA","deviceToken":"d"}"#;
    let head =
        format!("X-Forwarded-For: {from}\r\nX-Forwarded-Proto: https\r\nContent-Length: {}", body.len());
    ask(http, &format!("POST /v1/activation HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n{body}")).await
}

#[tokio::test]
async fn the_log_level_and_the_drain_time_change_on_sighup() {
    let mut relay = plan().set("DRAIN_SECS", "600").start().await.unwrap();
    let server = plain(&relay);
    let (alice, bob) = (install(&relay, &server, "alice").await, install(&relay, &server, "bob").await);
    let _sockets = [socket(&alice).await.unwrap(), socket(&bob).await.unwrap()];
    assert!(!relay.log().contains(" DEBUG "));
    relay.set("LOG_LEVEL", "debug");
    relay.set("DRAIN_SECS", "0");
    relay.write_config().unwrap();
    signal(&relay, "-HUP").await;
    let said = || async {
        let log = relay.log();
        let line = log.lines().find(|line| line.contains("configuration reloaded")).map(str::to_owned);
        line.ok_or(log)
    };
    let line = eventually("the log tells of the reload", said).await.unwrap();
    assert!(line.contains("DRAIN_SECS LOG_LEVEL"), "{line}");
    get(relay.listeners().http.as_deref().unwrap(), "/", "").await;
    eventually("details are logged", || async {
        if relay.log().contains(" DEBUG ") { Ok(()) } else { Err(relay.log()) }
    })
    .await
    .unwrap();
    // With ten minutes this would outlast the test's patience.
    assert_eq!(relay.stop().await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn a_renewed_certificate_serves_at_once_and_a_bad_pair_is_refused() {
    let (old_authority, new_authority) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (old, new) =
        (old_authority.identity(&["localhost"]).unwrap(), new_authority.identity(&["localhost"]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let put = |name: &str, text: &str| std::fs::write(file(name), text).unwrap();
    put("old-ca.pem", old_authority.certificate_pem());
    put("new-ca.pem", new_authority.certificate_pem());
    put("cert.pem", &old.certificate_pem);
    put("key.pem", &old.key_pem);
    let path = |name: &str| file(name).display().to_string();
    let plan =
        plan().set("TLS_CERTIFICATE_FILE", &path("cert.pem")).set("TLS_PRIVATE_KEY_FILE", &path("key.pem"));
    let mut relay = plan.start().await.unwrap();
    let url = relay.tls_url().replace("127.0.0.1", "localhost");
    let trusting = |name: &str| Server::new(&url, &Trust::CaFile(file(name))).unwrap();
    let alice = Chatter::sign_in(&install(&relay, &trusting("old-ca.pem"), "alice").await).await;

    put("cert.pem", &new.certificate_pem);
    let refused = relay.admin(&json!({"do": "reload"})).await.unwrap_err().to_string();
    assert!(refused.contains("is not the key of the first certificate"), "{refused}");
    let bob = install(&relay, &trusting("old-ca.pem"), "bob").await;
    assert!(socket(&bob).await.is_ok(), "the old pair serves on");

    put("key.pem", &new.key_pem);
    let reloaded = reload(&mut relay, &[]).await;
    assert_eq!(reloaded["certificate"], json!(true));
    assert!(socket(&bob).await.unwrap_err().contains("certificate"), "the old one is gone");
    let mut renewed = Chatter::sign_in(&Profile { server: trusting("new-ca.pem"), ..bob }).await;
    alice.say("bob", "over the old connection").await;
    assert!(alice.phone.is_connected());
    assert_eq!(renewed.hear().await, "over the old connection");
}

#[tokio::test]
async fn a_file_with_errors_changes_nothing_and_shows_them_all() {
    let mut relay = plan().start().await.unwrap();
    relay.set("SOCKETS_PER_ADDRESS", "1");
    relay.set("REQUEST_RATE", "many");
    relay.set("DRAIN_SECS", "10s");
    relay.write_config().unwrap();
    let command = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        let output = command.args([name, "--config"]).arg(relay.config()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, told) = command("reload");
    assert_eq!(code, Some(1));
    let refused = relay.admin(&json!({"do": "reload"})).await.unwrap_err().to_string();
    for said in [&told, &refused, &relay.log()] {
        assert!(said.contains("REQUEST_RATE") && said.contains("DRAIN_SECS"), "{said}");
    }
    assert!(refused.contains("nothing was changed"), "{refused}");
    let profile = install(&relay, &plain(&relay), "alice").await;
    let _one = socket(&profile).await.unwrap();
    assert!(socket(&profile).await.is_ok(), "the limit of the bad file does not hold");
}

#[tokio::test]
async fn the_command_says_what_is_in_force_and_what_waits() {
    let mut relay = plan().start().await.unwrap();
    let command = |relay: &Relay| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
        let output = command.args(["reload", "--config"]).arg(relay.config()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // With the ports that the first start found.
    relay.stop().await.unwrap();
    relay.start().await.unwrap();
    assert!(command(&relay).contains("changed       nothing"), "{}", command(&relay));
    relay.set("REQUEST_BURST", "2000");
    relay.set("LOG_FORMAT", "json");
    relay.write_config().unwrap();
    let said = command(&relay);
    assert!(said.contains("in force      REQUEST_BURST\n"), "{said}");
    assert!(said.contains("needs restart LOG_FORMAT\n"), "{said}");
    let said = command(&relay);
    assert!(
        !said.contains("in force") && said.contains("needs restart LOG_FORMAT\n"),
        "it still waits: {said}"
    );
    relay.stop().await.unwrap();
    let mut gone = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    let gone = gone.args(["reload", "--config"]).arg(relay.config()).output().unwrap();
    assert_eq!(gone.status.code(), Some(4), "{gone:?}");
}
