use std::{borrow::Cow, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncBufRead, AsyncRead, AsyncWrite, BufWriter},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_xmpp::{
    parsers::{
        ns,
        sm::{Failed, Nonza as Sm},
        starttls::{Nonza as StartTls, Request},
        stream_features::StreamFeatures,
    },
    xmlstream::{
        FallibleStreamElement, InitiatingStream, ReadError, StreamElementError, StreamHeader, Timeouts,
        XmppStream, XmppStreamElement, initiate_stream,
    },
};

use crate::{
    fault::LoginFault,
    guard::Guard,
    settings::{Tls, XmppSettings},
    tls::{TlsSetup, distrust},
};

/// An encrypted XMPP stream to a server that has proved who it is.
pub(crate) type Stream = XmppStream<Wire>;
/// What it runs over.
pub(crate) type Wire = BufWriter<Guard<TlsStream<TcpStream>>>;

/// Silence after which the server is asked whether it is still there, and how long it may take to answer.
pub(crate) const KEEP_ALIVE: Timeouts =
    Timeouts { read_timeout: Duration::from_secs(60), response_timeout: Duration::from_secs(30) };

/// Small: ten thousand lines each have one.
const BUFFER: usize = 2_048;

/// Connects and encrypts; gives the stream and what the server offers on it. Unbounded in time: the caller's to limit.
pub(crate) async fn connect(
    settings: &XmppSettings,
    tls: &TlsSetup,
) -> Result<(StreamFeatures, Stream), LoginFault> {
    let tcp = reach(settings).await?;
    let encrypted = encrypt(settings, tls, tcp).await?;
    begin(settings, encrypted).await
}

/// The bare connection to the server.
pub(crate) async fn reach(settings: &XmppSettings) -> Result<TcpStream, LoginFault> {
    let tcp = TcpStream::connect((settings.host.as_str(), settings.port)).await.map_err(|error| {
        LoginFault::Passing(format!("cannot connect to {}:{}: {error}", settings.host, settings.port))
    })?;
    // Best effort: without it small stanzas are only slower.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

/// TLS, begun as the settings say, with a server that has proved who it is.
pub(crate) async fn encrypt(
    settings: &XmppSettings,
    tls: &TlsSetup,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, LoginFault> {
    let tcp = match settings.tls {
        Tls::Direct => tcp,
        Tls::StartTls => start_tls(tcp, &settings.domain).await?,
    };
    let connector = TlsConnector::from(tls.config.clone());
    connector.connect(tls.name.clone(), tcp).await.map_err(|error| distrust(&error, settings))
}

/// The XMPP stream inside TLS.
pub(crate) async fn begin(
    settings: &XmppSettings,
    encrypted: TlsStream<TcpStream>,
) -> Result<(StreamFeatures, Stream), LoginFault> {
    let wire = BufWriter::with_capacity(BUFFER, Guard::new(encrypted));
    let pending = initiate_stream(wire, ns::JABBER_CLIENT, header(&settings.domain), KEEP_ALIVE).await?;
    Ok(pending.recv_features().await?)
}

/// Asks for TLS and gives the bare connection back once the server agrees. Whatever came in the clear behind its
/// agreement is dropped unread.
async fn start_tls(tcp: TcpStream, domain: &str) -> Result<TcpStream, LoginFault> {
    let wire = BufWriter::with_capacity(BUFFER, Guard::new(tcp));
    let pending = initiate_stream(wire, ns::JABBER_CLIENT, header(domain), KEEP_ALIVE).await?;
    let (features, mut stream) = pending.recv_features::<FallibleStreamElement>().await?;
    if !features.can_starttls() {
        return Err(LoginFault::Untrusted(
            "the server offers no TLS; nothing is sent to it in the clear".into(),
        ));
    }
    stream.send(&XmppStreamElement::Starttls(StartTls::Request(Request))).await?;
    match next(&mut stream).await? {
        XmppStreamElement::Starttls(StartTls::Proceed(_)) => {
            Ok(stream.into_inner().into_inner().into_inner())
        }
        XmppStreamElement::StreamError(error) => {
            Err(LoginFault::Passing(format!("the server ended the stream: {}", error.0.condition)))
        }
        _ => Err(LoginFault::Untrusted("the server refused to begin TLS".into())),
    }
}

fn header(domain: &str) -> StreamHeader<'_> {
    StreamHeader { to: Some(Cow::Borrowed(domain)), from: None, id: None }
}

/// Begins the stream anew after the sign-in (RFC 6120 section 6.4.6).
pub(crate) async fn restart(stream: Stream, domain: &str) -> Result<(StreamFeatures, Stream), LoginFault> {
    stream.get_stream().get_ref().restart();
    let stream: InitiatingStream<Wire> = stream.initiate_reset();
    let pending = stream.send_header(header(domain)).await?;
    Ok(pending.recv_features().await?)
}

/// The next element of a stream that is being set up; one that makes no sense ends the attempt.
pub(crate) async fn next<Io>(stream: &mut XmppStream<Io>) -> Result<XmppStreamElement, LoginFault>
where
    Io: AsyncBufRead + AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match stream.next().await {
            Some(Ok(FallibleStreamElement::Ok(element))) => return Ok(element),
            // The library insists on a count here, and most servers that know of no old session give none.
            Some(Ok(FallibleStreamElement::Err(StreamElementError::InvalidNonza {
                qname: (space, name),
                ..
            }))) if space == ns::SM && name == "failed" => {
                return Ok(XmppStreamElement::SM(Sm::Failed(Failed { h: None, error: None })));
            }
            // A refusal is a refusal, even for a reason that is not in the book: the password is not tried again.
            Some(Ok(FallibleStreamElement::Err(StreamElementError::InvalidNonza {
                qname: (space, name),
                ..
            }))) if space == ns::SASL && name == "failure" => {
                return Err(LoginFault::Refused(
                    "the server refused the sign-in for an unknown reason".into(),
                ));
            }
            Some(Ok(FallibleStreamElement::Err(error))) => {
                return Err(LoginFault::Passing(format!("the server sent what XMPP does not know: {error}")));
            }
            Some(Err(ReadError::SoftTimeout)) => {}
            Some(Err(error)) => return Err(error.into()),
            None => return Err(LoginFault::Passing("the server closed the connection".into())),
        }
    }
}
