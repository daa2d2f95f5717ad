use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use trunkline_core::port::{Step, Trouble};
use trunkline_sip::{Frame, Framer, Message, Method, Request, Response, Uri, name, transaction::Hop};
use trunkline_tls::Stream;

use super::{Examination, NOT_ACCEPTED, limited};
use crate::{
    account::Place,
    random,
    tls::{doubts_us, trouble},
};

/// Asks one thing after the other.
pub(super) struct Asker {
    stream: Stream<TcpStream>,
    framer: Framer,
    hop: Hop,
    refused: bool,
}

impl Asker {
    pub(super) fn new(stream: Stream<TcpStream>, place: &Place) -> Self {
        let hop = Hop { transport: "TLS".to_owned(), sent_by: place.host() };
        Self { stream, framer: Framer::default(), hop, refused: false }
    }

    /// The final answer; what else the server says meanwhile is left alone.
    pub(super) async fn ask(&mut self, mut request: Request) -> Result<Response, String> {
        self.hop.stamp(&mut request, random());
        let call_id = request.call_id().unwrap_or_default();
        let answered = limited(async {
            self.stream.write_all(&request.to_bytes()).await?;
            self.stream.flush().await?;
            self.answer(&call_id).await
        });
        let answer = answered.await;
        answer.map_err(|error| self.words(&error))
    }

    /// Whether a server has said that it does not accept our certificate, which with TLS 1.3 comes after the handshake.
    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    fn words(&mut self, error: &io::Error) -> String {
        self.refused |= doubts_us(error);
        match error.kind() {
            io::ErrorKind::TimedOut => "no answer within 10 s".to_owned(),
            io::ErrorKind::UnexpectedEof => "the server ended the connection instead of answering".to_owned(),
            _ => trouble(error),
        }
    }

    async fn answer(&mut self, call_id: &str) -> io::Result<Response> {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            while let Some(frame) = self.framer.pull() {
                if let Frame::Message(Message::Response(response)) = frame
                    && !response.is_provisional()
                    && response.call_id().is_ok_and(|id| id == call_id)
                {
                    return Ok(response);
                }
            }
            match self.stream.read(&mut bytes).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.framer.push(bytes.get(..count).unwrap_or_default()),
            }
        }
    }
}

impl Examination<'_> {
    pub(super) async fn options(&self, asker: &mut Asker, steps: &mut Vec<Step>) -> Option<()> {
        let pool = &self.settings.pool.name;
        let answer = match self.options_request() {
            Some(request) => asker.ask(request).await,
            None => Err("the names in the settings cannot stand in SIP".to_owned()),
        };
        let seen = match answer {
            Ok(response) if !matches!(response.status(), 401 | 403 | 407) => {
                steps.push(Step::good("options", format!("{pool} answers {}", response.status())));
                return Some(());
            }
            Ok(response) => format!("{} {}", response.status(), response.reason()),
            Err(seen) => seen,
        };
        let local = &self.settings.local_fqdn;
        let (likely, attempt) = if asker.is_refused() {
            (
                NOT_ACCEPTED.to_owned(),
                "put that authority among the trusted roots of every Front End's computer",
            )
        } else {
            (
                format!(
                    "the topology has no trusted application computer {local}, or was not published, or the server \
                     does not trust the authority that signed the relay's certificate"
                ),
                "Get-CsTrustedApplicationComputer; Enable-CsTopology",
            )
        };
        steps.push(Step::bad(
            "options",
            Trouble { expected: "an answer to OPTIONS".into(), seen, likely, attempt: attempt.into() },
        ));
        None
    }

    fn options_request(&self) -> Option<Request> {
        let pool = Uri::parse(&format!("sip:{}", self.settings.pool.name)).ok()?;
        let own = match &self.settings.gruu {
            Some(gruu) => gruu.clone(),
            None => format!("sip:{};transport=tls", self.place.host()),
        };
        let request = Request::build(Method::OPTIONS, pool.clone())
            .header(name::MAX_FORWARDS, "70")
            .header(name::FROM, format!("<sip:{}>;tag={:016x}", self.settings.local_fqdn, random() >> 64))
            .header(name::TO, format!("<{pool}>"))
            .header(name::CALL_ID, format!("{:032x}", random()))
            .cseq(1)
            .header(name::CONTACT, format!("<{own}>"))
            .header(name::USER_AGENT, crate::account::AGENT)
            .done();
        Some(request)
    }
}
