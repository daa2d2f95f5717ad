//! Records a session with the Front End of the testkit, and Bob at pidgin-sipe.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use tokio::runtime::Builder;
use trunkline_testkit::peer::{FrontEnd, Pidgin, Tunnel};

use super::{
    Deed,
    bench::{Bench, RELAY},
    transcript::{Event, Step, Transcript},
};

/// When nothing came for so long, nothing will.
const QUIET: Duration = Duration::from_millis(400);
/// What the clock of the session moves on at each step.
const TICK: Duration = Duration::from_millis(10);
/// What will be done so soon is waited for before the person goes on.
const SOON: Duration = Duration::from_secs(10);

/// Lives through the story.
pub(super) fn record(story: &[Deed]) -> Transcript {
    let real = Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (front, tunnel) = real.block_on(async {
        let users = [("alice", "Alice A"), ("bob", "Bob B")];
        let front = FrontEnd::start("contoso.test", &users).await.expect("a Front End");
        front.trust(RELAY);
        let identity = front.authority().identity(&[RELAY]).expect("an identity");
        let tunnel =
            Tunnel::into_tls(front.authority(), &identity, "pool.contoso.test", front.tls_port()).await;
        (front, tunnel.expect("a tunnel"))
    });
    let mut socket = TcpStream::connect(("127.0.0.1", tunnel.port())).expect("a connection");
    socket.set_read_timeout(Some(QUIET)).expect("a timeout");
    let (mut bench, mut bob, mut transcript) = (Bench::new(), None, Transcript::default());
    let (mut now, mut deeds) = (Duration::ZERO, story.iter().enumerate());
    loop {
        now += TICK;
        let event = match receive(&mut socket) {
            Some(bytes) => Event::Received(bytes),
            None => match bench.deadline().filter(|deadline| *deadline <= now + SOON) {
                Some(deadline) => {
                    // Times in the transcript are whole milliseconds.
                    now = now
                        .max(deadline + TICK)
                        .as_millis()
                        .try_into()
                        .map(Duration::from_millis)
                        .expect("soon");
                    Event::Time
                }
                None => match deeds.next() {
                    Some((number, deed)) if deed.command(&bench).is_some() => Event::Done(number),
                    Some((_, deed)) => {
                        real.block_on(act(&front, &mut bob, *deed));
                        continue;
                    }
                    None => return transcript,
                },
            },
        };
        let sent = bench.step(now, &event);
        socket.write_all(&sent).expect("the Front End reads");
        transcript.steps.push(Step { at: now, event, sent });
    }
}

async fn act(front: &FrontEnd, bob: &mut Option<Pidgin>, deed: Deed) {
    let alice = front.address("alice");
    let Some(client) = bob else {
        *bob = Some(Pidgin::sign_in(front, "bob").await.expect("Bob's client"));
        return;
    };
    let acted = match deed {
        Deed::BobWrites(text) => client.send(&alice, text).await,
        Deed::BobTypes => client.typing(&alice, true).await,
        Deed::BobShows(status) => client.show(status, "").await,
        _ => Ok(()),
    };
    acted.expect("Bob's client does as it is told");
}

fn receive(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 64 * 1024];
    match socket.read(&mut bytes) {
        Ok(0) => panic!("the Front End hangs up"),
        Ok(length) => {
            bytes.truncate(length);
            Some(bytes)
        }
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => None,
        Err(error) => panic!("{error}"),
    }
}
