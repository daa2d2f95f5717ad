use std::{fmt, time::Duration};

use futures_util::StreamExt;
use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use jiff::Zoned;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error as WebSocketError,
        client::IntoClientRequest,
        handshake::client::Request,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    ConnectError, Server,
    stream::{DIAL_LIMIT, Stream},
};

/// How long a polite end may take.
const GOODBYE_LIMIT: Duration = Duration::from_secs(2);

/// Largest frame that is taken from a relay: its limit is 1 MiB.
const MAX_FRAME: usize = 2 * 1024 * 1024;

/// The headers that a phone opens its socket with; its `Debug` hides the token.
#[derive(Clone)]
pub struct Handshake {
    /// `X-GC-DeviceToken`.
    pub device_token: Option<String>,
    /// `x-good-gd-authtoken`; when absent the text `null` is sent, as the vendor's client does.
    pub auth_token: Option<SecretString>,
    /// `sequence`: the last one seen; -1 for none.
    pub sequence: i64,
    /// `x-good-background`.
    pub background: bool,
    /// `X-User-Agent`: `iOS`, `Android`, ….
    pub platform: String,
    /// `Accept-Language`, in the form `en_GB`.
    pub locale: String,
    /// Further headers, added last.
    pub extra: Vec<(String, String)>,
}

impl Handshake {
    /// A fresh opening by this device, without a token.
    pub fn new(device_token: impl Into<String>) -> Self {
        Self {
            device_token: Some(device_token.into()),
            auth_token: None,
            sequence: -1,
            background: false,
            platform: "Android".to_owned(),
            locale: "en_GB".to_owned(),
            extra: Vec::new(),
        }
    }

    fn request(&self, server: &Server) -> Result<Request, ConnectError> {
        let scheme = if server.tls().is_some() { "wss" } else { "ws" };
        let mut request = format!("{scheme}://{}/GaslampService/ws", server.authority())
            .into_client_request()
            .map_err(|error| ConnectError::Handshake(error.to_string()))?;
        let headers = request.headers_mut();
        let token = self.auth_token.as_ref().map_or("null", ExposeSecret::expose_secret);
        put(headers, "accept-language", &self.locale)?;
        put(headers, "date", &vendor_date(&Zoned::now()))?;
        put(headers, "x-user-agent", &self.platform)?;
        put(headers, "x-notify", "true")?;
        put(headers, "sequence", &self.sequence.to_string())?;
        put(headers, "x-good-background", if self.background { "true" } else { "false" })?;
        put(headers, "x-good-gd-authtoken", token)?;
        if let Some(device) = &self.device_token {
            put(headers, "x-gc-devicetoken", device)?;
        }
        self.extra.iter().try_for_each(|(name, value)| put(headers, name, value))?;
        Ok(request)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("device_token", &self.device_token)
            .field("auth_token", &self.auth_token.is_some())
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// A WebSocket to a relay.
pub(crate) type Socket = WebSocketStream<Stream>;

/// Opens TCP, TLS and the WebSocket; also gives the headers of the 101 answer.
pub(crate) async fn open(
    server: &Server,
    handshake: &Handshake,
) -> Result<(Socket, HeaderMap), ConnectError> {
    let request = handshake.request(server)?;
    let stream = Stream::open(server).await?;
    // The defaults hold 128 KiB for every socket, which a load test with thousands cannot afford.
    let config = WebSocketConfig::default()
        .read_buffer_size(8 * 1024)
        .write_buffer_size(8 * 1024)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let opened = timeout(DIAL_LIMIT, client_async_with_config(request, stream, Some(config))).await;
    match opened {
        Ok(Ok((socket, answer))) => Ok((socket, answer.into_parts().0.headers)),
        Ok(Err(WebSocketError::Http(answer))) => Err(ConnectError::Upgrade(answer.status().as_u16())),
        Ok(Err(error)) => Err(ConnectError::Handshake(error.to_string())),
        Err(_) => Err(ConnectError::TimedOut { authority: server.authority().to_owned(), after: DIAL_LIMIT }),
    }
}

/// Closes with this code. The relay may be past answering, so its part is waited for only a little.
pub(crate) async fn goodbye(socket: &mut Socket, code: u16) {
    let frame = CloseFrame { code: CloseCode::from(code), reason: "".into() };
    let exchange = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(GOODBYE_LIMIT, exchange).await;
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), ConnectError> {
    let wrong = || ConnectError::Header(name.to_owned());
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    headers.insert(key, HeaderValue::from_str(value).map_err(|_| wrong())?);
    Ok(())
}

/// The vendor's client writes its clock in a form of its own.
fn vendor_date(now: &Zoned) -> String {
    now.strftime("%-d %b %Y %H:%M:%S %z").to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::vendor_date;

    #[test]
    fn the_date_is_in_the_vendors_form() {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        let moment = date(2025, 3, 7).at(9, 5, 11, 0).to_zoned(zone).unwrap();
        assert_eq!(vendor_date(&moment), "7 Mar 2025 09:05:11 +0100");
    }
}
