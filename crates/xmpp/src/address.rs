use tokio_xmpp::jid::{BareJid, Jid};
use trunkline_model::Address;

/// The JID of an address; `None` when XMPP cannot hold it (RFC 7622).
pub(crate) fn jid_of(address: &Address) -> Option<BareJid> {
    BareJid::new(address.bare()).ok().filter(|jid| jid.node().is_some())
}

/// The address behind a JID, whatever its resource; `None` for servers, components, and names that only XMPP can hold.
pub(crate) fn address_of(jid: &Jid) -> Option<Address> {
    jid.node()?;
    let bare = jid.to_bare();
    let address: Address = bare.as_str().parse().ok()?;
    // A scheme-like local part ("im:x@…") would be read as another person's address.
    (address.bare() == bare.as_str().to_lowercase()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::{address_of, jid_of};

    #[test]
    fn addresses_and_jids_come_back_from_each_other() {
        let address = "bob@corp.test".parse().unwrap();
        let jid = jid_of(&address).unwrap();
        assert_eq!(address_of(&jid.into()), Some(address.clone()));
        assert_eq!(address_of(&"bob@corp.test/a@b/c".parse().unwrap()), Some(address));
    }

    #[test]
    fn who_is_no_person_has_no_address() {
        assert_eq!(address_of(&"corp.test".parse().unwrap()), None);
        assert_eq!(address_of(&"a\\40b@corp.test".parse().unwrap()), None);
    }
}
