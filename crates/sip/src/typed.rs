//! What the known headers mean. Readers take the unfolded text and leave the header as it is.

mod content;
mod event;
mod microsoft;
mod option;
mod via;

pub use content::{MediaType, Reason, RetryAfter, SessionExpires, Warning};
pub use event::{Event, State, SubscriptionState};
pub use microsoft::{Diagnostics, FirstMessage, KeepAlive, Origin};
pub use via::Via;

use crate::address::Address;
use crate::error::{Error, ErrorCode};
use crate::header::{Header, Headers, name};
use crate::method::Method;
use crate::scan::{Scan, elements};

/// The largest CSeq (RFC 3261 section 8.1.1.5).
const MAX_CSEQ: u32 = (1 << 31) - 1;

/// A CSeq: the number counts the requests of a dialog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// Below 2^31.
    pub number: u32,
    /// The method of the request, in responses too.
    pub method: Method,
}

/// What every message has to have.
impl Headers {
    /// The topmost Via.
    pub fn via(&self) -> Result<Via, Error> {
        let first = self.get(name::VIA).ok_or_else(|| crate::header::missing(name::VIA))?;
        Via::first(&first.text()).map_err(|error| error.in_header(name::VIA))
    }

    /// Every Via from top to bottom; an error when there is none.
    pub fn vias(&self) -> Result<Vec<Via>, Error> {
        self.via()?;
        self.each(name::VIA, Via::parse)
    }

    /// From.
    pub fn from(&self) -> Result<Address, Error> {
        self.one(name::FROM, Address::parse)
    }

    /// To.
    pub fn to(&self) -> Result<Address, Error> {
        self.one(name::TO, Address::parse)
    }

    /// Call-ID.
    pub fn call_id(&self) -> Result<String, Error> {
        self.one(name::CALL_ID, |text| match text.bytes().position(|byte| byte <= b' ') {
            None if !text.is_empty() => Ok(text.to_owned()),
            at => Err(Error::text(ErrorCode::Syntax, at.unwrap_or(0), "a word without spaces")),
        })
    }

    /// CSeq.
    pub fn cseq(&self) -> Result<CSeq, Error> {
        self.one(name::CSEQ, |text| {
            let mut scan = Scan::new(text);
            let number = scan.number(MAX_CSEQ, "a number below 2^31")?;
            let method = scan.skip_space().token("a method")?;
            scan.done("the end")?;
            let method = Method::new(method);
            let method = method.ok_or_else(|| Error::text(ErrorCode::Syntax, 0, "a method"))?;
            Ok(CSeq { number, method })
        })
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Result<Option<u8>, Error> {
        let number = self.once(name::MAX_FORWARDS, |text| number(text, 255, "a number from 0 to 255"))?;
        Ok(number.and_then(|number| u8::try_from(number).ok()))
    }
}

/// Addresses.
impl Headers {
    /// Every Contact; none for `*`, of which [`Headers::is_contact_star`] tells.
    pub fn contacts(&self) -> Result<Vec<Address>, Error> {
        if self.is_contact_star() { Ok(Vec::new()) } else { self.each(name::CONTACT, Address::parse) }
    }

    /// Whether Contact is `*`: a REGISTER that removes all.
    pub fn is_contact_star(&self) -> bool {
        self.get(name::CONTACT).is_some_and(|contact| contact.value() == b"*")
    }

    /// Every Record-Route from top to bottom; [`Address::as_str`] is what a Route has to echo.
    pub fn record_routes(&self) -> Result<Vec<Address>, Error> {
        self.each(name::RECORD_ROUTE, Address::parse)
    }

    /// Every Route from top to bottom.
    pub fn routes(&self) -> Result<Vec<Address>, Error> {
        self.each(name::ROUTE, Address::parse)
    }

    /// Who the sender is, as a server vouches: a `sip:` and a `tel:` URI at most. Believe it only from a trusted peer.
    /// What cannot be read is left out; an error when that is all there is, so that nobody takes it for nothing.
    pub fn asserted_identities(&self) -> Result<Vec<Address>, Error> {
        let texts: Vec<_> = self.all(name::P_ASSERTED_IDENTITY).map(Header::text).collect();
        let (mut identities, mut unread) = (Vec::new(), None);
        for text in &texts {
            let parts = elements(text).unwrap_or_else(|error| {
                unread = Some(error);
                Vec::new()
            });
            for (_, part) in parts {
                match Address::parse(part) {
                    Ok(identity) => identities.push(identity),
                    Err(error) => unread = Some(error),
                }
            }
        }
        match unread {
            Some(error) if identities.is_empty() => Err(error.in_header(name::P_ASSERTED_IDENTITY)),
            _ => Ok(identities),
        }
    }

    /// Refer-To.
    pub fn refer_to(&self) -> Result<Option<Address>, Error> {
        self.once(name::REFER_TO, Address::parse)
    }

    /// Referred-By.
    pub fn referred_by(&self) -> Result<Option<Address>, Error> {
        self.once(name::REFERRED_BY, Address::parse)
    }
}

fn number(text: &str, most: u32, expected: &'static str) -> Result<u32, Error> {
    let mut scan = Scan::new(text);
    let number = scan.number(most, expected)?;
    scan.done("digits alone")?;
    Ok(number)
}

fn seconds(text: &str) -> Result<u32, Error> {
    let mut scan = Scan::new(text);
    let seconds = scan.seconds()?;
    scan.done("digits alone")?;
    Ok(seconds)
}
