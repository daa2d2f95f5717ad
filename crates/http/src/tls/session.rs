use std::{io, sync::Arc};

use rustls::{
    Error, ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus},
};
use tokio::io::ReadBuf;

use crate::pending::{Pending, Short};

/// The server's side of one TLS connection, without the connection.
///
/// The library's own stream keeps 4 KiB of read buffer for as long as it lives. Here every buffer goes as soon as it
/// is empty, so that a phone that does nothing costs its keys and little more.
pub(super) struct Session {
    tls: UnbufferedServerConnection,
    /// Came from the wire and is not yet a whole record.
    incoming: Vec<u8>,
    /// Decrypted and not yet read.
    plain: Pending,
    /// Encrypted and not yet on the wire.
    outgoing: Pending,
    /// The peer told its end.
    finished: bool,
    /// TLS cannot go on.
    broken: bool,
}

/// What to do once application data may be written.
#[derive(Clone, Copy)]
enum Then<'p> {
    Nothing,
    Say(&'p [u8]),
    /// Tell the peer that nothing more comes.
    End,
}

impl Session {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self {
            tls: UnbufferedServerConnection::new(config)?,
            incoming: Vec::new(),
            plain: Pending::default(),
            outgoing: Pending::default(),
            finished: false,
            broken: false,
        })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// The peer said that nothing more comes, and all that came is read.
    pub(super) fn is_finished(&self) -> bool {
        self.finished && self.plain.is_empty()
    }

    pub(super) fn outgoing(&mut self) -> &mut Pending {
        &mut self.outgoing
    }

    /// Gives decrypted bytes out; false when there are none.
    pub(super) fn read(&mut self, into: &mut ReadBuf<'_>) -> bool {
        self.plain.give(into)
    }

    /// Takes bytes from the wire. After an error only [`Session::outgoing`] is of use: it holds the alert.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.incoming.extend_from_slice(bytes);
        self.advance(Then::Nothing)
    }

    /// Encrypts application data.
    pub(super) fn say(&mut self, plain: &[u8]) -> io::Result<()> {
        self.advance(Then::Say(plain))
    }

    /// Queues the alert that ends our side; without effect while the handshake lasts.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.advance(Then::End)
    }

    fn advance(&mut self, then: Then<'_>) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let advanced = self.go_on(then);
        if advanced.is_err() {
            self.broken = true;
            // What broke it must not be looked at again, while the alert is fetched.
            self.incoming = Vec::new();
            let _ = self.go_on(Then::Nothing);
        }
        advanced
    }

    /// Goes on until the library has nothing more to give, and does `then` if it lets us.
    fn go_on(&mut self, mut then: Then<'_>) -> io::Result<()> {
        let Self { tls, incoming, plain, outgoing, finished, .. } = self;
        loop {
            let UnbufferedStatus { mut discard, state } = tls.process_tls_records(incoming);
            let mut more = true;
            match state.map_err(broken)? {
                ConnectionState::ReadTraffic(mut records) => {
                    while let Some(record) = records.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        plain.put(record.payload);
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    outgoing.append(0, |room| {
                        data.encode(room).map_err(|error| match error {
                            EncodeError::InsufficientSize(size) => Short::Needs(size.required_size),
                            error @ EncodeError::AlreadyEncoded => Short::Fails(io::Error::other(error)),
                        })
                    })?;
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => *finished = true,
                ConnectionState::WriteTraffic(mut writer) => {
                    let short = |error| match error {
                        EncryptError::InsufficientSize(size) => Short::Needs(size.required_size),
                        error @ EncryptError::EncryptExhausted => Short::Fails(io::Error::other(error)),
                    };
                    match std::mem::replace(&mut then, Then::Nothing) {
                        Then::Nothing => more = false,
                        Then::Say(text) => {
                            outgoing
                                .append(text.len() + 64, |room| writer.encrypt(text, room).map_err(short))?;
                        }
                        Then::End => {
                            outgoing.append(64, |room| writer.queue_close_notify(room).map_err(short))?
                        }
                    }
                }
                ConnectionState::Closed | ConnectionState::BlockedHandshake => more = false,
                state => return Err(io::Error::other(format!("unexpected TLS state {state:?}"))),
            }
            incoming.drain(..discard);
            if !more {
                break;
            }
        }
        if incoming.is_empty() {
            *incoming = Vec::new();
        }
        match then {
            Then::Say(_) => Err(io::ErrorKind::NotConnected.into()),
            Then::Nothing | Then::End => Ok(()),
        }
    }
}

fn broken(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use proptest::{collection::vec, prelude::*};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion, version};

    use super::*;

    /// Both ends of a connection whose bytes come in pieces.
    struct Pair {
        client: ClientConnection,
        server: Session,
        pieces: Vec<usize>,
        next: usize,
    }

    impl Pair {
        fn new(version: &'static SupportedProtocolVersion, pieces: Vec<usize>) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let tls = super::super::load(None, folder.path()).expect("a certificate");
            let mut roots = RootCertStore::empty();
            let chain = super::super::read_chain(&folder.path().join("tls/cert.pem")).expect("a chain");
            roots.add(chain[0].clone()).expect("a root");
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(&[version])
                .expect("a version")
                .with_root_certificates(roots)
                .with_no_client_auth();
            let name = "localhost".try_into().expect("a name");
            let client = ClientConnection::new(Arc::new(config), name).expect("a client");
            let server = Session::new(tls.config).expect("a server");
            Self { client, server, pieces, next: 0 }
        }

        /// Carries bytes both ways until nobody has more; gives what the server and the client read.
        fn settle(&mut self) -> (Vec<u8>, Vec<u8>) {
            let (mut at_server, mut at_client) = (Vec::new(), Vec::new());
            loop {
                let mut wire = Vec::new();
                while self.client.wants_write() {
                    self.client.write_tls(&mut wire).expect("written");
                }
                let mut rest = wire.as_slice();
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(self.piece().min(rest.len()));
                    self.server.hear(piece).expect("understood");
                    drain(&mut self.server, &mut at_server);
                    rest = after;
                }
                let answer = self.server.outgoing().rest().to_vec();
                self.server.outgoing().take(answer.len());
                let mut rest = answer.as_slice();
                while !rest.is_empty() {
                    self.client.read_tls(&mut rest).expect("read");
                    self.client.process_new_packets().expect("understood");
                    // Without data it says that it would block.
                    let _ = self.client.reader().read_to_end(&mut at_client);
                }
                if wire.is_empty() && answer.is_empty() {
                    return (at_server, at_client);
                }
            }
        }

        fn piece(&mut self) -> usize {
            self.next = (self.next + 1) % self.pieces.len();
            self.pieces[self.next]
        }
    }

    fn drain(session: &mut Session, into: &mut Vec<u8>) {
        let mut space = [0; 700];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            if !session.read(&mut buffer) {
                return;
            }
            into.extend_from_slice(buffer.filled());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_one_end_says_the_other_hears_however_the_bytes_are_cut(
            new in any::<bool>(),
            pieces in vec(prop_oneof![1..8_usize, 1..20_000_usize], 1..6),
            talk in vec((any::<bool>(), any::<bool>(), 0..40_000_usize), 1..6),
        ) {
            let version = if new { &version::TLS13 } else { &version::TLS12 };
            let mut pair = Pair::new(version, pieces);
            pair.settle();
            prop_assert!(!pair.server.is_handshaking());
            for (fresh_keys, to_server, length) in talk {
                if fresh_keys && new {
                    pair.client.refresh_traffic_keys().expect("new keys");
                }
                let text: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
                if to_server {
                    for part in text.chunks(10_000) {
                        pair.client.writer().write_all(part).expect("taken");
                        let (heard, _) = pair.settle();
                        prop_assert_eq!(heard.as_slice(), part);
                    }
                } else {
                    pair.server.say(&text).expect("said");
                    let (_, heard) = pair.settle();
                    prop_assert_eq!(heard, text);
                }
                prop_assert_eq!(pair.server.incoming.capacity(), 0, "an idle session keeps nothing");
                prop_assert_eq!(pair.server.plain.kept() + pair.server.outgoing.kept(), 0);
            }
            pair.client.send_close_notify();
            pair.settle();
            prop_assert!(pair.server.is_finished());
            pair.server.end().expect("ended");
            pair.server.end().expect("ended before");
            pair.settle();
            let end = pair.client.reader().read(&mut [0; 1]);
            prop_assert_eq!(end.expect("a clean end"), 0);
            prop_assert!(pair.server.say(b"more").is_err());
        }

        #[test]
        fn rubbish_is_an_error_with_an_alert_and_never_a_panic(bytes in vec(any::<u8>(), 1..400)) {
            let mut pair = Pair::new(&version::TLS13, vec![1]);
            if let Err(error) = pair.server.hear(&bytes) {
                prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                prop_assert!(!pair.server.outgoing().is_empty());
                prop_assert!(pair.server.hear(&bytes).is_err() && pair.server.end().is_err());
            }
        }
    }
}
