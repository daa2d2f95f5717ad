//! Connections as the Front End's state knows them.

use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trunkline_sip::{Method, Request, Uri, header::name};

use super::{
    house::{Errand, House},
    user::Key,
    wire,
};

/// One connection.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) peer: SocketAddr,
    pub(super) transport: &'static str,
    /// DNS names of the certificate that was shown.
    pub(super) names: Option<Vec<String>>,
    /// Host and port, if the Front End made the connection.
    pub(super) dialled: Option<(String, u16)>,
    pub(super) queue: mpsc::Sender<Vec<u8>>,
    pub(super) stop: CancellationToken,
}

impl Line {
    pub(super) fn new(peer: SocketAddr, stop: CancellationToken) -> (Self, mpsc::Receiver<Vec<u8>>) {
        let (queue, receiver) = wire::queue();
        (Self { peer, transport: "tcp", names: None, dialled: None, queue, stop }, receiver)
    }
}

impl House {
    pub(super) fn opened(&mut self, line: Line) -> u64 {
        let id = self.fresh();
        self.lines.insert(id, line);
        id
    }

    pub(super) fn closed(&mut self, line: u64) {
        self.lost(line, 408);
    }

    /// A connection could not be made.
    pub(super) fn unreachable(&mut self, line: u64) {
        self.ledger.forgive(line);
        self.lost(line, 480);
    }

    fn lost(&mut self, line: u64, status: u16) {
        if self.lines.remove(&line).is_none() {
            return;
        }
        self.kept.retain(|(kept, _), _| *kept != line);
        self.hung_up(line, status);
        self.sign_out_line(line);
    }

    /// The connection on which an endpoint is reached, made if need be; `None` if it cannot be reached.
    pub(super) fn line_to(&mut self, key: &Key) -> Option<u64> {
        let (own, host, port, trusted) = {
            let endpoint = self.endpoint(key)?;
            let uri = &endpoint.contact.uri;
            (endpoint.line, uri.host().to_owned(), uri.port().unwrap_or(5061), endpoint.trusted.is_some())
        };
        let alive = self.lines.contains_key(&own);
        if !trusted || (alive && !self.settings.dial_back) {
            return alive.then_some(own);
        }
        let address = Some((host.clone(), port));
        let dialled = self.lines.iter().find(|(_, line)| line.dialled == address).map(|(id, _)| *id);
        dialled.or_else(|| Some(self.dial(host, port)))
    }

    fn dial(&mut self, host: String, port: u16) -> u64 {
        let stop = self.stop.child_token();
        let (line, queue) = Line::new(SocketAddr::from(([127, 0, 0, 1], port)), stop.clone());
        let (names, dialled) = (Some(vec![host.clone()]), Some((host.clone(), port)));
        let line = Line { transport: "tls", names, dialled, ..line };
        let id = self.opened(line);
        if self.settings.negotiate {
            self.ask_for_compression(id, &host);
        }
        let port = self.settings.edge.unwrap_or(port);
        self.errands.push(Errand::Dial { id, host, port, queue, stop });
        id
    }

    fn ask_for_compression(&mut self, line: u64, host: &str) {
        let Ok(uri) = Uri::parse(&format!("sip:127.0.0.1:{}", self.ports.1)) else { return };
        let (tag, own) = (self.fresh_tag(), self.host());
        let request = Request::build(Method::NEGOTIATE, uri)
            .header(name::VIA, format!("SIP/2.0/TLS 127.0.0.1:{}", self.ports.1))
            .header(name::FROM, format!("<sip:{own}>;tag={tag}"))
            .header(name::TO, format!("<sip:{host}>"))
            .header(name::CALL_ID, &tag)
            .cseq(1)
            .header(name::MAX_FORWARDS, "0")
            .header("Compression", "LZ77-64K")
            .header(name::SUPPORTED, "NewNegotiate,OCSNative,ECC,IPv6,TlsRecordSplit")
            .done();
        self.send(line, request);
    }
}
