//! What a trusted application has to keep to, beyond what makes the Front End answer.

use std::collections::HashMap;

use trunkline_sip::{Frame, Header, Headers, Message, Method, Request, Response, Uri, check, header::name};

/// Watches the messages of applications.
#[derive(Default)]
pub(super) struct Judge {
    complaints: Vec<String>,
    /// The last CSeq of each side of a dialog, or of a registration.
    counts: HashMap<(String, String), u32>,
}

impl Judge {
    pub(super) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    pub(super) fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// What was read was not just the bytes of a message.
    pub(super) fn odd(&mut self, frame: &Frame) {
        match frame {
            Frame::Refused(refused) => self.complain(format!("no message: {}", refused.error)),
            Frame::Message(message) => self.complain(format!("{}: not as it was written", what(message))),
            Frame::Ping => {}
        }
    }

    /// Judges what an application sent; `gruu` is that of the endpoint that sent it, if it is known.
    pub(super) fn judge(&mut self, message: &Message, gruu: Option<&Uri>) {
        if let Err(error) = check(message) {
            self.complain(format!("{}: {error}", what(message)));
        }
        match message {
            Message::Request(request) => self.request(request, gruu),
            Message::Response(response) => self.response(response),
        }
    }

    fn request(&mut self, request: &Request, gruu: Option<&Uri>) {
        let method = request.method();
        let says = |what: &str| format!("{method}: {what}");
        if request.via().is_ok_and(|via| via.unique_branch().is_none()) {
            self.complain(says("no branch of RFC 3261 in Via"));
        }
        if request.from().is_ok_and(|from| from.epid().is_none()) {
            self.complain(says("no epid in From"));
        }
        if request.from().is_ok_and(|from| from.tag().is_none()) {
            self.complain(says("no tag in From"));
        }
        if !request.has(name::MAX_FORWARDS) {
            self.complain(says("no Max-Forwards"));
        }
        let begins = [Method::INVITE, Method::SUBSCRIBE].contains(method);
        if begins && !contact_is(request, gruu) {
            self.complain(says("Contact is not the GRUU of the endpoint"));
        }
        if ![Method::ACK, Method::CANCEL].contains(method) {
            self.count(request);
        }
    }

    fn count(&mut self, request: &Request) {
        let (Ok(call_id), Ok(from), Ok(cseq)) = (request.call_id(), request.from(), request.cseq()) else {
            return;
        };
        let side = (call_id, from.tag().unwrap_or_default().to_owned());
        if let Some(last) = self.counts.insert(side, cseq.number)
            && cseq.number != last + 1
        {
            self.complain(format!("{}: CSeq {} after {last}", request.method(), cseq.number));
        }
    }

    fn response(&mut self, response: &Response) {
        let Ok(cseq) = response.cseq() else { return };
        if cseq.method.is_unanswered() {
            self.complain(format!("{}: answered with {}", cseq.method, response.status()));
        }
        if response.status() > 100 && response.to().is_ok_and(|to| to.tag().is_none()) {
            self.complain(format!("{} to {}: no tag in To", response.status(), cseq.method));
        }
    }

    /// Judges the answer to a request that was forwarded.
    pub(super) fn answer(&mut self, sent: &Request, response: &Response, gruu: Option<&Uri>) {
        let what = format!("{} to {}", response.status(), sent.method());
        if values(sent, name::VIA) != values(response, name::VIA) {
            self.complain(format!("{what}: the Vias are not those of the request"));
        }
        if *sent.method() == Method::INVITE && response.is_success() {
            let first = sent.to().is_ok_and(|to| to.tag().is_none());
            let routes = values(response, name::RECORD_ROUTE);
            // Proxies between have theirs above ours.
            if first && !routes.ends_with(&values(sent, name::RECORD_ROUTE)) {
                self.complain(format!("{what}: the Record-Routes are not those of the request"));
            }
            if !contact_is(response, gruu) {
                self.complain(format!("{what}: Contact is not the GRUU of the endpoint"));
            }
        }
    }
}

fn what(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method().to_string(),
        Message::Response(response) => response.status().to_string(),
    }
}

fn values(headers: &Headers, name: &str) -> Vec<Vec<u8>> {
    headers.all(name).map(Header::value).map(<[u8]>::to_vec).collect()
}

fn contact_is(headers: &Headers, gruu: Option<&Uri>) -> bool {
    let contacts = headers.contacts().unwrap_or_default();
    gruu.is_some_and(|gruu| contacts.iter().any(|contact| contact.uri.is_same(gruu)))
}
