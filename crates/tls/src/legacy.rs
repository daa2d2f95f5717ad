//! OpenSSL, for peers that speak nothing newer. It only carries the bytes: certificates are judged by the same code as
//! elsewhere, after the handshake and before a byte of the peer's is handed out.

use std::{
    io,
    pin::Pin,
    sync::{Arc, OnceLock},
};

use openssl::{
    error::ErrorStack,
    pkey::PKey,
    ssl::{
        self, Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslRef,
        SslSessionCacheMode, SslVerifyMode, SslVersion,
    },
    stack::Stack,
    x509::{X509, X509Name, X509StoreContextRef},
};
use rustls::{
    AlertDescription, Error, InvalidMessage,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_openssl::SslStream;

use crate::{Identity, JudgeClient, JudgeServer, SetupError, Shown};

/// All that authenticate the server with a certificate and encrypt, the better ones first. Level 0 lets SHA-1 and short
/// keys pass, and with OpenSSL 3 the versions before 1.2. Keys are the judge's affair; the group of DHE, which the
/// server chooses and nobody else sees, is not to be had.
const SUITES: &str = "DEFAULT:!aNULL:!eNULL:!aDSS:!kDHE:!PSK:!SRP:@SECLEVEL=0";

#[derive(Clone, Debug)]
pub(crate) struct Connector {
    context: SslContext,
    judge: Arc<dyn JudgeServer>,
}

impl Connector {
    pub(crate) fn new(judge: Arc<dyn JudgeServer>, identity: &Identity) -> Result<Self, SetupError> {
        let context = context(identity)?;
        Ok(Self { context: context.build(), judge })
    }

    pub(crate) async fn connect<Io>(&self, name: &ServerName<'static>, io: Io) -> io::Result<SslStream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let mut ssl = Ssl::new(&self.context)?;
        if let ServerName::DnsName(name) = name {
            ssl.set_hostname(name.as_ref())?;
        }
        // A server may ask for the relay's certificate in a second handshake, as Schannel does.
        demand(&mut ssl, SslVerifyMode::PEER);
        let mut stream = SslStream::new(ssl, io)?;
        Pin::new(&mut stream).connect().await.map_err(failed)?;
        let judged = judge(stream.ssl(), |shown| self.judge.judge(shown, name, UnixTime::now()));
        judged.map_err(doubted)?;
        Ok(stream)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Acceptor {
    context: SslContext,
    judge: Arc<dyn JudgeClient>,
}

impl Acceptor {
    pub(crate) fn new(judge: Arc<dyn JudgeClient>, identity: &Identity) -> Result<Self, SetupError> {
        let mut context = context(identity)?;
        context.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::CIPHER_SERVER_PREFERENCE);
        let mut names = Stack::new()?;
        for authority in judge.authorities() {
            names.push(X509Name::from_der(authority.as_ref())?)?;
        }
        context.set_client_ca_list(names);
        Ok(Self { context: context.build(), judge })
    }

    pub(crate) async fn accept<Io>(&self, io: Io) -> io::Result<SslStream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let mut ssl = Ssl::new(&self.context)?;
        demand(&mut ssl, SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        let mut stream = SslStream::new(ssl, io)?;
        Pin::new(&mut stream).accept().await.map_err(failed)?;
        judge(stream.ssl(), |shown| self.judge.judge(shown, UnixTime::now())).map_err(doubted)?;
        Ok(stream)
    }
}

/// What both directions share. The system's own settings (`openssl.cnf`) are overruled.
fn context(identity: &Identity) -> Result<SslContextBuilder, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls())?;
    context.set_min_proto_version(Some(SslVersion::TLS1))?;
    context.set_max_proto_version(None)?;
    context.set_security_level(0);
    context.set_cipher_list(SUITES)?;
    context.set_options(SslOptions::NO_COMPRESSION | SslOptions::NO_TICKET);
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_mode(
        SslMode::AUTO_RETRY
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::RELEASE_BUFFERS,
    );
    for (index, certificate) in identity.chain.iter().enumerate() {
        let certificate = X509::from_der(certificate)?;
        if index == 0 {
            context.set_certificate(&certificate)?;
        } else {
            context.add_extra_chain_cert(certificate)?;
        }
    }
    context.set_private_key(PKey::private_key_from_der(identity.key.secret_der())?.as_ref())?;
    context.check_private_key()?;
    Ok(context)
}

/// Leaves judging to the judge, but for one thing: whoever shakes hands again has to show the certificate of before.
fn demand(ssl: &mut SslRef, mode: SslVerifyMode) {
    let first = OnceLock::new();
    ssl.set_verify_callback(mode, move |_, peer| is_still(&first, peer));
}

fn is_still(first: &OnceLock<Vec<u8>>, peer: &X509StoreContextRef) -> bool {
    let own = peer.chain().and_then(|chain| chain.get(0));
    let own = own.and_then(|own| own.to_der().ok());
    own.is_some_and(|own| *first.get_or_init(|| own.clone()) == own)
}

fn judge(ssl: &SslRef, judge: impl FnOnce(&Shown<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let chain = chain(ssl);
    let (end_entity, intermediates) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    judge(&Shown { end_entity, intermediates })
}

/// What the peer has shown, its own certificate first.
pub(crate) fn chain(ssl: &SslRef) -> Vec<CertificateDer<'static>> {
    let der = |certificate: &openssl::x509::X509Ref| certificate.to_der().ok().map(CertificateDer::from);
    let own = ssl.peer_certificate().and_then(|own| der(&own));
    // Servers' own certificates are repeated in it, clients' are not.
    let others = ssl.peer_cert_chain().into_iter().flatten().filter_map(der);
    let others: Vec<_> = others.filter(|other| Some(other) != own.as_ref()).collect();
    own.into_iter().chain(others).collect()
}

/// Which version is spoken: `TLS 1.0`.
pub(crate) fn version(ssl: &SslRef) -> String {
    match ssl.version_str() {
        "TLSv1" => "TLS 1.0".to_owned(),
        version => version.replace("TLSv1.", "TLS 1."),
    }
}

fn doubted(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn failed(error: ssl::Error) -> io::Error {
    told(error.into_io_error().unwrap_or_else(io::Error::other))
}

/// OpenSSL's errors as rustls has them, as far as it does.
pub(crate) fn told(error: io::Error) -> io::Error {
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<ssl::Error>()) else {
        return error;
    };
    let first = inner.ssl_error().and_then(|stack| stack.errors().first());
    let Some(first) = first.filter(|first| first.library_code() == SSL) else {
        return error;
    };
    match first.reason_code() {
        UNEXPECTED_EOF => io::ErrorKind::UnexpectedEof.into(),
        NO_CERTIFICATE => doubted(Error::NoCertificatesPresented),
        code if NO_TLS.contains(&code) => doubted(Error::InvalidMessage(InvalidMessage::InvalidContentType)),
        code => match u8::try_from(code - ALERTS).map(AlertDescription::from) {
            Ok(alert) => alerted(alert),
            Err(_) => io::Error::other(first.reason().unwrap_or("OpenSSL gives no reason").to_owned()),
        },
    }
}

fn alerted(alert: AlertDescription) -> io::Error {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    match alert {
        HandshakeFailure | ProtocolVersion | InsufficientSecurity => io::Error::other(format!(
            "the peer and the relay share no version of TLS from 1.0 on, or no cipher suite, or the peer wants another \
             certificate ({alert:?})"
        )),
        alert => doubted(Error::AlertReceived(alert)),
    }
}

impl From<ErrorStack> for SetupError {
    fn from(error: ErrorStack) -> Self {
        Self::OpenSsl(error.to_string())
    }
}

// OpenSSL's numbers, which its bindings do not name: ERR_LIB_SSL, and SSL_R_… of sslerr.h.
const SSL: i32 = 20;
const NO_CERTIFICATE: i32 = 199;
const UNEXPECTED_EOF: i32 = 294;
/// HTTP_REQUEST, HTTPS_PROXY_REQUEST and WRONG_VERSION_NUMBER.
const NO_TLS: [i32; 3] = [156, 155, 267];
/// A peer's alert is this and its number.
const ALERTS: i32 = 1_000;
