use std::collections::HashMap;

use tokio::sync::oneshot;
use tokio_xmpp::{
    jid::{BareJid, Jid},
    minidom::Element,
    parsers::{
        disco::{DiscoInfoResult, Identity},
        iq::Iq,
        ns,
        stanza_error::{DefinedCondition, ErrorType, StanzaError},
        version::VersionResult,
    },
};

/// Most questions of ours that may be open at a time.
pub(crate) const MAX_OPEN: usize = 256;

/// The answer to a question of ours.
pub(crate) type Answer = Result<Option<Element>, StanzaError>;

/// Who waits for the answer to a question of ours.
#[derive(Debug)]
pub(crate) enum Asker {
    /// A call of the line.
    Call(oneshot::Sender<Answer>),
    /// The worker, for the roster of a new stream.
    Roster,
    /// The worker, to learn that the server has worked through the presence of a new stream.
    Settled,
    /// The worker, to learn that the server has taken so many stanzas (without XEP-0198).
    Confirm(u32),
    /// The worker, to learn that the server is still there.
    Alive,
}

/// Questions of ours that are not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    next: u64,
    open: HashMap<String, (Option<Jid>, Asker)>,
}

impl Questions {
    /// Registers a question to `to` (`None`: our own account) and gives its id; `None` when too many are open.
    pub(crate) fn ask(&mut self, to: Option<&Jid>, asker: Asker) -> Option<String> {
        if self.open.len() >= MAX_OPEN {
            self.open.retain(|_, (_, asker)| !matches!(asker, Asker::Call(call) if call.is_closed()));
        }
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        self.next += 1;
        let id = format!("q{}", self.next);
        self.open.insert(id.clone(), (to.cloned(), asker));
        Some(id)
    }

    /// Who waits for this answer; `None` when nobody does, or when it comes from somebody who was not asked.
    pub(crate) fn answered(&mut self, id: &str, from: Option<&Jid>, own: &BareJid) -> Option<Asker> {
        let (to, _) = self.open.get(id)?;
        let right = match (to, from) {
            (None, None) => true,
            (Some(to), None) => to.node().is_none() && to.domain() == own.domain(),
            (Some(to), Some(from)) => to == from,
            // RFC 6120 section 8.1.2.1: the account itself, or its server, may speak for it.
            (None, Some(from)) => {
                from.to_bare() == *own || (from.node().is_none() && from.domain() == own.domain())
            }
        };
        if !right {
            return None;
        }
        self.open.remove(id).map(|(_, asker)| asker)
    }

    /// Forgets all questions: their askers learn that no answer will come.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

/// Our answer to somebody's question, roster pushes aside.
pub(crate) fn reply(request: Iq) -> Option<Iq> {
    let (from, id, payload, get) = match request {
        Iq::Get { from, id, payload, .. } => (from, id, payload, true),
        Iq::Set { from, id, payload, .. } => (from, id, payload, false),
        Iq::Result { .. } | Iq::Error { .. } => return None,
    };
    let result =
        |payload: Option<Element>| Iq::Result { from: None, to: from.clone(), id: id.clone(), payload };
    Some(match (get, payload.name(), payload.ns().as_str()) {
        (true, "ping", ns::PING) => result(None),
        (true, "query", ns::VERSION) => result(Some(version().into())),
        (true, "query", ns::DISCO_INFO) if payload.attr("node").is_none() => result(Some(features().into())),
        _ => unavailable(from, id),
    })
}

/// The answer to what we do not do (RFC 6120 section 8.4).
pub(crate) fn unavailable(to: Option<Jid>, id: String) -> Iq {
    error(to, id, ErrorType::Cancel, DefinedCondition::ServiceUnavailable)
}

/// The answer to what makes no sense.
pub(crate) fn bad_request(to: Option<Jid>, id: String) -> Iq {
    error(to, id, ErrorType::Modify, DefinedCondition::BadRequest)
}

fn error(to: Option<Jid>, id: String, type_: ErrorType, condition: DefinedCondition) -> Iq {
    let error =
        StanzaError { type_, by: None, defined_condition: condition, texts: Default::default(), other: None };
    Iq::Error { from: None, to, id, error, payload: None }
}

fn version() -> VersionResult {
    VersionResult { name: "Trunkline".into(), version: env!("CARGO_PKG_VERSION").into(), os: None }
}

fn features() -> DiscoInfoResult {
    let features = [ns::DISCO_INFO, ns::PING, ns::VERSION, ns::CHATSTATES, ns::RECEIPTS];
    DiscoInfoResult {
        node: None,
        identities: vec![Identity::new("client", "phone", "en", "Trunkline")],
        features: features.into_iter().map(String::from).collect(),
        extensions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio_xmpp::{jid::Jid, minidom::Element, parsers::iq::Iq};

    use super::{Asker, MAX_OPEN, Questions, reply};

    fn replied(kind: &str, payload: &str) -> String {
        let xml = format!("<iq xmlns='jabber:client' type='{kind}' id='1' from='b@c/r'>{payload}</iq>");
        let iq = Iq::try_from(xml.parse::<Element>().unwrap()).unwrap();
        reply(iq).map(|iq| String::from(&Element::from(iq)).replace('\'', "\"")).unwrap_or_default()
    }

    #[test]
    fn strangers_questions_are_answered() {
        assert!(replied("get", "<ping xmlns='urn:xmpp:ping'/>").contains("type=\"result\""));
        assert!(replied("get", "<query xmlns='jabber:iq:version'/>").contains("Trunkline"));
        let disco = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
        assert!(replied("get", disco).contains("urn:xmpp:receipts"));
        assert!(replied("set", "<ping xmlns='urn:xmpp:ping'/>").contains("service-unavailable"));
        assert!(replied("get", "<x xmlns='y'/>").contains("service-unavailable"));
        assert_eq!(replied("result", ""), "", "an answer to an answer would never end");
    }

    #[test]
    fn only_who_was_asked_may_answer() {
        let own = "a@c".parse().unwrap();
        let mut questions = Questions::default();
        let id = questions.ask(None, Asker::Alive).unwrap();
        let jid = |text: &str| text.parse::<Jid>().unwrap();
        assert!(questions.answered(&id, Some(&jid("mallory@c")), &own).is_none());
        assert!(questions.answered(&id, Some(&jid("elsewhere")), &own).is_none());
        assert!(questions.answered(&id, Some(&jid("a@c")), &own).is_some());
        assert!(questions.answered(&id, Some(&jid("a@c")), &own).is_none(), "answered twice");
        let id = questions.ask(Some(&jid("b@d")), Asker::Alive).unwrap();
        assert!(questions.answered(&id, Some(&jid("c")), &own).is_none());
        assert!(questions.answered(&id, Some(&jid("b@d")), &own).is_some());
    }

    #[test]
    fn open_questions_are_bounded_and_given_up_ones_make_room() {
        let mut questions = Questions::default();
        let mut waiting = Vec::new();
        for _ in 0..MAX_OPEN {
            let (asker, answer) = oneshot::channel();
            waiting.push(answer);
            assert!(questions.ask(None, Asker::Call(asker)).is_some());
        }
        assert!(questions.ask(None, Asker::Alive).is_none());
        waiting.pop();
        assert!(questions.ask(None, Asker::Alive).is_some());
    }
}
