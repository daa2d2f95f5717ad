//! Names of headers as this crate writes them.

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(
            #[doc = concat!("The header ", $name, ".")]
            pub const $constant: &str = $name;
        )*
    };
}

names! {
    ALLOW = "Allow";
    ALLOW_EVENTS = "Allow-Events";
    CALL_ID = "Call-ID";
    CONTACT = "Contact";
    CONTENT_LENGTH = "Content-Length";
    CONTENT_TYPE = "Content-Type";
    CSEQ = "CSeq";
    EVENT = "Event";
    EXPIRES = "Expires";
    FROM = "From";
    MAX_FORWARDS = "Max-Forwards";
    MIN_EXPIRES = "Min-Expires";
    MIN_SE = "Min-SE";
    MS_CLIENT_DIAGNOSTICS = "ms-client-diagnostics";
    MS_CONVERSATION_ID = "Ms-Conversation-ID";
    MS_DIAGNOSTICS = "ms-diagnostics";
    MS_DIAGNOSTICS_PUBLIC = "ms-diagnostics-public";
    MS_IM_FORMAT = "ms-im-format";
    MS_KEEP_ALIVE = "ms-keep-alive";
    MS_PIGGYBACK_CSEQ = "ms-piggyback-cseq";
    MS_SENDER = "Ms-Sender";
    MS_TEXT_FORMAT = "ms-text-format";
    P_ASSERTED_IDENTITY = "P-Asserted-Identity";
    PROXY_REQUIRE = "Proxy-Require";
    REASON = "Reason";
    RECORD_ROUTE = "Record-Route";
    REFER_TO = "Refer-To";
    REFERRED_BY = "Referred-By";
    REQUIRE = "Require";
    RETRY_AFTER = "Retry-After";
    ROUTE = "Route";
    SERVER = "Server";
    SESSION_EXPIRES = "Session-Expires";
    SUBJECT = "Subject";
    SUBSCRIPTION_STATE = "Subscription-State";
    SUPPORTED = "Supported";
    TO = "To";
    UNSUPPORTED = "Unsupported";
    USER_AGENT = "User-Agent";
    VIA = "Via";
    WARNING = "Warning";
}

/// The long form of a compact name (RFC 3261 section 7.3.3 and its extensions); any other name as it is.
pub fn long(name: &str) -> &str {
    let &[letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'a' => "Accept-Contact",
        b'b' => REFERRED_BY,
        b'c' => CONTENT_TYPE,
        b'd' => "Request-Disposition",
        b'e' => "Content-Encoding",
        b'f' => FROM,
        b'i' => CALL_ID,
        b'j' => "Reject-Contact",
        b'k' => SUPPORTED,
        b'l' => CONTENT_LENGTH,
        b'm' => CONTACT,
        b'n' => "Identity-Info",
        b'o' => EVENT,
        b'r' => REFER_TO,
        b's' => SUBJECT,
        b't' => TO,
        b'u' => ALLOW_EVENTS,
        b'v' => VIA,
        b'x' => SESSION_EXPIRES,
        b'y' => "Identity",
        _ => name,
    }
}

/// Whether two names mean the same header.
pub fn same(one: &str, other: &str) -> bool {
    long(one).eq_ignore_ascii_case(long(other))
}
