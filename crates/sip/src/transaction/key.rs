use crate::address::Address;
use crate::error::Error;
use crate::header::Headers;
use crate::method::Method;

use super::ConnectionId;

/// What tells a transaction from all others. Without a branch the connection is part of it: clients that were started
/// in the same second make the same Call-IDs, tags and numbers. A branch of a peer's request names it among all, and
/// what is about it or repeats it may come over another connection; answers come over that of their request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) connection: Option<ConnectionId>,
    sent_by: String,
    method: Method,
    name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// RFC 3261: a branch with the cookie.
    Branch(String),
    /// RFC 2543: many clients of Microsoft's servers send no branch.
    Classic { call_id: String, number: u32, from: String, from_tag: String, to_tag: String },
}

impl Key {
    /// The key of a request of a peer's. An ACK and a CANCEL have the key of their own method.
    pub(super) fn server(connection: ConnectionId, request: &Headers) -> Result<Self, Error> {
        let to_tag = request.to()?.tag().unwrap_or_default().to_owned();
        let mut key = Self::new(connection, request, to_tag)?;
        if matches!(key.name, Name::Branch(_)) {
            key.connection = None;
        }
        Ok(key)
    }

    /// The key of a request of ours, and of its answers: they may have a To tag that the request has not.
    pub(super) fn client(connection: ConnectionId, message: &Headers) -> Result<Self, Error> {
        Self::new(connection, message, String::new())
    }

    fn new(connection: ConnectionId, headers: &Headers, to_tag: String) -> Result<Self, Error> {
        let (via, cseq) = (headers.via()?, headers.cseq()?);
        let name = match via.unique_branch() {
            Some(branch) => Name::Branch(branch.to_owned()),
            None => {
                let from = headers.from()?;
                let from_tag = from.tag().unwrap_or_default().to_owned();
                let (call_id, from) = (headers.call_id()?, endpoint(&from));
                Name::Classic { call_id, number: cseq.number, from, from_tag, to_tag }
            }
        };
        Ok(Self { connection: Some(connection), sent_by: via.sent_by(), method: cseq.method, name })
    }

    /// The key of the INVITE that an ACK or a CANCEL with this key is about.
    pub(super) fn of_invite(mut self) -> Self {
        self.method = Method::INVITE;
        self
    }

    /// Whether the other key differs in nothing but the connection.
    pub(super) fn is_elsewhere(&self, other: &Self) -> bool {
        (&self.sent_by, &self.method, &self.name) == (&other.sent_by, &other.method, &other.name)
    }

    /// The key without the To tag, which an ACK has of the answer to an INVITE that had none; nothing if there is none.
    pub(super) fn without_to_tag(mut self) -> Option<Self> {
        let Name::Classic { to_tag, .. } = &mut self.name else { return None };
        (!std::mem::take(to_tag).is_empty()).then_some(self)
    }
}

/// Which endpoint of whom: user and epid.
fn endpoint(from: &Address) -> String {
    let user = from.uri.address().unwrap_or_else(|| from.uri.as_str().to_owned());
    from.epid().map_or_else(|| user.clone(), |epid| format!("{user};{epid}"))
}
