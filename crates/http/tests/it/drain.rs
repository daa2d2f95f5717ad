use std::time::{Duration, Instant};

use crate::support::{Running, close_code, eventually, get, post, problem, settings, upgrade_request};

#[tokio::test]
async fn without_sockets_the_end_comes_at_once() {
    let server = Running::start(|settings| settings.drain = Duration::from_secs(3_600)).await;
    let began = Instant::now();
    server.shut_down();
    server.gone().await;
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn sockets_are_closed_with_1001_one_after_the_other() {
    let server = Running::start(|settings| settings.drain = Duration::from_millis(900)).await;
    let http = server.http();
    let mut phones = Vec::new();
    for _ in 0..3 {
        phones.push(server.phone(&[]).await.0);
    }
    let began = Instant::now();
    server.shut_down();
    let closes = phones.iter_mut().map(async |phone| {
        assert_eq!(close_code(phone).await, Some(1001));
        began.elapsed()
    });
    let mut times = futures_util::future::join_all(closes).await;
    times.sort();
    assert!(times[2] >= Duration::from_millis(600), "{times:?}");
    assert!(times[2] - times[0] >= Duration::from_millis(300), "{times:?}");
    server.gone().await;
    assert!(tokio::net::TcpStream::connect(http).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_phone_that_does_not_answer_the_close_holds_nothing_up() {
    let server = Running::start(|settings| settings.drain = Duration::ZERO).await;
    let (_deaf, _) = server.phone(&[]).await;
    let began = Instant::now();
    server.shut_down();
    server.gone().await;
    assert!(began.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn while_it_drains_phones_are_sent_elsewhere_and_hurry_ends_it() {
    let server = Running::start(|settings| settings.drain = Duration::from_secs(3_600)).await;
    let (http, admin) = (server.http(), server.admin());
    let (mut first, _) = server.phone(&[]).await;
    let (mut second, _) = server.phone(&[]).await;
    let mut kept = tokio::net::TcpStream::connect(http).await.expect("connected");
    server.shut_down();
    eventually(async || get(admin, "/health/ready", "").await.status == 503).await;
    assert!(get(admin, "/health/ready", "").await.body.contains(r#""status":"stopping""#));
    assert_eq!(get(admin, "/health/live", "").await.status, 200);

    let upgrade = crate::support::ask(http, upgrade_request("").as_bytes()).await;
    let activation = post(http, "/v1/activation", "", "{}").await;
    let mut waits = Vec::new();
    for answer in [upgrade, activation, get(http, "/GaslampService/ws", "").await] {
        assert_eq!((answer.status, problem(&answer).as_str()), (503, "restarting"), "{answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
        waits.push(answer.header("retry-after").expect("a time").parse::<u64>().expect("seconds"));
    }
    assert!(waits.iter().all(|wait| *wait >= 3_000), "not before the drain is over: {waits:?}");
    waits.dedup();
    assert!(waits.len() > 1, "phones that are told the same time come back together: {waits:?}");
    // A connection from before the drain is no way in either.
    tokio::io::AsyncWriteExt::write_all(&mut kept, upgrade_request("").as_bytes()).await.expect("sent");
    assert!(crate::support::head(&mut kept).await.starts_with("HTTP/1.1 503"));

    assert_eq!(close_code(&mut first).await, Some(1001), "the first place in the drain is now");
    server.hurry();
    assert_eq!(close_code(&mut second).await, Some(1001));
    server.gone().await;
}

#[tokio::test]
async fn a_reload_never_opens_a_bound_address_to_strangers() {
    let proxy: ipnet::IpNet = "127.0.0.2/32".parse().expect("a net");
    let server = Running::start(|settings| {
        settings.http_bind = Some(([0, 0, 0, 0], 0).into());
        settings.trusted_proxies = vec![proxy];
    })
    .await;
    // The file may well say loopback by now: what counts is where the server listens.
    let mut open = settings(server.folder.path().to_owned());
    let refused = server.control.check(open.clone()).err().expect("a refusal").to_string();
    assert!(refused.starts_with("HTTP_BIND: 0.0.0.0:0 can be reached"), "{refused}");
    open.trusted_proxies = vec![proxy];
    open.sockets_per_address = 1;
    server.control.apply(server.control.check(open).expect("good settings"));
    assert_eq!(server.control.settings().sockets_per_address, 1);
    let _one = server.phone(&[]).await;
    let two = crate::support::ask(server.http(), upgrade_request("").as_bytes()).await;
    assert_eq!(two.status, 429);
}
