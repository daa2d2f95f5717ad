//! A server that is allowed to connect to the relay, and says what a test makes it say.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use trunkline_sip::{Frame, Framer, Limits, Message, Method, Request, Response, Uri};
use trunkline_testkit::{
    patience,
    peer::{Identity, front_end::Traffic},
};

use super::pool::{DOMAIN, Pool, RELAY, sip};

/// An answer comes at once or not at all.
const SWALLOWED: Duration = Duration::from_secs(3);

/// One connection.
pub(crate) struct Server {
    stream: TlsStream<TcpStream>,
    framer: Framer,
}

impl Server {
    /// Connects as a Front End does.
    pub(crate) async fn connect(pool: &Pool) -> Self {
        Self::under(pool, &pool.front.host()).await
    }

    /// Connects under a certificate for this name, which the relay may refuse as soon as it has seen it.
    pub(crate) async fn under(pool: &Pool, name: &str) -> Self {
        Self::showing(pool, &pool.front.authority().identity(&[name]).unwrap()).await
    }

    /// Connects under this certificate, of which the same holds.
    pub(crate) async fn showing(pool: &Pool, identity: &Identity) -> Self {
        let stream = pool.front.knock(identity, RELAY, port(pool)).await.unwrap();
        Self { stream, framer: Framer::new(Limits::default()) }
    }

    /// Writes bytes; whether they can still be written is the test's to find out.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// The next message; `None` when the relay has ended the connection.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        let reading = async {
            let mut buffer = vec![0; 16 * 1024];
            loop {
                match self.framer.pull() {
                    Some(Frame::Message(message)) => return Some(message),
                    Some(Frame::Ping) => {}
                    Some(Frame::Refused(refused)) => panic!("the relay said {}", refused.error),
                    None => match self.stream.read(&mut buffer).await {
                        Ok(length @ 1..) => self.framer.push(&buffer[..length]),
                        _ => return None,
                    },
                }
            }
        };
        timeout(patience(), reading).await.expect("the relay neither answers nor ends the connection")
    }

    /// Writes bytes, ends the connection, and waits until the relay has done so too.
    pub(crate) async fn leave(mut self, bytes: &[u8]) {
        self.write(bytes).await;
        let _ = self.stream.shutdown().await;
        while self.next().await.is_some() {}
    }

    /// What is answered to bytes, and whether the connection still serves: a request of ours that follows shows where the
    /// answers end. It is swallowed by who waits for more of what came before.
    pub(crate) async fn answers(&mut self, bytes: &[u8], number: usize) -> (Vec<u16>, bool) {
        self.write(bytes).await;
        let call_id = format!("what-follows-{number}");
        let options =
            request(&Method::OPTIONS, &format!("sip:{RELAY}"), &format!("sip:{RELAY}"), &call_id, 1);
        self.write(&options.to_bytes()).await;
        let mut answers = Vec::new();
        while let Ok(Some(message)) = timeout(SWALLOWED, self.next()).await {
            let response = message.response().expect("a response");
            if response.call_id().is_ok_and(|found| found == call_id) {
                return (answers, response.status() == 200);
            }
            answers.push(response.status());
        }
        (answers, false)
    }

    /// The final answer to a request.
    pub(crate) async fn ask(&mut self, request: &Request) -> Response {
        self.write(&request.to_bytes()).await;
        loop {
            let response = self.next().await.expect("an answer").response().expect("a response");
            if !response.is_provisional() {
                return response;
            }
        }
    }
}

/// The port that the relay listens on.
pub(crate) fn port(pool: &Pool) -> u16 {
    let uri = pool.front.find(|traffic| contact(traffic, "alice"));
    uri.and_then(|uri| uri.port()).expect("Alice has registered")
}

/// The Contact that a user registered last.
pub(crate) fn contact_of(pool: &Pool, user: &str) -> Uri {
    pool.front.traffic().iter().rev().find_map(|traffic| contact(traffic, user)).unwrap()
}

fn contact(traffic: &Traffic, user: &str) -> Option<Uri> {
    let request = traffic.request().filter(|request| *request.method() == Method::REGISTER)?;
    let is_theirs = request.to().ok()?.uri.as_str() == sip(user);
    is_theirs.then(|| request.contacts().unwrap().remove(0).uri)
}

/// A request of nobody in particular; its branch is of all that it is.
pub(crate) fn request(method: &Method, uri: &str, to: &str, call_id: &str, number: u32) -> Request {
    from("mallory", method, uri, &format!("<{to}>"), call_id, number)
}

/// A request of a user's, whose tag is `from-tag`.
pub(crate) fn from(user: &str, method: &Method, uri: &str, to: &str, call_id: &str, number: u32) -> Request {
    let callee = Uri::parse(uri).unwrap();
    let whose = callee.param("ms-opaque").unwrap_or_default().to_owned();
    Request::build(method.clone(), callee)
        .header(
            "Via",
            format!("SIP/2.0/TLS fe1.{DOMAIN}:5061;branch=z9hG4bK{call_id}.{number}.{method}.{user}.{whose}"),
        )
        .header("Max-Forwards", "70")
        .header("From", format!("<sip:{user}@{DOMAIN}>;tag=from-tag;epid=0123456789"))
        .header("To", to)
        .header("Call-ID", call_id)
        .cseq(number)
        .header("Contact", format!("<sip:{user}@{DOMAIN};opaque=user:epid:x;gruu>"))
        .done()
}
