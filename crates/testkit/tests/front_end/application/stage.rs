use std::{net::Ipv4Addr, sync::Arc};

use anyhow::{Context, Result, ensure};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use trunkline_sip::{
    Frame, Framer, Limits, Message, Method, Request, Response, Uri, message::RequestBuilder,
};
use trunkline_testkit::{patience, peer::FrontEnd};
use uuid::Uuid;

/// The connection that the application made.
pub(super) const OWN: usize = 0;

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=session\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=message 5060 sip null\r\na=accept-types:text/plain\r\n";

/// An application with one connection of its own and a listener for those that the Front End makes.
pub(super) struct Application {
    host: String,
    port: u16,
    lines: Vec<UnboundedSender<Vec<u8>>>,
    opened: UnboundedReceiver<UnboundedSender<Vec<u8>>>,
    came: UnboundedReceiver<(usize, Message)>,
    heard: Vec<(usize, Message)>,
}

/// A registered user.
#[derive(Debug)]
pub(super) struct Speaker {
    uri: String,
    epid: String,
    gruu: String,
}

impl Application {
    pub(super) async fn start(front: &FrontEnd, host: &str) -> Result<Self> {
        let (connector, acceptor) = tls(front, host)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (open, opened) = unbounded_channel();
        let (come, came) = unbounded_channel();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, front.tls_port())).await?;
        let stream = connector.connect(ServerName::try_from(front.host())?, stream).await?;
        let (own, queue) = unbounded_channel();
        tokio::spawn(pump(OWN, stream, queue, come.clone()));
        tokio::spawn(async move {
            for line in OWN + 1.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let (line_to, queue) = unbounded_channel();
                let _ = open.send(line_to);
                tokio::spawn(pump(line, stream, queue, come.clone()));
            }
        });
        Ok(Self { host: host.to_owned(), port, lines: vec![own], opened, came, heard: Vec::new() })
    }

    /// One that connects without TLS, and so shows no certificate. It cannot be dialled.
    pub(super) async fn anonymous(front: &FrontEnd, host: &str) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, front.tcp_port())).await?;
        let (own, queue) = unbounded_channel();
        let ((_, opened), (come, came)) = (unbounded_channel(), unbounded_channel());
        tokio::spawn(pump(OWN, stream, queue, come));
        Ok(Self { host: host.to_owned(), port: 5_061, lines: vec![own], opened, came, heard: Vec::new() })
    }

    /// Says bytes as they are.
    pub(super) fn say(&self, bytes: &str) -> Result<()> {
        Ok(self.lines.get(OWN).context("no connection")?.send(bytes.as_bytes().to_vec())?)
    }

    pub(super) async fn register(&mut self, front: &FrontEnd, user: &str, epid: &str) -> Result<Speaker> {
        let (address, id) = (front.address(user), Uuid::new_v4().simple().to_string());
        let domain = address.split_once('@').context("no domain")?.1;
        let (host, port) = (&self.host, self.port);
        let instance = trunkline_sip::Epid::parse(epid)?.instance();
        let contact = format!(
            "<sip:{host}:{port};transport=tls;ms-opaque={epid}>;+sip.instance=\"<urn:uuid:{instance}>\""
        );
        let request = Request::build(Method::REGISTER, Uri::parse(&format!("sip:{domain}"))?)
            .header("Via", self.via())
            .header("Max-Forwards", "70")
            .header("From", format!("<sip:{address}>;tag={id};epid={epid}"))
            .header("To", format!("<sip:{address}>"))
            .header("Call-ID", &id)
            .cseq(1)
            .header("Contact", contact)
            .header("Supported", "gruu-10, adhoclist, msrtc-event-categories")
            .done();
        self.send(OWN, request)?;
        let response = self.response(&Method::REGISTER).await?;
        ensure!(response.is_success(), "refused with {}", response.status());
        let mine = response.contacts()?.into_iter().find(|contact| contact.instance() == Some(instance));
        let gruu = mine.and_then(|contact| contact.gruu()).context("no GRUU")??;
        Ok(Speaker { uri: format!("sip:{address}"), epid: epid.to_owned(), gruu: gruu.to_string() })
    }

    fn via(&self) -> String {
        format!("SIP/2.0/TLS {}:{};branch=z9hG4bK{}", self.host, self.port, Uuid::new_v4().simple())
    }

    pub(super) fn send(&mut self, line: usize, message: impl Into<Message>) -> Result<()> {
        while let Ok(opened) = self.opened.try_recv() {
            self.lines.push(opened);
        }
        let line = self.lines.get(line).context("no such connection")?;
        Ok(line.send(message.into().to_bytes().to_vec())?)
    }

    /// Answers, as this speaker where the answer makes a dialog.
    pub(super) fn answer(
        &mut self,
        line: usize,
        request: &Request,
        status: u16,
        speaker: Option<&Speaker>,
    ) -> Result<Response> {
        let tag = Uuid::new_v4().simple().to_string();
        let mut builder = Response::build(request, status).to_tag(&tag);
        if let Some(speaker) = speaker {
            builder = builder
                .record_routes()
                .header("Contact", format!("<{}>", speaker.gruu))
                .header("Supported", "ms-sender")
                .body("application/sdp", SDP);
        }
        let response = builder.done();
        self.send(line, response.clone())?;
        Ok(response)
    }

    /// Sends a message in the dialog that an INVITE and its answer made.
    pub(super) fn speak(
        &mut self,
        speaker: &Speaker,
        invite: &Request,
        accepted: &Response,
        text: &str,
    ) -> Result<()> {
        let (to, tag) = (invite.from()?, accepted.to()?.tag().unwrap_or_default().to_owned());
        let target = invite.contacts()?.into_iter().next().context("no Contact")?.uri;
        let (uri, epid) = (&speaker.uri, &speaker.epid);
        let mut request = Request::build(Method::MESSAGE, target)
            .header("Via", self.via())
            .header("Max-Forwards", "70")
            .header("From", format!("<{uri}>;tag={tag};epid={epid}"))
            .header("To", to.as_str())
            .header("Call-ID", invite.call_id()?)
            .cseq(1);
        for route in invite.record_routes()? {
            request = request.header("Route", route.as_str());
        }
        let request = request.body("text/plain; charset=UTF-8", text.to_owned());
        self.send(OWN, request.done())
    }

    /// The next request of a method in the dialog of a response.
    pub(super) async fn request_in(
        &mut self,
        method: &Method,
        response: &Response,
    ) -> Result<(usize, Request)> {
        let tag = response.to()?.tag().map(str::to_owned);
        let of = |message: &Message| {
            matches!(message, Message::Request(request) if request.method() == method)
                && message.to().is_ok_and(|to| to.tag() == tag.as_deref())
        };
        let (line, message) = self.take(method.as_str(), of).await?;
        Ok((line, message.request().context("no request")?))
    }

    /// Begins a conversation.
    pub(super) fn invite(&mut self, speaker: &Speaker, to: &str) -> Result<Request> {
        let request = self.begin(speaker, &Method::INVITE, to)?.body("application/sdp", SDP).done();
        self.send(OWN, request.clone())?;
        Ok(request)
    }

    /// Gives a conversation up before it is answered.
    pub(super) fn cancel(&mut self, invite: &Request) -> Result<()> {
        let mut request = Request::build(Method::CANCEL, invite.uri().clone()).cseq(invite.cseq()?.number);
        for name in ["Via", "From", "To", "Call-ID", "Max-Forwards"] {
            request = request.header(name, invite.get(name).context("an incomplete INVITE")?.value());
        }
        self.send(OWN, request.done())
    }

    /// Asks something of the user's own, and waits for the answer.
    pub(super) async fn ask(
        &mut self,
        speaker: &Speaker,
        method: &Method,
        headers: &[(&str, &str)],
        body: Option<(&str, &str)>,
    ) -> Result<Response> {
        let mut request = self.begin(speaker, method, &speaker.uri)?;
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((media, body)) = body {
            request = request.body(media, body.to_owned());
        }
        let request = request.header("Supported", "ms-benotify, ms-piggyback-first-notify");
        self.send(OWN, request.done())?;
        self.response(method).await
    }

    fn begin(&self, speaker: &Speaker, method: &Method, to: &str) -> Result<RequestBuilder> {
        let (Speaker { uri, epid, gruu }, id) = (speaker, Uuid::new_v4().simple().to_string());
        Ok(Request::build(method.clone(), Uri::parse(to)?)
            .header("Via", self.via())
            .header("Max-Forwards", "70")
            .header("From", format!("<{uri}>;tag={id};epid={epid}"))
            .header("To", format!("<{to}>"))
            .header("Call-ID", &id)
            .cseq(1)
            .header("Contact", format!("<{gruu}>")))
    }

    /// The statuses that answered a method, up to this one.
    pub(super) async fn statuses(&mut self, method: &Method, last: u16) -> Result<Vec<u16>> {
        let mut statuses = Vec::new();
        while statuses.last() != Some(&last) {
            statuses.push(self.response(method).await?.status());
        }
        Ok(statuses)
    }

    /// The next request of a method, and the connection on which it came.
    pub(super) async fn request(&mut self, method: &Method) -> Result<(usize, Request)> {
        let of =
            |message: &Message| matches!(message, Message::Request(request) if request.method() == method);
        let (line, message) = self.take(method.as_str(), of).await?;
        Ok((line, message.request().context("no request")?))
    }

    /// The next response to a method.
    pub(super) async fn response(&mut self, method: &Method) -> Result<Response> {
        let of = |message: &Message| match message {
            Message::Response(response) => response.cseq().is_ok_and(|cseq| cseq.method == *method),
            Message::Request(_) => false,
        };
        let (_, message) = self.take(method.as_str(), of).await?;
        message.response().context("no response")
    }

    async fn take(&mut self, what: &str, fits: impl Fn(&Message) -> bool) -> Result<(usize, Message)> {
        loop {
            if let Some(at) = self.heard.iter().position(|(_, message)| fits(message)) {
                return Ok(self.heard.remove(at));
            }
            let came = timeout(patience(), self.came.recv()).await;
            let came = came.with_context(|| format!("no {what}; there are {:?}", self.heard))?;
            self.heard.push(came.context("every connection is gone")?);
        }
    }
}

fn tls(front: &FrontEnd, host: &str) -> Result<(TlsConnector, TlsAcceptor)> {
    let identity = front.authority().identity(&[host])?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(front.authority().certificate_pem().as_bytes())?)?;
    let (roots, provider) = (Arc::new(roots), Arc::new(default_provider()));
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes())?];
    let key = || PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.clone(), key()?)?;
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key()?)?;
    Ok((TlsConnector::from(Arc::new(client)), TlsAcceptor::from(Arc::new(server))))
}

async fn pump(
    line: usize,
    stream: impl AsyncRead + AsyncWrite,
    mut queue: UnboundedReceiver<Vec<u8>>,
    come: UnboundedSender<(usize, Message)>,
) {
    let (mut reader, mut writer) = split(stream);
    let reading = async {
        let (mut framer, mut buffer) = (Framer::new(Limits::default()), vec![0; 16 * 1024]);
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            framer.push(buffer.get(..length).unwrap_or_default());
            while let Some(frame) = framer.pull() {
                if let Frame::Message(message) = frame {
                    let _ = come.send((line, message));
                }
            }
        }
    };
    let writing = async {
        while let Some(bytes) = queue.recv().await {
            if writer.write_all(&bytes).await.and(writer.flush().await).is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = reading => {},
        () = writing => {},
    }
}
