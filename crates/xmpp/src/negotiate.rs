use futures_util::SinkExt;
use tokio_xmpp::{
    jid::FullJid,
    minidom::Element,
    parsers::{
        bind::{BindQuery, BindResponse},
        iq::Iq,
        sm::{Enable, Nonza as Sm, Resume, StreamId},
        stanza::Stanza,
        stream_features::StreamFeatures,
    },
    xmlstream::XmppStreamElement,
};

use crate::{
    connect::{Stream, next},
    fault::{LoginFault, refusal},
};

/// Most stanzas that may arrive while the stream is being set up.
const MAX_EARLY: usize = 32;
const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";

/// What of the last stream might be taken up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resumption {
    /// As the server named it.
    pub(crate) id: String,
    /// How many stanzas of the server we had taken for good.
    pub(crate) handled: u32,
}

/// A stream that is ready for stanzas.
pub(crate) struct Ready {
    pub(crate) stream: Stream,
    pub(crate) session: Session,
    /// Stanzas that came before the server's last word of the set-up; not counted by XEP-0198.
    pub(crate) early: Vec<Stanza>,
}

/// How the stream relates to the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// The old session goes on; the server has taken `confirmed` stanzas of ours, and repeats its own beyond `handled`.
    Resumed { confirmed: u32, handled: u32 },
    /// A new session.
    Fresh {
        /// The address that the server gave us.
        jid: FullJid,
        /// Set when the server acknowledges stanzas (XEP-0198).
        management: Option<Management>,
    },
}

/// The server's terms of stream management.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Management {
    /// Set when the session can be resumed.
    pub(crate) id: Option<String>,
    /// For how many seconds, if the server says.
    pub(crate) max: Option<u32>,
}

/// Takes up the old session, or binds a new one with `resource` and switches acknowledgements on.
pub(crate) async fn negotiate(
    mut stream: Stream,
    features: StreamFeatures,
    resource: &str,
    old: Option<Resumption>,
) -> Result<Ready, LoginFault> {
    let mut early = Vec::new();
    let managed = features.stream_management.is_some();
    if let (Some(old), true) = (old, managed) {
        let handled = old.handled;
        if let Some(confirmed) = resume(&mut stream, old).await? {
            return Ok(Ready { stream, session: Session::Resumed { confirmed, handled }, early });
        }
    }
    let bind = BindQuery::new(Some(resource.to_owned()));
    let bound = ask(&mut stream, "bind", bind.into(), &mut early).await?;
    let jid = bound
        .and_then(|element| BindResponse::try_from(element).ok())
        .ok_or_else(|| LoginFault::Passing("the server gave no address".into()))?
        .jid;
    if wants_session(&features) {
        ask(&mut stream, "session", Element::bare("session", SESSION), &mut early).await?;
    }
    let management = if managed { enable(&mut stream, &mut early).await? } else { None };
    Ok(Ready { stream, session: Session::Fresh { jid, management }, early })
}

/// Gives what the server has taken of ours, if it takes up the session. Stanzas follow only behind its word.
///
/// A count beside a refusal (XEP-0198 section 5) confirms nothing: Prosody 0.12 writes it down when it is told to stop,
/// counts what it is just reading, and then discards that.
async fn resume(stream: &mut Stream, old: Resumption) -> Result<Option<u32>, LoginFault> {
    let request = Resume { h: old.handled, previd: StreamId(old.id) };
    stream.send(&XmppStreamElement::SM(Sm::Resume(request))).await?;
    match next(stream).await? {
        XmppStreamElement::SM(Sm::Resumed(resumed)) => Ok(Some(resumed.h)),
        XmppStreamElement::SM(Sm::Failed(_)) => Ok(None),
        element => Err(unexpected(&element)),
    }
}

/// RFC 3921 servers (Cisco's among them) want one more step; newer ones mark it as optional.
fn wants_session(features: &StreamFeatures) -> bool {
    let session = features.others.iter().find(|element| element.is("session", SESSION));
    session.is_some_and(|session| !session.has_child("optional", SESSION))
}

async fn ask(
    stream: &mut Stream,
    id: &str,
    payload: Element,
    early: &mut Vec<Stanza>,
) -> Result<Option<Element>, LoginFault> {
    let request = Iq::Set { from: None, to: None, id: id.to_owned(), payload };
    stream.send(&XmppStreamElement::Stanza(Stanza::Iq(request))).await?;
    loop {
        match next(stream).await? {
            XmppStreamElement::Stanza(Stanza::Iq(Iq::Result { id: answered, payload, .. }))
                if answered == id =>
            {
                return Ok(payload);
            }
            XmppStreamElement::Stanza(Stanza::Iq(Iq::Error { id: answered, error, .. }))
                if answered == id =>
            {
                return Err(LoginFault::Passing(format!(
                    "the server gave no session: {}",
                    refusal(&error).1
                )));
            }
            element => keep(element, early)?,
        }
    }
}

async fn enable(stream: &mut Stream, early: &mut Vec<Stanza>) -> Result<Option<Management>, LoginFault> {
    stream.send(&XmppStreamElement::SM(Sm::Enable(Enable::new().with_resume()))).await?;
    loop {
        match next(stream).await? {
            XmppStreamElement::SM(Sm::Enabled(enabled)) => {
                let id = enabled.id.filter(|_| enabled.resume).map(|id| id.0);
                return Ok(Some(Management { id, max: enabled.max }));
            }
            XmppStreamElement::SM(Sm::Failed(_)) => return Ok(None),
            element => keep(element, early)?,
        }
    }
}

fn keep(element: XmppStreamElement, early: &mut Vec<Stanza>) -> Result<(), LoginFault> {
    match element {
        XmppStreamElement::Stanza(stanza) if early.len() < MAX_EARLY => early.push(stanza),
        element => return Err(unexpected(&element)),
    }
    Ok(())
}

fn unexpected(element: &XmppStreamElement) -> LoginFault {
    LoginFault::Passing(match element {
        XmppStreamElement::StreamError(error) => {
            format!("the server ended the stream: {}", error.0.condition)
        }
        _ => "the server broke the rules of beginning a session".into(),
    })
}
