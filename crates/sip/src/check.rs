use crate::error::{Error, ErrorCode, Place};
use crate::header::{Headers, name};
use crate::message::{Message, Request};
use crate::uri::Scheme;

/// What RFC 3261 section 8.2 has a server look at before it works: that what names a message, and what routes a request,
/// is there, once, and can be read. A request with an error is answered with [`Error::status`], a response is dropped;
/// so only what its transaction is known by counts in one, and whoever needs more of it looks at that.
pub fn check(message: &Message) -> Result<(), Error> {
    named(message)?;
    match message {
        Message::Request(request) => {
            routed(message)?;
            requested(request)
        }
        Message::Response(_) => Ok(()),
    }
}

/// What names the transaction and the dialog.
fn named(headers: &Headers) -> Result<(), Error> {
    headers.vias()?;
    headers.from()?;
    headers.to()?;
    headers.call_id()?;
    headers.cseq()?;
    Ok(())
}

/// What says where requests go.
fn routed(headers: &Headers) -> Result<(), Error> {
    headers.max_forwards()?;
    headers.contacts()?;
    headers.record_routes()?;
    headers.routes()?;
    headers.expires()?;
    headers.content_type()?;
    Ok(())
}

fn requested(request: &Request) -> Result<(), Error> {
    if request.cseq()?.method != *request.method() {
        let place = Place::Header(name::CSEQ.to_owned(), 0);
        return Err(Error::new(ErrorCode::MethodMismatch, place, "the request's method"));
    }
    if request.uri().scheme() == Scheme::Other {
        return Err(Error::new(ErrorCode::Scheme, Place::StartLine(0), "a sip, sips or tel URI"));
    }
    if request.uri().query().is_some() {
        return Err(Error::new(ErrorCode::Uri, Place::StartLine(0), "a Request-URI without a question mark"));
    }
    Ok(())
}
