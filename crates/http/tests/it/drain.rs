use std::time::{Duration, Instant};

use crate::support::{Running, close_code};

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
