use std::borrow::Cow;
use std::fmt;

use crate::scan::is_token;

/// A method: any token, compared as written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Method(Cow<'static, str>);

macro_rules! methods {
    ($($name:ident)*) => {
        impl Method {
            $(
                #[doc = concat!("The method ", stringify!($name), ".")]
                pub const $name: Self = Self(Cow::Borrowed(stringify!($name)));
            )*

            fn known(text: &str) -> Option<Self> {
                match text {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

methods! {
    ACK BENOTIFY BYE CANCEL INFO INVITE MESSAGE NEGOTIATE NOTIFY OPTIONS PRACK PUBLISH REFER REGISTER SERVICE
    SUBSCRIBE UPDATE
}

impl Method {
    /// The method of that name, or nothing when it is no token.
    pub fn new(text: &str) -> Option<Self> {
        Self::known(text).or_else(|| is_token(text).then(|| Self(Cow::Owned(text.to_owned()))))
    }

    /// The method as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request of this method is never answered: ACK and BENOTIFY.
    pub fn is_unanswered(&self) -> bool {
        *self == Self::ACK || *self == Self::BENOTIFY
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Method {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}
