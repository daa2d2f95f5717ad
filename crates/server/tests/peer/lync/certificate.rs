//! A Front End's certificate that is no good.

use trunkline_client::Event;
use trunkline_testkit::{
    eventually,
    peer::{Authority, Leaf, Purpose, Time},
};

use super::{doctor, pool::Pool, server::Server};

/// What is wrong with a Front End's certificate, what is said of it, and a word of what an administrator is told to do.
const CASES: &[(&str, &str, &str)] = &[
    ("expired", "it has expired", "renewed"),
    ("not yet valid", "its time has not begun yet", "this computer's clock"),
    ("another name", "none of its names is pool.contoso.test or in allowedPeers", "allowedPeers"),
    ("another authority", "no authority in caFile has signed it", "caFile"),
];

/// The names that a Front End's certificate ought to have.
const NAMES: [&str; 2] = ["fe1.contoso.test", "pool.contoso.test"];

fn good() -> Leaf<'static> {
    Leaf { dns: &NAMES, purposes: &[Purpose::Server, Purpose::Client], ..Leaf::default() }
}

/// Has the Front End begin anew with what is wrong, or with a good certificate.
async fn certify(pool: &mut Pool, wrong: Option<&str>) {
    let stranger = Authority::new().unwrap();
    let own = pool.front.authority();
    let identity = match wrong {
        None => own.issue(&good()),
        Some("expired") => own.issue(&Leaf { time: Time::Past, ..good() }),
        Some("not yet valid") => own.issue(&Leaf { time: Time::Future, ..good() }),
        Some("another name") => own.issue(&Leaf { dns: &["fe9.contoso.test"], ..good() }),
        Some("another authority") => stranger.issue(&good()),
        Some(other) => panic!("{other}"),
    };
    pool.front.certify(&identity.unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_certificate_that_is_no_good_is_told_to_phone_log_and_doctor_until_it_is_replaced() {
    for (wrong, seen, advice) in CASES {
        let mut pool = Pool::open().await;
        let mut alice = pool.alice().await;
        certify(&mut pool, Some(wrong)).await;
        let told = |event: &Event| matches!(event, Event::LineState { state, reason } if state == "connecting" && reason.contains(seen));
        alice.until(wrong, |event| told(event).then_some(())).await;
        let step = doctor(&pool, "tls");
        assert_eq!(step["finding"], "bad", "{step}");
        assert!(step["seen"].as_str().unwrap().contains(seen), "{step}");
        assert!(step["likely"].as_str().unwrap().contains(advice), "{step}");
        let log = pool.relay.log();
        let line = log.lines().find(|line| line.contains("no connection to the server")).expect(&log);
        assert!(line.contains(" WARN ") && line.contains(seen) && line.contains(advice), "{line}");
        alice.forget();
        certify(&mut pool, None).await;
        alice.line("connected").await;
        pool.check_log();
    }
}

#[tokio::test]
async fn peer_that_dials_back_under_an_expired_certificate_is_turned_away_and_the_log_says_what_to_do() {
    let pool = Pool::open().await;
    let _alice = pool.alice().await;
    let expired = pool.front.authority().issue(&Leaf { time: Time::Past, ..good() }).unwrap();
    let mut server = Server::showing(&pool, &expired).await;
    assert!(server.next().await.is_none(), "it was answered");
    let line = eventually("it is told", async || {
        let log = pool.relay.log();
        log.lines().find(|line| line.contains("a server was turned away")).map(str::to_owned)
    });
    let line = line.await.unwrap();
    assert!(
        ["fe1.contoso.test", "it has expired", CASES[0].2].iter().all(|word| line.contains(word)),
        "{line}"
    );
}
