use std::sync::Arc;

use rustls::{
    DistinguishedName, Error, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{ServerName, UnixTime},
    server::{ParsedCertificate, VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use trunkline_tls::{JudgeClient, JudgeServer, Shown, Strength};

use super::{
    Names, Peers, Reason, Refusal,
    name::{is_common_name_alone, is_constrained, issuer, short_key},
};

/// What both directions share.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    roots: Arc<RootCertStore>,
    /// Looks at certificates that are made for clients.
    clients: Arc<dyn ClientCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
    peers: Peers,
}

impl Trust {
    /// Fails without an authority.
    pub(super) fn new(
        roots: RootCertStore,
        peers: Peers,
        strength: Strength,
    ) -> Result<Self, VerifierBuilderError> {
        let (roots, provider) = (Arc::new(roots), Arc::new(strength.provider()));
        let algorithms = provider.signature_verification_algorithms;
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider).build()?;
        Ok(Self { roots, clients, algorithms, peers })
    }

    /// Chain, dates and that it is made for a server.
    fn server(&self, shown: &Shown<'_>, now: UnixTime) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(shown.end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, shown.intermediates, now, algorithms)
    }

    /// The same for a server that connects. Front Ends show the certificate that they serve with, and those made from
    /// the usual template are for servers only; so either purpose will do.
    fn client(&self, shown: &Shown<'_>, now: UnixTime) -> Result<(), Error> {
        let verified = self.clients.verify_client_cert(shown.end_entity, shown.intermediates, now);
        match verified.map_err(|error| (Reason::from(error.clone()), error)) {
            Ok(_) => Ok(()),
            Err((Reason::Purpose, _)) => self.server(shown, now),
            Err((_, error)) => Err(error),
        }
    }

    /// Whether the name is a common name while an authority of the chain is limited to some names: the library holds
    /// only a subjectAltName against such limits.
    fn is_beyond_constraints(&self, shown: &Shown<'_>) -> bool {
        let chain = || shown.intermediates.iter().chain([shown.end_entity]);
        let issuers: Vec<_> = chain().filter_map(|certificate| issuer(certificate)).collect();
        let mut limited = self.roots.roots.iter().filter(|root| root.name_constraints.is_some());
        is_common_name_alone(shown.end_entity)
            && (shown.intermediates.iter().any(|authority| is_constrained(authority))
                || limited.any(|root| issuers.iter().any(|issuer| issuer.ends_with(&root.subject))))
    }
}

/// Looks at those whom the relay connects to: the name that was dialled, or one that is allowed.
#[derive(Debug)]
pub(super) struct Outbound(pub(super) Trust);

/// Looks at those who connect: one of the names that are allowed.
#[derive(Debug)]
pub(super) struct Inbound(pub(super) Trust);

/// The names of a certificate that has passed `verified`, and that one of them is good.
fn decide(
    shown: &Shown<'_>,
    verified: Result<(), Error>,
    trust: &Trust,
    good: impl Fn(&Names) -> bool,
    wanted: impl FnOnce() -> String,
) -> Result<(), Error> {
    let Ok(names) = Names::of(shown.end_entity) else {
        return Err(Refusal { reason: Reason::Unreadable, names: Names::default() }.into());
    };
    let short = short_key(shown.end_entity);
    let reason = match (verified, short) {
        (Err(error), _) => Reason::from(error),
        (Ok(()), Some(bits)) => Reason::ShortKey { bits },
        (Ok(()), None) if good(&names) && trust.is_beyond_constraints(shown) => Reason::Constrained,
        (Ok(()), None) if good(&names) => return Ok(()),
        (Ok(()), None) => Reason::Name { wanted: wanted() },
    };
    Err(Refusal { reason, names }.into())
}

impl JudgeServer for Outbound {
    fn judge(&self, shown: &Shown<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        let dialled = name.to_str();
        let good = |names: &Names| names.has(&dialled) || self.0.peers.find(names).is_some();
        let wanted = || format!("{dialled} or in allowedPeers");
        decide(shown, self.0.server(shown, now), &self.0, good, wanted)
    }
}

impl JudgeClient for Inbound {
    fn judge(&self, shown: &Shown<'_>, now: UnixTime) -> Result<(), Error> {
        let good = |names: &Names| self.0.peers.find(names).is_some();
        decide(shown, self.0.client(shown, now), &self.0, good, || "in allowedPeers".to_owned())
    }

    fn authorities(&self) -> &[DistinguishedName] {
        self.0.clients.root_hint_subjects()
    }
}
