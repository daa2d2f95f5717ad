use std::io;

use tokio_xmpp::{
    parsers::{
        sasl::{DefinedCondition as SaslCondition, Failure},
        stanza_error::{DefinedCondition, ErrorType, StanzaError},
    },
    xmlstream::{ReadError, RecvFeaturesError},
};

/// Why a sign-in failed, by who must act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoginFault {
    /// The server refused the password: trying it again could lock the account.
    Password,
    /// The server refused the account, or offers no way to sign in.
    Refused(String),
    /// The server does not prove who it is, or offers no TLS. Nothing was told to it; an administrator must act, so
    /// it is tried again, but seldom.
    Untrusted(String),
    /// Network trouble or a server that is not well: tried again.
    Passing(String),
}

impl From<io::Error> for LoginFault {
    fn from(error: io::Error) -> Self {
        Self::Passing(broken(&error))
    }
}

impl From<RecvFeaturesError> for LoginFault {
    fn from(error: RecvFeaturesError) -> Self {
        match error {
            RecvFeaturesError::Io(error) => error.into(),
            RecvFeaturesError::StreamError(error) => {
                Self::Passing(format!("the server ended the stream: {}", error.0.condition))
            }
        }
    }
}

impl From<ReadError> for LoginFault {
    fn from(error: ReadError) -> Self {
        Self::Passing(lost(&error))
    }
}

impl From<Failure> for LoginFault {
    fn from(failure: Failure) -> Self {
        use SaslCondition as C;
        let refused = |why: &str| Self::Refused(format!("the server refused the sign-in: {why}"));
        match failure.defined_condition {
            C::NotAuthorized => Self::Password,
            C::AccountDisabled => refused("the account is disabled"),
            C::CredentialsExpired => refused("the password has expired"),
            C::TemporaryAuthFailure => Self::Passing("the server cannot check passwords now".into()),
            C::Aborted => Self::Passing("the server broke off the sign-in".into()),
            C::EncryptionRequired | C::InvalidMechanism | C::MechanismTooWeak => {
                refused("it wants another way of signing in")
            }
            C::IncorrectEncoding | C::InvalidAuthzid | C::MalformedRequest => {
                refused("it did not understand the account's name")
            }
        }
    }
}

/// Why a stream ended, in plain words.
pub(crate) fn lost(error: &ReadError) -> String {
    match error {
        ReadError::HardError(error) => broken(error),
        ReadError::StreamFooterReceived => "the server closed the stream".into(),
        ReadError::SoftTimeout => "the server is slow to answer".into(),
        // The parser's own words name elements, never their contents.
        ReadError::ParseError(error) => format!("the server sent what XMPP does not know: {error}"),
    }
}

/// Why a connection ended, in plain words.
pub(crate) fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "the server fell silent".into(),
        io::ErrorKind::UnexpectedEof => "the server closed the connection".into(),
        _ => format!("the connection was lost: {error}"),
    }
}

/// Whether a refusal is for good, and why, in plain words. The server's own text is left out: some quote the stanza.
pub(crate) fn refusal(error: &StanzaError) -> (bool, String) {
    use DefinedCondition as C;
    let passing = matches!(
        error.defined_condition,
        C::InternalServerError
            | C::RecipientUnavailable
            | C::RemoteServerNotFound
            | C::RemoteServerTimeout
            | C::ResourceConstraint
    );
    (!passing && error.type_ != ErrorType::Wait, words(&error.defined_condition).into())
}

fn words(condition: &DefinedCondition) -> &'static str {
    use DefinedCondition as C;
    match condition {
        C::BadRequest | C::UnexpectedRequest | C::UndefinedCondition => {
            "the server could not make sense of it"
        }
        C::Conflict => "it clashes with something that is already there",
        C::FeatureNotImplemented => "the server cannot do that",
        C::Forbidden | C::NotAllowed | C::NotAuthorized => "the server does not allow it",
        C::Gone { .. } | C::Redirect { .. } => "the person has another address now",
        C::InternalServerError => "the server has a fault",
        C::ItemNotFound => "there is no such person or item",
        C::JidMalformed => "the address is not one that XMPP can hold",
        C::NotAcceptable => "the server does not accept it",
        C::PolicyViolation => "it breaks a rule of the server",
        C::RecipientUnavailable => "the person is not reachable now",
        C::RegistrationRequired | C::SubscriptionRequired => "the person must agree to it first",
        C::RemoteServerNotFound => "the person's server cannot be found",
        C::RemoteServerTimeout => "the person's server does not answer",
        C::ResourceConstraint => "the server has too much to do",
        C::ServiceUnavailable => "the person cannot be reached",
    }
}
