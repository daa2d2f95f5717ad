use std::{borrow::Cow, fmt};

/// An error as a phone sees it: a number, the vendor's word for it, and plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Which kind.
    pub code: ErrorCode,
    /// What was wrong, in plain words: sent as `innerError`. A stable word for programs may lead, as `word: plain words`.
    pub inner: String,
}

impl ApiError {
    /// An error of this kind with these plain words.
    pub fn new(code: ErrorCode, inner: impl Into<String>) -> Self {
        Self { code, inner: inner.into() }
    }

    /// A required parameter is absent, null or empty (1011).
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(ErrorCode::NullArgument, format!("{name} is missing or empty"))
    }

    /// A parameter is there but wrong (1012); `what` continues the sentence that begins with its name.
    pub(crate) fn invalid(name: &str, what: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidArgument, format!("{name} {what}"))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code.name(), self.code.number(), self.inner)
    }
}

impl std::error::Error for ApiError {}

macro_rules! error_codes {
    ($(#[doc = $doc:literal] $variant:ident = $number:literal, $name:literal;)*) => {
        /// The closed list of error kinds on the phone's wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $doc] $variant,)*
        }

        impl ErrorCode {
            /// Every kind, in rising order of its absolute number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number on the wire.
            pub fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// What it tells, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc.trim_ascii(),)*
                }
            }

            /// The vendor's text code. `PARSE_ERROR` stands for two numbers.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

error_codes! {
    /// The text is not JSON, or nested deeper than 64 levels.
    ParseError = -32_700, "PARSE_ERROR";
    /// JSON, but not a JSON-RPC request.
    InvalidRequest = -32_600, "INVALID_REQUEST";
    /// No such method.
    MethodNotFound = -32_601, "METHOD_NOT_FOUND";
    /// `params` is not an object.
    InvalidParams = -32_602, "INVALID_PARAMS";
    /// The session cannot be created.
    SessionNotCreated = 1004, "PARSE_ERROR";
    /// The relay itself failed.
    GeneralFailure = 1005, "GENERAL_FAILURE";
    /// The service that checks tokens is silent.
    TokenServiceSilent = 1006, "GPS_NOT_RESPONDING";
    /// The older token cannot be verified.
    TokenInvalid = 1007, "INVALID_GD_TOKEN";
    /// The auth token cannot be verified.
    AuthTokenInvalid = 1008, "INVALID_GD_AUTHTOKEN";
    /// The service that checks tokens answered with an error.
    TokenServiceError = 1009, "GPS_HTTP_ERROR";
    /// A parameter is missing, null or empty.
    NullArgument = 1011, "NULL_ARGUMENT";
    /// A parameter is wrong.
    InvalidArgument = 1012, "INVALID_ARGUMENT";
    /// Not possible in the present state.
    InvalidOperation = 1013, "INVALID_OPERATION";
    /// There is no session, or no longer.
    SessionTimeout = 1017, "CLIENT_SESSION_TIMEOUT";
    /// The IM system refused, or the object is in a state that does not allow it.
    OperationFailure = 1018, "OPERATION_FAILURE";
    /// The link to the IM system failed.
    ImSystemFailure = 1019, "RT_EXCEPTION";
    /// The IM system refused a subscription or publication.
    PublishSubscribe = 1020, "PUBLISH_SUBSCRIBE_EXCPT";
    /// A request that this one depends on failed.
    DependentFailed = 1021, "DEPENDENT_REQUEST_FAILED";
    /// The request depends on itself.
    SelfDependency = 1023, "SELF_REFERENCE_DEPENDENCY";
    /// The request depends on one that nobody knows.
    UnknownDependency = 1024, "UNKNOWN_BATCH_DEPENDENCY";
    /// A request with this id still runs.
    ActionPending = 1025, "ACTION_PENDING";
    /// The relay does not have this function.
    NotSupported = 1026, "NOT_SUPPORTED_BY_SERVER";
}

impl ErrorCode {
    /// The kind with this number on the wire; `None` for a number that is not in the list.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

/// Shortens plain words that quote foreign text, so that an answer stays small.
pub(crate) fn clipped(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn numbers_are_distinct_and_come_back() {
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), Some(code));
        }
        assert_eq!(ErrorCode::ALL.len(), 22);
        assert_eq!(ErrorCode::from_number(1010), None);
    }
}
