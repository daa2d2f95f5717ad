use std::collections::HashMap;

use trunkline_sip::{Request, Uri, identity};

use super::LineId;

/// What tells one account's Contact from the others' at the same host and port.
pub(crate) const OPAQUE: &str = "ms-opaque";

/// Whose a request is. Each account has one line, so its address, its Contact and its GRUU lead to the same one.
#[derive(Debug, Default)]
pub(super) struct Switchboard {
    by_opaque: HashMap<String, LineId>,
    by_address: HashMap<String, LineId>,
}

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee {
    /// An account.
    Line(LineId),
    /// Nobody in particular: the relay itself.
    Relay,
    /// An account that is not here.
    Nobody,
}

impl Switchboard {
    /// A later line of the same account takes over what the earlier one had.
    pub(super) fn enter(&mut self, line: LineId, opaque: &str, address: &str) {
        self.by_opaque.insert(opaque.to_owned(), line);
        self.by_address.insert(address.to_owned(), line);
    }

    /// Forgets what is still this line's.
    pub(super) fn leave(&mut self, line: LineId, opaque: &str, address: &str) {
        for (table, name) in [(&mut self.by_opaque, opaque), (&mut self.by_address, address)] {
            if table.get(name) == Some(&line) {
                table.remove(name);
            }
        }
    }

    /// By the Request-URI's `ms-opaque`, else by the user that it names, GRUU or not, else by To. A request that says
    /// whose it is and is wrong is nobody's: it is never given to who else comes into question.
    pub(super) fn callee(&self, request: &Request) -> Callee {
        let uri = request.uri();
        if let Some(opaque) = uri.param(OPAQUE) {
            return self.by_opaque.get(opaque).copied().map_or(Callee::Nobody, Callee::Line);
        }
        let found = |uri: &Uri| Some(self.by_address.get(&uri.address()?).copied());
        if let Some(line) = found(uri) {
            return line.map_or(Callee::Nobody, Callee::Line);
        }
        if identity::instance_of(uri).is_some() {
            return Callee::Nobody;
        }
        match request.to().ok().and_then(|to| found(&to.uri)) {
            Some(line) => line.map_or(Callee::Nobody, Callee::Line),
            None => Callee::Relay,
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_sip::Method;

    use super::*;

    fn request(uri: &str, to: &str) -> Request {
        Request::build(Method::MESSAGE, Uri::parse(uri).expect("a URI")).header("To", to).done()
    }

    #[test]
    fn a_request_for_one_account_never_reaches_another() {
        let (alice, bob) = (LineId(1), LineId(2));
        let mut board = Switchboard::default();
        board.enter(alice, "aaaa", "alice@contoso.test");
        board.enter(bob, "bbbb", "bob@contoso.test");
        let relay = "sip:relay.contoso.test:6001;transport=tls";
        let callee = |uri: &str, to: &str| board.callee(&request(uri, to));
        let by_contact = format!("{relay};ms-opaque=aaaa");
        assert_eq!(callee(&by_contact, "<sip:bob@contoso.test>;tag=1"), Callee::Line(alice));
        assert_eq!(
            callee("sip:Alice@contoso.test;gruu;opaque=user:epid:x", "<sip:b@x.test>"),
            Callee::Line(alice)
        );
        assert_eq!(callee(relay, "<sip:BOB@Contoso.test>;epid=0"), Callee::Line(bob));
        assert_eq!(callee(&format!("{relay};ms-opaque=cccc"), "<sip:bob@contoso.test>"), Callee::Nobody);
        assert_eq!(callee("sip:carol@contoso.test", "<sip:bob@contoso.test>"), Callee::Nobody);
        assert_eq!(callee(relay, "<sip:carol@contoso.test>"), Callee::Nobody);
        assert_eq!(callee(relay, "<sip:relay.contoso.test>"), Callee::Relay);
    }

    #[test]
    fn a_line_that_ends_late_takes_nothing_from_the_next_of_the_same_account() {
        let mut board = Switchboard::default();
        board.enter(LineId(1), "aaaa", "alice@contoso.test");
        board.enter(LineId(2), "aaaa", "alice@contoso.test");
        board.leave(LineId(1), "aaaa", "alice@contoso.test");
        let callee = board.callee(&request("sip:alice@contoso.test", "<sip:alice@contoso.test>"));
        assert_eq!(callee, Callee::Line(LineId(2)));
    }
}
