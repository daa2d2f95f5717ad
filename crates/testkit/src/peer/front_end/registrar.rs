//! REGISTER, and all that ends a registration.

use std::borrow::Cow;

use trunkline_sip::{
    Address, Epid, Method, Request, Response, Uri,
    body::deregistration::{self, Deregistration},
    header::name,
    identity,
};
use uuid::Uuid;

use super::{
    house::House,
    user::{Endpoint, Key},
};

const EVENTS: &str =
    "vnd-microsoft-provisioning-v2,vnd-microsoft-roaming-contacts,vnd-microsoft-roaming-self,presence";

/// What tells the Contacts of an application's users apart.
const OPAQUE: &str = "ms-opaque";

impl House {
    pub(super) fn register(&mut self, line: u64, request: &Request) {
        let (epid, contact, instance) = match who(request) {
            Ok(who) => who,
            Err((id, reason)) => return self.diagnose(line, request, 400, id, reason),
        };
        if !self.is_application(line) && !is_clients(&contact) {
            self.judge
                .complain("REGISTER: an application's Contact, and no certificate was shown".to_owned());
            return self.challenge(line, request);
        }
        let Some(trusted) = self.trust(line) else { return self.challenge(line, request) };
        let user = request.to().ok().and_then(|to| self.user(&to.uri));
        let Some(key) = user.map(|user| (user.address.clone(), instance)) else {
            let reason = "Destination URI either not enabled for SIP or does not exist";
            return self.diagnose(line, request, 404, 4005, reason);
        };
        let asked = request.expires().ok().flatten().or(contact.expires());
        if asked == Some(0) {
            let response = self.reply(request, 200).header(name::EXPIRES, "0").done();
            self.send(line, response);
            return self.sign_out(&key);
        }
        if !self.is_at_home(line, &contact) {
            self.judge.complain("REGISTER: Contact is at no name of the certificate".to_owned());
        }
        let expires = asked.unwrap_or(u32::MAX).min(self.settings.expires);
        self.sign_in(request, &key, Registration { line, epid, contact, trusted, expires });
    }

    /// Whether a Contact is at a host that the certificate names; a client without one is anywhere.
    fn is_at_home(&self, line: u64, contact: &Address) -> bool {
        let names = self.lines.get(&line).and_then(|line| line.names.as_ref());
        names.is_none_or(|names| names.contains(&contact.uri.host().to_ascii_lowercase()))
    }

    /// Whether a registration on this connection needs no proof, and then the host that vouches for it. A peer with
    /// a certificate is a server and has to be on the list; one without is a client.
    fn trust(&self, line: u64) -> Option<Option<String>> {
        match self.lines.get(&line)?.names.as_ref() {
            Some(names) => names.iter().find(|name| self.trusted.contains(name)).cloned().map(Some),
            None => (!self.settings.challenge).then_some(None),
        }
    }

    fn challenge(&mut self, line: u64, request: &Request) {
        let host = self.host();
        let value = format!("NTLM realm=\"SIP Communications Service\", targetname=\"{host}\", version=4");
        let response = self.reply(request, 401).header("WWW-Authenticate", value).done();
        self.send(line, response);
    }

    fn sign_in(&mut self, request: &Request, key: &Key, made: Registration) {
        let Some(user) = self.users.get_mut(&key.0) else { return };
        let Some(from) = request.get(name::FROM).map(|from| from.detached()) else { return };
        let Ok(gruu) = identity::gruu(&user.uri, key.1) else { return };
        let known = user.endpoints.iter().position(|endpoint| endpoint.instance == key.1);
        let line = made.line;
        if let Some(opaque) = made.contact.uri.param(OPAQUE) {
            self.opaques.insert(opaque.to_owned(), key.clone());
        }
        let endpoint = Endpoint {
            instance: key.1,
            epid: made.epid,
            contact: made.contact,
            gruu,
            line,
            trusted: made.trusted,
            call_id: request.call_id().unwrap_or_default(),
            from,
            expires: made.expires,
        };
        match known.and_then(|at| user.endpoints.get_mut(at)) {
            Some(place) => *place = endpoint,
            None => user.endpoints.push(endpoint),
        }
        let response = self.registered(request, &key.0, made.expires);
        self.send(line, response);
        if known.is_none() {
            self.changed(&key.0, &["state"], None);
        }
    }

    fn registered(&mut self, request: &Request, address: &str, expires: u32) -> Response {
        let contacts: Vec<_> = self
            .users
            .get(address)
            .into_iter()
            .flat_map(|user| &user.endpoints)
            .map(registered_contact)
            .collect();
        let mut reply = self.reply(request, 200);
        for contact in contacts {
            reply = reply.header(name::CONTACT, contact);
        }
        reply = reply
            .header(name::EXPIRES, expires.to_string())
            .header("presence-state", "register-action=\"added\"")
            .header(name::ALLOW_EVENTS, EVENTS);
        // SIPE takes each line for one word.
        for option in ["adhoclist", "msrtc-event-categories", "ms-keepalive-deregister"] {
            reply = reply.header(name::SUPPORTED, option);
        }
        if request.has(name::MS_KEEP_ALIVE) {
            let seconds = self.settings.keep_alive;
            let value = format!("UAS; tcp=no; hop-hop=yes; end-end=no; timeout={seconds}");
            reply = reply.header(name::MS_KEEP_ALIVE, value);
        }
        reply.done()
    }

    /// Forgets an endpoint, its subscriptions and what it published.
    pub(super) fn sign_out(&mut self, key: &Key) {
        self.subscriptions.remove_of(key, |_| true);
        let Some(user) = self.users.get_mut(&key.0) else { return };
        let Some(at) = user.endpoints.iter().position(|endpoint| endpoint.instance == key.1) else { return };
        let gone = user.endpoints.remove(at);
        if let Some(opaque) = gone.contact.uri.param(OPAQUE) {
            self.opaques.remove(opaque);
        }
        let names = self.withdraw(key);
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        self.changed(&key.0, &names, None);
    }

    /// A client whose connection is gone is gone; an application can be dialled.
    pub(super) fn sign_out_line(&mut self, line: u64) {
        let gone = self.keys(|endpoint| endpoint.line == line && endpoint.trusted.is_none());
        gone.iter().for_each(|key| self.sign_out(key));
    }

    fn keys(&self, fits: impl Fn(&Endpoint) -> bool) -> Vec<Key> {
        let of = |(address, user): (&String, &super::user::User)| -> Vec<Key> {
            let fitting = user.endpoints.iter().filter(|endpoint| fits(endpoint));
            fitting.map(|endpoint| (address.clone(), endpoint.instance)).collect()
        };
        self.users.iter().flat_map(of).collect()
    }

    /// Tells every client of a user that it is signed out, and forgets it.
    pub(super) fn deregister(&mut self, address: &str, why: &Deregistration, diagnostics: &str) {
        for key in self.keys(|_| true).into_iter().filter(|key| key.0 == address) {
            let line = self.line_to(&key);
            let request = self.deregistration(&key, why, diagnostics);
            if let (Some(line), Some(request)) = (line, request) {
                self.send(line, request);
            }
            self.sign_out(&key);
        }
    }

    fn deregistration(&mut self, key: &Key, why: &Deregistration, diagnostics: &str) -> Option<Request> {
        let branch = self.fresh();
        let tag = self.fresh_tag();
        let endpoint = self.endpoint(key)?;
        let user = self.users.get(&key.0)?;
        let request = Request::build(Method::BENOTIFY, endpoint.contact.uri.clone())
            .header(name::VIA, self.own_via(endpoint.line, &format!("d{branch}")))
            .header(name::MAX_FORWARDS, "70")
            .header(name::FROM, format!("<{}>;tag={tag}", user.uri))
            .header(name::TO, endpoint.from.value())
            .header(name::CALL_ID, &endpoint.call_id)
            .cseq(2)
            .header(name::EVENT, "registration-notify")
            .header(name::SUBSCRIPTION_STATE, "terminated;expires=0")
            .header(name::MS_DIAGNOSTICS_PUBLIC, diagnostics)
            .body(deregistration::TYPE, why.write())
            .done();
        Some(request)
    }

    /// A Via of ours.
    pub(super) fn own_via(&self, line: u64, branch: &str) -> String {
        let transport = self.transport(line);
        let port = self.port(transport);
        let transport = transport.to_ascii_uppercase();
        format!("SIP/2.0/{transport} 127.0.0.1:{port};branch=z9hG4bK{branch};branched=FALSE")
    }

    /// The endpoint that a URI leads to by GRUU or by registered Contact.
    pub(super) fn addressed(&self, uri: &Uri) -> Option<Key> {
        if let Some(instance) = identity::instance_of(uri) {
            let user = self.user(uri)?;
            return user.endpoint(instance).map(|endpoint| (user.address.clone(), endpoint.instance));
        }
        let same = |endpoint: &Endpoint| {
            let contact = &endpoint.contact.uri;
            contact.is_same(uri) && contact.param(OPAQUE) == uri.param(OPAQUE) && contact.port().is_some()
        };
        match uri.param(OPAQUE) {
            Some(opaque) => {
                self.opaques.get(opaque).filter(|key| self.endpoint(key).is_some_and(same)).cloned()
            }
            None => self.keys(same).into_iter().next(),
        }
    }
}

struct Registration {
    line: u64,
    epid: String,
    contact: Address,
    trusted: Option<String>,
    expires: u32,
}

/// Epid, Contact and instance of who registers, or what the diagnostics say of one that lacks something.
fn who(request: &Request) -> Result<(String, Address, Uuid), (u32, &'static str)> {
    let from = request.from().map_err(|_| (4000, "Unreadable From"))?;
    let epid = from.epid().map(Cow::into_owned).ok_or((4011, "Missing epid in the From header"))?;
    let contacts = request.contacts().map_err(|_| (4000, "Unreadable Contact"))?;
    let contact = contacts.into_iter().next().ok_or((4010, "Missing Contact"))?;
    let derived = || Epid::parse(&epid).ok().map(|epid| epid.instance());
    let instance = contact.instance().or_else(derived).ok_or((4012, "The epid is too long"))?;
    Ok((epid, contact, instance))
}

/// Whether a Contact is that of a client, which asks to be reached by the connection that it made. To others the Front
/// End connects, so it has to know them.
fn is_clients(contact: &Address) -> bool {
    contact.as_str().contains("proxy=replace")
}

/// The Contact of a 200: as registered, with its GRUU.
fn registered_contact(endpoint: &Endpoint) -> String {
    let Endpoint { contact, instance, gruu, expires, .. } = endpoint;
    let instance: &Uuid = instance;
    format!("<{}>;expires={expires};+sip.instance=\"<urn:uuid:{instance}>\";gruu=\"{gruu}\"", contact.uri)
}
