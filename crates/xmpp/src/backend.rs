use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::time::timeout;
use tokio_xmpp::jid::{BareJid, DomainPart};
use trunkline_core::port::{Backend, Line, LineError, LineState, OpenLine, Person, Step};
use trunkline_model::Address;

use crate::{
    connect::{Stream, connect, restart},
    examine::examine,
    fault::LoginFault,
    line::XmppLine,
    login::sign_in,
    negotiate::{Ready, Resumption, negotiate},
    pace::Pace,
    settings::{XmppError, XmppSettings},
    tls::TlsSetup,
};

/// One XMPP domain: opens a client-to-server connection per account.
pub struct XmppBackend {
    server: Arc<Server>,
}

/// What all lines of a backend share.
pub(crate) struct Server {
    pub(crate) settings: XmppSettings,
    pub(crate) pace: Pace,
    tls: TlsSetup,
}

impl XmppBackend {
    /// Reads the trusted authorities and checks the names; connects to nobody yet.
    pub fn new(settings: XmppSettings) -> Result<Self, XmppError> {
        let domain = DomainPart::new(&settings.domain).map_err(|error| XmppError::Domain {
            domain: settings.domain.clone(),
            reason: error.to_string(),
        })?;
        let settings = XmppSettings { domain: domain.as_str().to_lowercase(), ..settings };
        if settings.login_rate == 0 {
            return Err(XmppError::LoginRate);
        }
        let tls = TlsSetup::new(&settings)?;
        let pace = Pace::new(settings.login_rate);
        Ok(Self { server: Arc::new(Server { settings, pace, tls }) })
    }
}

impl XmppBackend {
    fn jid(&self, address: &Address) -> Result<BareJid, LineError> {
        let domain = &self.server.settings.domain;
        if address.domain() != domain {
            return Err(LineError::Refused(format!("{address} is not of the domain {domain}")));
        }
        crate::address::jid_of(address)
            .ok_or_else(|| LineError::Refused(format!("{address} is not an address that XMPP can hold")))
    }
}

#[async_trait]
impl Backend for XmppBackend {
    fn kind(&self) -> &'static str {
        "xmpp"
    }

    fn domain(&self) -> Option<&str> {
        Some(&self.server.settings.domain)
    }

    fn needs_password(&self) -> bool {
        true
    }

    /// Signs in and binds nothing, so that the server does not take it for a newcomer who wants the line's place.
    async fn try_password(
        &self,
        person: &Person,
        password: &SecretString,
        wait: Duration,
    ) -> Result<LineState, LineError> {
        let own = self.jid(&person.address)?;
        let attempt = async {
            self.server.pace.turn().await;
            self.server.authenticate(&own, password).await
        };
        Ok(match timeout(wait, attempt).await {
            Ok(Ok(())) => LineState::Connected,
            Ok(Err(LoginFault::Password)) => LineState::PasswordRefused,
            Ok(Err(LoginFault::Refused(reason))) => LineState::Refused { reason },
            Ok(Err(LoginFault::Untrusted(reason) | LoginFault::Passing(reason))) => {
                LineState::Connecting { reason }
            }
            Err(_) => LineState::Connecting { reason: "the server did not answer in time".into() },
        })
    }

    async fn examine(&self, account: Option<&Address>, password: Option<&SecretString>) -> Vec<Step> {
        let credential = match account.zip(password).map(|(address, password)| (self.jid(address), password))
        {
            Some((Ok(own), password)) => Some((own, password)),
            Some((Err(error), _)) => return vec![Step::not_tried("sign-in", error.to_string())],
            None => None,
        };
        examine(&self.server.settings, &self.server.tls, credential).await
    }

    async fn open(&self, request: OpenLine) -> Result<Arc<dyn Line>, LineError> {
        let password = request.password.ok_or(LineError::PasswordNeeded)?;
        let own = self.jid(&request.person.address)?;
        Ok(XmppLine::open(self.server.clone(), request.person, own, password, request.inlet))
    }
}

impl Server {
    /// One attempt to get a stream that is ready for stanzas. Unbounded in time: the caller's to limit.
    pub(crate) async fn log_in(
        &self,
        own: &BareJid,
        password: &SecretString,
        resource: &str,
        old: Option<Resumption>,
    ) -> Result<Ready, LoginFault> {
        let stream = self.signed_in(own, password).await?;
        let (features, stream) = restart(stream, &self.settings.domain).await?;
        negotiate(stream, features, resource, old).await
    }

    /// One attempt to prove a password, and no more. Unbounded in time: the caller's to limit.
    async fn authenticate(&self, own: &BareJid, password: &SecretString) -> Result<(), LoginFault> {
        let mut stream = self.signed_in(own, password).await?;
        // A server that does not take the goodbye notices the closed connection.
        let _ = stream.shutdown().await;
        Ok(())
    }

    async fn signed_in(&self, own: &BareJid, password: &SecretString) -> Result<Stream, LoginFault> {
        let (features, mut stream) = connect(&self.settings, &self.tls).await?;
        let user = own.node().map(|node| node.as_str()).unwrap_or_default();
        sign_in(&mut stream, &features, user, password).await?;
        Ok(stream)
    }
}
