use std::sync::{PoisonError, RwLock};

use aws_lc_rs::digest;
use trunkline_model::Address;
use trunkline_sip::{Epid, Uri, registration::Endpoint};

use crate::{
    address::Target,
    chat::{Accept, Decline},
    exchange::OPAQUE,
    settings::{LyncError, LyncSettings},
    tls::Peers,
};

/// What is asked for; servers grant less, and more often than not two hours.
const EXPIRES: u32 = 7_200;
/// The product, as the servers' reports show it.
pub(crate) const AGENT: &str = concat!("Trunkline/", env!("CARGO_PKG_VERSION"));

/// Where all accounts of a backend are, and where they are signed in.
#[derive(Debug)]
pub(crate) struct Place {
    /// The pool, as it is dialled.
    pub(crate) pool: Target,
    /// The servers that a pool may send an account to; others may come to hold.
    peers: RwLock<Peers>,
    /// The relay's name.
    pub(crate) local_fqdn: String,
    /// Where Front Ends reach it.
    pub(crate) port: u16,
    /// When a conversation that a peer begins is accepted.
    pub(crate) accept: Accept,
    /// How one is declined.
    pub(crate) decline: Decline,
}

impl Place {
    pub(crate) fn new(settings: &LyncSettings, port: u16) -> Self {
        let (pool, local_fqdn) = (settings.pool.clone(), settings.local_fqdn.clone());
        let (peers, accept, decline) =
            (RwLock::new(settings.tls.peers.clone()), settings.accept, settings.decline);
        Self { pool, peers, local_fqdn, port, accept, decline }
    }

    /// Whether a pool may send an account to that server.
    pub(crate) fn allows(&self, host: &str) -> bool {
        self.peers.read().unwrap_or_else(PoisonError::into_inner).iter().any(|peer| peer == host)
    }

    /// Others may be gone to from now on.
    pub(crate) fn allow(&self, peers: Peers) {
        *self.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// `host:port` as Via and Contact have it.
    pub(crate) fn host(&self) -> String {
        format!("{}:{}", self.local_fqdn, self.port)
    }
}

/// Who an account is to the pool: the same after each restart, another on another relay. `part` tells what the same
/// relay has several of for one account.
pub(crate) fn endpoint(place: &Place, address: &Address, part: &str) -> Result<Endpoint, LyncError> {
    let seed = format!("{}\n{}\n{part}", place.local_fqdn, address.bare());
    let digest = digest::digest(&digest::SHA256, seed.as_bytes());
    let (mut epid, mut opaque) = ([0; 5], [0; 16]);
    let bytes = digest.as_ref().iter();
    epid.iter_mut().chain(&mut opaque).zip(bytes).for_each(|(to, from)| *to = *from);
    let opaque = u128::from_be_bytes(opaque);
    let contact = format!("sip:{};transport=tls;{OPAQUE}={opaque:032x}", place.host());
    let uri =
        |text: &str, what: &str| Uri::parse(text).map_err(|_| LyncError::Unfit { what: what.to_owned() });
    Ok(Endpoint {
        user: uri(&address.uri(), &address.uri())?,
        epid: Epid::from_bytes(epid),
        contact: uri(&contact, &place.local_fqdn)?,
        expires: EXPIRES,
        agent: AGENT.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_same_tomorrow_and_another_for_another_account_or_relay() {
        let pool = Target { name: "pool.contoso.test".into(), host: None, port: 5061 };
        let place = |fqdn: &str| Place {
            pool: pool.clone(),
            peers: RwLock::default(),
            local_fqdn: fqdn.into(),
            port: 6001,
            accept: Accept::OnlyEndpoint,
            decline: Decline::Here,
        };
        let made = |fqdn: &str, address: &str| {
            endpoint(&place(fqdn), &address.parse().expect("an address"), "").expect("an endpoint")
        };
        let alice = made("relay.contoso.test", "alice@contoso.test");
        assert_eq!(alice, made("relay.contoso.test", "sip:Alice@contoso.test"));
        for other in [made("relay.contoso.test", "bob@contoso.test"), made("r2.test", "alice@contoso.test")] {
            assert_ne!(alice.epid, other.epid);
            assert_ne!(alice.contact.param(OPAQUE), other.contact.param(OPAQUE));
        }
        assert_eq!((alice.contact.host(), alice.contact.port()), ("relay.contoso.test", Some(6001)));
        assert_eq!(alice.contact.param("transport"), Some("tls"));
    }
}
