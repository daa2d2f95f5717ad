use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::{Sink, Stream as _};
use tokio_xmpp::xmlstream::{FallibleStreamElement, ReadError, XmppStreamElement};

use crate::{
    connect::Stream,
    fault::{broken, lost},
};

/// An element on its way out, shared with the ledger that may have to send it again.
pub(crate) type Outgoing = Arc<XmppStreamElement>;

/// A stream, whole: reading and writing are driven together, so that neither can starve the other (the library's
/// split halves lose wake-ups under load).
pub(crate) struct Link {
    stream: Stream,
    waiting: VecDeque<Outgoing>,
    unflushed: bool,
}

/// What a link has to say.
#[expect(clippy::large_enum_variant, reason = "one at a time, moved once")]
pub(crate) enum Heard {
    Element(FallibleStreamElement),
    /// Nothing for a minute; the link breaks unless the server can be made to say something.
    Silence,
    /// All that waited is written: there is room for more.
    Drained,
}

/// Why a link is over.
pub(crate) struct Broken {
    /// Plain words.
    pub(crate) reason: String,
    /// A stanza came that is not XML as XMPP wants it. Writing still works; reading never will again.
    pub(crate) unreadable: bool,
}

impl Link {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, waiting: VecDeque::new(), unflushed: false }
    }

    /// Puts an element into the queue; [`Link::next`] sends it.
    pub(crate) fn push(&mut self, element: impl Into<Outgoing>) {
        self.waiting.push_back(element.into());
    }

    /// Elements that were not handed to the stream yet.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Outgoing> {
        self.waiting.iter()
    }

    /// Sends what waits and gives what comes, if `reading`. Safe to cancel.
    pub(crate) async fn next(&mut self, reading: bool) -> Result<Heard, Broken> {
        let busy = self.unflushed || !self.waiting.is_empty();
        poll_fn(|cx| {
            let written = self.poll_write(cx);
            if let Poll::Ready(Err(error)) = written {
                return Poll::Ready(Err(Broken { reason: broken(&error), unreadable: false }));
            }
            if reading && let Poll::Ready(heard) = self.poll_read(cx) {
                return Poll::Ready(heard);
            }
            if busy && written.is_ready() { Poll::Ready(Ok(Heard::Drained)) } else { Poll::Pending }
        })
        .await
    }

    /// Sends what waits.
    pub(crate) async fn flush(&mut self) -> std::io::Result<()> {
        poll_fn(|cx| self.poll_write(cx)).await
    }

    /// Sends what waits, ends the stream and the connection.
    pub(crate) async fn close(mut self) -> std::io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        while let Some(element) = self.waiting.front() {
            ready!(Sink::<&XmppStreamElement>::poll_ready(stream.as_mut(), cx))?;
            Sink::<&XmppStreamElement>::start_send(stream.as_mut(), element)?;
            self.waiting.pop_front();
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Sink::<&XmppStreamElement>::poll_flush(stream.as_mut(), cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Heard, Broken>> {
        Poll::Ready(match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            Some(Ok(element)) => Ok(Heard::Element(element)),
            Some(Err(ReadError::SoftTimeout)) => Ok(Heard::Silence),
            Some(Err(error)) => {
                // The end of the connection, and a broken TLS record, look like bad XML to the library too. No stanza
                // came then, and none may be acknowledged: the server would never give again what it still holds.
                let stanza = self.stream.get_stream().get_ref().broke_inside_stanza();
                Err(Broken { reason: lost(&error), unreadable: stanza && unreadable(&error) })
            }
            None => Err(Broken { reason: "the server closed the connection".into(), unreadable: false }),
        })
    }
}

fn unreadable(error: &ReadError) -> bool {
    match error {
        ReadError::HardError(error) => error.kind() == std::io::ErrorKind::InvalidData,
        ReadError::ParseError(_) => true,
        ReadError::SoftTimeout | ReadError::StreamFooterReceived => false,
    }
}
