use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use trunkline_lync::{
    connection::Event,
    listener,
    pool::{DialError, RoundError},
    tls::{LiveTls, Reason, TlsError, TlsSettings},
};
use trunkline_testkit::{
    eventually,
    peer::{Authority, Identity, Leaf, Purpose, Time},
};

use crate::stage::{FRONT_END, FrontEnd, NEW, OLD, POOL, RELAY, Stage};

const SERVER: &[Purpose] = &[Purpose::Server];

/// Certificates of peers, and what is said of them when the relay dials `pool.contoso.test` with `fe1` allowed, and
/// when they connect. `None` is trust.
fn cases() -> Vec<(&'static str, Leaf<'static>, Option<Reason>, Option<Reason>)> {
    let good = Leaf { dns: &[FRONT_END, POOL], purposes: SERVER, ..Leaf::default() };
    let dialled = || Some(Reason::Name { wanted: "pool.contoso.test or in allowedPeers".into() });
    let allowed = || Some(Reason::Name { wanted: "in allowedPeers".into() });
    let both = |reason: Reason| (Some(reason.clone()), Some(reason));
    let row = |what, leaf, (out, inn): (Option<Reason>, Option<Reason>)| (what, leaf, out, inn);
    vec![
        row("a Front End's, made for servers", good, (None, None)),
        row("only the pool's name", Leaf { dns: &[POOL], ..good }, (None, None)),
        row("an allowed Front End's alone", Leaf { dns: &["FE1.Contoso.Test"], ..good }, (None, None)),
        row("for no purpose in particular", Leaf { purposes: &[], ..good }, (None, None)),
        row("for clients only", Leaf { purposes: &[Purpose::Client], ..good }, (Some(Reason::Purpose), None)),
        row("for programs", Leaf { purposes: &[Purpose::Code], ..good }, both(Reason::Purpose)),
        row("expired", Leaf { time: Time::Past, ..good }, both(Reason::Expired)),
        row("not begun", Leaf { time: Time::Future, ..good }, both(Reason::NotYetValid)),
        row("another's", Leaf { dns: &["fe2.contoso.test"], ..good }, (dialled(), allowed())),
        row("a longer name", Leaf { dns: &["fe1.contoso.test.evil.test"], ..good }, (dialled(), allowed())),
        row("a wildcard", Leaf { dns: &["*.contoso.test"], ..good }, (dialled(), allowed())),
        row(
            "a common name alone",
            Leaf { dns: &[], common_name: Some("Pool.contoso.test"), ..good },
            (None, None),
        ),
        row(
            "a common name beside other DNS names",
            Leaf { dns: &["fe2.contoso.test"], common_name: Some(POOL), ..good },
            (dialled(), allowed()),
        ),
        row(
            "a common name beside a mail address",
            Leaf { dns: &[], mail: &["a@contoso.test"], common_name: Some(POOL), ..good },
            (dialled(), allowed()),
        ),
        row("no name at all", Leaf { dns: &[], ..good }, (dialled(), allowed())),
    ]
}

/// Who has signed certificates, and what is said of them as of [`cases`]: `contoso.test` is the relay's, and
/// `partner.test` another's.
fn below() -> Vec<(&'static str, &'static [&'static str], Leaf<'static>, Option<Reason>)> {
    let san = Leaf { dns: &[FRONT_END, POOL], purposes: SERVER, ..Leaf::default() };
    let common = Leaf { dns: &[], common_name: Some(POOL), ..san };
    let limited = || Some(Reason::Constrained);
    vec![
        ("anybody, a subjectAltName", &[], san, None),
        ("anybody, a common name", &[], common, None),
        ("contoso.test, a subjectAltName", &["contoso.test"], san, None),
        ("contoso.test, a common name", &["contoso.test"], common, limited()),
        ("partner.test, a common name", &["partner.test"], common, limited()),
    ]
}

#[tokio::test]
async fn an_authority_that_may_sign_for_some_names_signs_for_no_common_name() -> Result<()> {
    for stage in Stage::each()? {
        constrains(stage).await?;
    }
    Ok(())
}

async fn constrains(stage: Stage) -> Result<()> {
    let stop = CancellationToken::new();
    let mut relay = stage.relay()?;
    let listener = relay.listen(listener::Limits::default()).await?;
    let (at, counts) = (listener.address()?, listener.counter());
    tokio::spawn(listener.run(stop.clone()));
    let (mut refused, mut admitted) = (0, 0);
    for (what, permitted, leaf, expected) in below() {
        let identity = stage.authority.below(permitted)?.issue(&leaf)?;
        assert_eq!(dialled(&stage, &identity).await.context(what)?, expected, "{what}");
        let connected = stage.connect(at, Some(&identity), NEW).await;
        if expected.is_none() {
            connected.context(what)?;
            admitted += 1;
            while !matches!(relay.next().await.context(what)?, Event::Closed(..)) {}
        } else {
            refused += 1;
        }
        let told = || async { ((counts().refused, counts().admitted) == (refused, admitted)).then_some(()) };
        eventually(what, told).await?;
    }
    let partner = stage.authority.below(&["partner.test"])?;
    let pool = partner.issue(&Leaf { dns: &[POOL], purposes: SERVER, ..Leaf::default() })?;
    assert!(dialled(&stage, &pool).await?.is_some(), "the subjectAltName is not the partner's");
    stop.cancel();
    Ok(())
}

#[tokio::test]
async fn a_limited_root_signs_for_no_common_name() -> Result<()> {
    let (stage, root) = (Stage::new()?, Authority::limited(&["partner.test"])?);
    let own = stage.authority.certificate_pem();
    stage.write("ca.pem", &format!("{own}{}", root.certificate_pem()))?;
    let common = Leaf { common_name: Some(POOL), purposes: SERVER, ..Leaf::default() };
    assert_eq!(dialled(&stage, &root.issue(&common)?).await?, Some(Reason::Constrained));
    assert_eq!(dialled(&stage, &root.below(&[])?.issue(&common)?).await?, Some(Reason::Constrained));
    assert_eq!(dialled(&stage, &stage.authority.issue(&common)?).await?, None, "the other root's");
    Ok(())
}

async fn dialled(stage: &Stage, identity: &Identity) -> Result<Option<Reason>> {
    let (front_end, relay) = (FrontEnd::new(stage, identity, NEW).await?, stage.relay()?);
    let target = front_end.target(POOL)?;
    let (got, _) = tokio::join!(relay.pool.get(&target), front_end.accept());
    match got {
        Ok(_) => Ok(None),
        Err(DialError::Failed { last: RoundError::Refused { refusal, .. }, .. }) => Ok(Some(refusal.reason)),
        Err(error) => bail!("{error}"),
    }
}

#[tokio::test]
async fn whom_the_relay_dials_must_have_the_name_that_was_dialled_or_an_allowed_one() -> Result<()> {
    for stage in Stage::each()? {
        dials(stage).await?;
    }
    Ok(())
}

async fn dials(stage: Stage) -> Result<()> {
    for (what, leaf, expected, _) in cases() {
        let identity = stage.authority.issue(&leaf)?;
        assert_eq!(dialled(&stage, &identity).await.context(what)?, expected, "{what}");
    }
    let stranger = Authority::new()?.issue(&Leaf { dns: &[POOL], ..Leaf::default() })?;
    assert_eq!(dialled(&stage, &stranger).await?, Some(Reason::UnknownIssuer));
    let self_made = Identity::self_made(&[POOL])?;
    assert!(dialled(&stage, &self_made).await?.is_some(), "nobody vouches for it");
    Ok(())
}

#[tokio::test]
async fn who_connects_must_have_an_allowed_name() -> Result<()> {
    for stage in Stage::each()? {
        lets_in(stage).await?;
    }
    Ok(())
}

async fn lets_in(stage: Stage) -> Result<()> {
    let stop = CancellationToken::new();
    let mut relay = stage.relay()?;
    let listener = relay.listen(listener::Limits::default()).await?;
    let (at, counts) = (listener.address()?, listener.counter());
    tokio::spawn(listener.run(stop.clone()));
    let mut refused = 0;
    for (what, leaf, _, expected) in cases() {
        let identity = stage.authority.issue(&leaf)?;
        let connected = stage.connect(at, Some(&identity), NEW).await;
        if expected.is_none() {
            let mut stream = connected.context(what)?;
            stream.write_all(b"hello").await?;
            let Event::Opened(opened) = relay.next().await.context(what)? else { bail!("{what}") };
            assert!([POOL, FRONT_END].contains(&opened.peer().name.as_str()), "{what}: {:?}", opened.peer());
            opened.close();
            while !matches!(relay.next().await?, Event::Closed(..)) {}
        } else {
            refused += 1;
            eventually(what, || async { (counts().refused == refused).then_some(()) }).await?;
        }
    }
    let stranger = Authority::new()?.issue(&Leaf { dns: &[POOL], ..Leaf::default() })?;
    let _ = stage.connect(at, Some(&stranger), NEW).await;
    eventually("a stranger", || async { (counts().refused == refused + 1).then_some(()) }).await?;
    let _ = stage.connect(at, None, NEW).await;
    eventually("without a certificate", || async { (counts().failed == 1).then_some(()) }).await?;
    assert!(relay.pool.connections().is_empty());
    stop.cancel();
    Ok(())
}

#[tokio::test]
async fn a_front_end_that_speaks_only_tls_1_2_is_served_in_both_directions() -> Result<()> {
    let stage = Stage::new()?;
    let (identity, mut relay) = (stage.front_end()?, stage.relay()?);
    let listener = relay.listen(listener::Limits::default()).await?;
    let at = listener.address()?;
    tokio::spawn(listener.run(CancellationToken::new()));
    let mut inbound = stage.connect(at, Some(&identity), OLD).await?;
    inbound.write_all(b"in").await?;
    assert!(matches!(relay.next().await?, Event::Opened(_)));
    assert!(matches!(relay.next().await?, Event::Received(_, bytes) if bytes == b"in"));
    let front_end = FrontEnd::new(&stage, &identity, OLD).await?;
    let target = front_end.target(POOL)?;
    let (connection, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
    connection?.send("out".into()).await?;
    let mut bytes = [0; 3];
    accepted?.read_exact(&mut bytes).await?;
    assert_eq!(&bytes, b"out");
    Ok(())
}

#[tokio::test]
async fn a_front_end_that_does_not_trust_the_relay_is_told_of_in_words() -> Result<()> {
    let stage = Stage::new()?;
    let (identity, stranger) = (stage.front_end()?, Authority::new()?.identity(&[RELAY])?);
    stage.write("relay.pem", &stranger.certificate_pem)?;
    stage.write("key.pem", &stranger.key_pem)?;
    for versions in [NEW, OLD] {
        let (front_end, relay) = (FrontEnd::new(&stage, &identity, versions).await?, stage.relay()?);
        let target = front_end.target(POOL)?;
        let (got, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
        assert!(accepted.is_err());
        let said = match got {
            // TLS 1.3 tells it after the handshake.
            Ok(connection) => {
                let reason = connection.closed().await;
                let resting = relay.pool.get(&target).await.err().context("it was dialled at once")?;
                assert!(resting.to_string().contains(&reason.to_string()), "{resting}");
                reason.to_string()
            }
            Err(error) => error.to_string(),
        };
        assert!(said.contains("does not accept the relay's certificate"), "{said}");
    }
    Ok(())
}

/// Why TLS cannot be set up.
fn fault(settings: TlsSettings) -> TlsError {
    LiveTls::load(settings).expect_err("it must not start")
}

#[test]
fn nothing_listens_without_an_authority_or_without_anybody_allowed() -> Result<()> {
    let stage = Stage::new()?;
    let good = stage.settings(&[POOL]);
    assert!(matches!(fault(stage.settings(&[])), TlsError::NobodyAllowed));
    assert!(matches!(fault(stage.settings(&["", " "])), TlsError::NobodyAllowed));
    stage.write("empty.pem", "")?;
    let authorities = stage.file("empty.pem");
    let error = fault(TlsSettings { authorities, ..good.clone() });
    assert!(matches!(error, TlsError::NoAuthority { .. }), "{error}");
    let missing = stage.file("missing.pem");
    let error = fault(TlsSettings { authorities: missing.clone(), ..good.clone() });
    assert!(matches!(&error, TlsError::Read { path, .. } if *path == missing), "{error}");
    let error = fault(TlsSettings { certificate: good.authorities.clone(), ..good.clone() });
    assert!(matches!(error, TlsError::Mismatch { .. }), "{error}");
    let error = fault(TlsSettings { private_key: good.certificate.clone(), ..good.clone() });
    assert!(error.to_string().contains("no private key in it"), "{error}");
    assert!(LiveTls::load(good)?.current().own_names().has(RELAY));
    Ok(())
}

#[tokio::test]
async fn a_refusal_names_the_peer_and_shows_no_control_characters() -> Result<()> {
    let stage = Stage::new()?;
    let leaf = Leaf { common_name: Some("pool\n\u{1b}[31mcontoso"), ..Leaf::default() };
    let identity = stage.authority.issue(&leaf)?;
    let (front_end, relay) = (FrontEnd::new(&stage, &identity, NEW).await?, stage.relay()?);
    let target = front_end.target(POOL)?;
    let (got, _) = tokio::join!(relay.pool.get(&target), front_end.accept());
    let said = got.err().context("it was trusted")?.to_string();
    assert!(said.contains("pool\\n\\u{1b}[31mcontoso is refused: none of its names is"), "{said}");
    Ok(())
}
