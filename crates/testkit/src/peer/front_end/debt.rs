//! What applications owe: answers to the requests that they got, and ACKs of the 2xx to their INVITEs.

use std::collections::HashMap;

use tokio::sync::watch;
use trunkline_sip::{Message, Method, Request, Response};

/// Everything that is owed now. Whatever was lost on purpose on its way to an application is not.
pub(super) struct Ledger {
    owed: HashMap<Debt, (u64, String)>,
    count: watch::Sender<usize>,
}

#[derive(PartialEq, Eq, Hash)]
enum Debt {
    /// The branch of our Via, and the method.
    Answer(String, String),
    /// Call-ID, CSeq and the tag in To.
    Ack(String, u32, String),
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { owed: HashMap::new(), count: watch::Sender::new(0) }
    }

    /// Something went to an application.
    pub(super) fn sent(&mut self, line: u64, message: &Message) {
        let owed = match message {
            Message::Request(request) if !request.method().is_unanswered() => {
                let what = format!("{}: no final answer", request.method());
                answer(message, request.method()).map(|debt| (debt, what))
            }
            Message::Response(response) => {
                accepted(response).map(|debt| (debt, format!("{} to INVITE: no ACK", response.status())))
            }
            Message::Request(_) => None,
        };
        if let Some((debt, what)) = owed {
            self.owed.insert(debt, (line, what));
            self.tell();
        }
    }

    /// Something came from an application.
    pub(super) fn received(&mut self, message: &Message) {
        let paid = match message {
            Message::Request(request) => acknowledged(request),
            Message::Response(response) if response.is_provisional() => None,
            Message::Response(_) => message.cseq().ok().and_then(|cseq| answer(message, &cseq.method)),
        };
        if paid.is_some_and(|paid| self.owed.remove(&paid).is_some()) {
            self.tell();
        }
    }

    /// The Front End itself has ended a connection, or never had it.
    pub(super) fn forgive(&mut self, line: u64) {
        self.owed.retain(|_, (owing, _)| *owing != line);
        self.tell();
    }

    pub(super) fn forgive_all(&mut self) {
        self.owed.clear();
        self.tell();
    }

    /// How much is owed, as it changes.
    pub(super) fn watch(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        let mut all: Vec<_> = self.owed.values().map(|(_, what)| what.clone()).collect();
        all.sort();
        all
    }

    fn tell(&self) {
        self.count.send_replace(self.owed.len());
    }
}

fn answer(message: &Message, method: &Method) -> Option<Debt> {
    Some(Debt::Answer(message.via().ok()?.branch()?.to_owned(), method.to_string()))
}

fn accepted(response: &Response) -> Option<Debt> {
    let cseq = response.cseq().ok().filter(|cseq| cseq.method == Method::INVITE)?;
    let tag = response.to().ok().filter(|_| response.is_success())?.tag()?.to_owned();
    Some(Debt::Ack(response.call_id().ok()?, cseq.number, tag))
}

fn acknowledged(request: &Request) -> Option<Debt> {
    let to = request.to().ok().filter(|_| *request.method() == Method::ACK)?;
    Some(Debt::Ack(request.call_id().ok()?, request.cseq().ok()?.number, to.tag()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use trunkline_sip::Uri;

    use super::*;

    fn request(method: Method, branch: &str, tag: &str) -> Request {
        Request::build(method, Uri::parse("sip:bob@example.test").expect("a URI"))
            .header("Via", format!("SIP/2.0/TLS fe1.example.test;branch=z9hG4bK{branch}"))
            .header("From", "<sip:alice@example.test>;tag=a")
            .header("To", format!("<sip:bob@example.test>{tag}"))
            .header("Call-ID", "1")
            .cseq(1)
            .done()
    }

    #[test]
    fn every_request_is_owed_a_final_answer_and_every_2xx_to_an_invite_an_ack() {
        let mut ledger = Ledger::new();
        let invite = request(Method::INVITE, "1", "");
        let ringing = Response::build(&invite, 180).to_tag("b").done();
        let accepted = Response::build(&invite, 200).to_tag("b").done();
        let (ack, message) = (request(Method::ACK, "2", ";tag=b"), request(Method::MESSAGE, "3", ";tag=b"));
        // Towards an application.
        ledger.sent(1, &invite.clone().into());
        ledger.sent(1, &ack.clone().into());
        ledger.received(&ringing.into());
        assert_eq!(ledger.complaints(), ["INVITE: no final answer"]);
        ledger.sent(2, &message.clone().into());
        ledger.received(&accepted.clone().into());
        assert_eq!(ledger.complaints(), ["MESSAGE: no final answer"]);
        ledger.received(&Response::build(&message, 481).to_tag("b").done().into());
        assert_eq!((ledger.complaints().len(), *ledger.watch().borrow()), (0, 0));
        // From one, whose call another has taken besides.
        ledger.sent(1, &accepted.into());
        ledger.sent(1, &Response::build(&invite, 200).to_tag("c").done().into());
        ledger.received(&ack.into());
        assert_eq!(ledger.complaints(), ["200 to INVITE: no ACK"]);
        ledger.forgive(2);
        assert_eq!(*ledger.watch().borrow(), 1);
        ledger.forgive(1);
        assert_eq!(ledger.complaints(), Vec::<String>::new());
    }
}
